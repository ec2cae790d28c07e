import {
  NnrpError,
  NnrpProtocolError,
  type Result,
  ResultClass,
  tensorSection,
  TypedPayload,
} from "@nnrp/core";
import { drop } from "@nnrp/server";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { PLACES } from "../../../tests/support/places.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import type { ClientSession } from "./session.ts";
import { turn, turns } from "../../../tests/support/turns.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

/** A row of numbers that looks random and is the same in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

for (const place of PLACES) {
  test(`${place.name}: 10,000 frames, 1,000 in flight, answered in any order: each gets its own answer`, async () => {
    const random = numbers(7);
    const open: (() => void)[] = [];
    let most = 0;
    const at = await place.serve((frame) => {
      // Answers pile up and then leave in another order.
      const text = frame.text();
      const answer = new Promise<{ typedPayloads: TypedPayload[] }>((resolve) =>
        open.push(() => resolve(say(`re: ${text}`)))
      );
      most = Math.max(most, open.length);
      if (open.length >= 700) release(650);
      return answer;
    }, { concurrency: 2000, profile: { maxConcurrentFrames: 1000 }, maxQueuedFrames: 1000 });
    const release = (count: number) => {
      for (let i = 0; i < count && open.length > 0; i++) {
        const [answer] = open.splice(Math.floor(random() * open.length), 1);
        answer();
      }
    };
    // Those that nobody follows any more: nothing came since the last look.
    let before = 0;
    const rest = setInterval(() => {
      if (open.length === before) release(1000);
      before = open.length;
    }, 20);
    const session = await at.dial();
    const results = await Promise.all(
      Array.from({ length: 10_000 }, (_, i) => session.submit({ ...say(`n${i}`), viewId: i % 3 })),
    );
    clearInterval(rest);
    results.forEach((result, i) => {
      if (result.text() !== `re: n${i}` || result.viewId !== i % 3) {
        throw new Error(`frame ${i} got ${result} ${result.text()}`);
      }
    });
    assert(most > 500, `only ${most} answers were under way at once`);
    const { submitted, complete, unknown, inFlight, waiting } = session.stats;
    assertEquals([submitted, complete, unknown, inFlight, waiting], [10_000, 10_000, 0, 0, 0]);
    await at.end();
  });

  test(`${place.name}: many callers submit at once, in every way there is, and nobody gets another's answer`, async () => {
    const at = await place.serve((frame) => {
      const text = frame.text();
      if (text.endsWith("0")) return drop();
      if (text.endsWith("1")) throw new Error("x");
      if (text.startsWith("stream")) {
        return (async function* () {
          for (const part of [text, "+", "+"]) yield say(part);
        })();
      }
      return frame.frameId % 2 === 0 ? say(text) : turns(frame.frameId % 5).then(() => say(text));
    }, { concurrency: 500, profile: { maxConcurrentFrames: 200 }, maxQueuedFrames: 400 });
    const session = await at.dial();
    const check = (text: string, got: string | null) => {
      const expected = text.endsWith("0") || text.endsWith("1")
        ? null
        : text.startsWith("stream")
        ? `${text}++`
        : text;
      assertEquals(got, expected, text);
    };
    const outcome = (result: Result) => result.isDrop ? null : result.text();
    const orNull = (error: unknown) => {
      if (error instanceof NnrpProtocolError) return null;
      throw error;
    };
    const callers = Array.from({ length: 60 }, async (_, caller) => {
      for (let i = 0; i < 12; i++) {
        const name = `${caller}/${i}`;
        const kind = (caller + i) % 4;
        if (kind === 0) check(name, await session.submit(say(name)).then(outcome, orNull));
        else if (kind === 1) {
          const { frameId } = await session.submitNowait(say(name));
          check(name, await session.receiveResult({ frameId }).then(outcome, orNull));
        } else if (kind === 2) {
          const name = `stream ${caller}/${i}`;
          let text: string | null = "";
          try {
            for await (const part of session.submitStream(say(name))) {
              text = part.isDrop ? null : text + part.text();
            }
          } catch (error) {
            text = orNull(error);
          }
          check(name, text);
        } else {
          const name = `stream ${caller}/${i}`;
          check(name, await session.submit(say(name)).then(outcome, orNull));
        }
      }
    });
    await Promise.all(callers);
    const s = session.stats;
    assertEquals([s.submitted, s.inFlight, s.unclaimed, s.waiting], [720, 0, 0, 0]);
    assertEquals(
      s.complete + s.partial + s.staleReuse + s.degraded + s.dropped + s.failed + s.cancelled + s.discarded,
      720,
    );
    await at.end();
  });
}

test("a frame carries tensors there and back, as arrays of the right type", async () => {
  const at = await PLACES[0].serve((frame) => {
    const tensor = frame.tensor(3)!;
    return {
      tileIds: frame.tileIds,
      sections: [
        tensorSection({
          role: 9,
          dtype: "fp32",
          tiles: frame.tileIds.map((id) => Float32Array.from(tensor.tile(id) as Uint8Array, (x) => x * 2)),
        }),
      ],
    };
  });
  const session = await at.dial();
  const result = await session.submit({
    tileIds: [4, 7],
    sections: [
      tensorSection({ role: 3, dtype: "uint8", tiles: [new Uint8Array([1, 2]), new Uint8Array([3, 4])] }),
    ],
  });
  assertEquals([...result.tileIds], [4, 7]);
  assertEquals([...result.tensor(9)!.tile(7) as Float32Array], [6, 8]);
  assertEquals([result.tensorCoveredTileCount, result.className], [2, "COMPLETE"]);
  await at.end();
});

test("ids, trace and route of a frame come back with its answer", async () => {
  const at = await PLACES[0].serve((frame) => ({ typedPayloads: frame.typedPayloads }));
  const session = await at.dial();
  const result = await session.submit({
    ...say("x"),
    frameId: 0,
    viewId: 9,
    routeId: 3,
    traceId: 0xffffffffffffffffn,
  });
  assertEquals([result.frameId, result.viewId, result.routeId, result.traceId], [
    0,
    9,
    3,
    0xffffffffffffffffn,
  ]);
  await at.end();
});

test("a dropped frame resolves, with isDrop; a failed one rejects with the server's code", async () => {
  const at = await PLACES[0].serve((frame) => {
    if (frame.text() === "drop") return drop();
    throw new NnrpProtocolError({
      errorCode: 8,
      codeName: "FRAME_EXPIRED",
      errorScope: 2,
      diagnostic: "too late",
    });
  });
  const session = await at.dial();
  const dropped = await session.submit(say("drop"));
  assertEquals([dropped.isDrop, dropped.metadata, dropped.className, dropped.typedPayloads.length], [
    true,
    null,
    "DROP",
    0,
  ]);
  const error = await assertRejects(() => session.submit({ ...say("fail"), frameId: 44 }), NnrpProtocolError);
  assertEquals([error.codeName, error.relatedFrameId, error.fatal, error.remote], [
    "FRAME_EXPIRED",
    44,
    false,
    true,
  ]);
  assertEquals(session.state, "active");
  await at.end();
});

test("a streamed answer comes as one result: payloads of all parts in order, the last tensor", async () => {
  const at = await PLACES[0].serve(() =>
    (async function* () {
      yield say("a");
      yield {
        ...say("b"),
        tileIds: [1],
        sections: [tensorSection({ role: 1, dtype: "uint8", tiles: [new Uint8Array([1])] })],
        droppedTileCount: 1,
        coveredTileCount: 0,
      };
      yield say("c");
      return { ...say("d"), resultClass: ResultClass.DEGRADED };
    })()
  );
  const session = await at.dial();
  const result = await session.submit(say("x"));
  assertEquals([result.text(), result.payloadFrameCount, result.className], ["abcd", 4, "DEGRADED"]);
  assertEquals([...result.tensor(1)!.tile(1) as Uint8Array], [1]);
  await at.end();
});

test('until "first" takes the first part and cancels the rest; the slot is free at once', async () => {
  let stopped = false;
  const at = await PLACES[0].serve((frame) =>
    (async function* () {
      try {
        for (let i = 0; !frame.aborted; i++) {
          yield say(`${i}`);
          await turn();
        }
      } finally {
        stopped = true;
      }
    })(), { concurrency: 1 });
  const session = await at.dial({ maxInFlight: 1 });
  assertEquals((await session.submit(say("x"), { until: "first" })).text(), "0");
  assertEquals([session.stats.inFlight, session.stats.cancelled], [0, 1]);
  await until(() => stopped, "the handler to stop");
  assertEquals((await session.submit(say("x"), { until: "first" })).text(), "0");
  await at.end();
});

test("a frame with more parts than one result may have fails alone, and the session's slots stay right", async () => {
  const at = await PLACES[0].serve((frame) =>
    frame.text() === "many"
      ? (async function* () {
        for (let i = 0; i < 70_000; i++) yield { payloadKindBitmap: 0 };
      })()
      : say("ok"), { profile: { maxConcurrentFrames: 2 } });
  const session = await at.dial();
  await assertRejects(() => session.submit(say("many")), NnrpError, "submitStream");
  assertEquals(
    (await Promise.all([session.submit(say("a")), session.submit(say("b"))])).map((r) => r.text()),
    ["ok", "ok"],
  );
  await until(() => at.server.stats.running === 0, "the handler's end");
  await session.ping();
  assertEquals(session.stats.inFlight, 0);
  await session.close({ drainMs: 5000 });
  await at.end();
});

test("a session tells about itself", async () => {
  const at = await PLACES[0].serve(() => ({}), {
    profile: { modelName: "tiny", maxConcurrentFrames: 5, maxBodyBytes: 1 << 20 },
  });
  const session: ClientSession = await at.dial({ requestedSessionId: 12 });
  assertEquals(
    [session.sessionId, session.modelName, session.carrierName, session.transport, session.state],
    [12, "tiny", "memory", 2, "active"],
  );
  assertEquals([
    session.helloAck.maxConcurrentFrames,
    session.accepted.streamedResults,
    session.settings.qualityTier,
  ], [5, true, 2]);
  assertEquals(session.stats.limit, 5);
  assertEquals(
    String(session),
    "ClientSession 12 active on memory to memory:server, 0 of 0 frames in flight",
  );
  await assertRejects(
    () => session.submit({ typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(2 << 20))] }),
    NnrpError,
  );
  assertEquals(session.stats.submitted, 0);
  await at.end();
  assert(String(session).includes("closed"));
});

test("an answer may be kept as long as one likes, whatever comes after it", async () => {
  const at = await PLACES[1].serve((frame) =>
    frame.frameId % 3 === 0 ? drop() : { typedPayloads: frame.typedPayloads }
  );
  const session = await at.dial();
  const kept: Result[] = [];
  for (let round = 0; round < 300; round++) {
    kept.push(
      await session.submit({ ...say(`round ${round}`), frameId: round, traceId: BigInt(round) * 7n }),
    );
  }
  kept.forEach((result, round) => {
    assertEquals([result.frameId, result.traceId, result.isDrop], [
      round,
      BigInt(round) * 7n,
      round % 3 === 0,
    ]);
    if (!result.isDrop) assertEquals(result.text(), `round ${round}`);
  });
  await at.end();
});

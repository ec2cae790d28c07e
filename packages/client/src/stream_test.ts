import {
  NnrpCancelledError,
  NnrpLimitError,
  NnrpProtocolError,
  NnrpTimeoutError,
  NnrpTransportError,
  TypedPayload,
} from "@nnrp/core";
import { drop } from "@nnrp/server";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { Gate, MEMORY, PLACES } from "../../../tests/support/places.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import { ManualHost } from "../../../tests/support/manual_host.ts";
import { turn, turns } from "../../../tests/support/turns.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
const bytes = (data: Uint8Array) => ({ typedPayloads: [TypedPayload.tokenChunk(data)] });

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

for (const place of PLACES) {
  test(`${place.name}: a stream gives every part once and in order: one by one, in batches, as text`, async () => {
    const at = await place.serve(async function* (frame) {
      const count = Number(frame.text());
      for (let i = 0; i < count; i++) {
        if (i % 10 === 3) await turn();
        yield say(`${i},`);
      }
    });
    const session = await at.dial();
    const expected = Array.from({ length: 100 }, (_, i) => `${i},`);
    assertEquals((await collect(session.submitStream(say("100")))).map((r) => r.text()), expected);
    const batches = await collect(session.submitStream(say("100")).batches());
    assertEquals(batches.flat().map((r) => r.text()), expected);
    assert(batches.every((batch) => batch.length > 0));
    assertEquals((await collect(session.submitStream(say("100")).text())).join(""), expected.join(""));
    assertEquals([session.stats.inFlight, session.stats.complete], [0, 3]);
    await at.end();
  });

  test(`${place.name}: many streams at once do not mix`, async () => {
    const at = await place.serve(async function* (frame) {
      for (let i = 0; i < 50; i++) {
        yield say(`${frame.text()}:${i} `);
        if (i % 7 === frame.frameId % 7) await turn();
      }
    }, { concurrency: 100, profile: { maxConcurrentFrames: 100 } });
    const session = await at.dial();
    const texts = await Promise.all(
      Array.from(
        { length: 40 },
        async (_, s) => (await collect(session.submitStream(say(`s${s}`)).text())).join(""),
      ),
    );
    texts.forEach((text, s) =>
      assertEquals(text, Array.from({ length: 50 }, (_, i) => `s${s}:${i} `).join(""))
    );
    await at.end();
  });
}

test("text that was cut inside characters comes whole", async () => {
  const text = "grüße, 世界 🌍🏳️‍🌈 — ende";
  const encoded = new TextEncoder().encode(text);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(encoded.length), { maxLength: 12 }), async (borders) => {
      const cuts = [0, ...borders.sort((a, b) => a - b), encoded.length];
      const at = await MEMORY.serve(async function* () {
        for (let i = 1; i < cuts.length; i++) yield bytes(encoded.slice(cuts[i - 1], cuts[i]));
      });
      const session = await at.dial();
      const pieces = await collect(session.submitStream(say("x")).text());
      assertEquals(pieces.join(""), text);
      assert(pieces.every((piece) => piece !== "" && !piece.includes("\ufffd")));
      assertEquals((await session.submit(say("x"))).text(), text);
      await at.end();
    }),
    { numRuns: 25 },
  );
});

test("text that ends inside a character says so once", async () => {
  const at = await MEMORY.serve(async function* () {
    yield bytes(new Uint8Array([0x61, 0xe4]));
  });
  const session = await at.dial();
  assertEquals((await collect(session.submitStream(say("x")).text())).join(""), "a\ufffd");
  await at.end();
});

test("a stream of one ordinary result yields it; an empty one yields nothing; a drop is yielded as one", async () => {
  const at = await MEMORY.serve((frame) => {
    if (frame.text() === "drop") return drop();
    if (frame.text() === "empty") return (async function* () {})();
    return say("whole");
  });
  const session = await at.dial();
  const whole = await collect(session.submitStream(say("x")));
  assertEquals(whole.map((r) => [r.text(), r.isFinal]), [["whole", true]]);
  assertEquals(await collect(session.submitStream(say("empty"))), []);
  const dropped = await collect(session.submitStream(say("drop")));
  assertEquals(dropped.map((r) => r.isDrop), [true]);
  assertEquals((await session.submit(say("empty"))).typedPayloads, []);
  await at.end();
});

test("a failure comes after the parts that were received before it", async () => {
  const at = await MEMORY.serve(async function* () {
    yield say("a");
    yield say("b");
    throw new Error("oops");
  });
  const session = await at.dial();
  const got: string[] = [];
  await assertRejects(
    async () => {
      for await (const part of session.submitStream(say("x"))) {
        got.push(part.text());
        await turns(2);
      }
    },
    NnrpProtocolError,
    "INTERNAL_ERROR",
  );
  assertEquals(got, ["a", "b"]);
  await assertRejects(() => collect(session.submitStream(say("x")).batches()), NnrpProtocolError);
  await assertRejects(() => collect(session.submitStream(say("x")).text()), NnrpProtocolError);
  await at.end();
});

test("leaving the loop early cancels the frame, however it is left", async () => {
  let running = 0;
  const at = await MEMORY.serve(async function* (frame) {
    running++;
    try {
      for (let i = 0; !frame.aborted; i++) {
        yield say(`${i}`);
        await turn();
      }
    } finally {
      running--;
    }
  });
  const session = await at.dial();
  for await (const _ of session.submitStream(say("x"))) break;
  for await (const _ of session.submitStream(say("x")).batches()) break;
  for await (const _ of session.submitStream(say("x")).text()) break;
  await assertRejects(
    async () => {
      for await (const _ of session.submitStream(say("x"))) throw new Error("mine");
    },
    Error,
    "mine",
  );
  await until(() => running === 0, "handlers to stop");
  assertEquals([session.stats.cancelled, session.stats.inFlight, session.state], [4, 0, "active"]);
  await at.end();
});

test("leaving a stream that waits for a slot takes it out of the line, and no other frame with it", async () => {
  const gate = new Gate();
  const started: string[] = [];
  const at = await MEMORY.serve(async (frame) => {
    started.push(frame.text());
    await gate.opened;
    return say(frame.text());
  });
  const session = await at.dial({ maxInFlight: 1 });
  // The frame in flight has the numbers that a waiting one would have: 0 and 0.
  const first = session.submit({ ...say("first"), frameId: 0 });
  const waiting = session.submitStream(say("waiting"))[Symbol.asyncIterator]();
  assertEquals(session.stats.waiting, 1);
  await waiting.return!();
  assertEquals([session.stats.waiting, session.stats.inFlight, session.stats.cancelled], [0, 1, 0]);
  gate.open();
  assertEquals((await first).text(), "first");
  assertEquals((await session.submit(say("last"))).text(), "last");
  assertEquals(started, ["first", "last"]);
  await at.end();
});

test("a signal ends a stream with NnrpCancelledError, in flight and in the line", async () => {
  const at = await MEMORY.serve(async function* (frame) {
    yield say("a");
    await new Promise((done) => frame.signal.addEventListener("abort", done));
  });
  const session = await at.dial({ maxInFlight: 1 });
  const abort = new AbortController();
  const got: string[] = [];
  const reading = assertRejects(async () => {
    for await (const part of session.submitStream(say("x"), { signal: abort.signal })) got.push(part.text());
  }, NnrpCancelledError);
  const queued = assertRejects(
    () => collect(session.submitStream(say("y"), { signal: abort.signal })),
    NnrpCancelledError,
  );
  await until(() => got.length === 1, "the first part");
  abort.abort("why");
  assertEquals([(await reading).cause, (await queued).cause, got], ["why", "why", ["a"]]);
  await until(() => at.server.stats.running === 0, "the handler");
  await at.end();
});

test("a time limit holds for the whole stream", async () => {
  const at = await MEMORY.serve(async function* (frame) {
    while (!frame.aborted) {
      yield say("a");
      await turn();
    }
  });
  const runtime = new ManualHost();
  const session = await at.dial({ runtime });
  let parts = 0;
  await assertRejects(async () => {
    for await (const _ of session.submitStream(say("x"), { timeoutMs: 40 })) {
      if (++parts % 3 === 0) runtime.pass(39);
    }
  }, NnrpTimeoutError);
  assert(parts > 3);
  assertEquals(session.stats.inFlight, 0);
  session.cancelFrame(1);
  await at.end();
});

test("a reader that is too slow overflows: the frame is cancelled, what was kept is read first", async () => {
  for (const limit of [{ maxStreamResults: 10 }, { maxStreamBytes: 1000 }]) {
    const at = await MEMORY.serve(async function* (frame) {
      for (let i = 0; i < 500 && !frame.aborted; i++) yield say(`${i}`);
    });
    const session = await at.dial(limit);
    const stream = session.submitStream(say("x"));
    await until(() => session.stats.cancelled === 1, "the overflow");
    const got: string[] = [];
    const error = await assertRejects(async () => {
      for await (const part of stream) got.push(part.text());
    }, NnrpLimitError);
    assertEquals([error.limit, session.stats.inFlight, session.state], ["maxStreamResults", 0, "active"]);
    assertEquals(got, got.map((_, i) => `${i}`));
    assert(got.length > 0 && got.length <= 10);
    await at.end();
  }
});

test("a reader that keeps up reads more than fits at once", async () => {
  const at = await MEMORY.serve(async function* () {
    for (let i = 0; i < 300; i++) {
      yield say(`${i}`);
      await turn();
    }
  });
  const session = await at.dial({ maxStreamResults: 4 });
  assertEquals((await collect(session.submitStream(say("x")))).length, 300);
  await at.end();
});

test("a stream is read once", async () => {
  const at = await MEMORY.serve(() => say("x"));
  const session = await at.dial();
  const stream = session.submitStream(say("x"));
  await collect(stream);
  assertThrows(() => stream[Symbol.asyncIterator](), TypeError);
  await assertRejects(() => collect(stream.batches()), TypeError);
  await assertRejects(() => collect(stream.text()), TypeError);
  await at.end();
});

test("a stream that is over stays over", async () => {
  const at = await MEMORY.serve(() => say("x"));
  const session = await at.dial();
  const iterator = session.submitStream(say("x"))[Symbol.asyncIterator]();
  assertEquals((await iterator.next()).done, false);
  assertEquals([(await iterator.next()).done, (await iterator.next()).done], [true, true]);
  assertEquals((await iterator.return!()).done, true);
  assertEquals(session.stats.cancelled, 0);
  await at.end();
});

test("a stream whose session ends throws after its parts, and afterwards is over", async () => {
  const at = await MEMORY.serve(async function* (frame) {
    yield say("a");
    await new Promise((done) => frame.signal.addEventListener("abort", done));
  }, { keepAliveMs: 20 });
  const session = await at.dial();
  const iterator = session.submitStream(say("x"))[Symbol.asyncIterator]();
  await until(() => session.stats.results === 1, "the part");
  await session.raw.carrier.close({ graceful: false });
  assertEquals((await iterator.next()).value.text(), "a");
  await assertRejects(() => iterator.next() as Promise<unknown>, NnrpTransportError);
  assertEquals((await iterator.next()).done, true);
  await assertRejects(() => collect(session.submitStream(say("late"))));
  await at.end();
});

test("streams whose server speaks without 0xF001 are read until EOS", async () => {
  const at = await MEMORY.serve(async function* () {
    yield say("a");
    yield say("b");
  }, { profile: { streamedResults: false } });
  const session = await at.dial();
  assertEquals(session.accepted.streamedResults, false);
  assertEquals((await collect(session.submitStream(say("x")).text())).join(""), "ab");
  assertEquals((await session.submit(say("x"), { until: "eos" })).text(), "ab");
  assertEquals((await session.submit(say("x"))).text(), "a", "the first result of a frame is final");
  await session.ping();
  assertEquals(session.stats.inFlight, 0);
  await at.end();
});

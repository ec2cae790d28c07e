import {
  NnrpCancelledError,
  NnrpProtocolError,
  NnrpRouterClosedError,
  NnrpStateError,
  NnrpTimeoutError,
  NnrpTransportError,
  type Result,
  TypedPayload,
} from "@nnrp/core";
import type { ReceivedSubmit } from "@nnrp/core";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { test } from "node:test";
import { type Meeting, MEMORY } from "../../../tests/support/places.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import type { DialOptions } from "./dial.ts";
import type { ClientSession } from "./session.ts";
import type { ServerSession } from "@nnrp/server";
import { ManualHost } from "../../../tests/support/manual_host.ts";
import { turn } from "../../../tests/support/turns.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

/** A session whose answers the test gives. */
async function open(options: DialOptions = {}): Promise<
  Meeting & {
    client: ClientSession;
    session: ServerSession;
    frames: Map<number, ReceivedSubmit>;
    answer(frameId: number, text?: string): Promise<void>;
  }
> {
  const at = await MEMORY.bind();
  const client = await at.dial(options);
  const session = await at.server.accept();
  const frames = new Map<number, ReceivedSubmit>();
  void (async () => {
    for await (const frame of session.submits()) frames.set(frame.frameId, frame);
  })();
  return {
    ...at,
    client,
    session,
    frames,
    async answer(frameId: number, text = `answer ${frameId}`) {
      await until(() => frames.has(frameId), `frame ${frameId}`);
      await session.sendResult(frames.get(frameId)!, say(text));
      frames.delete(frameId);
    },
  };
}

test("§8.3: results of frames nobody waits for come in order of arrival", async () => {
  const at = await open();
  for (const frameId of [1, 2, 3]) {
    assertEquals(await at.client.submitNowait({ ...say("x"), frameId }), { frameId, viewId: 0 });
  }
  const first = at.client.receiveResult();
  for (const frameId of [3, 1, 2]) await at.answer(frameId);
  assertEquals((await first).frameId, 3);
  await until(() => at.client.stats.unclaimed === 2, "two kept");
  assertEquals([(await at.client.receiveResult()).frameId, (await at.client.receiveResult()).frameId], [
    1,
    2,
  ]);
  await at.end();
});

test("one may wait for one frame while others wait for any; each result goes to one of them", async () => {
  const at = await open();
  for (const frameId of [1, 2, 3, 4]) await at.client.sendSubmit({ ...say("x"), frameId });
  const [any, second, any2, secondView] = [
    at.client.receiveResult(),
    at.client.receiveResult({ frameId: 2 }),
    at.client.receiveResult(),
    at.client.receiveResult({ frameId: 2, viewId: 1 }),
  ];
  for (const frameId of [2, 4, 3, 1]) await at.answer(frameId);
  assertEquals([(await any).frameId, (await second).frameId, (await any2).frameId], [4, 2, 3]);
  assertEquals((await at.client.receiveResult({ frameId: 1 })).text(), "answer 1");
  await at.client.submitFrame({ ...say("x"), frameId: 2, viewId: 1 });
  await at.answer(2);
  assertEquals((await secondView).viewId, 1);
  await at.end();
});

test("§8.4: two who wait for one frame's results get one each", async () => {
  const at = await open();
  await at.client.submitNowait({ ...say("x"), frameId: 5 });
  const both = [at.client.receiveResult({ frameId: 5 }), at.client.receiveResult({ frameId: 5 })];
  await until(() => at.frames.has(5), "the frame");
  const frame = at.frames.get(5)!;
  await at.session.sendResult(frame, say("part"), { final: false });
  await at.session.sendResult(frame, say("end"));
  assertEquals((await Promise.all(both)).map((r) => [r.text(), r.isFinal]), [["part", false], ["end", true]]);
  await at.end();
});

test("§8.1, §8.4: a receive that timed out frees the slot; the late result goes to the next receive", async () => {
  const at = await open({ maxInFlight: 1 });
  await at.client.submitNowait({ ...say("x"), frameId: 1 });
  await assertRejects(
    () => at.client.receiveResult({ frameId: 1, timeoutMs: 5 }),
    NnrpTimeoutError,
    "frame 1/0",
  );
  assertEquals([at.client.stats.timedOut, at.client.stats.inFlight], [1, 0]);
  await assertRejects(
    () => at.client.submitNowait({ ...say("x"), frameId: 1 }),
    NnrpStateError,
    "its late answer may still come",
  );
  await at.answer(1);
  assertEquals((await at.client.receiveResult({ frameId: 1, timeoutMs: 5000 })).text(), "answer 1");
  assertEquals(at.client.stats.late, 1);
  await at.end();
});

test("a receive that timed out takes nobody else's result", async () => {
  const at = await open();
  await at.client.submitNowait({ ...say("x"), frameId: 1 });
  await assertRejects(() => at.client.receiveResult({ timeoutMs: 5 }), NnrpTimeoutError);
  const abort = new AbortController();
  const given = at.client.receiveResult({ signal: abort.signal });
  abort.abort(new Error("never mind"));
  await assertRejects(() => given, Error, "never mind");
  const next = at.client.receiveResult();
  await at.answer(1);
  assertEquals((await next).frameId, 1);
  await at.end();
});

test("a receive that was answered at once disturbs no later frame of the same id", async () => {
  const runtime = new ManualHost();
  const at = await open({ runtime });
  await at.client.submitNowait({ ...say("x"), frameId: 1 });
  await at.answer(1);
  await until(() => at.client.stats.unclaimed === 1, "the result");
  assertEquals((await at.client.receiveResult({ frameId: 1, timeoutMs: 20 })).text(), "answer 1");
  const again = at.client.submit({ ...say("y"), frameId: 1 });
  runtime.pass(40);
  await turn();
  await at.answer(1, "second");
  assertEquals([(await again).text(), at.client.stats.timedOut], ["second", 0]);
  await at.end();
});

test("waiting in vain for a frame of submit() does not take its answer from submit()", async () => {
  const at = await open();
  const result = at.client.submit({ ...say("x"), frameId: 1 });
  await assertRejects(() => at.client.receiveResult({ frameId: 1, timeoutMs: 5 }), NnrpTimeoutError);
  await at.answer(1);
  assertEquals((await result).text(), "answer 1");
  await at.end();
});

test("a failed frame fails who receives it, and no other", async () => {
  const at = await open();
  for (const frameId of [1, 2]) await at.client.submitNowait({ ...say("x"), frameId });
  await until(() => at.frames.size === 2, "frames");
  at.session.failFrame(at.frames.get(1)!, { errorCode: 12, diagnostic: "oops" });
  await at.answer(2);
  const error = await assertRejects(() => at.client.receiveResult({ frameId: 1 }), NnrpProtocolError);
  assertEquals(error.relatedFrameId, 1);
  assertEquals((await at.client.receiveResult({ frameId: 2 })).text(), "answer 2");
  await at.end();
});

test("§8.4: unclaimed results are bounded; the oldest make room and are counted", async () => {
  const at = await MEMORY.serve((frame) => ({ typedPayloads: frame.typedPayloads }), {
    profile: { maxConcurrentFrames: 500 },
  });
  const client = await at.dial({ maxUnclaimedResults: 10, maxUnclaimedBytes: 100_000 });
  for (let i = 1; i <= 100; i++) await client.submitNowait({ ...say("x"), frameId: i });
  await until(() => client.stats.complete === 100, "all results");
  assertEquals([client.stats.unclaimed, client.stats.droppedUnclaimed], [10, 90]);
  for (let i = 91; i <= 100; i++) assertEquals((await client.receiveResult()).frameId, i);
  for (let i = 101; i <= 105; i++) {
    await client.submitNowait({
      typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(40_000))],
      frameId: i,
    });
  }
  await until(() => client.stats.complete === 105, "large ones");
  assertEquals([client.stats.unclaimed, client.stats.droppedUnclaimed], [2, 93]);
  await assertRejects(() => client.receiveResult({ frameId: 101, timeoutMs: 1 }), NnrpTimeoutError);
  assertEquals((await client.receiveResult({ frameId: 105 })).frameId, 105);
  await at.end();
});

test("§8.4: discarding forgets what came and what may still come", async () => {
  const at = await open();
  for (const frameId of [1, 2]) await at.client.submitNowait({ ...say("x"), frameId });
  await at.answer(1);
  await until(() => at.client.stats.unclaimed === 1, "the result");
  at.client.discardFrame(1);
  at.client.discardFrame(2);
  at.client.discardFrame(77);
  await at.answer(2);
  await at.client.ping();
  assertEquals([at.client.stats.unclaimed, at.client.stats.inFlight, at.client.stats.unknown], [0, 0, 1]);
  await assertRejects(() => at.client.receiveResult({ timeoutMs: 1 }), NnrpTimeoutError);
  await at.end();
});

test("a discarded frame fails who waits for it", async () => {
  const at = await open();
  const result = at.client.submit({ ...say("x"), frameId: 1 });
  at.client.discardFrame(1);
  await assertRejects(() => result, NnrpCancelledError);
  await at.client.submitNowait({ ...say("x"), frameId: 2 });
  const waiting = at.client.receiveResult({ frameId: 2 });
  at.client.discardFrame(2);
  await assertRejects(() => waiting, NnrpCancelledError);
  assertEquals([at.client.stats.discarded, at.client.stats.unclaimed], [2, 0]);
  await at.end();
});

test("results() gives all that comes, in order, and ends with the session", async () => {
  const at = await open();
  const got: number[] = [];
  const loop = (async () => {
    for await (const result of at.client.results()) got.push(result.frameId);
  })();
  for (const frameId of [1, 2, 3]) await at.client.submitNowait({ ...say("x"), frameId });
  for (const frameId of [2, 3, 1]) await at.answer(frameId);
  await until(() => got.length === 3, "results");
  await at.client.close();
  await loop;
  assertEquals(got, [2, 3, 1]);
  await at.end();
});

/** What a loop gave: `"1 answer 1"` for results, `"2 TIMEOUT"` for frames that failed. */
async function gather(client: ClientSession, into: string[]): Promise<void> {
  for await (const item of client.results()) {
    into.push(`${item.frameId} ${item.error === null ? item.text() : item.error.code}`);
  }
}

const FAILURES: readonly [string, string, (at: Awaited<ReturnType<typeof open>>) => unknown][] = [
  [
    "ERROR of the server",
    "2 PROTOCOL",
    ({ session, frames }) => session.failFrame(frames.get(2)!, { errorCode: 12 }),
  ],
  ["a cancel", "2 CANCELLED", ({ client }) => client.cancelFrame(2)],
  [
    "a result that is too large",
    "2 LIMIT",
    ({ session, frames }) =>
      session.sendResult(frames.get(2)!, {
        typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(100_000))],
      }),
  ],
];

for (const [how, item, fail] of FAILURES) {
  test(`a frame that ends by ${how} is one item of results(), and the loop goes on`, async () => {
    const at = await open();
    const got: string[] = [];
    const loop = gather(at.client, got);
    at.client.raw.carrier.limits.maxBodyBytes = 50_000;
    for (const frameId of [1, 2, 3]) await at.client.submitNowait({ ...say("x"), frameId });
    await until(() => at.frames.size === 3, "frames");
    await at.answer(1);
    await fail(at);
    await until(() => got.length === 2, "the failure");
    await at.answer(3);
    await until(() => got.length === 3, "the last");
    await at.client.close();
    await loop;
    assertEquals(got, ["1 answer 1", item, "3 answer 3"]);
    await at.end();
  });
}

test("a frame whose time is over is one item of results(); its late result is another", async () => {
  const at = await open();
  const got: string[] = [];
  const loop = gather(at.client, got);
  await at.client.submitNowait({ ...say("x"), frameId: 1 }, { timeoutMs: 1 });
  await until(() => got.length === 1, "the time-out");
  await at.answer(1);
  await until(() => got.length === 2, "the late result");
  await at.client.close();
  await loop;
  assertEquals(got, ["1 TIMEOUT", "1 answer 1"]);
  await at.end();
});

test("results() ends when a side closes; it throws what made the session fail, after the frames that failed with it", async () => {
  for (const how of ["client closes", "server closes", "lost"] as const) {
    const at = await open();
    const got: string[] = [];
    const loop = gather(at.client, got);
    for (const frameId of [1, 2]) await at.client.submitNowait({ ...say("x"), frameId });
    await at.answer(1);
    await until(() => got.length === 1, "a result");
    if (how === "lost") {
      await at.client.raw.carrier.close({ graceful: false });
      await assertRejects(() => loop, NnrpTransportError, undefined, how);
      // A loop that begins afterwards says so too.
      await assertRejects(() => at.client.results().next(), NnrpTransportError);
    } else {
      if (how === "client closes") await at.client.close({ drainMs: 0 });
      else await at.session.close({ drainMs: 0 });
      await loop;
    }
    assertEquals([got.length, got[0], got[1].slice(0, 2)], [2, "1 answer 1", "2 "], how);
    await at.end();
  }
});

test("discarding a frame is heard by those who wait for it, and by no loop", async () => {
  const at = await open();
  const got: string[] = [];
  const loop = gather(at.client, got);
  for (const frameId of [1, 2]) await at.client.submitNowait({ ...say("x"), frameId });
  const waiting = [at.client.receiveResult({ frameId: 1 }), at.client.receiveResult({ frameId: 1 })];
  at.client.discardFrame(1);
  for (const each of waiting) await assertRejects(() => each, NnrpCancelledError);
  await at.answer(2);
  await until(() => got.length === 1, "the other frame's result");
  await at.client.close();
  await loop;
  assertEquals(got, ["2 answer 2"]);
  await at.end();
});

test("§4: results that arrived before the end are still handed out after it", async () => {
  const at = await open();
  for (const frameId of [1, 2, 3]) await at.client.submitNowait({ ...say("x"), frameId });
  for (const frameId of [1, 2]) await at.answer(frameId);
  await until(() => at.client.stats.unclaimed === 2, "results");
  await at.client.raw.carrier.close({ graceful: false });
  await at.client.closed;
  const got: Result[] = [];
  await assertRejects(async () => {
    for (;;) got.push(await at.client.receiveResult());
  }, NnrpTransportError);
  assertEquals(got.map((r) => r.text()), ["answer 1", "answer 2"]);
  await assertRejects(() => at.client.receiveResult({ frameId: 9 }), NnrpTransportError);
  await at.end();
});

test("§8.4: there is one consumer of results at a time", async () => {
  const at = await open();
  const router = at.client.manageResults();
  assertThrows(() => at.client.manageResults(), NnrpStateError);
  await assertRejects(() => at.client.results().next(), NnrpStateError);
  await assertRejects(() => at.client.receiveResult(), NnrpStateError, "ResultRouter");
  router.close();
  const loop = at.client.results();
  const first = loop.next();
  await assertRejects(() => at.client.results().next(), NnrpStateError);
  assertThrows(() => at.client.manageResults(), NnrpStateError);
  await assertRejects(() => at.client.receiveResult(), NnrpStateError, "results()");
  await at.client.submitNowait({ ...say("x"), frameId: 1 });
  await at.answer(1);
  assertEquals((await first).value?.frameId, 1);
  await loop.return();
  await at.client.submitNowait({ ...say("x"), frameId: 2 });
  await at.answer(2);
  assertEquals((await at.client.receiveResult()).frameId, 2);
  at.client.manageResults().close();
  await at.end();
});

test("§8.4: a router hands results to those who wait for their frame, whatever order they come in", async () => {
  const at = await open();
  const router = at.client.manageResults();
  for (const frameId of [1, 2, 3]) await router.sendSubmit({ ...say("x"), frameId });
  const second = router.receive(2);
  for (const frameId of [3, 2, 1]) await at.answer(frameId);
  assertEquals(
    [(await second).frameId, (await router.receive(1)).frameId, (await router.receive(3)).frameId],
    [2, 1, 3],
  );
  await router.sendSubmit({ ...say("x"), frameId: 4 });
  await assertRejects(() => router.receive(4, 0, { timeoutMs: 5 }), NnrpTimeoutError);
  await at.answer(4, "late");
  assertEquals((await router.receive(4)).text(), "late");
  assertEquals(router.droppedUnclaimed, 0);
  router.close();
  await at.end();
});

test("§8.4: one bad result does not stop a router", async () => {
  const at = await open();
  const router = at.client.manageResults();
  for (const frameId of [1, 2]) await router.sendSubmit({ ...say("x"), frameId });
  await until(() => at.frames.size === 2, "frames");
  at.session.failFrame(at.frames.get(1)!, { errorCode: 12 });
  await assertRejects(() => router.receive(1), NnrpProtocolError);
  await at.answer(2);
  assertEquals((await router.receive(2)).frameId, 2);
  router.close();
  await at.end();
});

test("§8.4: closing a router ends its waits, and the session goes on", async () => {
  const at = await open();
  const router = at.client.manageResults();
  await router.sendSubmit({ ...say("x"), frameId: 1 });
  const waiting = router.receive(1);
  await router[Symbol.asyncDispose]();
  await assertRejects(() => waiting, NnrpRouterClosedError);
  await assertRejects(() => router.receive(1), NnrpRouterClosedError);
  await assertRejects(() => router.sendSubmit(say("x")), NnrpRouterClosedError);
  router.close();
  await at.answer(1);
  assertEquals((await at.client.receiveResult()).frameId, 1);
  await at.end();
});

test("§8.4: who waits at a router learns when the session ends", async () => {
  const at = await open();
  const router = at.client.manageResults();
  await router.sendSubmit({ ...say("x"), frameId: 1 });
  const failed = assertRejects(() => router.receive(1), NnrpTransportError);
  const other = assertRejects(() => router.receive(99), NnrpTransportError);
  await at.client.raw.carrier.close({ graceful: false });
  await Promise.all([failed, other]);
  await at.end();
});

test("memory does not grow with the frames that were ever awaited", async () => {
  const at = await MEMORY.serve((frame) => ({ typedPayloads: frame.typedPayloads }));
  const client = await at.dial();
  const router = client.manageResults();
  for (let i = 0; i < 3000; i++) {
    const { frameId } = await router.sendSubmit(say("x"));
    await router.receive(frameId);
  }
  for (let i = 0; i < 3000; i++) {
    await assertRejects(() =>
      router.receive(1_000_000 + i, 0, { signal: AbortSignal.abort(new Error("x")) })
    );
  }
  const { inFlight, unclaimed, droppedUnclaimed } = client.stats;
  assertEquals([inFlight, unclaimed, droppedUnclaimed], [0, 0, 0]);
  await at.end();
});

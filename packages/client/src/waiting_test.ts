import {
  FlowUpdateReason,
  NnrpCancelledError,
  NnrpLimitError,
  NnrpProtocolError,
  NnrpStateError,
  NnrpTimeoutError,
  NnrpTransportError,
  NnrpValueError,
  TypedPayload,
} from "@nnrp/core";
import type { ReceivedSubmit } from "@nnrp/core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { Gate, type Meeting, MEMORY } from "../../../tests/support/places.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import { stateOf, VirtualHost } from "../tests/virtual_host.ts";
import type { DialOptions } from "./dial.ts";
import type { ClientSession } from "./session.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

/** A session whose frames are answered once the gate is open. */
async function gated(
  options: DialOptions = {},
): Promise<Meeting & { client: ClientSession; gate: Gate; order: string[] }> {
  const gate = new Gate();
  const order: string[] = [];
  const at = await MEMORY.serve(async (frame) => {
    order.push(frame.text());
    await gate.opened;
    return say(frame.text());
  }, { concurrency: 1200, profile: { maxConcurrentFrames: 1000 } });
  return { ...at, client: await at.dial(options), gate, order };
}

test("submits beyond the slots wait in the order of their calls", async () => {
  const at = await gated({ maxInFlight: 2 });
  const results = Array.from({ length: 10 }, (_, i) => at.client.submit(say(`${i}`)));
  await until(() => at.order.length === 2, "two frames");
  assertEquals([at.client.stats.inFlight, at.client.stats.waiting, at.client.stats.limit], [2, 8, 2]);
  at.gate.open();
  assertEquals((await Promise.all(results)).map((r) => r.text()), at.order);
  assertEquals(at.order, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  assertEquals(at.client.stats.waiting, 0);
  await at.end();
});

test('with whenFull "reject" a submit beyond the slots is refused at once', async () => {
  const at = await gated({ maxInFlight: 1, whenFull: "reject" });
  const first = at.client.submit(say("1"));
  const error = await assertRejects(() => at.client.submit(say("2")), NnrpLimitError);
  assertEquals([error.limit, at.client.stats.waiting], ["whenFull", 0]);
  await assertRejects(() => at.client.submitNowait(say("3")), NnrpLimitError);
  await assertRejects(() => at.client.submitStream(say("4"))[Symbol.asyncIterator]().next(), NnrpLimitError);
  at.gate.open();
  await first;
  assertEquals((await at.client.submit(say("5"))).text(), "5");
  await at.end();
});

test("the waiting line is bounded", async () => {
  const at = await gated({ maxInFlight: 1, maxWaitingSubmits: 3 });
  const results = ["1", "2", "3", "4"].map((text) => at.client.submit(say(text)));
  const error = await assertRejects(() => at.client.submit(say("5")), NnrpLimitError);
  assertEquals(error.limit, "maxWaitingSubmits");
  at.gate.open();
  assertEquals((await Promise.all(results)).length, 4);
  await at.end();
});

test("a signal: aborted before, while waiting for a slot, and in flight", async () => {
  const at = await gated({ maxInFlight: 1 });
  const reason = new Error("changed my mind");
  const before = await assertRejects(
    () => at.client.submit(say("before"), { signal: AbortSignal.abort(reason) }),
    NnrpCancelledError,
  );
  assertEquals([before.cause, at.client.stats.submitted], [reason, 0]);
  const inFlight = new AbortController();
  const first = assertRejects(
    () => at.client.submit(say("first"), { signal: inFlight.signal }),
    NnrpCancelledError,
  );
  const queued = new AbortController();
  const second = assertRejects(
    () => at.client.submit(say("second"), { signal: queued.signal }),
    NnrpCancelledError,
  );
  const third = at.client.submit(say("third"));
  await until(() => at.order.length === 1, "the first");
  queued.abort(reason);
  assertEquals((await second).cause, reason);
  assertEquals([at.client.stats.waiting, at.client.stats.cancelled], [1, 0]);
  inFlight.abort(reason);
  assertEquals((await first).cause, reason);
  await until(() => at.order.length === 2, "the third in the first one's place");
  assertEquals([at.order[1], at.client.stats.cancelled], ["third", 1]);
  at.gate.open();
  await third;
  await at.end();
});

test("one signal may cancel any number of frames", async () => {
  const at = await gated({ maxInFlight: 50 });
  const abort = new AbortController();
  const all = Array.from(
    { length: 500 },
    (_, i) =>
      assertRejects(() => at.client.submit(say(`${i}`), { signal: abort.signal }), NnrpCancelledError),
  );
  await until(() => at.order.length === 50, "frames");
  abort.abort();
  await Promise.all(all);
  await at.client.ping();
  assertEquals([
    at.client.stats.inFlight,
    at.client.stats.waiting,
    at.client.stats.cancelled,
    at.order.length,
  ], [0, 0, 50, 50]);
  at.gate.open();
  assertEquals((await at.client.submit(say("next"))).text(), "next");
  await at.end();
});

test("one signal over 40,000 frames that wait and 1,000 in flight takes them back without looking for each", async () => {
  // To look for each among the others would be 10^9 steps, here and in the signal's list of listeners.
  const at = await gated({ maxInFlight: 1000 });
  const abort = new AbortController();
  const ends = Array.from(
    { length: 41_000 },
    (_, i) =>
      at.client.submit(say(`${i}`), { signal: abort.signal }).then(() => "answered", (error) => error.cause),
  );
  const other = at.client.submit(say("other"));
  await until(() => at.order.length === 1000, "frames");
  assertEquals(at.client.stats.waiting, 40_001);
  abort.abort("enough");
  assertEquals(at.client.stats.waiting + at.client.stats.inFlight, 1);
  assertEquals(new Set(await Promise.all(ends)), new Set(["enough"]));
  at.gate.open();
  assertEquals((await other).text(), "other");
  await at.end();
});

test("an answered frame lets go of its signal", async () => {
  const at = await gated();
  at.gate.open();
  let listeners = 0;
  const controller = new AbortController();
  const { signal } = controller;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args));
  for (let i = 0; i < 20; i++) await at.client.submit(say("x"), { signal });
  assertEquals(listeners, 0);
  controller.abort();
  assertEquals((await at.client.submit(say("y"))).text(), "y");
  await at.end();
});

test("time limits: in flight, while waiting, and both together", async () => {
  const runtime = new VirtualHost();
  const at = await gated({ maxInFlight: 1, runtime });
  const inFlight = assertRejects(
    () => at.client.submit({ ...say("1"), frameId: 5 }, { timeoutMs: 25 }),
    NnrpTimeoutError,
    "frame 5/0",
  );
  const queued = assertRejects(() => at.client.submit(say("2"), { timeoutMs: 10 }), NnrpTimeoutError);
  const patient = at.client.submit(say("3"), { timeoutMs: 60_000 });
  await until(() => at.order.length === 1, "the first frame");
  await runtime.pass(9);
  assertEquals(at.client.stats.waiting, 2);
  await runtime.pass(1);
  assertEquals((await queued).timeoutMs, 10);
  assertEquals(at.order, ["1"], "what timed out in the line was never sent");
  await runtime.pass(14);
  assertEquals(at.client.stats.timedOut, 0);
  await runtime.pass(1);
  assertEquals((await inFlight).timeoutMs, 25);
  await until(() => at.order.length === 2, "the slot of the first");
  assertEquals(at.client.stats.timedOut, 1);
  at.gate.open();
  assertEquals((await patient).text(), "3");
  await at.client.ping();
  assertEquals([at.client.stats.late, at.client.stats.complete], [1, 2]);
  await at.end();
});

test("a deadline is a moment, and the sooner of deadline and time-out counts", async () => {
  const runtime = new VirtualHost();
  const at = await gated({ runtime });
  const past = await assertRejects(
    () => at.client.submit({ ...say("x"), deadlineMs: runtime.wallNow() - 1 }),
    NnrpProtocolError,
  );
  assertEquals([past.codeName, past.remote, at.client.stats.submitted], ["FRAME_EXPIRED", false, 0]);
  const soon = [
    at.client.submit({ ...say("x"), deadlineMs: runtime.wallNow() + 20 }, { timeoutMs: 60_000 }),
    at.client.submit({ ...say("x"), deadlineMs: runtime.wallNow() + 60_000 }, { timeoutMs: 20 }),
  ];
  const ended = soon.map((result) => assertRejects(() => result, NnrpTimeoutError));
  await runtime.pass(19);
  for (const result of soon) assertEquals(await stateOf(result), "pending");
  await runtime.pass(1);
  await Promise.all(ended);
  await assertRejects(() => at.client.submit({ ...say("x"), deadlineMs: NaN }), NnrpValueError);
  at.gate.open();
  assertEquals((await at.client.submit({ ...say("y"), deadlineMs: runtime.wallNow() + 60_000 })).text(), "y");
  await at.end();
});

test("the two names of the budget agree or are refused, and the budget travels", async () => {
  const budgets: number[] = [];
  const at = await MEMORY.serve((frame: ReceivedSubmit) => (budgets.push(frame.latencyBudgetMs), {}));
  const client = await at.dial();
  await client.submit({ ...say("x"), inferenceBudgetMs: 700 });
  await client.submit({ ...say("x"), latencyBudgetMs: 800 });
  await client.submit({ ...say("x"), latencyBudgetMs: 900, inferenceBudgetMs: 900 });
  await client.submit(say("x"));
  await assertRejects(
    () => client.submit({ ...say("x"), latencyBudgetMs: 1, inferenceBudgetMs: 2 }),
    NnrpValueError,
  );
  assertEquals(budgets, [700, 800, 900, 0]);
  await at.end();
});

test("a pause here, or one of the server, holds submits back; both must be taken back", async () => {
  const at = await MEMORY.bind();
  const client = await at.dial();
  const session = await at.server.accept();
  client.pauseSubmit();
  const result = client.submit(say("x"));
  assertEquals([client.stats.paused, client.stats.waiting], [true, 1]);
  session.sendFlowUpdate({ updateReason: FlowUpdateReason.PAUSE });
  await client.ping();
  client.resumeSubmit();
  await client.ping();
  assertEquals([client.stats.paused, client.stats.waiting, session.stats.submits], [true, 1, 0]);
  session.sendFlowUpdate({ updateReason: FlowUpdateReason.RESUME });
  await session.sendResult(await session.receiveSubmit(), say("now"));
  assertEquals([(await result).text(), client.stats.paused], ["now", false]);
  await at.end();
});

test("a retry time ends a pause by itself", async () => {
  const runtime = new VirtualHost();
  const at = await MEMORY.bind({ keepAliveMs: 0 });
  const client = await at.dial({ keepAliveMs: 0, runtime });
  const session = await at.server.accept();
  session.sendFlowUpdate({ updateReason: FlowUpdateReason.PAUSE, retryAfterMs: 30 });
  await client.ping();
  const result = client.submit(say("x"));
  await runtime.pass(29);
  assertEquals(client.stats.waiting, 1);
  await runtime.pass(1);
  assertEquals(client.stats.waiting, 0);
  await session.sendResult(await session.receiveSubmit(), say("at last"));
  assertEquals((await result).text(), "at last");
  await at.end();
});

test("credit is never exceeded, however it changes", async () => {
  const at = await MEMORY.bind();
  const client = await at.dial();
  const session = await at.server.accept();
  let credit = 5;
  session.sendFlowUpdate({ credit });
  await client.ping();
  let inFlight = 0;
  let answered = 0;
  const serving = (async () => {
    const open: ReceivedSubmit[] = [];
    for await (const frame of session.submits()) {
      inFlight++;
      assert(inFlight <= 9, `${inFlight} in flight`);
      open.push(frame);
      if (answered % 40 === 20) session.sendFlowUpdate({ credit: credit = credit === 5 ? 9 : 5 });
      if (open.length >= 3 || client.stats.waiting === 0) {
        for (const done of open.splice(0)) {
          inFlight--;
          answered++;
          await session.sendResult(done);
        }
      }
    }
  })();
  await Promise.all(Array.from({ length: 400 }, () => client.submit(say("x"))));
  assertEquals([answered, client.stats.complete], [400, 400]);
  await client.close();
  await serving;
  await at.end();
});

test("a request that cannot be written fails alone, also from the waiting line", async () => {
  const at = await gated({ maxInFlight: 1 });
  await assertRejects(() => at.client.submit({ ...say("x"), viewId: -1 }), NnrpValueError);
  await assertRejects(() => at.client.submit({ ...say("x"), frameId: 1.5 }), NnrpValueError);
  await assertRejects(() => at.client.submit({ ...say("x"), frameId: -1 }), NnrpValueError);
  await assertRejects(() => at.client.submit({ typedPayloads: [null as never] }));
  await assertRejects(() => at.client.submit(null as never), TypeError);
  const first = at.client.submit(say("1"));
  const bad = assertRejects(() => at.client.submit({ ...say("2"), viewId: 70_000 }), NnrpValueError);
  const duplicate = assertRejects(() =>
    at.client.submit({ ...say("3"), frameId: 999, viewId: 1 }).then(() =>
      at.client.submit({ ...say("3"), routeId: -1 })
    )
  );
  const last = at.client.submit(say("4"));
  at.gate.open();
  await Promise.all([bad, duplicate]);
  assertEquals([(await first).text(), (await last).text(), at.client.stats.inFlight], ["1", "4", 0]);
  await at.end();
});

test("what waits when the session ends fails, and nothing can begin to wait afterwards", async () => {
  const at = await gated({ maxInFlight: 1 });
  const all = [1, 2, 3].map((i) => assertRejects(() => at.client.submit(say(`${i}`)), NnrpTransportError));
  const stream = assertRejects(
    () => at.client.submitStream(say("s"))[Symbol.asyncIterator]().next(),
    NnrpTransportError,
  );
  await until(() => at.order.length === 1, "the first");
  await at.client.raw.carrier.close({ graceful: false });
  await Promise.all([...all, stream]);
  await assertRejects(() => at.client.submit(say("later")), NnrpStateError);
  assertEquals([at.client.stats.waiting, at.client.stats.inFlight], [0, 0]);
  at.gate.open();
  await at.end();
});

test("cancelling by number ends the frame; numbers that are not in flight are nothing", async () => {
  const at = await gated();
  const result = assertRejects(
    () => at.client.submit({ ...say("x"), frameId: 3, viewId: 2 }),
    NnrpCancelledError,
  );
  at.client.cancelFrame(3);
  at.client.cancelFrame(4, 2);
  assertEquals(at.client.stats.inFlight, 1);
  at.client.cancelFrame(3, 2);
  await result;
  at.client.cancelFrame(3, 2);
  assertEquals(at.client.stats.cancelled, 1);
  at.gate.open();
  await at.end();
});

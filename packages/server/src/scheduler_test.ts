import type { ClientSession, FrameRequest, Result } from "@nnrp/client";
import {
  BudgetPolicy,
  ErrorCode,
  HeaderFlags,
  NnrpProtocolError,
  ResultClass,
  ResultHintCongestionState,
  ResultHintReason,
  TypedPayload,
} from "@nnrp/core";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { test } from "node:test";
import { Gate, type Meeting, MEMORY } from "../../../tests/support/places.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import { drop, type HandlerOutput } from "../mod.ts";
import type { ServeOptions } from "./options.ts";
import { turn, turns } from "../../../tests/support/turns.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

/** A server whose first frame blocks the only handler until the gate opens; what is started is written down. */
async function blocked(options: ServeOptions = {}): Promise<
  Meeting & { order: string[]; gate: Gate; queued: (count: number) => Promise<void> }
> {
  const gate = new Gate();
  const order: string[] = [];
  const meeting = await MEMORY.serve(async (frame, { session }) => {
    order.push(`${session.sessionId}:${frame.text()}`);
    if (order.length === 1) await gate.opened;
    return say(frame.text());
  }, { concurrency: 1, ...options });
  const queued = (count: number) =>
    until(() => meeting.server.stats.queued === count, `${count} queued, not ${meeting.server.stats.queued}`);
  return { ...meeting, order, gate, queued };
}

async function withBlocker(options: ServeOptions = {}) {
  const at = await blocked(options);
  const blocker = await at.dial({ requestedSessionId: 99 });
  const first = blocker.submit(say("blocker"));
  await until(() => at.order.length === 1, "the blocker");
  return { ...at, blocker, first };
}

test("sessions take turns, whatever one of them has queued", async () => {
  const at = await withBlocker();
  const [greedy, modest] = [
    await at.dial({ requestedSessionId: 1 }),
    await at.dial({ requestedSessionId: 2 }),
  ];
  const all: Promise<Result>[] = [];
  for (let i = 0; i < 10; i++) all.push(greedy.submit(say(`g${i}`)));
  await at.queued(10);
  for (let i = 0; i < 3; i++) all.push(modest.submit(say(`m${i}`)));
  await at.queued(13);
  at.gate.open();
  await Promise.all([...all, at.first]);
  assertEquals(at.order.slice(1, 7), ["1:g0", "2:m0", "1:g1", "2:m1", "1:g2", "2:m2"]);
  assertEquals(at.order.slice(7), ["1:g3", "1:g4", "1:g5", "1:g6", "1:g7", "1:g8", "1:g9"]);
  await at.end();
});

test("cancelling waiting frames buys no session another turn", async () => {
  const at = await withBlocker();
  const [tricky, modest] = [
    await at.dial({ requestedSessionId: 1 }),
    await at.dial({ requestedSessionId: 2 }),
  ];
  for (let i = 0; i < 20; i++) {
    const abort = new AbortController();
    const cancelled = tricky.submit(say("x"), { signal: abort.signal });
    await at.queued(1);
    abort.abort();
    await assertRejects(() => cancelled);
    await at.queued(0);
  }
  const all: Promise<Result>[] = [];
  for (let i = 0; i < 6; i++) all.push(tricky.submit(say(`t${i}`)), modest.submit(say(`m${i}`)));
  await at.queued(12);
  at.gate.open();
  await Promise.all(all);
  const turns = at.order.slice(1).map((line) => line[0]);
  for (let i = 0; i < turns.length; i += 2) {
    assertEquals([turns[i], turns[i + 1]].sort(), ["1", "2"], turns.join(""));
  }
  await at.end();
});

test("inside a session the earliest deadline comes first, frames without one last, in order of arrival", async () => {
  const at = await withBlocker();
  const session = await at.dial({ requestedSessionId: 1 });
  const budgets = [0, 50_000, 20_000, 0, 60_000, 10_000];
  const all = budgets.map((latencyBudgetMs, i) => session.submit({ ...say(`${i}`), latencyBudgetMs }));
  await at.queued(6);
  at.gate.open();
  await Promise.all(all);
  assertEquals(at.order.slice(1), ["1:5", "1:2", "1:1", "1:4", "1:0", "1:3"]);
  await at.end();
});

test("a frame that may be dropped expires by timer, while the handler is still busy, and a hint says why", async () => {
  const at = await withBlocker();
  const session = await at.dial();
  const hints = session.resultHints();
  const budget = { latencyBudgetMs: 15, budgetPolicy: BudgetPolicy.ALLOW_DROP };
  const [early, late] = await Promise.all([
    session.submit({ ...say("a"), frameId: 5, ...budget }),
    session.submit({ ...say("b"), frameId: 6, ...budget, latencyBudgetMs: 40 }),
  ]);
  assertEquals([early.isDrop, late.isDrop, at.order.length], [true, true, 1]);
  for (const frameId of [5, 6]) {
    const { value } = await hints.next();
    assertEquals([value!.frameId, value!.metadata.reason], [frameId, ResultHintReason.BUDGET_EXCEEDED]);
  }
  assertEquals([at.server.stats.expired, at.server.stats.queued], [2, 0]);
  at.gate.open();
  await at.first;
  await at.end();
});

test("a frame that must not be dropped is started late and knows it", async () => {
  const at = await withBlocker();
  const session = await at.dial();
  const frame = session.submit({ ...say("keep"), latencyBudgetMs: 1 });
  const partial = session.submit({
    ...say("partial"),
    latencyBudgetMs: 1,
    budgetPolicy: BudgetPolicy.ALLOW_PARTIAL,
  });
  await at.queued(2);
  const queuedMs = performance.now();
  await until(() => performance.now() > queuedMs + 1, "the budgets to be over");
  at.gate.open();
  assertEquals([(await frame).text(), (await partial).text(), at.server.stats.expired], [
    "keep",
    "partial",
    0,
  ]);
  await at.end();
});

test("an expired frame's handler is told to stop; the client hears at once, the slot stays taken until it has stopped", async () => {
  const [stopped, finish] = [new Gate<unknown>(), new Gate()];
  const started: string[] = [];
  const at = await MEMORY.serve(async (frame) => {
    started.push(frame.text());
    if (frame.text() === "slow") {
      frame.signal.addEventListener("abort", () => stopped.open(frame.signal.reason));
      await finish.opened;
    }
    return say(frame.text());
  }, { concurrency: 1 });
  const session = await at.dial();
  const slow = session.submit({ ...say("slow"), latencyBudgetMs: 20, budgetPolicy: BudgetPolicy.ALLOW_DROP });
  await until(() => started.length === 1, "the handler");
  const next = session.submit(say("next"));
  assertInstanceOf(await stopped.opened, Error);
  assertEquals((await slow).isDrop, true);
  assertEquals([started, at.server.stats.running], [["slow"], 1]);
  finish.open();
  assertEquals((await next).text(), "next");
  assertEquals(session.stats.unknown, 0, "the late result of the expired frame is not sent");
  await at.end();
});

test("a full queue gives up the oldest droppable frame of the view for the newest, with a hint", async () => {
  const at = await withBlocker({ maxQueuedFrames: 3 });
  const session = await at.dial({ profile: { maxViews: 8 } });
  const hints = session.resultHints();
  const droppable: Partial<FrameRequest> = { flags: HeaderFlags.CAN_DROP };
  const kinds: Partial<FrameRequest>[] = [
    { ...droppable, flags: HeaderFlags.CAN_DROP | HeaderFlags.KEYFRAME, frameId: 1 },
    { ...droppable, viewId: 1, frameId: 2 },
    { budgetPolicy: BudgetPolicy.ALLOW_DROP, frameId: 3 },
  ];
  const waiting = kinds.map((kind) => session.submit({ ...say("w"), ...kind }));
  await at.queued(3);
  const newest = session.submit({ ...say("new"), ...droppable, frameId: 4 });
  assertEquals((await waiting[2]).isDrop, true, "not the keyframe, not another view's");
  let hint = await hints.next();
  while (hint.value!.metadata.reason !== ResultHintReason.SUPERSEDED) hint = await hints.next();
  assertEquals(hint.value!.frameId, 3);
  at.gate.open();
  assertEquals((await Promise.all([waiting[0], waiting[1], newest])).map((r) => r.isDrop), [
    false,
    false,
    false,
  ]);
  assertEquals([at.server.stats.superseded, at.server.stats.busy], [1, 0]);
  await at.end();
});

test("a full queue without droppable frames refuses the new one with SERVER_BUSY and a time", async () => {
  const at = await withBlocker({ maxQueuedFrames: 2 });
  const session = await at.dial();
  const waiting = [session.submit(say("1")), session.submit(say("2"))];
  await at.queued(2);
  const error = await assertRejects(() => session.submit(say("3")), NnrpProtocolError);
  assertEquals([error.errorCode, error.errorScope, error.fatal, error.retryAfterMs > 0], [
    ErrorCode.SERVER_BUSY,
    2,
    false,
    true,
  ]);
  at.gate.open();
  assertEquals((await Promise.all(waiting)).map((r) => r.text()), ["1", "2"]);
  assertEquals(at.server.stats.busy, 1);
  await at.end();
});

test("the application may answer what finds the queue full: a stale result, a drop, or nothing", async () => {
  const at = await withBlocker({
    maxQueuedFrames: 1,
    whenQueueFull: (frame) => {
      if (frame.text() === "stale") return { ...say("old"), resultClass: ResultClass.STALE_REUSE };
      return frame.text() === "drop" ? drop(ResultHintReason.QUEUE_FULL) : undefined;
    },
  });
  const session = await at.dial();
  const waiting = session.submit(say("waits"));
  await at.queued(1);
  const stale = await session.submit(say("stale"));
  assertEquals([stale.text(), stale.className], ["old", "STALE_REUSE"]);
  assertEquals((await session.submit(say("drop"))).isDrop, true);
  await assertRejects(() => session.submit(say("neither")), NnrpProtocolError, "SERVER_BUSY");
  at.gate.open();
  await waiting;
  await at.end();
});

test("a whenQueueFull that throws fails its frame and nothing else", async () => {
  const at = await withBlocker({
    maxQueuedFrames: 1,
    whenQueueFull: () => {
      throw new Error("oops");
    },
  });
  const session = await at.dial();
  const waiting = session.submit(say("waits"));
  await at.queued(1);
  await assertRejects(() => session.submit(say("x")), NnrpProtocolError, "INTERNAL_ERROR");
  at.gate.open();
  assertEquals((await waiting).text(), "waits");
  await at.end();
});

test("no more handlers run at once than told, over all sessions and within one", async () => {
  let running = 0;
  const most: Record<string, number> = {};
  const at = await MEMORY.serve(async (_frame, { session }) => {
    running++;
    const key = `s${session.sessionId}`;
    const mine = most[`now${key}`] = (most[`now${key}`] ?? 0) + 1;
    most[key] = Math.max(most[key] ?? 0, mine);
    most.all = Math.max(most.all ?? 0, running);
    await turn();
    running--;
    most[`now${key}`]--;
    return {};
  }, { concurrency: 5, profile: { maxConcurrentFrames: 3 } });
  const sessions = [await at.dial({ requestedSessionId: 1 }), await at.dial({ requestedSessionId: 2 })];
  await Promise.all(sessions.flatMap((s) => Array.from({ length: 60 }, () => s.submit(say("x")))));
  assertEquals([most.all, most.s1 <= 3, most.s2 <= 3], [5, true, true]);
  assertEquals([at.server.stats.running, at.server.stats.started], [0, 120]);
  await at.end();
});

test("a handler that throws, at once or later, fails its frame with INTERNAL_ERROR and is reported", async () => {
  const reports: string[] = [];
  const at = await MEMORY.serve((frame): HandlerOutput | Promise<HandlerOutput> => {
    const text = frame.text();
    if (text === "sync") throw new Error("secret");
    if (text === "async") return Promise.reject(new Error("secret"));
    if (text === "nothing") throw undefined;
    if (text === "stream") {
      return (async function* () {
        yield say("part");
        throw new Error("secret");
      })();
    }
    if (text === "iterator") {
      return {
        [Symbol.asyncIterator]: () => {
          throw new Error("secret");
        },
      } as unknown as HandlerOutput;
    }
    return say("fine");
  }, { log: (event) => void (event.type === "handler-failed" && reports.push(String(event.error))) });
  const session = await at.dial();
  const others = Array.from({ length: 20 }, () => session.submit(say("ok")));
  for (const text of ["sync", "async", "nothing", "stream", "iterator"]) {
    const error = await assertRejects(
      () => session.submit(say(text)),
      NnrpProtocolError,
      "INTERNAL_ERROR",
      text,
    );
    assertEquals(
      [error.errorScope, error.fatal, error.diagnostic.includes("secret")],
      [2, false, false],
      text,
    );
  }
  assertEquals((await Promise.all(others)).every((r) => r.text() === "fine"), true);
  assertEquals([reports.length, at.server.stats.handlerFailures, at.server.stats.running], [5, 5, 0]);
  assertEquals((await session.submit(say("still"))).text(), "fine");
  await at.end();
});

test("a handler may fail a frame with a code and words of its own", async () => {
  const at = await MEMORY.serve(() => {
    throw new NnrpProtocolError({
      errorCode: 4711,
      codeName: "",
      errorScope: 2,
      retryAfterMs: 5,
      diagnostic: "model is cold",
    });
  });
  const session = await at.dial();
  const error = await assertRejects(() => session.submit(say("x")), NnrpProtocolError);
  assertEquals([error.errorCode, error.retryAfterMs, error.diagnostic], [4711, 5, "model is cold"]);
  await at.end();
});

test("a handler that fails a frame with a code that fits no packet fails it with INTERNAL_ERROR", async () => {
  const odd = [{ errorCode: -1 }, { errorCode: 2 ** 32 }, { errorCode: 1.5 }, {
    errorCode: 1,
    retryAfterMs: -5,
  }];
  const at = await MEMORY.serve((frame) => {
    throw new NnrpProtocolError({ codeName: "", errorScope: 2, ...odd[Number(frame.text())] });
  });
  const session = await at.dial();
  for (let i = 0; i < odd.length; i++) {
    const error = await assertRejects(() => session.submit(say(`${i}`)), NnrpProtocolError);
    assertEquals(error.codeName, "INTERNAL_ERROR");
  }
  assertEquals(at.server.stats.running, 0);
  await at.end();
});

test("a handler that gives something else than a result fails its frame only", async () => {
  const odd = [null, 5, "text", Symbol.iterator, { statusCode: -1 }, { typedPayloads: [null] }, {
    tileIds: 7,
  }];
  for (const promise of [false, true]) {
    const at = await MEMORY.serve((frame) => {
      const output = odd[Number(frame.text())] as HandlerOutput;
      return promise ? Promise.resolve(output) : output;
    });
    const session = await at.dial();
    for (let i = 0; i < odd.length; i++) {
      // Whether it is taken for an empty result or refused, the frame ends and the session lives.
      await session.submit(say(`${i}`)).then(
        (r) => r.metadata,
        (error) => assertInstanceOf(error, NnrpProtocolError),
      );
    }
    assertEquals([session.state, at.server.stats.running], ["active", 0]);
    await at.end();
  }
});

test("a drop with a reason that does not exist fails its frame only", async () => {
  for (const promise of [false, true]) {
    const at = await MEMORY.serve((frame) => {
      if (frame.text() === "ok") return say("ok");
      return promise ? Promise.resolve().then(() => drop(99 as never)) : drop(99 as never);
    });
    const session = await at.dial();
    const error = await assertRejects(() => session.submit(say("x")), NnrpProtocolError);
    assertEquals(error.codeName, "INTERNAL_ERROR");
    assertEquals([(await session.submit(say("ok"))).text(), at.server.stats.running], ["ok", 0]);
    await at.end();
  }
});

test("a drop may come with a hint, or without a word", async () => {
  const at = await MEMORY.serve((frame) =>
    frame.text() === "why" ? drop(ResultHintReason.SERVER_BUSY) : drop()
  );
  const session = await at.dial();
  assertEquals((await session.submit(say("no"))).isDrop, true);
  assertEquals((await session.submit({ ...say("why"), frameId: 77 })).isDrop, true);
  const { value } = await session.resultHints().next();
  assertEquals([value!.frameId, value!.metadata.reason], [77, ResultHintReason.SERVER_BUSY]);
  await at.end();
});

test("a frame cancelled while it waits is never started; one that runs is told, and keeps its slot until it stops", async () => {
  const at = await withBlocker();
  const session = await at.dial();
  const abort = new AbortController();
  const waiting = session.submit(say("waiting"), { signal: abort.signal });
  await at.queued(1);
  abort.abort();
  await assertRejects(() => waiting);
  await at.queued(0);
  at.blocker.cancelFrame(1);
  await assertRejects(() => at.first);
  await until(() => at.server.sessions.every((s) => s.stats.inFlight === 0), "the cancel");
  const next = session.submit(say("next"));
  await at.queued(1);
  assertEquals(
    [at.order.length, at.server.stats.running],
    [1, 1],
    "the model still works on the cancelled frame",
  );
  at.gate.open();
  await next;
  assertEquals(at.order.length, 2);
  await at.end();
});

test("frames of a client that went away are not started", async () => {
  const at = await withBlocker();
  const gone = await at.dial();
  const all = Array.from({ length: 5 }, () => gone.submit(say("gone")));
  await at.queued(5);
  await gone.raw.carrier.close({ graceful: false });
  await Promise.all(all.map((p) => assertRejects(() => p)));
  await at.queued(0);
  const stays = await at.dial();
  const last = stays.submit(say("stays"));
  at.gate.open();
  await last;
  assertEquals(at.order.map((line) => line.split(":")[1]), ["blocker", "stays"]);
  await at.end();
});

test("a queue that fills tells the client to slow down, and one that empties tells it to go on", async () => {
  const at = await withBlocker({ maxQueuedFrames: 10 });
  const session = await at.dial();
  const hints = session.resultHints();
  const states: number[] = [];
  void (async () => {
    for await (const hint of hints) states.push(hint.metadata.congestionState);
  })();
  const all: Promise<Result>[] = [];
  for (let i = 0; i < 9; i++) all.push(session.submit(say(`${i}`)));
  await until(() => states.includes(ResultHintCongestionState.SATURATED), "SATURATED");
  // The client does what it was told: it submits nothing more until it hears otherwise.
  at.gate.open();
  await Promise.all(all);
  await until(
    () => states.at(-1) === ResultHintCongestionState.NONE,
    `the all-clear after ${states.join()}`,
  );
  await at.end();
});

test("streams: parts go out as they come, the end is not a part, and a returned result is the last one", async () => {
  const at = await MEMORY.serve((frame) =>
    (async function* () {
      yield say("a");
      yield say("b");
      if (frame.text() === "return") return say("c");
    })()
  );
  const session = await at.dial();
  const read = async (text: string) => {
    const got: [string, boolean][] = [];
    for await (const part of session.submitStream(say(text))) got.push([part.text(), part.isFinal]);
    return got;
  };
  assertEquals(await read("plain"), [["a", false], ["b", false]]);
  assertEquals(await read("return"), [["a", false], ["b", false], ["c", true]]);
  await at.end();
});

test("a stream whose client cancels is closed at its next step", async () => {
  const closed = new Gate();
  const at = await MEMORY.serve((frame) =>
    (async function* () {
      try {
        for (let i = 0;; i++) {
          yield say(`${i}`);
          await turn();
          if (frame.aborted) frame.signal.throwIfAborted();
        }
      } finally {
        closed.open();
      }
    })()
  );
  const session = await at.dial();
  for await (const part of session.submitStream(say("x"))) if (part.text() === "3") break;
  await closed.opened;
  await until(() => at.server.stats.running === 0, "the handler's end");
  assertEquals(at.server.stats.handlerFailures, 0, "an abort is not a failure");
  assertEquals(session.stats.inFlight, 0);
  await at.end();
});

test("a handler whose answers are written while the session drains still answers all", async () => {
  const gate = new Gate();
  const at = await MEMORY.serve(async (frame) => {
    await gate.opened;
    return say(frame.text());
  });
  const session = await at.dial();
  const all = Array.from({ length: 30 }, (_, i) => session.submit(say(`${i}`)));
  await until(() => at.server.stats.running === 30, "handlers");
  const closing = session.close({ drainMs: 5000 });
  gate.open();
  assertEquals((await Promise.all(all)).map((r) => r.text()), all.map((_, i) => `${i}`));
  await closing;
  await at.end();
});

test("what happened to frames adds up", async () => {
  const at = await MEMORY.serve(async (frame) => {
    const text = frame.text();
    await turns(Number(frame.frameId) % 3);
    if (text === "throw") throw new Error("x");
    if (text === "drop") return drop();
    return say(text);
  }, { concurrency: 4, maxQueuedFrames: 20, profile: { maxConcurrentFrames: 8 } });
  const session: ClientSession = await at.dial({ ignoreMaxConcurrentFrames: true });
  const kinds = ["ok", "throw", "drop", "cancel", "ok", "droppable"];
  const all = Array.from({ length: 300 }, (_, i) => {
    const kind = kinds[i % kinds.length];
    const abort = new AbortController();
    if (kind === "cancel") void turns(i % 4).then(() => abort.abort());
    const flags = kind === "droppable" ? HeaderFlags.CAN_DROP : 0;
    return session.submit({ ...say(kind), flags }, { signal: abort.signal }).catch((error) => error);
  });
  await Promise.all(all);
  await until(() => at.server.stats.running === 0, "rest");
  const c = session.stats;
  assertEquals(c.submitted, 300);
  assertEquals(
    c.complete + c.partial + c.staleReuse + c.degraded + c.dropped + c.failed + c.cancelled + c.discarded,
    300,
  );
  const s = at.server.sessions[0].stats;
  assertEquals([s.submits, s.inFlight, s.bytesInFlight, at.server.stats.bytesInFlight], [300, 0, 0, 0]);
  assertEquals(s.results + s.drops + s.failed, 300);
  assert(at.server.stats.busy > 0 || at.server.stats.superseded > 0);
  await at.end();
});

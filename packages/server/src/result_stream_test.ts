/**
 * Handlers that yield: whatever ends their frame, their iterator is told once, and their slot is free when they have ended.
 */
import type { ClientSession } from "@nnrp/client";
import { BudgetPolicy, NnrpProtocolError, type ResultFields, TypedPayload } from "@nnrp/core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { Gate, type Meeting, MEMORY, PLACES } from "../../../tests/support/places.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import type { HandlerOutput } from "../mod.ts";
import { turn } from "../../../tests/support/turns.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
const BAD_PART = { typedPayloads: [{ payloadKind: 999, payload: new Uint8Array(3) } as never] };
const BAD_TENSORS = { tileIds: [1, 1, 1], sections: 5 as never };

/** What became of one iterator. */
class Watch {
  nexts = 0;
  returns = 0;
  finallies = 0;
}

/** Yields endlessly, or until a part that cannot be sent; what it does while it waits is the kind. */
type Kind = (watch: Watch, bad: ResultFields | undefined) => HandlerOutput;

const STEP: Promise<void> = Promise.resolve();
const KINDS: Record<string, Kind> = {
  "an async generator": async function* (watch, bad) {
    try {
      watch.nexts++;
      yield say("part");
      if (bad !== undefined) yield bad;
      for (;;) {
        await turn();
        yield say("more");
      }
    } finally {
      watch.returns++;
      await STEP;
      watch.finallies++;
    }
  } as Kind,
  "a generator": function* (watch: Watch, bad?: ResultFields) {
    try {
      watch.nexts++;
      yield say("part");
      if (bad !== undefined) yield bad;
      for (;;) yield say("more");
    } finally {
      watch.returns++;
      watch.finallies++;
    }
  } as Kind,
  "an iterator that waits in next() for ever": (watch, bad) => ({
    [Symbol.asyncIterator]: () => ({
      next: () => {
        watch.nexts++;
        if (watch.nexts === 1) return Promise.resolve({ done: false, value: say("part") });
        if (bad !== undefined) return Promise.resolve({ done: false, value: bad });
        return new Promise(() => {});
      },
      return: () => {
        watch.returns++;
        watch.finallies++;
        return Promise.resolve({ done: true as const, value: undefined });
      },
    }),
  }),
  "an iterator whose return() throws": (watch, bad) => ({
    [Symbol.asyncIterator]: () => ({
      next: () => {
        watch.nexts++;
        if (watch.nexts === 1) return Promise.resolve({ done: false, value: say("part") });
        if (bad !== undefined) return Promise.resolve({ done: false, value: bad });
        return new Promise(() => {});
      },
      return: () => {
        watch.returns++;
        watch.finallies++;
        throw new Error("no");
      },
    }),
  }),
};

/** Ends the frame 1 of a session whose first part has come. */
const ENDS: Record<
  string,
  (at: Meeting, session: ClientSession, abort: AbortController) => void | Promise<unknown>
> = {
  "the client cancels": (_at, _session, abort) => abort.abort(),
  "the client leaves": (_at, session) => session.close({ drainMs: 0 }),
  "the server aborts the session": (at) => at.server.close({ drainMs: 0 }),
  "the application answers it": (at) => at.server.sessions[0].sendResult(1, say("enough")),
  "the application fails it": (at) => {
    const session = at.server.sessions[0];
    session.sendResultDrop(1);
  },
  "the application discards it": (at) => at.server.sessions[0].discardFrame(1),
};

async function watchEnd(
  kind: Kind,
  bad: ResultFields | undefined,
  end: (at: Meeting, session: ClientSession, abort: AbortController) => void | Promise<unknown>,
  what: string,
): Promise<void> {
  const watch = new Watch();
  const at = await MEMORY.serve(
    (frame) => frame.text() === "stream" ? kind(watch, bad) : say("fine"),
    { concurrency: 1, migration: { enabled: false } },
  );
  const session = await at.dial();
  const abort = new AbortController();
  const came = new Gate();
  const reading = (async () => {
    for await (const _ of session.submitStream({ ...say("stream"), frameId: 1 }, { signal: abort.signal })) {
      came.open();
    }
  })().catch(() => {});
  await came.opened;
  await end(at, session, abort);
  await until(() => watch.finallies === 1, `${what}: return(), ${JSON.stringify(watch)}`);
  await until(() => at.server.stats.running === 0, `${what}: the slot`);
  if (session.state === "active") assertEquals((await session.submit(say("next"))).text(), "fine", what);
  assertEquals([watch.returns, watch.finallies, at.server.stats.running], [1, 1, 0], what);
  await at.end();
  await Promise.race([reading, session.closed]);
}

for (const [name, kind] of Object.entries(KINDS)) {
  test(`${name} is told once, whatever ends its frame, and its slot is free`, async () => {
    for (const [what, end] of Object.entries(ENDS)) await watchEnd(kind, undefined, end, what);
    for (const bad of [BAD_PART, BAD_TENSORS, 5 as never, null as never]) {
      await watchEnd(kind, bad, () => {}, "a part that cannot be sent");
    }
  });
}

test("an expired frame's iterator is told while it waits for its next part", async () => {
  const watch = new Watch();
  const at = await MEMORY.serve(() => KINDS["an iterator that waits in next() for ever"](watch, undefined));
  const session = await at.dial();
  await session.submit({ ...say("x"), latencyBudgetMs: 20, budgetPolicy: BudgetPolicy.ALLOW_DROP });
  await until(() => watch.returns === 1 && at.server.stats.running === 0, "return()");
  await at.end();
});

test("an iterator that is handed out after its frame was settled is told, and not begun", async () => {
  for (const [name, kind] of Object.entries(KINDS)) {
    const [started, finish] = [new Gate(), new Gate()];
    const watch = new Watch();
    let returns = 0;
    const at = await MEMORY.serve(async (): Promise<HandlerOutput> => {
      started.open();
      await finish.opened;
      const made = kind(watch, undefined) as AsyncGenerator<ResultFields>;
      const key = Symbol.asyncIterator in made ? Symbol.asyncIterator : Symbol.iterator;
      const iterator = (made as never)[key as never] as () => Iterator<ResultFields>;
      return {
        [key]: () => {
          const inner = iterator.call(made as never);
          return { next: () => inner.next(), return: () => (returns++, inner.return?.()) };
        },
      } as unknown as HandlerOutput;
    });
    const session = await at.dial();
    const abort = new AbortController();
    const cancelled = session.submit(say("x"), { signal: abort.signal });
    await started.opened;
    abort.abort();
    await assertRejects(() => cancelled);
    await until(() => at.server.sessions[0].stats.inFlight === 0, "the cancel");
    finish.open();
    await until(() => at.server.stats.running === 0, `${name}: the slot`);
    assertEquals([watch.nexts, returns], [0, 1], name);
    await at.end();
  }
});

test("a slot stays taken until the handler has ended, and is free once", async () => {
  const [called, closed] = [new Gate(), new Gate()];
  const at = await MEMORY.serve((frame): HandlerOutput => {
    if (frame.text() !== "stream") return say("fine");
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<never>(() => {}),
        async return() {
          called.open();
          await closed.opened;
          return { done: true as const, value: undefined };
        },
      }),
    };
  }, { concurrency: 1 });
  const session = await at.dial();
  const abort = new AbortController();
  const stream = session.submit(say("stream"), { signal: abort.signal });
  await until(() => at.server.stats.running === 1, "the handler");
  abort.abort();
  await assertRejects(() => stream);
  await called.opened;
  const next = session.submit(say("next"));
  await until(() => at.server.stats.queued === 1, "the next frame waits");
  assertEquals(at.server.stats.running, 1);
  closed.open();
  assertEquals((await next).text(), "fine");
  assertEquals(at.server.stats.running, 0);
  await at.end();
});

test("an iterator that cannot be told ends with its last step", async () => {
  const step = new Gate();
  const at = await MEMORY.serve((): HandlerOutput => ({
    [Symbol.asyncIterator]: () => ({
      next: () => step.opened.then(() => ({ done: false, value: say("late") })),
    }),
  }));
  const session = await at.dial();
  const abort = new AbortController();
  const stream = session.submit(say("stream"), { signal: abort.signal });
  await until(() => at.server.stats.running === 1, "the handler");
  abort.abort();
  await assertRejects(() => stream);
  await until(() => at.server.sessions[0].stats.inFlight === 0, "the cancel");
  assertEquals(at.server.stats.running, 1);
  step.open();
  await until(() => at.server.stats.running === 0, "the slot");
  await at.end();
});

test("a next() that throws ends its iterator: nobody calls return() then", async () => {
  let returns = 0;
  const at = await MEMORY.serve((): HandlerOutput => ({
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.reject(new Error("no")),
      return: () => (returns++, Promise.resolve({ done: true as const, value: undefined })),
    }),
  }));
  const session = await at.dial();
  await assertRejects(() => session.submit(say("x")), NnrpProtocolError, "INTERNAL_ERROR");
  await until(() => at.server.stats.running === 0, "the slot");
  assertEquals(returns, 0);
  await at.end();
});

test("a plain iterable or an array of parts is a stream, and what a generator returns is its final result", async () => {
  const outputs: Record<string, () => HandlerOutput> = {
    "an array": () => [say("a"), say("b"), say("c")],
    "an empty array": () => [],
    "a generator": function* () {
      yield say("a");
      yield say("b");
      return say("c");
    },
    "a set": () => new Set([say("a"), say("b"), say("c")]),
    "a promise": () => Promise.resolve([say("a"), say("b"), say("c")]) as unknown as HandlerOutput,
  };
  const at = await MEMORY.serve((frame) => outputs[frame.text()]());
  const session = await at.dial();
  for (const name of Object.keys(outputs)) {
    let text = "";
    for await (const part of session.submitStream(say(name))) if (!part.isEmpty) text += part.text();
    assertEquals(text, name === "an empty array" ? "" : "abc", name);
  }
  assertEquals(at.server.stats.running, 0);
  await at.end();
});

test("a plain iterable that never ends keeps neither the event loop nor other frames from their turn", async () => {
  let open = 0;
  const at = await MEMORY.serve((frame): HandlerOutput => {
    if (frame.text() !== "endless") return say("fine");
    return (function* () {
      open++;
      try {
        for (;;) yield say("more");
      } finally {
        open--;
      }
    })();
  });
  const session = await at.dial();
  const abort = new AbortController();
  const endless = (async () => {
    for await (const _ of session.submitStream(say("endless"), { signal: abort.signal }));
  })();
  await until(() => open === 1, "the handler");
  assertEquals((await session.submit(say("x"))).text(), "fine");
  abort.abort();
  await assertRejects(() => endless);
  await until(() => open === 0, "its end");
  await at.end();
});

test("a plain iterable makes no more than the client takes", async () => {
  let made = 0;
  const part = { typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(16 * 1024))] };
  const at = await MEMORY.serve(function* (): Generator<ResultFields> {
    for (; made < 1000; made++) yield part;
  }, { maxStreamAheadBytes: 64 * 1024 });
  const session = await at.dial();
  let most = 0;
  let parts = 0;
  for await (const result of session.submitStream(say("x"))) {
    if (result.isEmpty) continue;
    parts++;
    most = Math.max(most, at.server.sessions[0].stats.bufferedBytes);
  }
  assertEquals([parts, made], [1000, 1000]);
  assert(most <= 128 * 1024, `${most} bytes waited`);
  await at.end();
});

for (const place of PLACES) {
  test(`a handler may fill one buffer again for each part, and after frame.released, over ${place.name}`, async () => {
    const SIZE = 64 * 1024;
    const scratch = new Uint8Array(SIZE);
    const payload = { typedPayloads: [TypedPayload.opaqueBytes(scratch)] };
    const outputs: Record<string, () => HandlerOutput> = {
      async: async function* () {
        for (let i = 1; i <= 20; i++) yield (scratch.fill(i), payload);
      },
      plain: function* () {
        for (let i = 1; i <= 20; i++) yield (scratch.fill(i), payload);
      },
    };
    let free: Promise<void> = Promise.resolve();
    const at = await place.serve(async (frame) => {
      const text = frame.text();
      if (text in outputs) return outputs[text]();
      const before = free;
      free = frame.released;
      await before;
      scratch.fill(Number(text));
      return payload;
    });
    const session = await at.dial();
    for (const name of Object.keys(outputs)) {
      const got: number[][] = [];
      for await (const part of session.submitStream(say(name))) {
        if (part.isEmpty) continue;
        const bytes = part.opaqueBytesPayloads[0];
        got.push([bytes.length, ...new Set(bytes)]);
      }
      assertEquals(got, Array.from({ length: 20 }, (_, i) => [SIZE, i + 1]), name);
    }
    const plain = Array.from({ length: 20 }, (_, i) => session.submit(say(`${i + 1}`)));
    const got = (await Promise.all(plain)).map((result) => [...new Set(result.opaqueBytesPayloads[0])]);
    assertEquals(got, Array.from({ length: 20 }, (_, i) => [i + 1]));
    await at.end();
  });
}

test("frame.released resolves however a frame ends, and after it has ended", async () => {
  const released: Record<string, boolean> = {};
  const at = await MEMORY.serve((frame) => {
    const text = frame.text();
    void frame.released.then(() => released[text] = true);
    if (text === "throws") throw new Error("no");
    if (text === "cancelled") return new Promise<HandlerOutput>(() => {});
    if (text === "asked late") {
      void frame.whenSettled().then(() => frame.released).then(() => released["asked later"] = true);
    }
    return {};
  });
  const session = await at.dial();
  await session.submit(say("answered"));
  await session.submit(say("asked late"));
  await assertRejects(() => session.submit(say("throws")));
  const abort = new AbortController();
  const cancelled = session.submit(say("cancelled"), { signal: abort.signal });
  await until(() => at.server.sessions[0].stats.inFlight === 1, "the frame");
  assertEquals(released.cancelled, undefined);
  abort.abort();
  await assertRejects(() => cancelled);
  await until(() => Object.keys(released).length === 5, JSON.stringify(released));
  await at.end();
});

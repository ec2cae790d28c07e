/**
 * Signals that the server aborts at a client's word: whatever a listener of the application throws, on whichever runtime, is a line in
 * the log, and nobody else notices. The signals are AbortSignals in every other way.
 */
import { containedAbort, TypedPayload } from "@nnrp/core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { MEMORY } from "../../../tests/support/places.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import type { ServerLogEvent } from "../mod.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
const boom = (): never => {
  throw new Error("thrown by a listener");
};

/** Ways to listen with something that fails. */
const LISTENERS: Record<string, (signal: AbortSignal) => void> = {
  "a function": (signal) => signal.addEventListener("abort", boom),
  "an async function": (signal) =>
    signal.addEventListener("abort", () => Promise.reject(new Error("rejected by a listener"))),
  "an object": (signal) => signal.addEventListener("abort", { handleEvent: boom }),
  "an object without the method": (signal) => signal.addEventListener("abort", {} as never),
  "once, capturing": (signal) => signal.addEventListener("abort", boom, { once: true, capture: true }),
  "onabort": (signal) => {
    signal.onabort = boom;
  },
  "something thrown that cannot be printed": (signal) =>
    signal.addEventListener("abort", () => {
      throw Object.create(null);
    }),
};

for (const [what, listen] of Object.entries(LISTENERS)) {
  test(`a listener on frame.signal that throws: ${what}`, async () => {
    const log: ServerLogEvent[] = [];
    const aborted: string[] = [];
    const at = await MEMORY.serve((frame) => {
      if (frame.text() === "good") return say("good");
      listen(frame.signal);
      return new Promise((done) =>
        frame.signal.addEventListener("abort", () => {
          aborted.push(String(frame.signal.reason));
          done({});
        })
      );
    }, { log: (event) => log.push(event) });
    const session = await at.dial();
    const cancel = new AbortController();
    const cancelled = session.submit(say("x"), { signal: cancel.signal });
    await until(() => at.server.stats.running === 1, "the handler");
    cancel.abort();
    await assertRejects(() => cancelled);
    await until(
      () => at.server.stats.running === 0 && log.some((event) => event.type === "handler-failed"),
      "the log",
    );
    assertEquals(log.filter((event) => event.type === "handler-failed").map((event) => event.message), [
      "a listener on the signal of frame 1/0 failed",
    ]);
    assertEquals(aborted, ["Error: cancelled by the client"], "other listeners hear of it");
    assertEquals((await session.submit(say("good"))).text(), "good");
    await at.end();
  });

  test(`a listener on the signal of a validator that throws: ${what}`, async () => {
    const log: ServerLogEvent[] = [];
    let asked = 0;
    const at = await MEMORY.serve(() => say("good"), {
      log: (event) => log.push(event),
      handshakeTimeoutMs: 50,
      authValidator: ({ authBlock }, signal) => {
        if (authBlock.length > 0) return true;
        asked++;
        listen(signal);
        return new Promise(() => {});
      },
    });
    await assertRejects(() => at.dial());
    const told = () => log.filter((event) => event.message.startsWith("a listener on the signal")).length;
    await until(() => asked === 1 && told() === 1, "the log");
    const session = await at.dial({ auth: "x" });
    assertEquals((await session.submit(say("x"))).text(), "good");
    await at.end();
  });
}

test("the signal is an AbortSignal: a listener is added once and can be taken away, onabort is what was set, and it can be derived from", () => {
  const failures: unknown[] = [];
  const controller = containedAbort((error) => failures.push(error));
  const { signal } = controller;
  assert(signal instanceof AbortSignal);
  const heard: string[] = [];
  const twice = function (this: unknown, event: Event) {
    heard.push(`twice ${this === signal} ${event.type} ${event.target === signal}`);
  };
  const object = { handleEvent: () => void heard.push(`object ${true}`) };
  const gone = () => void heard.push("gone");
  signal.addEventListener("abort", twice);
  signal.addEventListener("abort", twice);
  signal.addEventListener("abort", object);
  signal.addEventListener("abort", gone, true);
  signal.removeEventListener("abort", gone, { capture: true }); // Node does not take a true for it
  signal.removeEventListener("abort", () => {});
  signal.addEventListener("abort", null as never);
  assertEquals(signal.onabort, null);
  signal.onabort = gone;
  signal.onabort = null;
  const last = () => void heard.push("onabort");
  signal.onabort = last;
  assertEquals(signal.onabort, last);
  const derived = AbortSignal.any([signal]);
  derived.addEventListener("abort", () => heard.push("derived"));
  const reason = new Error("why");
  controller.abort(reason);
  controller.abort();
  assertEquals(heard.sort(), ["derived", "object true", "onabort", "twice true abort true"]);
  assertEquals([signal.aborted, signal.reason, derived.reason, failures], [true, reason, reason, []]);
  try {
    signal.throwIfAborted();
    assert(false);
  } catch (error) {
    assertEquals(error, reason);
  }
});

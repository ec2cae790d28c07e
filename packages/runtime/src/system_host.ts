/**
 * The host of a real machine. The only file of core, client, server and carriers that reads a clock, starts a timer or draws a
 * random number; `.ci/check.ts` sees to it.
 *
 * @module
 */
import type { CancelTimer, Host } from "@nnrp/core";

/** Longest time that runtimes can set a timer to, ms: beyond it they let it run out at once. */
const MAX_TIMER_MS = 0x7fffffff;
/**
 * Turns after which Deno's loop certainly polls sockets and timers while something else is always due: its
 * runtime (tokio) does so after this many tasks only, and each turn with a `setImmediate` in it is one. With
 * one turn per yield a busy server would read new frames 61 slices late (measured: 49 ms with slices of 1
 * ms).
 */
const DENO_TURNS = 61;
/** How stale socket events may be on Deno, ms. All turns take 50 us: within so much work that is little. */
const LOOK_MS = 2;

interface AsyncHooks {
  readonly AsyncLocalStorage: new () => {
    enterWith(value: unknown): void;
    getStore(): unknown;
    disable(): void;
  };
  readonly AsyncResource: new (type: string) => { runInAsyncScope<T>(call: () => T): T };
}

interface NodeLike {
  readonly process?: {
    getBuiltinModule?(id: "node:async_hooks"): AsyncHooks | undefined;
  };
  readonly setImmediate?: (call: () => void) => unknown;
}

const { process, setImmediate: immediate } = globalThis as NodeLike;
const turnsPerLook = "Deno" in globalThis ? DENO_TURNS : 1;

/**
 * Makes the host of this machine.
 *
 * @returns A host whose `runDetached` runs in the asynchronous context of this call, where the runtime has such contexts
 *   (Deno, Node, Bun) and makes them available without an import (Node 20.16, 22.3); elsewhere calls run in their caller's.
 */
export function systemHost(): Host {
  const hooks = process?.getBuiltinModule?.("node:async_hooks");
  const runDetached: Host["runDetached"] = hooks === undefined ? (call) => call() : detached(hooks);
  return {
    now: () => performance.now(),
    wallNow: () => Date.now(),
    after,
    yield: yieldToEvents,
    random: () => Math.random(),
    randomBytes,
    runDetached,
    eachDetached: "Deno" in globalThis ? microtasks(runDetached) : (waiting, call) => {
      while (waiting() > 0) runDetached(call);
    },
  };
}

/** Not `AsyncLocalStorage.snapshot()`, which costs six times as much on Deno and ten times on Node 24. */
function detached({ AsyncLocalStorage, AsyncResource }: AsyncHooks): Host["runDetached"] {
  const start = new AsyncResource("nnrp");
  // Before Node 24 what a callback enters stays in the resource it ran in: it gets one of its own there.
  const probe = new AsyncLocalStorage();
  const tried = new AsyncResource("nnrp");
  tried.runInAsyncScope(() => probe.enterWith(true));
  const isSticky = tried.runInAsyncScope(() => probe.getStore()) === true;
  probe.disable();
  if (!isSticky) return (call) => start.runInAsyncScope(call);
  return (call) => start.runInAsyncScope(() => new AsyncResource("nnrp")).runInAsyncScope(call);
}

/** On Deno going into a context costs 450 ns, a microtask that is in one already 30. */
function microtasks(runDetached: Host["runDetached"]): Host["eachDetached"] {
  return (waiting, call) => {
    const first = (): void => {
      const calls = waiting();
      // All of them before any is made: what the first leaves behind would be the context of the second.
      for (let next = 1; next < calls; next++) queueMicrotask(call);
      if (calls > 0) call();
    };
    runDetached(() => queueMicrotask(first));
  };
}

function after(ms: number, call: () => void): CancelTimer {
  if (ms === Infinity) return nothing;
  let timer: ReturnType<typeof setTimeout>;
  const start = (left: number): void => {
    timer = left <= MAX_TIMER_MS
      ? setTimeout(call, Math.max(0, left))
      : setTimeout(() => start(left - MAX_TIMER_MS), MAX_TIMER_MS);
  };
  start(ms);
  return () => clearTimeout(timer);
}

function nothing(): void {}

/** Browsers let timers wait for 4 ms once they follow each other; messages do not. */
const messages: ((call: () => void) => void) | null = immediate === undefined ? messageTurns() : null;

function messageTurns(): ((call: () => void) => void) | null {
  if (typeof MessageChannel === "undefined") return null;
  const { port1, port2 } = new MessageChannel();
  const calls: (() => void)[] = [];
  port1.onmessage = () => calls.shift()!();
  return (call) => {
    calls.push(call);
    port2.postMessage(null);
  };
}

function yieldToEvents(call: () => void, workedMs: number = LOOK_MS): void {
  if (immediate === undefined) {
    if (messages === null) setTimeout(call, 0);
    else messages(call);
    return;
  }
  let turns = Math.ceil(turnsPerLook * Math.min(1, workedMs / LOOK_MS));
  const step = (): void => {
    if (--turns > 0) immediate(step);
    else call();
  };
  immediate(step);
}

/** Most random bytes per call to the runtime. */
const RANDOM_CHUNK = 65536;

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += RANDOM_CHUNK) {
    crypto.getRandomValues(bytes.subarray(at, at + RANDOM_CHUNK));
  }
  return bytes;
}

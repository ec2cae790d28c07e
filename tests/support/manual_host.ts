/**
 * A host on a real machine whose clock stands still until the test lets time pass: for limits of things that do real I/O, which must
 * neither be over early on a slow machine nor be waited for.
 *
 * @module
 */
import type { CancelTimer, Host } from "@nnrp/core";
import { systemHost } from "@nnrp/runtime";
import { turns } from "./turns.ts";

interface Timer {
  readonly dueMs: number;
  readonly call: () => void;
}

/** See the module. Turns of the event loop, random numbers and contexts are the machine's. */
export class ManualHost implements Host {
  readonly #machine = systemHost();
  readonly #timers = new Set<Timer>();
  #nowMs = 0;

  now(): number {
    return this.#nowMs;
  }
  wallNow(): number {
    return this.#machine.wallNow();
  }
  after(ms: number, call: () => void): CancelTimer {
    if (ms === Infinity) return () => {};
    const timer = { dueMs: this.#nowMs + Math.max(0, ms), call };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }
  yield(call: () => void, workedMs?: number): void {
    this.#machine.yield(call, workedMs);
  }
  random(): number {
    return this.#machine.random();
  }
  randomBytes(length: number): Uint8Array {
    return this.#machine.randomBytes(length);
  }
  runDetached<T>(call: () => T): T {
    return this.#machine.runDetached(call);
  }
  eachDetached(waiting: () => number, call: () => void): void {
    this.#machine.eachDetached(waiting, call);
  }

  /** Lets time pass, some turns of the event loop for each step, until a promise is settled, and gives what it gives. */
  async passUntil<T>(promise: Promise<T>, stepMs = 10): Promise<T> {
    let isSettled = false;
    const settled = () => isSettled = true;
    promise.then(settled, settled);
    while (!isSettled) {
      await turns(3);
      this.pass(stepMs);
    }
    return await promise;
  }

  /** Lets so much time pass; what is due in it is called before this returns, in its order. */
  pass(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ dueMs }) => dueMs <= endMs);
      if (due.length === 0) break;
      const next = due.reduce((first, timer) => timer.dueMs < first.dueMs ? timer : first);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#timers.delete(next);
      next.call();
    }
    this.#nowMs = endMs;
  }
}

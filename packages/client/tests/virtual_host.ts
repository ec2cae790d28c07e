/**
 * Virtual time for the client's own tests: nothing happens until the test lets time pass.
 *
 * @module
 */
import type { CancelTimer, Host } from "@nnrp/core";
import { settle } from "./fake_carriers.ts";

interface Timer {
  readonly dueMs: number;
  readonly call: () => void;
}

/** A host whose time the test moves. Timers fire in the order in which they are due, those of one moment in order of setting. */
export class VirtualHost implements Host {
  /** Every delay that was asked for, ms, in order. */
  readonly delays: number[] = [];
  #nowMs = 0;
  #seed = 1;
  readonly #timers = new Set<Timer>();

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#nowMs;
  }

  wallNow(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  after(ms: number, call: () => void): CancelTimer {
    if (Number.isNaN(ms)) throw new RangeError("a timer of NaN ms");
    this.delays.push(ms);
    if (ms === Infinity) return () => {};
    const timer = { dueMs: this.#nowMs + Math.max(0, ms), call };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  yield(call: () => void): void {
    this.after(0, call);
  }

  /** A linear congruential generator: the same numbers each time. */
  random(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return this.#seed / 2 ** 32;
  }

  randomBytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => Math.floor(this.random() * 256));
  }

  runDetached<T>(call: () => T): T {
    return call();
  }

  eachDetached(waiting: () => number, call: () => void): void {
    while (waiting() > 0) call();
  }

  /** Lets so much time pass, with everything that is due in it and what follows from that. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#timers.delete(next);
      next.call();
      await settle();
    }
    this.#nowMs = endMs;
    await settle();
  }

  #next(endMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= endMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }
}

/** How a promise stands now, without waiting for it. */
export async function stateOf(promise: Promise<unknown>): Promise<"pending" | "fulfilled" | "rejected"> {
  let state: "pending" | "fulfilled" | "rejected" = "pending";
  promise.then(() => state = "fulfilled", () => state = "rejected");
  await settle();
  return state;
}

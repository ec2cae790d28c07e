/**
 * A host whose timers and turns cannot end the process: their only caller is the runtime.
 *
 * @module
 */
import type { CancelTimer, Host } from "@nnrp/core";

/** Makes a call, and handles what it throws. Must not throw. */
type Contain = (call: () => void) => void;

/**
 * The same host, with calls that are made through `contain`.
 *
 * @param host Provides clock, timers and random numbers.
 * @param contain Makes a call, and handles what it throws. Must not throw.
 */
export function containTimers(host: Host, contain: (call: () => void) => void): Host {
  return new ContainedHost(host, contain);
}

/** A class, for each session has one: closures would be ten times its size. */
class ContainedHost implements Host {
  readonly #host: Host;
  readonly #contain: Contain;

  constructor(host: Host, contain: Contain) {
    this.#host = host;
    this.#contain = contain;
  }

  now(): number {
    return this.#host.now();
  }

  wallNow(): number {
    return this.#host.wallNow();
  }

  after(ms: number, call: () => void): CancelTimer {
    return this.#host.after(ms, () => this.#contain(call));
  }

  yield(call: () => void, workedMs?: number): void {
    this.#host.yield(() => this.#contain(call), workedMs);
  }

  random(): number {
    return this.#host.random();
  }

  randomBytes(length: number): Uint8Array {
    return this.#host.randomBytes(length);
  }

  runDetached<T>(call: () => T): T {
    return this.#host.runDetached(call);
  }

  eachDetached(waiting: () => number, call: () => void): void {
    this.#host.eachDetached(waiting, () => this.#contain(call));
  }
}

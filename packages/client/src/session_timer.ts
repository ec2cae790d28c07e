/**
 * The one timer of a session: set to the earliest of all deadlines, moved only when one comes that is sooner.
 *
 * @module
 */
import type { CancelTimer, Host } from "@nnrp/core";

/** What the timer is for. */
export interface Timed {
  /** When something is due next, ms of the host's clock; Infinity = nothing is. */
  readonly nextDeadlineMs: number;
  /** When a wait for the peer ends next, ms; what came in time but was not read yet is looked at before. */
  readonly nextVerdictMs: number;
  /** Does what is due. */
  tick(nowMs: number): void;
}

/** Calls {@linkcode Timed.tick} when something is due, and from time to time in any case. */
export class SessionTimer {
  readonly #host: Host;
  readonly #timed: Timed;
  readonly #intervalMs: number;
  #cancelTimer: CancelTimer = () => {};
  #setMs = Infinity; // what it is set to; −Infinity = it is over

  /**
   * Makes a SessionTimer, not running.
   *
   * @param host Whose clock and timers to use.
   * @param timed What to call.
   * @param intervalMs Longest time between two calls, ms.
   */
  constructor(host: Host, timed: Timed, intervalMs: number) {
    this.#host = host;
    this.#timed = timed;
    this.#intervalMs = intervalMs;
  }

  /** Something is due at this time, ms: sets the timer if it is set to a later one. */
  demand(deadlineMs: number): void {
    if (deadlineMs < this.#setMs) this.set();
  }

  /** Sets the timer to what is due next. */
  set(): void {
    if (this.#setMs === -Infinity) return;
    this.#cancelTimer();
    const now = this.#host.now();
    this.#setMs = Math.min(this.#timed.nextDeadlineMs, now + this.#intervalMs);
    this.#cancelTimer = this.#host.after(Math.max(1, Math.ceil(this.#setMs - now)), () => {
      // The timer may be late because the event loop was blocked, and what came meanwhile lies in the socket: a look first.
      if (this.#host.now() < this.#timed.nextVerdictMs) this.#tick();
      else this.#host.yield(() => this.#tick());
    });
  }

  #tick(): void {
    if (this.#setMs === -Infinity) return;
    this.#setMs = Infinity;
    this.#timed.tick(this.#host.now());
    this.set();
  }

  /** Ends it for good. */
  stop(): void {
    this.#cancelTimer();
    this.#setMs = -Infinity;
  }
}

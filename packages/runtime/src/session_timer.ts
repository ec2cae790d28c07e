/**
 * The one timer of a connection or session: set to the earliest of all deadlines, moved only when one comes that is sooner.
 *
 * @module
 */
import type { CancelTimer, Host } from "@nnrp/core";

/** What the timer is for. */
export interface Timed {
  /** When something is due next, ms of the host's clock; Infinity = nothing is. */
  readonly nextDeadlineMs: number;
  /** When the peer may be given up next, ms; what came in time but was not read yet is read before. */
  readonly nextVerdictMs: number;
  /** Does what is due. */
  tick(nowMs: number): void;
}

/** Whose time a {@linkcode SessionTimer} goes by, ms. */
export interface TimerClock {
  /** The time as it is known. */
  readonly nowMs: number;
  /** Reads it anew. */
  read(): number;
}

/** Calls {@linkcode Timed.tick} when something is due, and from time to time in any case. */
export class SessionTimer {
  readonly #host: Host;
  readonly #clock: TimerClock;
  readonly #timed: Timed;
  readonly #intervalMs: number;
  #cancelTimer: CancelTimer | null = null;
  #setMs = Infinity; // what it is set to; −Infinity = it is over

  /**
   * Makes a SessionTimer, not running.
   *
   * @param host Provides the timers.
   * @param timed What to call.
   * @param intervalMs Longest time between two calls, ms.
   * @param clock Whose time to go by; default: the host's.
   */
  constructor(host: Host, timed: Timed, intervalMs: number, clock: TimerClock = clockOf(host)) {
    this.#host = host;
    this.#clock = clock;
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
    this.#cancelTimer?.();
    const now = this.#clock.nowMs;
    this.#setMs = Math.min(this.#timed.nextDeadlineMs, now + this.#intervalMs);
    this.#cancelTimer = this.#host.after(Math.max(1, Math.ceil(this.#setMs - now)), this.#due);
  }

  /** Ends it for good. */
  stop(): void {
    this.#cancelTimer?.();
    this.#setMs = -Infinity;
  }

  readonly #due = (): void => {
    if (this.#setMs === -Infinity) return;
    // The timer may be late because the event loop was blocked, and what came meanwhile is in the socket:
    // poll it first.
    if (this.#clock.read() < this.#timed.nextVerdictMs) this.#tick();
    else this.#host.yield(this.#tick);
  };

  readonly #tick = (): void => {
    if (this.#setMs === -Infinity) return;
    this.#setMs = Infinity;
    this.#timed.tick(this.#clock.read());
    this.set();
  };
}

function clockOf(host: Host): TimerClock {
  return {
    get nowMs(): number {
      return host.now();
    },
    read: () => host.now(),
  };
}

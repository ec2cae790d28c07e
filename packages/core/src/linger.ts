/**
 * How long a graceful close goes on: as long as bytes leave, within bounds. One rule for carriers of one stream and of many.
 *
 * @module
 */
import type { CancelTimer, Host } from "./host.ts";

/**
 * How long a closing carrier waits while no byte leaves, unless round trips longer than a third of it were
 * measured, ms.
 */
export const LINGER_MS = 1000;
/** Longest time of a close, however slowly bytes leave, unless configured otherwise, ms. */
export const DRAIN_MS = 20_000;

/** Round trips that a wait for one of them takes at least: the peer's answer may be held up as often as not. */
const ROUND_TRIPS = 3;
/** What a measured round trip makes of a wait that stands for one is at most this long, ms. */
export const MAX_ROUND_TRIP_WAIT_MS = 10_000;

/**
 * How long to wait for something that takes a round trip.
 *
 * @param leastMs Wait on an unmeasured path, and the shortest on any, ms.
 * @param roundTripMs How long a round trip may take there, ms; undefined = unknown.
 * @param roundTrips How many of them to wait for.
 * @returns ms; what the measure adds is bounded by {@linkcode MAX_ROUND_TRIP_WAIT_MS}.
 */
export function roundTripWait(
  leastMs: number,
  roundTripMs: number | undefined,
  roundTrips: number = ROUND_TRIPS,
): number {
  return Math.max(leastMs, Math.min((roundTripMs ?? 0) * roundTrips, MAX_ROUND_TRIP_WAIT_MS));
}

/** How long a closing carrier waits while no byte leaves, unless configured otherwise, ms. */
export function lingerMs(roundTripMs: number | undefined): number {
  return roundTripWait(LINGER_MS, roundTripMs);
}

/** Bounds of a {@linkcode Linger}. */
export interface LingerOptions {
  /** Longest time without a byte that leaves, ms. */
  readonly stallMs: number;
  /** Longest time in all, ms; Infinity = none. */
  readonly drainMs: number;
}

/** The wait of a closing carrier for its last bytes to leave and its peer to end. */
export class Linger {
  readonly #host: Host;
  readonly #stallMs: number;
  readonly #sent: () => number;
  readonly #over: () => void;
  #leftMs: number;
  #ended = false;
  #cancelTimer: CancelTimer = () => {};

  /**
   * Begins to wait.
   *
   * @param host Provides the timers.
   * @param options Bounds.
   * @param sent How many bytes have left so far.
   * @param over Called once if the wait is not ended before: a peer that has not received everything by now
   *   does not.
   */
  constructor(host: Host, { stallMs, drainMs }: LingerOptions, sent: () => number, over: () => void) {
    this.#host = host;
    this.#stallMs = stallMs;
    this.#leftMs = drainMs;
    this.#sent = sent;
    this.#over = over;
    this.#wait();
  }

  #wait(): void {
    const sentBytes = this.#sent();
    const waitMs = Math.min(this.#stallMs, this.#leftMs);
    this.#leftMs -= waitMs;
    this.#cancelTimer = this.#host.after(waitMs, () => {
      // A loop that was blocked does not know yet what its sockets accepted meanwhile.
      this.#host.yield(() => {
        if (this.#ended) return;
        if (this.#leftMs > 0 && this.#sent() > sentBytes) this.#wait();
        else {
          this.#ended = true;
          this.#over();
        }
      });
    });
  }

  /** Ends the wait: the connection is gone. */
  end(): void {
    this.#ended = true;
    this.#cancelTimer();
  }
}

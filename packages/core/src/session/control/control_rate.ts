/**
 * How many control packets that make no progress (pings, flow updates, refused patches, cancels of unknown
 * frames) a peer may send: a burst, then a steady rate. A peer that is beyond it is read more slowly, and its
 * session ends with LIMIT_EXCEEDED once it owes a burst more (docs/architecture.md, "Limits").
 *
 * @module
 */

/** Such packets that may come at once: a client that starts up sends dozens, not thousands. */
export const CONTROL_BURST = 1000;
/** Such packets per second in the long run. */
export const CONTROL_PER_SECOND = 33;

/**
 * What each frame earns, and each result or part of one: its cancel may come too late, and a ping, a flow update and an invalidation
 * with each are no flood.
 */
export const CONTROL_PER_FRAME = 4;
/** Longest time for which a peer that owes is not read in one go, ms: its cancels and frames are among what waits then. */
export const MAX_CONTROL_REST_MS = 1000;

/** Options of {@linkcode ControlRate}. */
export interface ControlRateOptions {
  /** Packets that may come at once, ≥ 1. Default {@linkcode CONTROL_BURST}. */
  readonly burst?: number;
  /** Packets per second in the long run, ≥ 0. Default {@linkcode CONTROL_PER_SECOND}. */
  readonly perSecond?: number;
}

/** A token bucket; full at first. */
export class ControlRate {
  #burst: number;
  #perMs: number;
  #tokens: number;
  #lastMs = Infinity; // until the first packet

  /**
   * A full bucket.
   *
   * @param options Burst and rate.
   */
  constructor(options: ControlRateOptions = {}) {
    this.#burst = options.burst ?? CONTROL_BURST;
    this.#perMs = (options.perSecond ?? CONTROL_PER_SECOND) / 1000;
    this.#tokens = this.#burst;
  }

  /**
   * Takes tokens.
   *
   * @param nowMs Monotonic time, ms; going back in time brings no tokens.
   * @param cost How many, ≥ 0; all or none are taken. Default 1.
   * @returns False if there are not so many: the peer is over its rate.
   */
  spend(nowMs: number, cost = 1): boolean {
    this.#refill(nowMs);
    if (this.#tokens < cost) return false;
    this.#tokens -= cost;
    return true;
  }

  /**
   * Takes a token, also one that is not there: it is owed then.
   *
   * @param nowMs See {@linkcode ControlRate.spend}.
   * @returns False once more than a burst is owed.
   */
  charge(nowMs: number): boolean {
    this.#refill(nowMs);
    this.#tokens--;
    return this.#tokens >= -this.#burst;
  }

  /** How long not to read, so that what is owed is paid by time, ms; 0 = nothing is owed. At most {@linkcode MAX_CONTROL_REST_MS}. */
  get restMs(): number {
    return this.#tokens >= 0 ? 0 : Math.min(MAX_CONTROL_REST_MS, Math.ceil(-this.#tokens / this.#perMs));
  }

  /** How long it takes until a token is there, ms, if nothing is earned or spent; Infinity with a rate of 0. */
  get waitMs(): number {
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#perMs);
  }

  #refill(nowMs: number): void {
    if (nowMs > this.#lastMs) {
      this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#lastMs) * this.#perMs);
      this.#lastMs = nowMs;
    } else if (this.#lastMs === Infinity) this.#lastMs = nowMs;
  }

  /**
   * Puts tokens back, for work that pays for more; the bucket never holds more than the burst.
   *
   * @param tokens How many, ≥ 0.
   */
  earn(tokens: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + tokens);
  }
}

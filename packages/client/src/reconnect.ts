/**
 * When to try again after a lost connection: backoff that doubles, with full jitter, so that a thousand clients of a restarted
 * server do not come back at once.
 *
 * @module
 */

import { MAX_RESUBMITS, RECONNECT_MAX_DELAY_MS, RECONNECT_MIN_DELAY_MS } from "./defaults.ts";

/** What to do after a lost connection. */
export interface ReconnectOptions {
  /** Upper bound of the first delay, ms; it doubles with each try. Default 250. */
  readonly minDelayMs?: number;
  /** Longest delay, ms. Default 30,000. */
  readonly maxDelayMs?: number;
  /** Tries until the session ends; Infinity = for ever. Default 10. */
  readonly maxAttempts?: number;
  /**
   * Whether frames of `submit()` and `submitStream()` that were in flight are submitted anew, under a new id with `retryOfFrame`,
   * if none of their results came, those that a server which asked to come back did not begin among them. Such a frame may run twice. Default false: they fail with NnrpConnectionClosedError.
   */
  readonly resubmit?: boolean;
  /**
   * How often one frame is submitted anew, from 0; Infinity = always. It bounds what a frame can do whose answer breaks the connection, or
   * the server, each time. Frames that a leaving server did not begin are not counted. Default 3.
   */
  readonly maxResubmits?: number;
}

/** How often a frame is sent anew under these options; 0 = never. */
export function maxResubmitsOf(options: ReconnectOptions | null | undefined): number {
  return options?.resubmit === true ? options.maxResubmits ?? MAX_RESUBMITS : 0;
}

/**
 * How long to wait before a try: anything from 0 to the bound (full jitter).
 *
 * @param attempt 0 for the first one.
 * @param options Bounds.
 * @param random 0…1.
 */
export function reconnectDelay(attempt: number, options: ReconnectOptions, random: number): number {
  const { minDelayMs = RECONNECT_MIN_DELAY_MS, maxDelayMs = RECONNECT_MAX_DELAY_MS } = options;
  return Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(attempt, 30)) * random;
}

/**
 * Detects a send stall. Time in which this side did not check, because its event loop was blocked or the
 * machine slept, does not count against the peer.
 *
 * @module
 */
import type { Host } from "@nnrp/core";

/** Longest time between two checks, ms: a stalled peer is detected within the limit and this. */
const MAX_INTERVAL_MS = 5000;

/**
 * Acts on a send stall that is still there once the sockets were polled: what the peer took while the event
 * loop was blocked is known only then.
 *
 * @param host Provides the turn of the event loop.
 * @param isStalled Checks the connection; called again after that turn.
 * @param cut Ends the connection.
 */
export function confirmStall(host: Host, isStalled: () => boolean, cut: () => void): void {
  if (!isStalled()) return;
  host.yield(() => {
    if (isStalled()) cut();
  });
}

/** Counts how long bytes have waited without progress. Pure: its owner checks periodically. */
export class StallWatch {
  /**
   * Longest time between two checks, ms; what goes beyond it does not count, and nothing of twice as much and
   * more. Infinity where there is no limit to watch.
   */
  readonly intervalMs: number;

  readonly #limitMs: number;
  #progress = -1;
  #lookedMs = 0;
  #stalledMs = 0;

  /**
   * Counts from the first call of {@linkcode StallWatch.look}.
   *
   * @param limitMs How long a peer may make no progress while bytes wait for it, ms; Infinity = no limit.
   */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.intervalMs = limitMs === Infinity ? Infinity : Math.min(MAX_INTERVAL_MS, limitMs / 2);
  }

  /**
   * Checks the connection.
   *
   * @param nowMs Monotonic time, ms.
   * @param waitingBytes Bytes that wait to be taken; 0 = nothing is asked of the peer.
   * @param progress A counter that grows while the peer is alive: bytes sent plus bytes received.
   * @returns Whether the limit is reached.
   */
  look(nowMs: number, waitingBytes: number, progress: number): boolean {
    if (waitingBytes === 0 || progress !== this.#progress) {
      this.#progress = progress;
      this.#stalledMs = 0;
    } else {
      // A check that is late by a whole interval proves nothing about the time before it: what was taken then
      // is not known yet.
      const sinceMs = nowMs - this.#lookedMs;
      if (sinceMs < 2 * this.intervalMs) this.#stalledMs += Math.min(sinceMs, this.intervalMs);
    }
    this.#lookedMs = nowMs;
    return this.#stalledMs >= this.#limitMs;
  }

  /** The connection is another one from now on. */
  restart(): void {
    this.#progress = -1;
  }
}

/**
 * Waiting with a time limit and an AbortSignal, in one way for every call that is not on the hot path.
 *
 * @module
 */
import type { CancelTimer, Host } from "@nnrp/core";
import { listenForAbort, stopListening } from "./abort_listeners.ts";

/** How long a call may wait. */
export interface WaitOptions {
  /** Longest wait, ms, any length. Default: no limit. */
  readonly timeoutMs?: number;
  /** Ends the wait; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * A promise that `begin` settles, a timer or a signal ends.
 *
 * @param host Provides the timers.
 * @param options Time limit and signal.
 * @param onTimeout Makes the error of a time-out.
 * @param begin Starts the wait; returns what to do when the wait ends without an answer.
 */
export function waitFor<T>(
  host: Host,
  options: WaitOptions,
  onTimeout: (timeoutMs: number) => Error,
  begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void,
): Promise<T> {
  const { timeoutMs, signal } = options;
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    let cancelTimer: CancelTimer | null = null;
    let giveUp: (() => void) | null = null;
    let settled = false;
    const settle = () => {
      settled = true;
      cancelTimer?.();
      if (signal !== undefined) stopListening(signal, listener);
    };
    const listener = {
      aborted: (reason: unknown) => {
        settle();
        giveUp?.();
        reject(reason);
      },
    };
    giveUp = begin((value) => {
      settle();
      resolve(value);
    }, (error) => {
      settle();
      reject(error);
    });
    if (settled) return; // the answer was there already
    if (timeoutMs !== undefined) {
      // The timer may be late because the event loop was blocked, and the answer is in the socket: poll it
      // first.
      cancelTimer = host.after(timeoutMs, () =>
        host.yield(() => {
          if (settled) return;
          settle();
          giveUp!();
          reject(onTimeout(timeoutMs));
        }));
    }
    if (signal !== undefined) listenForAbort(signal, listener);
  });
}

/**
 * Waiting with a time limit and an AbortSignal, in one way for every call that is not on the hot path.
 *
 * @module
 */

/** How long a call may wait. */
export interface WaitOptions {
  /** Most ms to wait. Default: no limit. */
  readonly timeoutMs?: number;
  /** Ends the wait; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Longest time a timer can run, ms: beyond it, runtimes let it run out at once. */
const MAX_TIMER_MS = 0x7fffffff;

/** A timer; for times beyond 24 days, Infinity among them, none. */
export function startTimer(ms: number, call: () => void): ReturnType<typeof setTimeout> | undefined {
  return ms <= MAX_TIMER_MS ? setTimeout(call, ms) : undefined;
}

/**
 * A promise that `begin` settles, a timer or a signal ends.
 *
 * @param options Time limit and signal.
 * @param onTimeout Makes the error of a time-out.
 * @param begin Starts the wait; returns what to do when the wait ends without an answer.
 */
export function waitFor<T>(
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
    let timer: ReturnType<typeof setTimeout> | undefined;
    let giveUp: (() => void) | null = null;
    let settled = false;
    const settle = () => {
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    const onAbort = () => {
      settle();
      giveUp?.();
      reject(signal!.reason);
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
      timer = startTimer(timeoutMs, () => {
        settle();
        giveUp!();
        reject(onTimeout(timeoutMs));
      });
    }
    signal?.addEventListener("abort", onAbort);
  });
}

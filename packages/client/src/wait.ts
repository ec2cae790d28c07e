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
    if (timeoutMs !== undefined && timeoutMs !== Infinity) {
      timer = setTimeout(() => {
        settle();
        giveUp!();
        reject(onTimeout(timeoutMs));
      }, timeoutMs);
    }
    signal?.addEventListener("abort", onAbort);
  });
}

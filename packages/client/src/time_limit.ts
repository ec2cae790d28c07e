/**
 * Work that must end in time, and pauses that can be cut short.
 *
 * @module
 */
import type { Host } from "@nnrp/core";
import { waitFor, type WaitOptions } from "@nnrp/runtime";

/**
 * Runs work with a signal that aborts when the time is over or the caller's own signal does.
 *
 * @param host Whose timers to use.
 * @param limits Time for the work, ms, any length, and the caller's signal.
 * @param onTimeout Makes the reason of the signal when the time is over.
 * @param work What to do; it rejects once its signal is aborted.
 */
export async function withinTime<T>(
  host: Host,
  limits: WaitOptions & { readonly timeoutMs: number },
  onTimeout: (timeoutMs: number) => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { timeoutMs, signal } = limits;
  const limit = new AbortController();
  const cancelTimer = host.after(timeoutMs, () => limit.abort(onTimeout(timeoutMs)));
  try {
    return await work(signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]));
  } finally {
    cancelTimer();
  }
}

/** Waits, any length; rejects with the signal's reason. */
export function sleep(host: Host, ms: number, signal: AbortSignal): Promise<void> {
  return waitFor<void>(
    host,
    { signal },
    () => new Error("unreachable: a pause has no time limit"),
    (resolve) => {
      return host.after(ms, resolve);
    },
  );
}

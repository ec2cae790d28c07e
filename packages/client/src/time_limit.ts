/**
 * Work that must end in time, and pauses that can be cut short.
 *
 * @module
 */
import type { Host } from "@nnrp/core";
import { listenForAbort, stopListening, waitFor, type WaitOptions } from "@nnrp/runtime";

/**
 * Runs work with a signal that aborts when the time is over or the caller's own signal does.
 *
 * @param host Provides the timers.
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
  let isDone = false;
  // What is waited for may have happened while the event loop was blocked: poll the sockets first.
  const cancelTimer = host.after(
    timeoutMs,
    () => host.yield(() => isDone || limit.abort(onTimeout(timeoutMs))),
  );
  try {
    return await withSignals([signal], limit, () => work(limit.signal));
  } finally {
    isDone = true;
    cancelTimer();
  }
}

/**
 * Runs work during which the first of some signals to abort aborts a controller, with its reason. `AbortSignal.any` would do, but
 * refuses the signals of other realms (frames, `node:vm`).
 */
export async function withSignals<T>(
  signals: readonly (AbortSignal | undefined)[],
  controller: AbortController,
  work: () => Promise<T>,
): Promise<T> {
  const listener = { aborted: (reason: unknown) => controller.abort(reason) };
  for (const signal of signals) {
    if (signal === undefined) continue;
    if (signal.aborted) controller.abort(signal.reason);
    else listenForAbort(signal, listener);
  }
  try {
    return await work();
  } finally {
    for (const signal of signals) if (signal !== undefined) stopListening(signal, listener);
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

/**
 * The timers that carriers are given.
 *
 * @module
 */

/** Calls back after so many milliseconds; returns a cancel. */
export function after(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
}

/** Calls back after the event loop looked at its sockets, where the runtime can. */
export const later: ((call: () => void) => void) | undefined = (() => {
  const { setImmediate } = globalThis as { setImmediate?: (call: () => void) => unknown };
  return setImmediate === undefined ? undefined : (call) => void setImmediate(call);
})();

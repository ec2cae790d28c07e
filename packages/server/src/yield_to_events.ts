/**
 * Lets the event loop take its turn (sockets, timers) and then goes on.
 *
 * @module
 */

/** Runs a call after the event loop looked at its sockets: `setImmediate` where there is one, else a timer. */
export const yieldToEvents: (call: () => void) => void =
  typeof (globalThis as { setImmediate?: unknown }).setImmediate === "function"
    ? (call) =>
      void (globalThis as unknown as { setImmediate: (call: () => void) => unknown }).setImmediate(call)
    : (call) => void setTimeout(call, 0);

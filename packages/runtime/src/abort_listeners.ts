/**
 * Listeners of a caller's AbortSignal. Runtimes look through all listeners of a signal to take one away, so
 * thousands of waits with one signal would cost the square of that: here each signal has one listener, which
 * notifies a set.
 *
 * @module
 */

/** Listener of one abort. */
export interface AbortListener {
  /** The signal was aborted. Called once, and not after {@linkcode stopListening}. */
  aborted(reason: unknown): void;
}

class Listeners {
  readonly all = new Set<AbortListener>();

  readonly signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.signal = signal;
    groups.set(signal, this);
    signal.addEventListener("abort", this);
  }

  handleEvent(): void {
    for (const listener of this.all) {
      this.remove(listener);
      try {
        listener.aborted(this.signal.reason);
      } catch (error) { // as runtimes do: the others are notified of the abort, the error is reported
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  remove(listener: AbortListener): void {
    if (!this.all.delete(listener) || this.all.size > 0) return;
    groups.delete(this.signal);
    this.signal.removeEventListener("abort", this);
  }
}

const groups = new WeakMap<AbortSignal, Listeners>();

/** Notifies a listener once when a signal, not aborted yet, aborts. Constant time, however many listen. */
export function listenForAbort(signal: AbortSignal, listener: AbortListener): void {
  (groups.get(signal) ?? new Listeners(signal)).all.add(listener);
}

/** Takes a listener away; harmless if it is not there. Constant time. */
export function stopListening(signal: AbortSignal, listener: AbortListener): void {
  groups.get(signal)?.remove(listener);
}

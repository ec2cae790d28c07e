/**
 * Signals that this library aborts and applications listen to. A runtime reports what a listener throws as an uncaught exception, which
 * ends a Node or Deno process; the peer decides when such a signal is aborted, so what its listeners throw goes where it is wanted.
 *
 * @module
 */
import { callBack } from "./callbacks.ts";

type Listener = EventListenerOrEventListenerObject;

/** What belongs to one signal. */
interface Containment {
  /** Called with what a listener threw. */
  readonly failed: (error: unknown) => void;
  /** Listeners as they were given, and what the signal has in their place: a listener is added once. */
  readonly contained: WeakMap<object, EventListener>;
  /** The `onabort` of the application. */
  onabort: ((this: AbortSignal, event: Event) => unknown) | null;
  /** Whether the signal calls it already. */
  callsOnabort: boolean;
}

const CONTAINMENTS = new WeakMap<AbortSignal, Containment>();
const { addEventListener, removeEventListener } = AbortSignal.prototype;

/** Calls a listener as the signal would. */
function call(signal: AbortSignal, listener: Listener, event: Event): unknown {
  return typeof listener === "function" ? listener.call(signal, event) : listener.handleEvent(event);
}

function containedOf(signal: AbortSignal, listener: unknown): Listener | null {
  const isListener = typeof listener === "function" || (typeof listener === "object" && listener !== null);
  if (!isListener) return listener as null; // whatever the runtime says to that
  const { contained, failed } = CONTAINMENTS.get(signal)!;
  let own = contained.get(listener);
  if (own === undefined) {
    own = (event) => callBack(() => call(signal, listener as Listener, event), failed);
    contained.set(listener, own);
  }
  return own;
}

/** Between such a signal and AbortSignal: one object for all, since a signal is made for each frame that wants one. */
const CONTAINED: object = Object.create(AbortSignal.prototype, {
  addEventListener: {
    value(
      this: AbortSignal,
      type: string,
      listener: Listener | null,
      options?: AddEventListenerOptions | boolean,
    ) {
      addEventListener.call(this, type, containedOf(this, listener)!, options);
    },
  },
  removeEventListener: {
    value(
      this: AbortSignal,
      type: string,
      listener: Listener | null,
      options?: EventListenerOptions | boolean,
    ) {
      removeEventListener.call(this, type, containedOf(this, listener)!, options);
    },
  },
  onabort: {
    get(this: AbortSignal) {
      return CONTAINMENTS.get(this)!.onabort;
    },
    set(this: AbortSignal, listener: unknown) {
      const containment = CONTAINMENTS.get(this)!;
      containment.onabort = typeof listener === "function" ? listener as Containment["onabort"] : null;
      if (containment.callsOnabort || containment.onabort === null) return;
      containment.callsOnabort = true;
      this.addEventListener("abort", (event) => containment.onabort?.call(this, event));
    },
  },
});

/**
 * Makes an AbortController whose signal may be given to an application: what listeners on it throw, or reject with, does no harm.
 * Listeners on signals that an application derives from it (`AbortSignal.any`) are the application's own.
 *
 * @param failed Called with what a listener threw. Must not throw.
 */
export function containedAbort(failed: (error: unknown) => void): AbortController {
  const controller = new AbortController();
  const { signal } = controller;
  CONTAINMENTS.set(signal, { failed, contained: new WeakMap(), onabort: null, callsOnabort: false });
  Object.setPrototypeOf(signal, CONTAINED);
  return controller;
}

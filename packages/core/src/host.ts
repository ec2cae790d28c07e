/**
 * What a session takes from the machine it runs on: time, timers, random numbers, turns of the event loop. Everything in client,
 * server and carriers that waits, measures or draws lots asks a {@linkcode Host}, so that a test can play hours of it in
 * milliseconds, and twice the same. `@nnrp/runtime` has the one of real machines, `@nnrp/testing` a virtual one.
 *
 * @module
 */

/** Ends a timer. Harmless once it has fired, and when called again. */
export type CancelTimer = () => void;

/** Time, timers, random numbers and turns of the event loop. */
export interface Host {
  /** A monotonic clock, ms with fractions: it never steps, whatever becomes of the machine's date. */
  now(): number;
  /** Unix time, ms. It may step in both directions. */
  wallNow(): number;
  /**
   * Calls back after so many ms, never before the caller has returned. A timer may fire late, not early.
   *
   * @param ms Any length: 0 or less = as soon as the event loop allows, months are months, Infinity = never.
   * @param call What to call, once.
   * @returns Ends the timer.
   */
  after(ms: number, call: () => void): CancelTimer;
  /**
   * Lets the event loop poll sockets and timers, then calls back.
   *
   * @param call What to go on with.
   * @param workedMs How long the event loop was kept waiting, ms; a whole poll interval where it is left out.
   */
  yield(call: () => void, workedMs?: number): void;
  /** A random number from 0 up to but not 1, for jitter and lots; not for secrets. */
  random(): number;
  /** Random bytes fit for secrets: tokens, ids, masks. */
  randomBytes(length: number): Uint8Array;
  /**
   * Runs a call in the asynchronous context (`AsyncLocalStorage`) in which the host was made, not the
   * caller's, and returns its result. What it throws is thrown.
   */
  runDetached<T>(call: () => T): T;
  /**
   * Makes `call` as often as `waiting` says, each time in that context, whatever the one before has left there: before it returns
   * where going into a context costs little, else as microtasks, for which runtimes do it by themselves.
   *
   * @param waiting How many calls there are to make; asked when the first is about to be made, and where they are made at once also
   *   after each of them.
   * @param call Must not throw.
   */
  eachDetached(waiting: () => number, call: () => void): void;
}

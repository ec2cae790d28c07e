/**
 * Callbacks supplied by others: what they throw, synchronously or as a rejected promise, is routed to an
 * error handler, never to a runtime that would end the process for it.
 *
 * @module
 */
import type { Carrier, CarrierListenOptions } from "./carrier.ts";
import { type NnrpError, NnrpInternalError } from "./errors.ts";

/**
 * Calls a callback whose result nobody awaits.
 *
 * @param call Calls it, and returns what it returns.
 * @param failed Called with what it threw, or, if it is async, what its promise rejects with. Must not throw.
 */
export function callBack(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    catchLater(call(), failed);
  } catch (error) {
    failed(error);
  }
}

/**
 * Handles the failure of a callback that turned out to be async, and whose result nobody awaits.
 *
 * @param outcome What it returned.
 * @param failed Called with what its promise rejects with. Must not throw.
 * @returns Whether it is async.
 */
export function catchLater(outcome: unknown, failed: (error: unknown) => void): boolean {
  if (typeof (outcome as { then?: unknown } | null | undefined)?.then !== "function") return false;
  Promise.resolve(outcome).then(undefined, failed);
  return true;
}

/** The callbacks of a {@linkcode CarrierBinding.listen} as its listener calls them. */
export interface GuardedListening {
  /**
   * Hands a connection over; if its host cannot take it, it is closed and `failed` is called. Never throws.
   */
  accept(carrier: Carrier): void;
  /** Reports a connection that failed before it was handed over. Never throws. */
  failed(remote: string, error: NnrpError): void;
}

/**
 * The callbacks of a host, so that one that throws costs the connection it was called for, and never the listener.
 *
 * @param accept Takes connections.
 * @param options What else the host gave.
 */
export function guardListening(
  accept: (carrier: Carrier) => void,
  options: CarrierListenOptions = {},
): GuardedListening {
  const failed = (remote: string, error: NnrpError): void =>
    callBack(() => options.failed?.(remote, error), () => {});
  return {
    failed,
    accept: (carrier) =>
      callBack(() => accept(carrier), (cause) => {
        callBack(() => carrier.close({ graceful: false }), () => {});
        failed(carrier.remote, new NnrpInternalError("the connection could not be taken", { cause }));
      }),
  };
}

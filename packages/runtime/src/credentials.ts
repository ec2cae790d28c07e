/**
 * Asking the application for a credential: bounded in time, and contained.
 *
 * @module
 */
import {
  callBack,
  type Credential,
  type CredentialSource,
  type Host,
  NnrpCredentialError,
  NnrpTimeoutError,
  wordsOf,
} from "@nnrp/core";
import { waitFor, type WaitOptions } from "./wait.ts";

/** Whether a credential is asked for instead of fixed. */
export function isAsked<T>(credential: Credential<T>): credential is CredentialSource<T> {
  return typeof credential === "function";
}

/**
 * A credential as it is now.
 *
 * @param host Provides the timers.
 * @param credential Fixed, or where to ask. What it gives is for the caller to check: it may be anything.
 * @param field Name of the option, for errors.
 * @param limits How long to wait.
 * @throws NnrpCredentialError with what the source threw as its cause, NnrpTimeoutError, or the signal's reason.
 */
export async function askCredential<T>(
  host: Host,
  credential: Credential<T>,
  field: string,
  limits: WaitOptions,
): Promise<T> {
  if (!isAsked(credential)) return credential;
  const asked = new AbortController();
  const onTimeout = (ms: number) => new NnrpTimeoutError(`what ${field} was asked for`, ms);
  try {
    return await waitFor<T>(host, limits, onTimeout, (resolve, reject) => {
      const failed = (cause: unknown) => reject(new NnrpCredentialError(field, wordsOf(cause), { cause }));
      callBack(() => Promise.resolve(credential({ signal: asked.signal })).then(resolve, failed), failed);
      return () => {};
    });
  } finally {
    asked.abort(new Error("nobody waits for this credential any more"));
  }
}

/**
 * What proves to the server who the client is: fixed, or asked for anew before each hello, since tokens age.
 *
 * @module
 */
import {
  asBytes,
  type Credential,
  type CredentialRequest,
  type CredentialSource,
  type Host,
  NnrpValueError,
} from "@nnrp/core";
import { askCredential, isAsked, type WaitOptions } from "@nnrp/runtime";

/** For what a credential is asked. */
export type AuthRequest = CredentialRequest;

/** Bytes, or text that goes as UTF-8. */
export type AuthBlock = Uint8Array | string;

/**
 * Gives the auth block of the next hello. What it throws or rejects with is the cause of the NnrpCredentialError that this try ends
 * with: a first dial rejects with it, a reconnecting session tries again.
 */
export type AuthSource = CredentialSource<AuthBlock>;

/** Whether there is anything secret, as far as is known before it is asked for. */
export function hasAuth(auth: Credential<AuthBlock> | undefined): boolean {
  return auth !== undefined && (isAsked(auth) || auth.length > 0);
}

/**
 * The auth block of a hello.
 *
 * @param host Provides the timers.
 * @param auth Fixed, or where to ask.
 * @param limits How long to wait.
 * @throws NnrpTimeoutError, the signal's reason, NnrpCredentialError if the source fails, NnrpValueError if it gives neither bytes
 *   nor text.
 */
export async function askAuth(
  host: Host,
  auth: Credential<AuthBlock> | undefined,
  limits: WaitOptions,
): Promise<AuthBlock | undefined> {
  if (auth === undefined || !isAsked(auth)) {
    return auth === undefined || typeof auth === "string" ? auth : asBytes(auth, "auth");
  }
  const block = await askCredential(host, auth, "auth", limits);
  if (typeof block === "string" || block instanceof Uint8Array) return block;
  throw new NnrpValueError("must give bytes or text", {
    field: "auth",
    expected: "a Uint8Array or a string",
    actual: block === null ? "null" : typeof block,
  });
}

/**
 * What proves to the server who the client is: fixed, or asked for anew before each hello, since tokens age.
 *
 * @module
 */
import { asBytes, callBack, type Host, NnrpTimeoutError, NnrpValueError } from "@nnrp/core";
import { waitFor, type WaitOptions } from "@nnrp/runtime";

/** For what a credential is asked. */
export interface AuthRequest {
  /** Aborts when nobody waits for the answer any more: the time of the dial is over, or the session closes. */
  readonly signal: AbortSignal;
}

/** Bytes, or text that goes as UTF-8. */
export type AuthBlock = Uint8Array | string;

/**
 * Gives the auth block of the next hello. What it throws or rejects with is the failure of that try: a first dial rejects with it, a
 * reconnecting session tries again.
 */
export type AuthSource = (request: AuthRequest) => AuthBlock | Promise<AuthBlock>;

/** Whether there is anything secret, as far as is known before it is asked for. */
export function hasAuth(auth: AuthBlock | AuthSource | undefined): boolean {
  return typeof auth === "function" || (auth !== undefined && auth.length > 0);
}

/**
 * The auth block of a hello.
 *
 * @param host Whose timers to use.
 * @param auth Fixed, or where to ask.
 * @param limits How long to wait.
 * @throws NnrpTimeoutError, the signal's reason, what the source throws, NnrpValueError if it gives neither bytes nor text.
 */
export async function askAuth(
  host: Host,
  auth: AuthBlock | AuthSource | undefined,
  limits: WaitOptions,
): Promise<AuthBlock | undefined> {
  if (typeof auth !== "function") {
    return auth === undefined || typeof auth === "string" ? auth : asBytes(auth, "auth");
  }
  const asked = new AbortController();
  const onTimeout = (ms: number) => new NnrpTimeoutError("the credential that `auth` was asked for", ms);
  try {
    const block = await waitFor<AuthBlock>(host, limits, onTimeout, (resolve, reject) => {
      callBack(() => Promise.resolve(auth({ signal: asked.signal })).then(resolve, reject), reject);
      return () => {};
    });
    if (typeof block === "string" || block instanceof Uint8Array) return block;
    throw new NnrpValueError("must give bytes or text", {
      field: "auth",
      expected: "a Uint8Array or a string",
      actual: block === null ? "null" : typeof block,
    });
  } finally {
    asked.abort(new Error("nobody waits for this credential any more"));
  }
}

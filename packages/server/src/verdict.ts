/**
 * Calling `authValidator`, and checking its verdict: only a clear yes accepts a client, so that a forgotten
 * `return` opens no door.
 *
 * @module
 */
import { type Host, NnrpValueError } from "@nnrp/core";
import { shownValue } from "./answer_check.ts";
import type { AuthRequest, AuthValidator, AuthVerdict } from "./auth.ts";

/** A verdict with nothing left out. */
export type Judged =
  | {
    /** The client is accepted. */
    readonly accepted: true;
    /** Who it is, as handlers see it. */
    readonly principal: unknown;
  }
  | {
    /** The client is refused. */
    readonly accepted: false;
    /** How it is refused. */
    readonly refuse: "error" | "ack" | "close";
    /** Diagnostic text sent with the refusal. */
    readonly diagnostic: string;
    /** What the validator threw, for the log. */
    readonly error?: unknown;
  };

/** Without a validator every client is accepted. */
export const ADMITTED: Judged = { accepted: true, principal: undefined };

/** The verdict of a validator that failed or gave none. */
export const REFUSED: Judged & { readonly accepted: false } = {
  accepted: false,
  refuse: "error",
  diagnostic: "authentication refused",
};

/**
 * Reads a verdict, whatever a program without types may have returned.
 *
 * @param verdict True or an object with `principal` lets in; everything else does not.
 */
export function readVerdict(verdict: AuthVerdict): Judged {
  if (verdict === true) return { accepted: true, principal: undefined };
  if (verdict === false) return REFUSED;
  if (typeof verdict !== "object" || verdict === null) return noVerdict(verdict);
  if ("refuse" in verdict) {
    const { refuse, diagnostic } = verdict;
    return {
      accepted: false,
      refuse: refuse === "ack" || refuse === "close" ? refuse : "error",
      diagnostic: typeof diagnostic === "string" ? diagnostic : REFUSED.diagnostic,
    };
  }
  return "principal" in verdict ? { accepted: true, principal: verdict.principal } : noVerdict(verdict);
}

/**
 * A mistake of the program, such as a forgotten `return` or a misspelt field: a refusal, and the log reports
 * why.
 */
function noVerdict(verdict: unknown): Judged & { accepted: false } {
  const error = new NnrpValueError("is no verdict: nobody is let in by it", {
    field: "authValidator()",
    expected: "true, false, { principal } or { refuse, diagnostic }",
    actual: shownValue(verdict),
  });
  return { ...REFUSED, error };
}

/**
 * Asks a validator; a failure is a refusal.
 *
 * @param host The context in which it is called.
 * @param validator The application's.
 * @param request What it judges.
 * @param signal Aborts when nobody waits for the verdict any more.
 */
export async function askValidator(
  host: Host,
  validator: AuthValidator,
  request: AuthRequest,
  signal: AbortSignal,
): Promise<Judged> {
  try {
    return readVerdict(await host.runDetached(() => validator(request, signal)));
  } catch (error) {
    return { ...REFUSED, error: error ?? new Error("it threw nothing") };
  }
}

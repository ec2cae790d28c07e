/**
 * Calling `patchPolicy`, and checking its answer: whatever a program without types may have returned, only
 * what the wire can carry goes on.
 *
 * @module
 */
import {
  catchLater,
  type Host,
  NnrpValueError,
  type PatchRefusal,
  type PatchRequest,
  SessionPatchRejectReason,
} from "@nnrp/core";
import { shownValue } from "./answer_check.ts";
import type { ServeOptions } from "./options.ts";
import type { ServerSession } from "./session.ts";
import type { SessionCore } from "./session_core.ts";

/** Judges the patches of one client, whichever session object it has after a move. */
export class PatchJudge {
  readonly #host: Host;
  readonly #policy: NonNullable<ServeOptions["patchPolicy"]>;
  #session: ServerSession | null = null;
  #core: SessionCore | null = null;

  /**
   * @param host The context in which the policy is called.
   * @param policy The application's.
   */
  constructor(host: Host, policy: NonNullable<ServeOptions["patchPolicy"]>) {
    this.#host = host;
    this.#policy = policy;
  }

  /** Whose patches it judges from now on. */
  isFor(session: ServerSession, core: SessionCore): void {
    this.#session = session;
    this.#core = core;
  }

  /** Asks the application; a failure refuses the patch. */
  judge(patch: PatchRequest): PatchRefusal | undefined {
    try {
      return readRefusal(this.#host.runDetached(() => this.#policy(patch, this.#session!)));
    } catch (error) {
      this.#core!.reportFailure("handler-failed", "the patch policy failed", error);
      return { rejectReason: SessionPatchRejectReason.UNSUPPORTED_STRATEGY };
    }
  }
}

const REFUSAL_FIELDS: readonly string[] = ["rejectedMask", "rejectReason", "retryAfterMs"];

/**
 * Reads a refusal.
 *
 * @param refusal What the policy returned; nothing = nothing is refused.
 * @throws NnrpValueError if it is none, or a promise: a policy answers at once.
 */
function readRefusal(refusal: PatchRefusal | undefined | null): PatchRefusal | undefined {
  if (refusal === undefined || refusal === null) return undefined;
  if (catchLater(refusal, () => {})) throw refused("", "no promise: a policy answers at once", "a promise");
  for (const field in refusal) {
    if (REFUSAL_FIELDS.includes(field)) continue;
    throw refused(
      `.${field}`,
      `${REFUSAL_FIELDS.join(", ")} and nothing else`,
      refusal[field as keyof PatchRefusal],
    );
  }
  const { rejectedMask, rejectReason, retryAfterMs } = refusal;
  if (!(Object.values(SessionPatchRejectReason) as number[]).includes(rejectReason)) {
    throw refused(".rejectReason", "a SessionPatchRejectReason", rejectReason);
  }
  for (const [field, value] of Object.entries({ rejectedMask, retryAfterMs })) {
    if (value !== undefined && value >>> 0 !== value) throw refused(`.${field}`, "0 to 4294967295", value);
  }
  return { rejectedMask, rejectReason, retryAfterMs };
}

function refused(field: string, expected: string, actual: unknown): NnrpValueError {
  return new NnrpValueError("cannot be told to the client", {
    field: `patchPolicy()${field}`,
    expected,
    actual: shownValue(actual),
  });
}

/**
 * Reading what `patchPolicy` says: whatever a program without types may have returned, only what the wire can carry goes on.
 *
 * @module
 */
import { catchLater, NnrpValueError, type PatchRefusal, SessionPatchRejectReason } from "@nnrp/core";

/**
 * Reads a refusal.
 *
 * @param refusal What the policy returned; nothing = nothing is refused.
 * @throws NnrpValueError if it is none, or a promise: a policy answers at once.
 */
export function readRefusal(refusal: PatchRefusal | undefined | null): PatchRefusal | undefined {
  if (refusal === undefined || refusal === null) return undefined;
  if (catchLater(refusal, () => {})) throw refused("", "no promise: a policy answers at once", "a promise");
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
    actual: String(actual),
  });
}

/**
 * `--patch`: how the scripted server answers a SESSION_PATCH.
 *
 * @module
 */
import { type PatchRefusal, SessionPatchField, SessionPatchRejectReason } from "@nnrp/core";
import type { ServeFlags } from "./serve_flags.ts";

/** Fields that `--patch partial` refuses. */
const STRATEGY_FIELDS = SessionPatchField.PREFERRED_CODEC | SessionPatchField.PREFERRED_COMPRESSION |
  SessionPatchField.PROFILE_PATCH;

/** Wait that `--patch rate-limit` asks for, ms. */
const RETRY_AFTER_MS = 250;

/**
 * What is refused of a patch.
 *
 * @param mode The flag.
 * @param mask Fields of the patch, SessionPatchField bits.
 * @param count Number of this patch in its session, from 1.
 */
export function refusePatch(
  mode: ServeFlags["patch"],
  mask: number,
  count: number,
): PatchRefusal | undefined {
  if (mode === "partial" && (mask & STRATEGY_FIELDS) !== 0) {
    const { UNSUPPORTED_STRATEGY } = SessionPatchRejectReason;
    return { rejectedMask: mask & STRATEGY_FIELDS, rejectReason: UNSUPPORTED_STRATEGY };
  }
  if (mode === "reject") {
    return { rejectedMask: mask, rejectReason: SessionPatchRejectReason.INVALID_RANGE };
  }
  if (mode === "rate-limit" && count > 1) {
    const { RATE_LIMITED } = SessionPatchRejectReason;
    return { rejectedMask: mask, rejectReason: RATE_LIMITED, retryAfterMs: RETRY_AFTER_MS };
  }
  return undefined;
}

/**
 * SESSION_PATCH in terms users have: frames per second, only the fields given (behaviour spec §10).
 *
 * @module
 */
import {
  type EffectiveSettings,
  NnrpValueError,
  type SessionPatchAckMetadata,
  SessionPatchField,
  type SessionPatchMetadata,
  type TensorProfileBlock,
} from "@nnrp/core";

/** Parameters to change; those left out stay as they are. */
export interface PatchFields {
  /** Frames per second, > 0; hundredths count. */
  readonly targetCadence?: number;
  /** Quality tier, 0…255. */
  readonly qualityTier?: number;
  /** Degrade policy bits, u16. */
  readonly degradePolicy?: number;
  /** Bit n = lane n is active. */
  readonly activeLaneMask?: bigint;
  /** Codecs to use, bit n = codec n. */
  readonly preferredCodecs?: number;
  /** Compressions to use. */
  readonly preferredCompressions?: number;
  /** Sizes the source may have, pixels. */
  readonly profilePatch?: TensorProfileBlock;
  /** Profile the patch is for. Default 1. */
  readonly profileId?: number;
}

/** Outcome of a patch. */
export interface PatchOutcome {
  /** SessionPatchAckStatus: ACCEPTED, PARTIALLY_APPLIED or REJECTED. */
  readonly status: number;
  /** Fields that apply now, SessionPatchField bits. */
  readonly appliedMask: number;
  /** Fields that were refused. */
  readonly rejectedMask: number;
  /** SessionPatchRejectReason of the first refused field. */
  readonly rejectReason: number;
  /** With RATE_LIMITED: when to try again, ms. */
  readonly retryAfterMs: number;
  /** All values now in force. */
  readonly settings: EffectiveSettings;
  /** The answer as it came. */
  readonly metadata: SessionPatchAckMetadata;
}

/**
 * Metadata and body of a patch; its mask names the fields given.
 *
 * @throws NnrpValueError if the cadence is no number.
 */
export function patchOf(
  fields: PatchFields,
): { metadata: SessionPatchMetadata; profilePatch: TensorProfileBlock | null } {
  const F = SessionPatchField;
  const cadence = fields.targetCadence;
  if (cadence !== undefined && !(cadence >= 0 && cadence <= 0xffffffff / 100)) {
    throw new NnrpValueError("is no frame rate", {
      field: "targetCadence",
      expected: "frames/s",
      actual: String(cadence),
    });
  }
  const profilePatch = fields.profilePatch ?? null;
  const patchMask = (cadence !== undefined ? F.TARGET_CADENCE : 0) |
    (fields.qualityTier !== undefined ? F.QUALITY_TIER : 0) |
    (fields.degradePolicy !== undefined ? F.DEGRADE_POLICY : 0) |
    (fields.activeLaneMask !== undefined ? F.ACTIVE_LANE_MASK : 0) |
    (fields.preferredCodecs !== undefined ? F.PREFERRED_CODEC : 0) |
    (fields.preferredCompressions !== undefined ? F.PREFERRED_COMPRESSION : 0) |
    (profilePatch !== null ? F.PROFILE_PATCH : 0);
  return {
    metadata: {
      profileId: fields.profileId ?? 1,
      patchMask,
      targetCadenceX100: Math.round((cadence ?? 0) * 100),
      qualityTier: fields.qualityTier ?? 0,
      degradePolicy: fields.degradePolicy ?? 0,
      activeLaneMask: fields.activeLaneMask ?? 0n,
      preferredCodecBitmap: fields.preferredCodecs ?? 0,
      preferredCompressionBitmap: fields.preferredCompressions ?? 0,
      profilePatchBytes: profilePatch === null ? 0 : 16,
    },
    profilePatch,
  };
}

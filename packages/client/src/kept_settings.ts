/**
 * What an application changed by SESSION_PATCH, so that it outlives the session it was changed in (behaviour spec §11).
 *
 * @module
 */
import { SessionPatchField, type SessionPatchMetadata, type TensorProfileBlock } from "@nnrp/core";

/** Which fields of the metadata a bit of the mask stands for. */
const FIELDS: readonly (readonly [bit: number, field: keyof SessionPatchMetadata])[] = [
  [SessionPatchField.TARGET_CADENCE, "targetCadenceX100"],
  [SessionPatchField.QUALITY_TIER, "qualityTier"],
  [SessionPatchField.DEGRADE_POLICY, "degradePolicy"],
  [SessionPatchField.ACTIVE_LANE_MASK, "activeLaneMask"],
  [SessionPatchField.PREFERRED_CODEC, "preferredCodecBitmap"],
  [SessionPatchField.PREFERRED_COMPRESSION, "preferredCompressionBitmap"],
];

/** A patch as the engine takes it. */
export interface Patch {
  /** Its metadata. */
  readonly metadata: SessionPatchMetadata;
  /** Its block; null = none. */
  readonly profilePatch: TensorProfileBlock | null;
}

/** The newest value of each setting that the server took. */
export class KeptSettings {
  #metadata: SessionPatchMetadata | null = null;
  #profilePatch: TensorProfileBlock | null = null;

  /** The server took these fields of a patch. */
  applied(
    metadata: SessionPatchMetadata,
    profilePatch: TensorProfileBlock | null,
    appliedMask: number,
  ): void {
    if (appliedMask === 0) return;
    const before = this.#metadata ?? metadata;
    const kept: Record<string, unknown> = { ...before, profileId: metadata.profileId };
    for (const [bit, field] of FIELDS) if (appliedMask & bit) kept[field] = metadata[field];
    if (appliedMask & SessionPatchField.PROFILE_PATCH) this.#profilePatch = profilePatch;
    kept.patchMask = (this.#metadata === null ? 0 : before.patchMask) | appliedMask;
    this.#metadata = kept as unknown as SessionPatchMetadata;
  }

  /** One patch with all of them; null if nothing was changed. */
  patch(): Patch | null {
    if (this.#metadata === null) return null;
    const profilePatch = this.#profilePatch;
    return {
      metadata: { ...this.#metadata, profilePatchBytes: profilePatch === null ? 0 : 16 },
      profilePatch,
    };
  }
}

/**
 * Metadata of SESSION_PATCH (wire spec §4.3): which session parameters are to change. The body is `session_patch_body.ts`.
 *
 * @module
 */
import { SessionPatchField } from "../flags.ts";
import { KEPT, openFlags, u16, u32, u64 } from "./fields.ts";
import { defineRecord, type WireRecord } from "./record.ts";

/** Length of the metadata of SESSION_PATCH, bytes (wire spec §4.3). */
export const SESSION_PATCH_METADATA_SIZE = 36;

/** Metadata of SESSION_PATCH (wire spec §4.3). */
export interface SessionPatchMetadata {
  /** Profile the block is for. */
  readonly profileId: number;
  /** Kept; default 0. */
  readonly reserved0?: number;
  /** SessionPatchField bits: which of the following count; undefined ones are kept. */
  readonly patchMask: number;
  /** Frames per second × 100. */
  readonly targetCadenceX100: number;
  /** Quality. */
  readonly qualityTier: number;
  /** What may suffer first. */
  readonly degradePolicy: number;
  /** Bit n = lane n. */
  readonly activeLaneMask: bigint;
  /** Bit n = codec id n. */
  readonly preferredCodecBitmap: number;
  /** Compressions. */
  readonly preferredCompressionBitmap: number;
  /** Length of the body, bytes: 0 or 16; compared with the body only. */
  readonly profilePatchBytes: number;
}

/** SESSION_PATCH as a table. */
export const SESSION_PATCH_RECORD: WireRecord<SessionPatchMetadata> = defineRecord<SessionPatchMetadata>({
  name: "session_patch",
  size: SESSION_PATCH_METADATA_SIZE,
  fields: {
    profileId: u16(0),
    reserved0: u16(2, KEPT),
    patchMask: u32(4, openFlags(SessionPatchField)),
    targetCadenceX100: u32(8, undefined, "fps_x100"),
    qualityTier: u16(12),
    degradePolicy: u16(14),
    activeLaneMask: u64(16, undefined, "bitmap"),
    preferredCodecBitmap: u32(24, undefined, "bitmap"),
    preferredCompressionBitmap: u32(28, undefined, "bitmap"),
    profilePatchBytes: u32(32, undefined, "bytes"),
  },
});

/**
 * Checks and writes the metadata of SESSION_PATCH.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §4.3. Nothing was written.
 */
export function encodeSessionPatchMetadata(
  fields: SessionPatchMetadata,
  view: DataView,
  offset: number,
): void {
  SESSION_PATCH_RECORD.encode(fields, view, offset);
}

/**
 * Reads the metadata of SESSION_PATCH.
 *
 * @param length Length of the metadata, bytes; must be 36.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §4.3.
 */
export function decodeSessionPatchMetadata(
  view: DataView,
  offset: number,
  length: number,
): SessionPatchMetadata {
  return SESSION_PATCH_RECORD.decode(view, offset, length);
}

/**
 * Metadata of SESSION_PATCH_ACK (wire spec §4.4): what of a patch was applied, and what holds now.
 *
 * @module
 */
import { SessionPatchAckStatus, SessionPatchRejectReason } from "../enums.ts";
import { SessionPatchField } from "../flags.ts";
import { closedEnum, KEPT, openFlags, u16, u32, u64 } from "./fields.ts";
import { defineRecord, type WireRecord } from "./record.ts";

/** Length of the metadata of SESSION_PATCH_ACK, bytes (wire spec §4.4). */
export const SESSION_PATCH_ACK_METADATA_SIZE = 48;

/** Metadata of SESSION_PATCH_ACK (wire spec §4.4). Status, reason and masks are not compared with each other. */
export interface SessionPatchAckMetadata {
  /** SessionPatchAckStatus. */
  readonly ackStatus: number;
  /** SessionPatchRejectReason. */
  readonly rejectReason: number;
  /** SessionPatchField bits that were applied. */
  readonly appliedPatchMask: number;
  /** SessionPatchField bits that were refused. */
  readonly rejectedPatchMask: number;
  /** When trying again makes sense, ms. */
  readonly retryAfterMs: number;
  /** Profile in force. */
  readonly effectiveProfileId: number;
  /** Kept; default 0. */
  readonly reserved0?: number;
  /** Frames per second × 100 in force. */
  readonly effectiveTargetCadenceX100: number;
  /** Quality in force. */
  readonly effectiveQualityTier: number;
  /** Degrade policy in force. */
  readonly effectiveDegradePolicy: number;
  /** Lanes in force, bit n = lane n. */
  readonly effectiveLaneMask: bigint;
  /** Codecs in force, bit n = codec id n. */
  readonly effectiveCodecBitmap: number;
  /** Compressions in force. */
  readonly effectiveCompressionBitmap: number;
  /** Length of the body, bytes: 0 or 16; compared with the body only. */
  readonly profilePatchAckBytes: number;
}

/** SESSION_PATCH_ACK as a table. */
export const SESSION_PATCH_ACK_RECORD: WireRecord<SessionPatchAckMetadata> = defineRecord<
  SessionPatchAckMetadata
>({
  name: "session_patch_ack",
  size: SESSION_PATCH_ACK_METADATA_SIZE,
  fields: {
    ackStatus: u16(0, closedEnum(SessionPatchAckStatus)),
    rejectReason: u16(2, closedEnum(SessionPatchRejectReason)),
    appliedPatchMask: u32(4, openFlags(SessionPatchField)),
    rejectedPatchMask: u32(8, openFlags(SessionPatchField)),
    retryAfterMs: u32(12, undefined, "ms"),
    effectiveProfileId: u16(16),
    reserved0: u16(18, KEPT),
    effectiveTargetCadenceX100: u32(20, undefined, "fps_x100"),
    effectiveQualityTier: u16(24),
    effectiveDegradePolicy: u16(26),
    effectiveLaneMask: u64(28, undefined, "bitmap"),
    effectiveCodecBitmap: u32(36, undefined, "bitmap"),
    effectiveCompressionBitmap: u32(40, undefined, "bitmap"),
    profilePatchAckBytes: u32(44, undefined, "bytes"),
  },
});

/**
 * Checks and writes the metadata of SESSION_PATCH_ACK.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §4.4. Nothing was written.
 */
export function encodeSessionPatchAckMetadata(
  fields: SessionPatchAckMetadata,
  view: DataView,
  offset: number,
): void {
  SESSION_PATCH_ACK_RECORD.encode(fields, view, offset);
}

/**
 * Reads the metadata of SESSION_PATCH_ACK.
 *
 * @param length Length of the metadata, bytes; must be 48.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §4.4.
 */
export function decodeSessionPatchAckMetadata(
  view: DataView,
  offset: number,
  length: number,
): SessionPatchAckMetadata {
  return SESSION_PATCH_ACK_RECORD.decode(view, offset, length);
}

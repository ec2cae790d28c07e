/**
 * Bodies of SESSION_PATCH and its answer: nothing, or one tensor profile block (wire spec §4.3, §4.4).
 *
 * @module
 */
import { NnrpWireError } from "../errors.ts";
import { u32 } from "./metadata/fields.ts";
import { defineRecord, type WireRecord } from "./metadata/record.ts";

/** Length of a tensor profile block, bytes. */
export const TENSOR_PROFILE_BLOCK_SIZE = 16;

/** Bounds of the source's size, pixels; no rule between them. */
export interface TensorProfileBlock {
  /** Least width, u32. */
  readonly minWidth: number;
  /** Least height, u32. */
  readonly minHeight: number;
  /** Greatest width, u32. */
  readonly maxWidth: number;
  /** Greatest height, u32. */
  readonly maxHeight: number;
}

/** The block of a SESSION_PATCH as a table. */
export const TENSOR_PROFILE_PATCH_RECORD: WireRecord<TensorProfileBlock> = profileBlock(
  "tensor_profile_patch_block",
);
/** The block of a SESSION_PATCH_ACK as a table. */
export const TENSOR_PROFILE_PATCH_ACK_RECORD: WireRecord<TensorProfileBlock> = profileBlock(
  "tensor_profile_patch_ack_block",
);

/**
 * Writes the body of a SESSION_PATCH or SESSION_PATCH_ACK. The metadata states its length: 0 or 16.
 *
 * @param block The block, or null for an empty body.
 * @throws NnrpValueError if a field does not fit.
 */
export function encodeSessionPatchBody(block: TensorProfileBlock | null): Uint8Array {
  if (block === null) return new Uint8Array(0);
  const bytes = new Uint8Array(TENSOR_PROFILE_BLOCK_SIZE);
  TENSOR_PROFILE_PATCH_RECORD.encode(block, new DataView(bytes.buffer), 0);
  return bytes;
}

/**
 * Reads the body of a SESSION_PATCH.
 *
 * @param profilePatchBytes What the metadata says.
 * @param body The body.
 * @returns The block, or null if there is none.
 * @throws NnrpWireError (stage body) unless the length is 0 or 16 and the body has it.
 */
export function decodeSessionPatchBody(
  profilePatchBytes: number,
  body: Uint8Array,
): TensorProfileBlock | null {
  return decodeProfile(TENSOR_PROFILE_PATCH_RECORD, profilePatchBytes, body);
}

/**
 * Reads the body of a SESSION_PATCH_ACK.
 *
 * @param profilePatchAckBytes What the metadata says.
 * @param body The body.
 * @returns The block, or null if there is none.
 * @throws NnrpWireError (stage body) unless the length is 0 or 16 and the body has it.
 */
export function decodeSessionPatchAckBody(
  profilePatchAckBytes: number,
  body: Uint8Array,
): TensorProfileBlock | null {
  return decodeProfile(TENSOR_PROFILE_PATCH_ACK_RECORD, profilePatchAckBytes, body);
}

function decodeProfile(
  record: WireRecord<TensorProfileBlock>,
  stated: number,
  body: Uint8Array,
): TensorProfileBlock | null {
  if (stated !== 0 && stated !== record.size) {
    throw new NnrpWireError("no profile block has this length", {
      field: record.name,
      expected: "0 or 16",
      actual: stated,
    });
  }
  if (body.length !== stated) {
    throw new NnrpWireError("the body has another length than its metadata says", {
      field: record.name,
      expected: stated,
      actual: body.length,
    });
  }
  if (stated === 0) return null;
  return record.decode(new DataView(body.buffer, body.byteOffset, body.byteLength), 0, body.byteLength);
}

function profileBlock(name: string): WireRecord<TensorProfileBlock> {
  return defineRecord<TensorProfileBlock>({
    name,
    size: TENSOR_PROFILE_BLOCK_SIZE,
    stage: "body",
    fields: {
      minWidth: u32(0, undefined, "pixels"),
      minHeight: u32(4, undefined, "pixels"),
      maxWidth: u32(8, undefined, "pixels"),
      maxHeight: u32(12, undefined, "pixels"),
    },
  });
}

/**
 * Metadata of FRAME_SUBMIT (wire spec §6). Hot: written by hand in whole words, since each DataView access
 * costs as much as all arithmetic on it; the table states the same rules and composes the errors.
 *
 * @module
 */
import {
  FrameClass,
  InputProfile,
  LOSS_TOLERANCE_INHERIT,
  LossTolerance,
  SubmitMode,
  TileIndexMode,
} from "../enums.ts";
import { BudgetPolicy, PayloadKind } from "../flags.ts";
import { closedEnum, closedFlags, KEPT, openEnum, u16, u32, u64, u8 } from "./fields.ts";
import { isU16, isU32, isU64, isU8, readU64, writeU64 } from "../integers.ts";
import { defineRecord, type RecordViolation, type WireRecord } from "./record.ts";

/** Length of the metadata of FRAME_SUBMIT, bytes (wire spec §6). */
export const FRAME_SUBMIT_METADATA_SIZE = 72;

/** Where fields that are read or written alone lie in the metadata of FRAME_SUBMIT; a test holds them against the table. */
export const FRAME_SUBMIT_OFFSETS = {
  sectionCount: 10,
  tileIndexMode: 14,
  latencyBudgetMs: 16,
  submitMode: 52,
  budgetPolicy: 53,
  lossTolerancePolicy: 54,
  objectRefMask: 56,
  payloadKindBitmap: 64,
  payloadFrameCount: 68,
} as const;

/** Metadata of FRAME_SUBMIT (wire spec §6). */
export interface FrameSubmitMetadata {
  /** Width of the source, pixels. */
  readonly srcWidth: number;
  /** Height of the source, pixels. */
  readonly srcHeight: number;
  /** Width of a tile, pixels. */
  readonly tileWidth: number;
  /** Height of a tile, pixels. */
  readonly tileHeight: number;
  /** Tiles. */
  readonly tileCount: number;
  /** Tensor sections. */
  readonly sectionCount: number;
  /** FrameClass names 0…3; any number travels. */
  readonly frameClass: number;
  /** InputProfile. */
  readonly inputProfile: number;
  /** TileIndexMode. */
  readonly tileIndexMode: number;
  /** Kept; default 0. */
  readonly reserved0?: number;
  /** Latency the result may have, ms; 0 = none specified. */
  readonly latencyBudgetMs: number;
  /** Frames per second × 100. */
  readonly targetFpsX100: number;
  /** Frame this one repeats. */
  readonly retryOfFrame: number;
  /** First id for DENSE_RANGE. */
  readonly tileBaseId: number;
  /** Length of the inline camera block, bytes. */
  readonly cameraBytes: number;
  /** Length of the inline tile index, bytes. */
  readonly tileIndexBytes: number;
  /** Kept; default 0. */
  readonly reserved1?: bigint;
  /** Kept; default 0. */
  readonly reserved2?: bigint;
  /** SubmitMode. */
  readonly submitMode: number;
  /** BudgetPolicy bits. */
  readonly budgetPolicy: number;
  /** LossTolerance, or 0xFF = the session's. */
  readonly lossTolerancePolicy: number;
  /** Kept; default 0. */
  readonly reserved3?: number;
  /** Which slots are references; judged with the body only (§8.4). */
  readonly objectRefMask: number;
  /** Frame this one builds on. */
  readonly dependencyFrameId: number;
  /** PayloadKind bits; 0 is allowed. */
  readonly payloadKindBitmap: number;
  /** Typed payloads. */
  readonly payloadFrameCount: number;
  /** Kept; default 0. */
  readonly reserved4?: number;
}

/** FRAME_SUBMIT as a table. */
export const FRAME_SUBMIT_RECORD: WireRecord<FrameSubmitMetadata> = defineRecord<FrameSubmitMetadata>({
  name: "frame_submit",
  size: FRAME_SUBMIT_METADATA_SIZE,
  fields: {
    srcWidth: u16(0, undefined, "pixels"),
    srcHeight: u16(2, undefined, "pixels"),
    tileWidth: u16(4, undefined, "pixels"),
    tileHeight: u16(6, undefined, "pixels"),
    tileCount: u16(8, undefined, "count"),
    sectionCount: u16(10, undefined, "count"),
    frameClass: u8(12, openEnum(FrameClass)),
    inputProfile: u8(13, closedEnum(InputProfile)),
    tileIndexMode: u8(14, closedEnum(TileIndexMode)),
    reserved0: u8(15, KEPT),
    latencyBudgetMs: u16(16, undefined, "ms"),
    targetFpsX100: u16(18, undefined, "fps_x100"),
    retryOfFrame: u32(20),
    tileBaseId: u32(24),
    cameraBytes: u32(28, undefined, "bytes"),
    tileIndexBytes: u32(32, undefined, "bytes"),
    reserved1: u64(36, KEPT),
    reserved2: u64(44, KEPT),
    submitMode: u8(52, closedEnum(SubmitMode)),
    budgetPolicy: u8(53, closedFlags(BudgetPolicy)),
    lossTolerancePolicy: u8(54, closedEnum(LossTolerance, { also: LOSS_TOLERANCE_INHERIT })),
    reserved3: u8(55, KEPT),
    objectRefMask: u32(56, undefined, "bitmap"),
    dependencyFrameId: u32(60),
    payloadKindBitmap: u32(64, closedFlags(PayloadKind)),
    payloadFrameCount: u16(68, undefined, "count"),
    reserved4: u16(70, KEPT),
  },
  check: brokenTensorRule,
});

// The closed sets as bounds, for the straight-line code; record_test.ts holds them against the table.
const LAST_INPUT_PROFILE = InputProfile.DENSE_LUMA_FRAME;
const LAST_TILE_INDEX_MODE = TileIndexMode.BITSET;
const LAST_SUBMIT_MODE = SubmitMode.MIXED;
const LAST_LOSS_TOLERANCE = LossTolerance.FIRE_AND_FORGET;
const BUDGET_BITS = 0x0f;
const PAYLOAD_BITS = 0x7f;

/** Fields that must be 0 without the TENSOR bit (wire spec §6). */
const TENSOR_ONLY: readonly (keyof FrameSubmitMetadata)[] = [
  "srcWidth",
  "srcHeight",
  "tileWidth",
  "tileHeight",
  "tileCount",
  "sectionCount",
  "inputProfile",
  "tileBaseId",
  "cameraBytes",
  "tileIndexBytes",
];

function brokenTensorRule(fields: FrameSubmitMetadata): RecordViolation | null {
  if ((fields.payloadKindBitmap & PayloadKind.TENSOR) !== 0) return null;
  for (const key of TENSOR_ONLY) {
    const actual = fields[key] as number;
    if (actual !== 0) return { key, message: "must be 0 without payload kind TENSOR", expected: 0, actual };
  }
  return null;
}

/** Whether everything can be written as it is; if not, the table composes the error. */
function isWritable(f: FrameSubmitMetadata): boolean {
  return isU16(f.srcWidth) &&
    isU16(f.srcHeight) &&
    isU16(f.tileWidth) &&
    isU16(f.tileHeight) &&
    isU16(f.tileCount) &&
    isU16(f.sectionCount) &&
    isU8(f.frameClass) &&
    isU8(f.inputProfile) && f.inputProfile <= LAST_INPUT_PROFILE &&
    isU8(f.tileIndexMode) && f.tileIndexMode <= LAST_TILE_INDEX_MODE &&
    (f.reserved0 === undefined || isU8(f.reserved0)) &&
    isU16(f.latencyBudgetMs) &&
    isU16(f.targetFpsX100) &&
    isU32(f.retryOfFrame) &&
    isU32(f.tileBaseId) &&
    isU32(f.cameraBytes) &&
    isU32(f.tileIndexBytes) &&
    (f.reserved1 === undefined || isU64(f.reserved1)) &&
    (f.reserved2 === undefined || isU64(f.reserved2)) &&
    isU8(f.submitMode) && f.submitMode <= LAST_SUBMIT_MODE &&
    isU8(f.budgetPolicy) && (f.budgetPolicy & ~BUDGET_BITS) === 0 &&
    isU8(f.lossTolerancePolicy) &&
    (f.lossTolerancePolicy <= LAST_LOSS_TOLERANCE || f.lossTolerancePolicy === LOSS_TOLERANCE_INHERIT) &&
    (f.reserved3 === undefined || isU8(f.reserved3)) &&
    isU32(f.objectRefMask) &&
    isU32(f.dependencyFrameId) &&
    isU32(f.payloadKindBitmap) && (f.payloadKindBitmap & ~PAYLOAD_BITS) === 0 &&
    isU16(f.payloadFrameCount) &&
    (f.reserved4 === undefined || isU16(f.reserved4)) &&
    ((f.payloadKindBitmap & PayloadKind.TENSOR) !== 0 || brokenTensorRule(f) === null);
}

/**
 * Checks and writes the metadata of FRAME_SUBMIT.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §6. Nothing was written.
 */
export function encodeFrameSubmitMetadata(fields: FrameSubmitMetadata, view: DataView, offset: number): void {
  if (!isWritable(fields) || offset + FRAME_SUBMIT_METADATA_SIZE > view.byteLength) {
    FRAME_SUBMIT_RECORD.encode(fields, view, offset); // throws
    return;
  }
  view.setUint32(offset, fields.srcWidth | (fields.srcHeight << 16), true);
  view.setUint32(offset + 4, fields.tileWidth | (fields.tileHeight << 16), true);
  view.setUint32(offset + 8, fields.tileCount | (fields.sectionCount << 16), true);
  view.setUint32(
    offset + 12,
    fields.frameClass | (fields.inputProfile << 8) | (fields.tileIndexMode << 16) |
      ((fields.reserved0 ?? 0) << 24),
    true,
  );
  view.setUint32(offset + 16, fields.latencyBudgetMs | (fields.targetFpsX100 << 16), true);
  view.setUint32(offset + 20, fields.retryOfFrame, true);
  view.setUint32(offset + 24, fields.tileBaseId, true);
  view.setUint32(offset + 28, fields.cameraBytes, true);
  view.setUint32(offset + 32, fields.tileIndexBytes, true);
  writeU64(view, offset + 36, fields.reserved1 ?? 0n);
  writeU64(view, offset + 44, fields.reserved2 ?? 0n);
  view.setUint32(
    offset + 52,
    fields.submitMode | (fields.budgetPolicy << 8) | (fields.lossTolerancePolicy << 16) |
      ((fields.reserved3 ?? 0) << 24),
    true,
  );
  view.setUint32(offset + 56, fields.objectRefMask, true);
  view.setUint32(offset + 60, fields.dependencyFrameId, true);
  view.setUint32(offset + 64, fields.payloadKindBitmap, true);
  view.setUint32(offset + 68, fields.payloadFrameCount | ((fields.reserved4 ?? 0) << 16), true);
}

/**
 * Checks the metadata of FRAME_SUBMIT where it lies; allocates nothing unless it refuses.
 *
 * @param length Length of the metadata, bytes; must be 72.
 * @throws NnrpWireError (stage metadata) as {@linkcode decodeFrameSubmitMetadata}.
 */
export function checkFrameSubmitMetadata(view: DataView, offset: number, length: number): void {
  if (length === FRAME_SUBMIT_METADATA_SIZE && offset + FRAME_SUBMIT_METADATA_SIZE <= view.byteLength) {
    const bitmap = view.getUint32(offset + 64, true);
    if (
      areAllowed(view.getUint32(offset + 12, true), view.getUint32(offset + 52, true), bitmap) &&
      ((bitmap & PayloadKind.TENSOR) !== 0 || isWithoutTensor(view, offset))
    ) return;
  }
  FRAME_SUBMIT_RECORD.decode(view, offset, length); // throws
}

/**
 * Whether the fields of closed sets hold what they may.
 *
 * @param word12 frame_class, input_profile, tile_index_mode, reserved0.
 * @param word52 submit_mode, budget_policy, loss_tolerance_policy, reserved3.
 */
function areAllowed(word12: number, word52: number, bitmap: number): boolean {
  const loss = (word52 >>> 16) & 0xff;
  return ((word12 >>> 8) & 0xff) <= LAST_INPUT_PROFILE &&
    ((word12 >>> 16) & 0xff) <= LAST_TILE_INDEX_MODE &&
    (word52 & 0xff) <= LAST_SUBMIT_MODE &&
    ((word52 >>> 8) & 0xff & ~BUDGET_BITS) === 0 &&
    (loss <= LAST_LOSS_TOLERANCE || loss === LOSS_TOLERANCE_INHERIT) &&
    (bitmap & ~PAYLOAD_BITS) === 0;
}

/** Whether all fields of TENSOR_ONLY are 0: six u16 and three u32 in six words, and a byte. */
function isWithoutTensor(view: DataView, offset: number): boolean {
  return (view.getUint32(offset, true) | view.getUint32(offset + 4, true) | view.getUint32(offset + 8, true) |
    view.getUint32(offset + 24, true) | view.getUint32(offset + 28, true) |
    view.getUint32(offset + 32, true) |
    view.getUint8(offset + 13)) === 0;
}

/**
 * Reads the metadata of FRAME_SUBMIT.
 *
 * @param length Length of the metadata, bytes; must be 72.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §6.
 */
export function decodeFrameSubmitMetadata(
  view: DataView,
  offset: number,
  length: number,
): FrameSubmitMetadata {
  if (length !== FRAME_SUBMIT_METADATA_SIZE || offset + FRAME_SUBMIT_METADATA_SIZE > view.byteLength) {
    return FRAME_SUBMIT_RECORD.decode(view, offset, length); // throws
  }
  const word12 = view.getUint32(offset + 12, true);
  const word52 = view.getUint32(offset + 52, true);
  const bitmap = view.getUint32(offset + 64, true);
  if (
    !areAllowed(word12, word52, bitmap) ||
    ((bitmap & PayloadKind.TENSOR) === 0 && !isWithoutTensor(view, offset))
  ) {
    return FRAME_SUBMIT_RECORD.decode(view, offset, length); // throws
  }
  const word0 = view.getUint32(offset, true);
  const word4 = view.getUint32(offset + 4, true);
  const word8 = view.getUint32(offset + 8, true);
  const word16 = view.getUint32(offset + 16, true);
  const word68 = view.getUint32(offset + 68, true);
  return {
    srcWidth: word0 & 0xffff,
    srcHeight: word0 >>> 16,
    tileWidth: word4 & 0xffff,
    tileHeight: word4 >>> 16,
    tileCount: word8 & 0xffff,
    sectionCount: word8 >>> 16,
    frameClass: word12 & 0xff,
    inputProfile: (word12 >>> 8) & 0xff,
    tileIndexMode: (word12 >>> 16) & 0xff,
    reserved0: word12 >>> 24,
    latencyBudgetMs: word16 & 0xffff,
    targetFpsX100: word16 >>> 16,
    retryOfFrame: view.getUint32(offset + 20, true),
    tileBaseId: view.getUint32(offset + 24, true),
    cameraBytes: view.getUint32(offset + 28, true),
    tileIndexBytes: view.getUint32(offset + 32, true),
    reserved1: readU64(view, offset + 36),
    reserved2: readU64(view, offset + 44),
    submitMode: word52 & 0xff,
    budgetPolicy: (word52 >>> 8) & 0xff,
    lossTolerancePolicy: (word52 >>> 16) & 0xff,
    reserved3: word52 >>> 24,
    objectRefMask: view.getUint32(offset + 56, true),
    dependencyFrameId: view.getUint32(offset + 60, true),
    payloadKindBitmap: bitmap,
    payloadFrameCount: word68 & 0xffff,
    reserved4: word68 >>> 16,
  };
}

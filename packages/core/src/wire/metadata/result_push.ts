/**
 * Metadata of RESULT_PUSH (wire spec §7). Hot: written by hand in whole words, since each DataView access
 * costs as much as all arithmetic on it; the table states the same rules and composes the errors.
 *
 * @module
 */
import { ResultClass } from "../enums.ts";
import { BudgetPolicy, PayloadKind, ResultFlags } from "../flags.ts";
import { closedEnum, closedFlags, KEPT, u16, u32, u64, u8 } from "./fields.ts";
import { isU16, isU32, isU64, isU8, readU64, writeU64 } from "../integers.ts";
import { defineRecord, type RecordViolation, type WireRecord } from "./record.ts";

/** Length of the metadata of RESULT_PUSH, bytes (wire spec §7). */
export const RESULT_PUSH_METADATA_SIZE = 64;

/** Where fields that are read or written alone lie in the metadata of RESULT_PUSH; a test holds them against the table. */
export const RESULT_PUSH_OFFSETS = {
  resultFlags: 2,
  inferenceMs: 12,
  queueMs: 14,
  serverTotalMs: 16,
  resultClass: 44,
  appliedBudgetPolicy: 45,
  coveredTileCount: 52,
  droppedTileCount: 54,
  payloadKindBitmap: 56,
  payloadFrameCount: 60,
} as const;

/** Metadata of RESULT_PUSH (wire spec §7). */
export interface ResultPushMetadata {
  /** 0 = success; any number travels. */
  readonly statusCode: number;
  /** ResultFlags. */
  readonly resultFlags: number;
  /** Tensor sections. */
  readonly sectionCount: number;
  /** Tiles. */
  readonly tileCount: number;
  /** Profile that made the result. */
  readonly activeProfileId: number;
  /** Kept; default 0. */
  readonly reserved0?: number;
  /** Time of the model, ms. */
  readonly inferenceMs: number;
  /** Time in the queue, ms. */
  readonly queueMs: number;
  /** Time in the server, ms. */
  readonly serverTotalMs: number;
  /** Kept; default 0. */
  readonly reserved1?: number;
  /** First id of a dense range. */
  readonly tileBaseId: number;
  /** Length of the inline tile index, bytes; nonzero = RAW_U16, 0 = DENSE_RANGE. */
  readonly tileIndexBytes: number;
  /** Kept; default 0. */
  readonly reserved2?: bigint;
  /** Kept; default 0. */
  readonly reserved3?: bigint;
  /** ResultClass. */
  readonly resultClass: number;
  /** BudgetPolicy bits that were used. */
  readonly appliedBudgetPolicy: number;
  /** Kept; default 0. */
  readonly reserved4?: number;
  /** Frame whose result this is. */
  readonly reusedFrameId: number;
  /** Tiles with new data. */
  readonly coveredTileCount: number;
  /** Tiles without. */
  readonly droppedTileCount: number;
  /** PayloadKind bits; 0 is allowed. */
  readonly payloadKindBitmap: number;
  /** Typed payloads. */
  readonly payloadFrameCount: number;
  /** Kept; default 0. */
  readonly reserved5?: number;
}

/** RESULT_PUSH as a table. */
export const RESULT_PUSH_RECORD: WireRecord<ResultPushMetadata> = defineRecord<ResultPushMetadata>({
  name: "result_push",
  size: RESULT_PUSH_METADATA_SIZE,
  fields: {
    statusCode: u16(0),
    resultFlags: u16(2, closedFlags(ResultFlags)),
    sectionCount: u16(4, undefined, "count"),
    tileCount: u16(6, undefined, "count"),
    activeProfileId: u16(8),
    reserved0: u16(10, KEPT),
    inferenceMs: u16(12, undefined, "ms"),
    queueMs: u16(14, undefined, "ms"),
    serverTotalMs: u16(16, undefined, "ms"),
    reserved1: u16(18, KEPT),
    tileBaseId: u32(20),
    tileIndexBytes: u32(24, undefined, "bytes"),
    reserved2: u64(28, KEPT),
    reserved3: u64(36, KEPT),
    resultClass: u8(44, closedEnum(ResultClass)),
    appliedBudgetPolicy: u8(45, closedFlags(BudgetPolicy)),
    reserved4: u16(46, KEPT),
    reusedFrameId: u32(48),
    coveredTileCount: u16(52, undefined, "count"),
    droppedTileCount: u16(54, undefined, "count"),
    payloadKindBitmap: u32(56, closedFlags(PayloadKind)),
    payloadFrameCount: u16(60, undefined, "count"),
    reserved5: u16(62, KEPT),
  },
  check: brokenTensorRule,
});

// The closed sets as bounds, for the straight-line code; record_test.ts holds them against the table.
const LAST_RESULT_CLASS = ResultClass.DEGRADED;
const RESULT_BITS = 0x07;
const BUDGET_BITS = 0x0f;
const PAYLOAD_BITS = 0x7f;

/** Fields that must be 0 without the TENSOR bit (wire spec §7). */
const TENSOR_ONLY: readonly (keyof ResultPushMetadata)[] = [
  "sectionCount",
  "tileCount",
  "tileBaseId",
  "tileIndexBytes",
  "coveredTileCount",
  "droppedTileCount",
];

function brokenTensorRule(fields: ResultPushMetadata): RecordViolation | null {
  if ((fields.payloadKindBitmap & PayloadKind.TENSOR) !== 0) return null;
  for (const key of TENSOR_ONLY) {
    const actual = fields[key] as number;
    if (actual !== 0) return { key, message: "must be 0 without payload kind TENSOR", expected: 0, actual };
  }
  return null;
}

/** Whether everything can be written as it is; if not, the table composes the error. */
function isWritable(f: ResultPushMetadata): boolean {
  return isU16(f.statusCode) &&
    isU16(f.resultFlags) && (f.resultFlags & ~RESULT_BITS) === 0 &&
    isU16(f.sectionCount) &&
    isU16(f.tileCount) &&
    isU16(f.activeProfileId) &&
    (f.reserved0 === undefined || isU16(f.reserved0)) &&
    isU16(f.inferenceMs) &&
    isU16(f.queueMs) &&
    isU16(f.serverTotalMs) &&
    (f.reserved1 === undefined || isU16(f.reserved1)) &&
    isU32(f.tileBaseId) &&
    isU32(f.tileIndexBytes) &&
    (f.reserved2 === undefined || isU64(f.reserved2)) &&
    (f.reserved3 === undefined || isU64(f.reserved3)) &&
    isU8(f.resultClass) && f.resultClass <= LAST_RESULT_CLASS &&
    isU8(f.appliedBudgetPolicy) && (f.appliedBudgetPolicy & ~BUDGET_BITS) === 0 &&
    (f.reserved4 === undefined || isU16(f.reserved4)) &&
    isU32(f.reusedFrameId) &&
    isU16(f.coveredTileCount) &&
    isU16(f.droppedTileCount) &&
    isU32(f.payloadKindBitmap) && (f.payloadKindBitmap & ~PAYLOAD_BITS) === 0 &&
    isU16(f.payloadFrameCount) &&
    (f.reserved5 === undefined || isU16(f.reserved5)) &&
    ((f.payloadKindBitmap & PayloadKind.TENSOR) !== 0 || brokenTensorRule(f) === null);
}

/**
 * Checks and writes the metadata of RESULT_PUSH.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §7. Nothing was written.
 */
export function encodeResultPushMetadata(fields: ResultPushMetadata, view: DataView, offset: number): void {
  if (!isWritable(fields) || offset + RESULT_PUSH_METADATA_SIZE > view.byteLength) {
    RESULT_PUSH_RECORD.encode(fields, view, offset); // throws
    return;
  }
  view.setUint32(offset, fields.statusCode | (fields.resultFlags << 16), true);
  view.setUint32(offset + 4, fields.sectionCount | (fields.tileCount << 16), true);
  view.setUint32(offset + 8, fields.activeProfileId | ((fields.reserved0 ?? 0) << 16), true);
  view.setUint32(offset + 12, fields.inferenceMs | (fields.queueMs << 16), true);
  view.setUint32(offset + 16, fields.serverTotalMs | ((fields.reserved1 ?? 0) << 16), true);
  view.setUint32(offset + 20, fields.tileBaseId, true);
  view.setUint32(offset + 24, fields.tileIndexBytes, true);
  writeU64(view, offset + 28, fields.reserved2 ?? 0n);
  writeU64(view, offset + 36, fields.reserved3 ?? 0n);
  view.setUint32(
    offset + 44,
    fields.resultClass | (fields.appliedBudgetPolicy << 8) | ((fields.reserved4 ?? 0) << 16),
    true,
  );
  view.setUint32(offset + 48, fields.reusedFrameId, true);
  view.setUint32(offset + 52, fields.coveredTileCount | (fields.droppedTileCount << 16), true);
  view.setUint32(offset + 56, fields.payloadKindBitmap, true);
  view.setUint32(offset + 60, fields.payloadFrameCount | ((fields.reserved5 ?? 0) << 16), true);
}

/**
 * Checks the metadata of RESULT_PUSH where it lies; allocates nothing unless it refuses.
 *
 * @param length Length of the metadata, bytes; must be 64.
 * @throws NnrpWireError (stage metadata) as {@linkcode decodeResultPushMetadata}.
 */
export function checkResultPushMetadata(view: DataView, offset: number, length: number): void {
  if (length === RESULT_PUSH_METADATA_SIZE && offset + RESULT_PUSH_METADATA_SIZE <= view.byteLength) {
    const bitmap = view.getUint32(offset + 56, true);
    if (
      (view.getUint16(offset + 2, true) & ~RESULT_BITS) === 0 &&
      view.getUint8(offset + 44) <= LAST_RESULT_CLASS &&
      (view.getUint8(offset + 45) & ~BUDGET_BITS) === 0 &&
      (bitmap & ~PAYLOAD_BITS) === 0 &&
      ((bitmap & PayloadKind.TENSOR) !== 0 || isWithoutTensor(view, offset))
    ) return;
  }
  RESULT_PUSH_RECORD.decode(view, offset, length); // throws
}

/** Whether all fields of TENSOR_ONLY are 0: four u16 and two u32 in four words. */
function isWithoutTensor(view: DataView, offset: number): boolean {
  return (view.getUint32(offset + 4, true) | view.getUint32(offset + 20, true) |
    view.getUint32(offset + 24, true) |
    view.getUint32(offset + 52, true)) === 0;
}

/**
 * Reads the metadata of RESULT_PUSH.
 *
 * @param length Length of the metadata, bytes; must be 64.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §7.
 */
export function decodeResultPushMetadata(view: DataView, offset: number, length: number): ResultPushMetadata {
  checkResultPushMetadata(view, offset, length);
  const word0 = view.getUint32(offset, true);
  const word4 = view.getUint32(offset + 4, true);
  const word8 = view.getUint32(offset + 8, true);
  const word12 = view.getUint32(offset + 12, true);
  const word16 = view.getUint32(offset + 16, true);
  const word44 = view.getUint32(offset + 44, true);
  const word52 = view.getUint32(offset + 52, true);
  const word60 = view.getUint32(offset + 60, true);
  return {
    statusCode: word0 & 0xffff,
    resultFlags: word0 >>> 16,
    sectionCount: word4 & 0xffff,
    tileCount: word4 >>> 16,
    activeProfileId: word8 & 0xffff,
    reserved0: word8 >>> 16,
    inferenceMs: word12 & 0xffff,
    queueMs: word12 >>> 16,
    serverTotalMs: word16 & 0xffff,
    reserved1: word16 >>> 16,
    tileBaseId: view.getUint32(offset + 20, true),
    tileIndexBytes: view.getUint32(offset + 24, true),
    reserved2: readU64(view, offset + 28),
    reserved3: readU64(view, offset + 36),
    resultClass: word44 & 0xff,
    appliedBudgetPolicy: (word44 >>> 8) & 0xff,
    reserved4: word44 >>> 16,
    reusedFrameId: view.getUint32(offset + 48, true),
    coveredTileCount: word52 & 0xffff,
    droppedTileCount: word52 >>> 16,
    payloadKindBitmap: view.getUint32(offset + 56, true),
    payloadFrameCount: word60 & 0xffff,
    reserved5: word60 >>> 16,
  };
}

/**
 * The 104 bytes that begin every RESULT_PUSH: header and metadata, checked and written field by field (wire spec §2, §7).
 * Nothing is allocated.
 *
 * @module
 */
import { NnrpValueError } from "../errors.ts";
import { MessageType, ResultClass } from "../wire/enums.ts";
import { ResultFlags } from "../wire/flags.ts";
import { checkHeaderIds, HEADER_SIZE, writeHeader } from "../wire/header.ts";
import { checkU16, checkU32, isU16, isU32, isU8, shown } from "../wire/integers.ts";
import { RESULT_PUSH_METADATA_SIZE } from "../wire/metadata/result_push.ts";
import type { ResultFields, ResultTarget } from "./result_fields.ts";

/** Length of header and metadata, bytes. */
export const RESULT_HEAD_SIZE: number = HEADER_SIZE + RESULT_PUSH_METADATA_SIZE;

/**
 * Checks the header's numbers and those of the metadata that every result has.
 *
 * @throws NnrpValueError naming the field at fault.
 */
export function checkResultNumbers(
  sessionId: number,
  target: ResultTarget,
  result: ResultFields,
  flags: number,
): void {
  checkHeaderIds(
    flags,
    sessionId,
    target.frameId,
    target.viewId ?? 0,
    target.routeId ?? 0,
    target.traceId ?? 0n,
  );
  const resultFlags = result.resultFlags ?? 0;
  const budget = result.appliedBudgetPolicy ?? 0;
  const resultClass = result.resultClass ?? ResultClass.COMPLETE;
  if (
    isU8(resultFlags) && resultFlags < 0x8 && isU8(budget) && budget < 0x10 && isU8(resultClass) &&
    resultClass <= ResultClass.DEGRADED && isU16(result.statusCode ?? 0) &&
    isU16(result.activeProfileId ?? 0) &&
    isU16(result.inferenceMs ?? 0) && isU16(result.queueMs ?? 0) && isU16(result.serverTotalMs ?? 0) &&
    isU32(result.reusedFrameId ?? 0)
  ) return;
  checkU16(result.statusCode ?? 0, "statusCode");
  checkU16(result.activeProfileId ?? 0, "activeProfileId");
  checkU16(result.inferenceMs ?? 0, "inferenceMs");
  checkU16(result.queueMs ?? 0, "queueMs");
  checkU16(result.serverTotalMs ?? 0, "serverTotalMs");
  checkU32(result.reusedFrameId ?? 0, "reusedFrameId");
  if (!isU8(resultFlags) || resultFlags > 0x7) throw outside("resultFlags", "bits within 0x7", resultFlags);
  if (!isU8(budget) || budget > 0xf) throw outside("appliedBudgetPolicy", "bits within 0xf", budget);
  throw outside("resultClass", "0…3", resultClass);
}

/**
 * Checks which tiles a tensor result covers (wire spec §7, "Coverage").
 *
 * @throws NnrpValueError if the counts are not those of the tiles, or a PARTIAL result drops none.
 */
export function checkCoverage(result: ResultFields, tileCount: number): void {
  const covered = result.coveredTileCount ?? tileCount;
  const dropped = result.droppedTileCount ?? 0;
  if (!isU16(covered) || covered > tileCount) throw outside("coveredTileCount", `0…${tileCount}`, covered);
  if (!isU16(dropped) || dropped > tileCount) throw outside("droppedTileCount", `0…${tileCount}`, dropped);
  if (covered + dropped !== tileCount) {
    throw new NnrpValueError("covered and dropped tiles must be all tiles", {
      field: "coveredTileCount",
      expected: tileCount - dropped,
      actual: covered,
    });
  }
  const partial = result.resultClass === ResultClass.PARTIAL ||
    ((result.resultFlags ?? 0) & ResultFlags.PARTIAL) !== 0;
  if (partial && dropped === 0) {
    throw new NnrpValueError("a PARTIAL tensor result drops tiles", {
      field: "droppedTileCount",
      expected: "more than 0",
      actual: dropped,
    });
  }
}

/** Writes header and metadata of a result without tensors. */
export function writePlainResultHead(
  view: DataView,
  at: number,
  sessionId: number,
  target: ResultTarget,
  result: ResultFields,
  flags: number,
  bodyLength: number,
  bitmap: number,
  frameCount: number,
): void {
  writeCommon(view, at, sessionId, target, result, flags, bodyLength, bitmap, frameCount);
  const meta = at + HEADER_SIZE;
  view.setUint32(meta + 4, 0, true); // section_count, tile_count
  view.setUint32(meta + 20, 0, true); // tile_base_id
  view.setUint32(meta + 24, 0, true); // tile_index_bytes
  view.setUint32(meta + 52, 0, true); // covered_tile_count, dropped_tile_count
}

/** Writes header and metadata of a result with tensors. */
export function writeTensorResultHead(
  view: DataView,
  at: number,
  sessionId: number,
  target: ResultTarget,
  result: ResultFields,
  flags: number,
  bodyLength: number,
  tileIndexBytes: number,
  bitmap: number,
  frameCount: number,
): void {
  writeCommon(view, at, sessionId, target, result, flags, bodyLength, bitmap, frameCount);
  const meta = at + HEADER_SIZE;
  const tileCount = result.tileIds?.length ?? 0;
  view.setUint16(meta + 4, result.sections?.length ?? 0, true);
  view.setUint16(meta + 6, tileCount, true);
  view.setUint32(meta + 20, result.tileBaseId ?? 0, true);
  view.setUint32(meta + 24, tileIndexBytes, true);
  view.setUint16(meta + 52, result.coveredTileCount ?? tileCount, true);
  view.setUint16(meta + 54, result.droppedTileCount ?? 0, true);
}

/** Header, the fields of every result, and the reserved ones. */
function writeCommon(
  view: DataView,
  at: number,
  sessionId: number,
  target: ResultTarget,
  result: ResultFields,
  flags: number,
  bodyLength: number,
  bitmap: number,
  frameCount: number,
): void {
  writeHeader(
    view,
    at,
    MessageType.RESULT_PUSH,
    flags,
    RESULT_PUSH_METADATA_SIZE,
    bodyLength,
    sessionId,
    target.frameId,
    target.viewId ?? 0,
    target.routeId ?? 0,
    target.traceId ?? 0n,
  );
  const meta = at + HEADER_SIZE;
  view.setUint16(meta, result.statusCode ?? 0, true);
  view.setUint16(meta + 2, result.resultFlags ?? 0, true);
  view.setUint32(meta + 8, result.activeProfileId ?? 0, true); // and reserved0
  view.setUint16(meta + 12, result.inferenceMs ?? 0, true);
  view.setUint16(meta + 14, result.queueMs ?? 0, true);
  view.setUint32(meta + 16, result.serverTotalMs ?? 0, true); // and reserved1
  view.setUint32(meta + 28, 0, true);
  view.setUint32(meta + 32, 0, true);
  view.setUint32(meta + 36, 0, true);
  view.setUint32(meta + 40, 0, true);
  view.setUint8(meta + 44, result.resultClass ?? ResultClass.COMPLETE);
  view.setUint8(meta + 45, result.appliedBudgetPolicy ?? 0);
  view.setUint16(meta + 46, 0, true);
  view.setUint32(meta + 48, result.reusedFrameId ?? 0, true);
  view.setUint32(meta + 56, bitmap, true);
  view.setUint32(meta + 60, frameCount, true); // and reserved5
}

function outside(field: string, expected: string, actual: number): NnrpValueError {
  return new NnrpValueError("not a known value", { field, expected, actual: shown(actual) });
}

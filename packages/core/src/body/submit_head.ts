/**
 * The 112 bytes that begin every FRAME_SUBMIT: header and metadata, checked and written field by field (wire spec §2, §6).
 * Nothing is allocated.
 *
 * @module
 */
import { NnrpValueError } from "../errors.ts";
import {
  InputProfile,
  LOSS_TOLERANCE_INHERIT,
  LossTolerance,
  MessageType,
  SubmitMode,
  TileIndexMode,
} from "../wire/enums.ts";
import { checkHeaderIds, HEADER_SIZE, writeHeader } from "../wire/header.ts";
import { checkU16, checkU32, checkU8, isU16, isU32, isU8, shown } from "../wire/integers.ts";
import { FRAME_SUBMIT_METADATA_SIZE } from "../wire/metadata/frame_submit.ts";
import type { SubmitRequest } from "./submit_request.ts";

/** Length of header and metadata, bytes. */
export const SUBMIT_HEAD_SIZE: number = HEADER_SIZE + FRAME_SUBMIT_METADATA_SIZE;

/**
 * Checks the header's numbers and those of the metadata that every submit has.
 *
 * @throws NnrpValueError naming the field at fault.
 */
export function checkSubmitNumbers(sessionId: number, frameId: number, request: SubmitRequest): void {
  checkHeaderIds(
    request.flags ?? 0,
    sessionId,
    frameId,
    request.viewId ?? 0,
    request.routeId ?? 0,
    request.traceId ?? 0n,
  );
  const loss = request.lossTolerancePolicy ?? LOSS_TOLERANCE_INHERIT;
  const budget = request.budgetPolicy ?? 0;
  if (
    isU8(request.frameClass ?? 0) && isU16(request.latencyBudgetMs ?? 0) &&
    isU16(request.targetFpsX100 ?? 0) &&
    isU32(request.retryOfFrame ?? 0) && isU32(request.dependencyFrameId ?? 0) && isU8(budget) &&
    budget < 0x10 &&
    isU8(loss) && (loss <= LossTolerance.FIRE_AND_FORGET || loss === LOSS_TOLERANCE_INHERIT)
  ) return;
  checkU8(request.frameClass ?? 0, "frameClass");
  checkU16(request.latencyBudgetMs ?? 0, "latencyBudgetMs");
  checkU16(request.targetFpsX100 ?? 0, "targetFpsX100");
  checkU32(request.retryOfFrame ?? 0, "retryOfFrame");
  checkU32(request.dependencyFrameId ?? 0, "dependencyFrameId");
  if (!isU8(budget) || budget > 0xf) throw outside("budgetPolicy", "bits within 0xf", budget);
  throw outside("lossTolerancePolicy", "0…3 or 255", loss);
}

/**
 * Checks the numbers that only submits with tensors have; index mode and counts are checked where they are measured.
 *
 * @throws NnrpValueError naming the field at fault.
 */
export function checkGeometry(request: SubmitRequest): void {
  checkU16(request.srcWidth ?? 0, "srcWidth");
  checkU16(request.srcHeight ?? 0, "srcHeight");
  checkU16(request.tileWidth ?? 0, "tileWidth");
  checkU16(request.tileHeight ?? 0, "tileHeight");
  checkU32(request.tileBaseId ?? 0, "tileBaseId");
  const profile = request.inputProfile ?? 0;
  if (!isU8(profile) || profile > InputProfile.DENSE_LUMA_FRAME) {
    throw outside("inputProfile", "0…2", profile);
  }
}

/** Writes header and metadata of a submit with typed payloads alone: no geometry, index mode RAW_U16, INLINE. */
export function writeTypedHead(
  view: DataView,
  at: number,
  sessionId: number,
  frameId: number,
  request: SubmitRequest,
  bodyLength: number,
  bitmap: number,
  frameCount: number,
): void {
  writeCommon(view, at, sessionId, frameId, request, bodyLength, bitmap, frameCount);
  const meta = at + HEADER_SIZE;
  view.setUint32(meta, 0, true); // src_width, src_height
  view.setUint32(meta + 4, 0, true); // tile_width, tile_height
  view.setUint32(meta + 8, 0, true); // tile_count, section_count
  view.setUint16(meta + 13, TileIndexMode.RAW_U16 << 8, true); // input_profile 0, tile_index_mode
  view.setUint32(meta + 24, 0, true); // tile_base_id
  view.setUint32(meta + 28, 0, true); // camera_bytes
  view.setUint32(meta + 32, 0, true); // tile_index_bytes
  view.setUint8(meta + 52, SubmitMode.INLINE);
  view.setUint32(meta + 56, 0, true); // object_ref_mask
}

/** Writes header and metadata of a submit with tensors. */
export function writeTensorHead(
  view: DataView,
  at: number,
  sessionId: number,
  frameId: number,
  request: SubmitRequest,
  bodyLength: number,
  cameraBytes: number,
  tileIndexBytes: number,
  bitmap: number,
  frameCount: number,
  objectRefMask: number,
): void {
  writeCommon(view, at, sessionId, frameId, request, bodyLength, bitmap, frameCount);
  const meta = at + HEADER_SIZE;
  view.setUint16(meta, request.srcWidth ?? 0, true);
  view.setUint16(meta + 2, request.srcHeight ?? 0, true);
  view.setUint16(meta + 4, request.tileWidth ?? 0, true);
  view.setUint16(meta + 6, request.tileHeight ?? 0, true);
  view.setUint16(meta + 8, request.tileIds?.length ?? 0, true);
  view.setUint16(meta + 10, request.sections?.length ?? 0, true);
  view.setUint8(meta + 13, request.inputProfile ?? 0);
  view.setUint8(meta + 14, request.tileIndexMode ?? TileIndexMode.RAW_U16);
  view.setUint32(meta + 24, request.tileBaseId ?? 0, true);
  view.setUint32(meta + 28, cameraBytes, true);
  view.setUint32(meta + 32, tileIndexBytes, true);
  view.setUint8(meta + 52, request.submitMode ?? SubmitMode.INLINE);
  view.setUint32(meta + 56, objectRefMask, true);
}

/** Header, the fields of every submit, and the reserved ones. */
function writeCommon(
  view: DataView,
  at: number,
  sessionId: number,
  frameId: number,
  request: SubmitRequest,
  bodyLength: number,
  bitmap: number,
  frameCount: number,
): void {
  writeHeader(
    view,
    at,
    MessageType.FRAME_SUBMIT,
    request.flags ?? 0,
    FRAME_SUBMIT_METADATA_SIZE,
    bodyLength,
    sessionId,
    frameId,
    request.viewId ?? 0,
    request.routeId ?? 0,
    request.traceId ?? 0n,
  );
  const meta = at + HEADER_SIZE;
  view.setUint8(meta + 12, request.frameClass ?? 0);
  view.setUint8(meta + 15, 0);
  view.setUint16(meta + 16, request.latencyBudgetMs ?? 0, true);
  view.setUint16(meta + 18, request.targetFpsX100 ?? 0, true);
  view.setUint32(meta + 20, request.retryOfFrame ?? 0, true);
  view.setUint32(meta + 36, 0, true);
  view.setUint32(meta + 40, 0, true);
  view.setUint32(meta + 44, 0, true);
  view.setUint32(meta + 48, 0, true);
  view.setUint8(meta + 53, request.budgetPolicy ?? 0);
  view.setUint16(meta + 54, request.lossTolerancePolicy ?? LOSS_TOLERANCE_INHERIT, true); // and reserved3
  view.setUint32(meta + 60, request.dependencyFrameId ?? 0, true);
  view.setUint32(meta + 64, bitmap, true);
  view.setUint32(meta + 68, frameCount, true); // and reserved4
}

function outside(field: string, expected: string, actual: number): NnrpValueError {
  return new NnrpValueError("not a known value", { field, expected, actual: shown(actual) });
}

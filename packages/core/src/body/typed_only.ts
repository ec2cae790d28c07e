/**
 * The short way for the busiest packets: submits and results whose bodies hold typed payloads and nothing
 * else. They are judged where they lie, without a single allocation, and their payloads are opened when
 * somebody asks. `false` never means "refused": it means "read it with the full decoder", which composes the
 * error if there is one.
 *
 * @module
 */
import {
  LOSS_TOLERANCE_INHERIT,
  LossTolerance,
  ResultClass,
  SubmitMode,
  TileIndexMode,
} from "../wire/enums.ts";
import {
  FRAME_SUBMIT_METADATA_SIZE,
  FRAME_SUBMIT_OFFSETS as SUBMIT_AT,
} from "../wire/metadata/frame_submit.ts";
import { RESULT_PUSH_METADATA_SIZE, RESULT_PUSH_OFFSETS as RESULT_AT } from "../wire/metadata/result_push.ts";
import { BODY_PRELUDE_SIZE, DESCRIPTOR_SIZE } from "./prelude.ts";
import { typedPayloadAt, typedPayloadsAt } from "./typed_payload_table.ts";
import { TYPED_PAYLOAD_KINDS, type TypedPayload } from "./typed_payloads.ts";

/**
 * Whether a FRAME_SUBMIT is well formed, metadata included, and carries typed payloads alone.
 *
 * @param view What holds the packet.
 * @param metaOffset Where its metadata begins; the body follows it.
 * @param metaLength Length of the metadata, bytes.
 * @param bodyLength Length of the body, bytes.
 */
export function isTypedFrameSubmit(
  view: DataView,
  metaOffset: number,
  metaLength: number,
  bodyLength: number,
): boolean {
  if (metaLength !== FRAME_SUBMIT_METADATA_SIZE) return false;
  const bitmap = view.getUint32(metaOffset + SUBMIT_AT.payloadKindBitmap, true);
  if (bitmap === 0 || (bitmap & ~TYPED_PAYLOAD_KINDS) !== 0) return false;
  // Geometry, counts, base id and lengths are 0 without TENSOR.
  if (
    (view.getUint32(metaOffset, true) | view.getUint32(metaOffset + 4, true) |
      view.getUint32(metaOffset + 8, true) |
      view.getUint32(metaOffset + 24, true) | view.getUint32(metaOffset + 28, true) |
      view.getUint32(metaOffset + 32, true)) !== 0
  ) return false;
  // input_profile 0, a known tile_index_mode.
  if (
    view.getUint8(metaOffset + 13) !== 0 ||
    view.getUint8(metaOffset + SUBMIT_AT.tileIndexMode) > TileIndexMode.BITSET
  ) {
    return false;
  }
  // submit_mode, budget_policy, loss_tolerance_policy; no references.
  if (
    view.getUint8(metaOffset + SUBMIT_AT.submitMode) !== SubmitMode.INLINE ||
    view.getUint8(metaOffset + SUBMIT_AT.budgetPolicy) > 0xf
  ) {
    return false;
  }
  const loss = view.getUint8(metaOffset + SUBMIT_AT.lossTolerancePolicy);
  if (loss > LossTolerance.FIRE_AND_FORGET && loss !== LOSS_TOLERANCE_INHERIT) return false;
  if (view.getUint32(metaOffset + SUBMIT_AT.objectRefMask, true) !== 0) return false;
  const count = view.getUint16(metaOffset + SUBMIT_AT.payloadFrameCount, true);
  return typedOnlyBody(view, metaOffset + FRAME_SUBMIT_METADATA_SIZE, bodyLength, count, bitmap);
}

/**
 * Whether a RESULT_PUSH is well formed, metadata included, and carries typed payloads alone or is metadata only.
 *
 * @param view What holds the packet.
 * @param metaOffset Where its metadata begins; the body follows it.
 * @param metaLength Length of the metadata, bytes.
 * @param bodyLength Length of the body, bytes.
 */
export function isTypedResultPush(
  view: DataView,
  metaOffset: number,
  metaLength: number,
  bodyLength: number,
): boolean {
  if (metaLength !== RESULT_PUSH_METADATA_SIZE) return false;
  const bitmap = view.getUint32(metaOffset + RESULT_AT.payloadKindBitmap, true);
  if ((bitmap & ~TYPED_PAYLOAD_KINDS) !== 0) return false;
  // Counts, base id, index length and coverage are 0 without TENSOR.
  if (
    (view.getUint32(metaOffset + 4, true) | view.getUint32(metaOffset + 20, true) |
      view.getUint32(metaOffset + 24, true) |
      view.getUint32(metaOffset + RESULT_AT.coveredTileCount, true)) !== 0
  ) return false;
  if (view.getUint16(metaOffset + RESULT_AT.resultFlags, true) > 0x7) return false; // result_flags
  if (
    view.getUint8(metaOffset + RESULT_AT.resultClass) > ResultClass.DEGRADED ||
    view.getUint8(metaOffset + RESULT_AT.appliedBudgetPolicy) > 0xf
  ) {
    return false;
  }
  const count = view.getUint16(metaOffset + RESULT_AT.payloadFrameCount, true);
  if (count === 0 && (bitmap === 0 || bodyLength === 0)) return true;
  return typedOnlyBody(view, metaOffset + RESULT_PUSH_METADATA_SIZE, bodyLength, count, bitmap);
}

/** Number of typed payloads that the metadata of a FRAME_SUBMIT states. */
export function frameSubmitPayloadCount(view: DataView, metaOffset: number): number {
  return view.getUint16(metaOffset + SUBMIT_AT.payloadFrameCount, true);
}

/** Number of typed payloads that the metadata of a RESULT_PUSH states. */
export function resultPushPayloadCount(view: DataView, metaOffset: number): number {
  return view.getUint16(metaOffset + RESULT_AT.payloadFrameCount, true);
}

/**
 * One payload of a body that {@linkcode isTypedFrameSubmit} or {@linkcode isTypedResultPush} took. A view: retain the packet.
 *
 * @param bytes What holds the packet.
 * @param view The same memory.
 * @param bodyOffset Where the body begins.
 * @param count Typed payloads that the metadata states.
 * @param index Which one, from 0.
 */
export function typedPayloadInBody(
  bytes: Uint8Array,
  view: DataView,
  bodyOffset: number,
  count: number,
  index: number,
): TypedPayload {
  const table = bodyOffset + BODY_PRELUDE_SIZE;
  return typedPayloadAt(bytes, view, table + index * DESCRIPTOR_SIZE, table + count * DESCRIPTOR_SIZE);
}

/** All payloads of such a body; parameters as {@linkcode typedPayloadInBody}. Views: retain the packet. */
export function typedPayloadsInBody(
  bytes: Uint8Array,
  view: DataView,
  bodyOffset: number,
  count: number,
): TypedPayload[] {
  const table = bodyOffset + BODY_PRELUDE_SIZE;
  return typedPayloadsAt(bytes, view, table, count, table + count * DESCRIPTOR_SIZE);
}

/**
 * Whether a composed body is well formed and holds typed payloads alone, at least one. The metadata must have been checked and
 * imply a composed body without references; then nothing else can be wrong with the packet.
 *
 * @param view What holds the packet.
 * @param body Where the body begins.
 * @param length Length of the body, bytes.
 * @param count `payload_frame_count`.
 * @param bitmap `payload_kind_bitmap`.
 */
export function typedOnlyBody(
  view: DataView,
  body: number,
  length: number,
  count: number,
  bitmap: number,
): boolean {
  if ((bitmap & ~TYPED_PAYLOAD_KINDS) !== 0) return false;
  const tableBytes = count * DESCRIPTOR_SIZE;
  const room = length - BODY_PRELUDE_SIZE - tableBytes;
  if (room < 0 || count === 0) return false;
  if (
    (view.getUint32(body, true) | view.getUint32(body + 4, true) | view.getUint32(body + 16, true) |
      view.getUint32(body + 20, true) | view.getUint32(body + 24, true) | view.getUint32(body + 28, true)) !==
      0
  ) return false;
  if (view.getUint32(body + 8, true) !== tableBytes || view.getUint32(body + 12, true) !== room) return false;
  let free = 0;
  const end = body + BODY_PRELUDE_SIZE + tableBytes;
  for (let at = body + BODY_PRELUDE_SIZE; at < end; at += DESCRIPTOR_SIZE) {
    const kindAndFlags = view.getUint16(at, true); // descriptor_flags, the upper byte, are 0
    if ((kindAndFlags & bitmap) !== kindAndFlags || kindAndFlags === 0) return false;
    if ((kindAndFlags & (kindAndFlags - 1)) !== 0 || view.getUint32(at + 12, true) !== 0) return false;
    const start = view.getUint32(at + 4, true);
    if (start < free) return false;
    free = start + view.getUint32(at + 8, true);
    if (free > room) return false;
  }
  return true;
}

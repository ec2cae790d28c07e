/**
 * The busiest packet of a server: a RESULT_PUSH with typed payloads and nothing else to say, written from numbers that are
 * known to fit (wire spec §7, §8.2). What {@linkcode encodeResultPush} does for everything, this does for tokens, without a
 * look at twenty optional fields.
 *
 * @module
 */
import { MessageType } from "../wire/enums.ts";
import { HEADER_SIZE, writeHeader } from "../wire/header.ts";
import { RESULT_PUSH_METADATA_SIZE } from "../wire/metadata/result_push.ts";
import type { Outbox } from "../wire/outbox.ts";
import { BODY_PRELUDE_SIZE, DESCRIPTOR_SIZE, writePrelude } from "./prelude.ts";
import { checkBodyLength } from "./regions.ts";
import type { ResultFields, ResultTarget } from "./result_fields.ts";
import {
  appendTypedPayloads,
  measureTypedPayloads,
  type TypedPayload,
  typedPayloadKinds,
  writeTypedPayloadTable,
} from "./typed_payloads.ts";

const HEAD_SIZE = HEADER_SIZE + RESULT_PUSH_METADATA_SIZE;

/** Whether a result consists of typed payloads and leaves everything else open. */
export function isTypedOnlyResult(result: ResultFields): boolean {
  return result.typedPayloads !== undefined && result.typedPayloads.length > 0 &&
    result.tileIds === undefined &&
    result.sections === undefined && result.references === undefined &&
    result.tileIndexReference === undefined &&
    result.tensorSectionTableReference === undefined && result.flags === undefined &&
    result.resultFlags === undefined && result.resultClass === undefined &&
    result.appliedBudgetPolicy === undefined &&
    result.activeProfileId === undefined && result.statusCode === undefined &&
    result.reusedFrameId === undefined &&
    result.inferenceMs === undefined && result.queueMs === undefined && result.serverTotalMs === undefined &&
    result.tileIndexMode === undefined && result.tileBaseId === undefined &&
    result.coveredTileCount === undefined &&
    result.droppedTileCount === undefined && result.payloadKindBitmap === undefined &&
    result.payloadFrameCount === undefined;
}

/**
 * Writes such a result.
 *
 * @param out Where to write.
 * @param sessionId Session of the header, a u32.
 * @param target The received submit that is answered: its numbers fit, they came from the wire.
 * @param typed The payloads, at least one.
 * @param flags HeaderFlags.
 * @param classAndPolicy ResultClass, and BudgetPolicy bits << 8.
 * @param resultFlags ResultFlags.
 * @param queueMs Time in the queue, u16.
 * @param inferenceMs Time of the model, u16.
 * @param serverTotalMs Time in the server, u16.
 * @throws NnrpValueError naming the payload at fault. Nothing was written.
 */
export function encodeTypedResult(
  out: Outbox,
  sessionId: number,
  target: Required<ResultTarget>,
  typed: readonly TypedPayload[],
  flags: number,
  classAndPolicy: number,
  resultFlags: number,
  queueMs: number,
  inferenceMs: number,
  serverTotalMs: number,
): void {
  const typedBytes = measureTypedPayloads(typed);
  const count = typed.length;
  const tableBytes = count * DESCRIPTOR_SIZE;
  const bodyLength = BODY_PRELUDE_SIZE + tableBytes + typedBytes;
  checkBodyLength(bodyLength);
  const at = out.reserve(HEAD_SIZE + BODY_PRELUDE_SIZE + tableBytes);
  const view = out.view;
  const { frameId, viewId, routeId, traceId } = target;
  writeHeader(
    view,
    at,
    MessageType.RESULT_PUSH,
    flags,
    RESULT_PUSH_METADATA_SIZE,
    bodyLength,
    sessionId,
    frameId,
    viewId,
    routeId,
    traceId,
  );
  const meta = at + HEADER_SIZE;
  view.setUint32(meta, resultFlags << 16, true); // status_code 0
  view.setUint32(meta + 4, 0, true);
  view.setUint32(meta + 8, 0, true);
  view.setUint32(meta + 12, inferenceMs | (queueMs << 16), true);
  view.setUint32(meta + 16, serverTotalMs, true);
  view.setUint32(meta + 20, 0, true);
  view.setUint32(meta + 24, 0, true);
  view.setUint32(meta + 28, 0, true);
  view.setUint32(meta + 32, 0, true);
  view.setUint32(meta + 36, 0, true);
  view.setUint32(meta + 40, 0, true);
  view.setUint32(meta + 44, classAndPolicy, true);
  view.setUint32(meta + 48, 0, true);
  view.setUint32(meta + 52, 0, true);
  view.setUint32(meta + 56, typedPayloadKinds(typed), true);
  view.setUint32(meta + 60, count, true);
  writePrelude(view, at + HEAD_SIZE, 0, 0, tableBytes, typedBytes, 0, 0);
  writeTypedPayloadTable(view, at + HEAD_SIZE + BODY_PRELUDE_SIZE, typed);
  appendTypedPayloads(out, typed);
}

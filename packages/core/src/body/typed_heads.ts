/**
 * The two busiest packets, FRAME_SUBMIT and RESULT_PUSH with typed payloads and nothing else to say, written from a head that
 * was made once per session: one copy and a dozen numbers instead of forty fields (wire spec §6, §7, §8.2). What
 * {@linkcode encodeFrameSubmit} and {@linkcode encodeResultPush} do for everything, these do for tokens and small payloads;
 * tests hold both against each other.
 *
 * @module
 */
import { LOSS_TOLERANCE_INHERIT, MessageType, TileIndexMode } from "../wire/enums.ts";
import { HEADER_SIZE, writeHeader } from "../wire/header.ts";
import { isU16 } from "../wire/integers.ts";
import {
  FRAME_SUBMIT_METADATA_SIZE,
  FRAME_SUBMIT_OFFSETS as SUBMIT_AT,
} from "../wire/metadata/frame_submit.ts";
import { RESULT_PUSH_METADATA_SIZE, RESULT_PUSH_OFFSETS as RESULT_AT } from "../wire/metadata/result_push.ts";
import type { Outbox } from "../wire/outbox.ts";
import { BODY_PRELUDE_SIZE, DESCRIPTOR_SIZE } from "./prelude.ts";
import { checkBodyLength } from "./regions.ts";
import type { ResultFields, ResultTarget } from "./result_fields.ts";
import type { SubmitRequest } from "./submit_request.ts";
import {
  appendTypedPayloads,
  measureTypedPayloads,
  type TypedPayload,
  typedPayloadKinds,
  writeTypedPayloadTable,
} from "./typed_payloads.ts";

const SUBMIT_PRELUDE = HEADER_SIZE + FRAME_SUBMIT_METADATA_SIZE;
const SUBMIT_HEAD_SIZE = SUBMIT_PRELUDE + BODY_PRELUDE_SIZE;
const RESULT_PRELUDE = HEADER_SIZE + RESULT_PUSH_METADATA_SIZE;
const RESULT_HEAD_SIZE = RESULT_PRELUDE + BODY_PRELUDE_SIZE;

/** Whether a submit consists of typed payloads, perhaps with a budget, and leaves everything else open. */
export function isTypedOnlyRequest(request: SubmitRequest): boolean {
  return request.typedPayloads !== undefined && request.typedPayloads.length > 0 &&
    request.tileIds === undefined &&
    request.sections === undefined && request.cameraBlock === undefined && request.viewId === undefined &&
    request.routeId === undefined && request.traceId === undefined && request.flags === undefined &&
    request.submitMode === undefined && request.objectRefMask === undefined &&
    request.cameraReference === undefined &&
    request.tileIndexReference === undefined && request.tensorSectionTableReference === undefined &&
    request.frameClass === undefined && request.targetFpsX100 === undefined &&
    request.retryOfFrame === undefined &&
    request.dependencyFrameId === undefined && request.lossTolerancePolicy === undefined &&
    isU16(request.latencyBudgetMs ?? 0) && ((request.budgetPolicy ?? 0) & ~0xf) === 0;
}

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

/** Writes the typed-only submits of one session. */
export class TypedSubmitHead {
  readonly #head = new Uint8Array(SUBMIT_HEAD_SIZE);

  /** @param sessionId Session of the headers, a u32. */
  constructor(sessionId: number) {
    const view = new DataView(this.#head.buffer);
    writeHeader(view, 0, MessageType.FRAME_SUBMIT, 0, FRAME_SUBMIT_METADATA_SIZE, 0, sessionId, 0, 0, 0, 0n);
    view.setUint8(HEADER_SIZE + SUBMIT_AT.tileIndexMode, TileIndexMode.RAW_U16);
    view.setUint8(HEADER_SIZE + SUBMIT_AT.lossTolerancePolicy, LOSS_TOLERANCE_INHERIT);
  }

  /**
   * Writes a submit that {@linkcode isTypedOnlyRequest} accepts.
   *
   * @param out Where to write.
   * @param request The submit.
   * @param frameId Its id, a u32.
   * @param maxBodyBytes Longest body that the peer takes.
   * @throws NnrpValueError naming the payload at fault, NnrpLimitError for a body that is too long. Nothing was written.
   */
  write(out: Outbox, request: SubmitRequest, frameId: number, maxBodyBytes: number): void {
    const typed = request.typedPayloads!;
    const typedBytes = measureTypedPayloads(typed);
    const tableBytes = typed.length * DESCRIPTOR_SIZE;
    const bodyLength = BODY_PRELUDE_SIZE + tableBytes + typedBytes;
    checkBodyLength(bodyLength, maxBodyBytes);
    const at = out.reserve(SUBMIT_HEAD_SIZE + tableBytes);
    const view = out.view;
    out.bytes.set(this.#head, at);
    view.setUint32(at + 16, bodyLength, true);
    view.setUint32(at + 24, frameId, true);
    const meta = at + HEADER_SIZE;
    view.setUint16(meta + SUBMIT_AT.latencyBudgetMs, request.latencyBudgetMs ?? 0, true);
    view.setUint8(meta + SUBMIT_AT.budgetPolicy, request.budgetPolicy ?? 0);
    view.setUint32(meta + SUBMIT_AT.payloadKindBitmap, typedPayloadKinds(typed), true);
    view.setUint32(meta + SUBMIT_AT.payloadFrameCount, typed.length, true);
    view.setUint32(at + SUBMIT_PRELUDE + 8, tableBytes, true);
    view.setUint32(at + SUBMIT_PRELUDE + 12, typedBytes, true);
    writeTypedPayloadTable(view, at + SUBMIT_HEAD_SIZE, typed);
    appendTypedPayloads(out, typed);
  }
}

/** Writes the typed-only results of one session. */
export class TypedResultHead {
  readonly #head = new Uint8Array(RESULT_HEAD_SIZE);

  /** @param sessionId Session of the headers, a u32. */
  constructor(sessionId: number) {
    const view = new DataView(this.#head.buffer);
    writeHeader(view, 0, MessageType.RESULT_PUSH, 0, RESULT_PUSH_METADATA_SIZE, 0, sessionId, 0, 0, 0, 0n);
  }

  /**
   * Writes a result that {@linkcode isTypedOnlyResult} accepts.
   *
   * @param out Where to write.
   * @param target The received submit that is answered: its numbers fit, they came from the wire.
   * @param typed The payloads, at least one.
   * @param classAndPolicy ResultClass, and BudgetPolicy bits << 8.
   * @param resultFlags ResultFlags.
   * @param queueMs Time in the queue, u16.
   * @param inferenceMs Time of the model, u16.
   * @param serverTotalMs Time in the server, u16.
   * @throws NnrpValueError naming the payload at fault. Nothing was written.
   */
  write(
    out: Outbox,
    target: Required<ResultTarget>,
    typed: readonly TypedPayload[],
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
    const at = out.reserve(RESULT_HEAD_SIZE + tableBytes);
    const view = out.view;
    out.bytes.set(this.#head, at);
    view.setUint32(at + 16, bodyLength, true);
    view.setUint32(at + 24, target.frameId, true);
    view.setUint32(at + 28, target.viewId | (target.routeId << 16), true);
    const traceId = target.traceId;
    if (traceId !== 0n) view.setBigUint64(at + 32, traceId, true);
    const meta = at + HEADER_SIZE;
    view.setUint16(meta + RESULT_AT.resultFlags, resultFlags, true);
    view.setUint32(meta + RESULT_AT.inferenceMs, inferenceMs | (queueMs << 16), true);
    view.setUint16(meta + RESULT_AT.serverTotalMs, serverTotalMs, true);
    view.setUint16(meta + RESULT_AT.resultClass, classAndPolicy, true);
    view.setUint32(meta + RESULT_AT.payloadKindBitmap, typedPayloadKinds(typed), true);
    view.setUint32(meta + RESULT_AT.payloadFrameCount, count, true);
    view.setUint32(at + RESULT_PRELUDE + 8, tableBytes, true);
    view.setUint32(at + RESULT_PRELUDE + 12, typedBytes, true);
    writeTypedPayloadTable(view, at + RESULT_HEAD_SIZE, typed);
    appendTypedPayloads(out, typed);
  }
}

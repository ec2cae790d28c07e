/**
 * Work F, ours: the public codec of `@nnrp/core`, checks included.
 *
 * @module
 */
import {
  decodeFrameSubmitMetadata,
  decodeHeader,
  encodeFrameSubmitMetadata,
  FRAME_SUBMIT_METADATA_SIZE,
  HEADER_SIZE,
  MessageType,
  writeHeader,
} from "@nnrp/core";
import { BODY, HEADER, META, POOL_VIEW, runCodec } from "./sample.ts";

const TRACE = BigInt(HEADER.traceId);

await runCodec((frameId, offset) => {
  const view = POOL_VIEW;
  writeHeader(
    view,
    offset,
    MessageType.FRAME_SUBMIT,
    HEADER.flags,
    FRAME_SUBMIT_METADATA_SIZE,
    BODY.length,
    HEADER.sessionId,
    frameId,
    HEADER.viewId,
    HEADER.routeId,
    TRACE,
  );
  encodeFrameSubmitMetadata(META, view, offset + HEADER_SIZE);

  const h = decodeHeader(view, offset);
  const m = decodeFrameSubmitMetadata(view, offset + HEADER_SIZE, h.metaLen);
  const body = BODY.subarray(0, h.bodyLen);
  return body.length + h.versionMajor + h.wireFormat + h.msgType + h.headerLen + h.flags + h.metaLen +
    h.bodyLen + h.sessionId +
    h.frameId + h.viewId + h.routeId + Number(h.traceId) +
    m.srcWidth + m.srcHeight + m.tileWidth + m.tileHeight + m.tileCount + m.sectionCount + m.frameClass +
    m.inputProfile + m.tileIndexMode + m.reserved0! + m.latencyBudgetMs + m.targetFpsX100 + m.retryOfFrame +
    m.tileBaseId + m.cameraBytes + m.tileIndexBytes + Number(m.reserved1!) + Number(m.reserved2!) +
    m.submitMode +
    m.budgetPolicy + m.lossTolerancePolicy + m.reserved3! + m.objectRefMask + m.dependencyFrameId +
    m.payloadKindBitmap + m.payloadFrameCount + m.reserved4!;
}, HEADER_SIZE + FRAME_SUBMIT_METADATA_SIZE);

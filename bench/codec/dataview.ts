/**
 * Work F, the yardstick: header and FRAME_SUBMIT metadata by hand on a DataView, nothing checked, nothing allocated.
 *
 * @module
 */
import { BODY, HEADER, META, POOL_VIEW, runCodec } from "./sample.ts";

await runCodec((frameId, offset) => {
  write(POOL_VIEW, offset, frameId);
  return read(POOL_VIEW, offset);
}, 112);

function write(v: DataView, o: number, frameId: number): void {
  v.setUint32(o, 0x50524e4e, true);
  v.setUint8(o + 4, 1);
  v.setUint8(o + 5, 0);
  v.setUint8(o + 6, 0x10);
  v.setUint8(o + 7, 40);
  v.setUint32(o + 8, HEADER.flags, true);
  v.setUint32(o + 12, 72, true);
  v.setUint32(o + 16, BODY.length, true);
  v.setUint32(o + 20, HEADER.sessionId, true);
  v.setUint32(o + 24, frameId, true);
  v.setUint16(o + 28, HEADER.viewId, true);
  v.setUint16(o + 30, HEADER.routeId, true);
  v.setUint32(o + 32, HEADER.traceId, true);
  v.setUint32(o + 36, 0, true);
  v.setUint16(o + 40, META.srcWidth, true);
  v.setUint16(o + 42, META.srcHeight, true);
  v.setUint16(o + 44, META.tileWidth, true);
  v.setUint16(o + 46, META.tileHeight, true);
  v.setUint16(o + 48, META.tileCount, true);
  v.setUint16(o + 50, META.sectionCount, true);
  v.setUint8(o + 52, META.frameClass);
  v.setUint8(o + 53, META.inputProfile);
  v.setUint8(o + 54, META.tileIndexMode);
  v.setUint8(o + 55, 0);
  v.setUint16(o + 56, META.latencyBudgetMs, true);
  v.setUint16(o + 58, META.targetFpsX100, true);
  v.setUint32(o + 60, META.retryOfFrame, true);
  v.setUint32(o + 64, META.tileBaseId, true);
  v.setUint32(o + 68, META.cameraBytes, true);
  v.setUint32(o + 72, META.tileIndexBytes, true);
  v.setUint32(o + 76, 0, true);
  v.setUint32(o + 80, 0, true);
  v.setUint32(o + 84, 0, true);
  v.setUint32(o + 88, 0, true);
  v.setUint8(o + 92, META.submitMode);
  v.setUint8(o + 93, META.budgetPolicy);
  v.setUint8(o + 94, META.lossTolerancePolicy);
  v.setUint8(o + 95, 0);
  v.setUint32(o + 96, META.objectRefMask, true);
  v.setUint32(o + 100, META.dependencyFrameId, true);
  v.setUint32(o + 104, META.payloadKindBitmap, true);
  v.setUint16(o + 108, META.payloadFrameCount, true);
  v.setUint16(o + 110, 0, true);
}

/** Joins the halves of a u64; exact below 2^53. */
function u64(v: DataView, o: number): number {
  return v.getUint32(o, true) + v.getUint32(o + 4, true) * 0x100000000;
}

function read(v: DataView, o: number): number {
  const body = BODY.subarray(0, v.getUint32(o + 16, true));
  return body.length + v.getUint8(o + 4) + v.getUint8(o + 5) + v.getUint8(o + 6) + v.getUint8(o + 7) +
    v.getUint32(o + 8, true) +
    v.getUint32(o + 12, true) + v.getUint32(o + 16, true) + v.getUint32(o + 20, true) +
    v.getUint32(o + 24, true) +
    v.getUint16(o + 28, true) + v.getUint16(o + 30, true) + u64(v, o + 32) +
    v.getUint16(o + 40, true) + v.getUint16(o + 42, true) + v.getUint16(o + 44, true) +
    v.getUint16(o + 46, true) +
    v.getUint16(o + 48, true) + v.getUint16(o + 50, true) + v.getUint8(o + 52) + v.getUint8(o + 53) +
    v.getUint8(o + 54) + v.getUint8(o + 55) + v.getUint16(o + 56, true) + v.getUint16(o + 58, true) +
    v.getUint32(o + 60, true) + v.getUint32(o + 64, true) + v.getUint32(o + 68, true) +
    v.getUint32(o + 72, true) +
    u64(v, o + 76) + u64(v, o + 84) + v.getUint8(o + 92) + v.getUint8(o + 93) + v.getUint8(o + 94) +
    v.getUint8(o + 95) + v.getUint32(o + 96, true) + v.getUint32(o + 100, true) + v.getUint32(o + 104, true) +
    v.getUint16(o + 108, true) + v.getUint16(o + 110, true);
}

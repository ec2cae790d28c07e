import { test } from "node:test";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  BudgetPolicy,
  buildPingPacket,
  decodeFrameSubmitBody,
  decodeFrameSubmitMetadata,
  decodeReplayCameraBlock,
  decodeResultPushMetadata,
  encodePacket,
  type NnrpPacket,
  NnrpUnexpectedMessageError,
  NnrpValueError,
  ResultClass,
  ResultFlags,
  SubmitMode,
} from "@nnrp/core";
import {
  compareFrameFeaturesWireSize,
  enhanceResultToPacket,
  enhanceResultToWireSummary,
  frameFeaturesToPacket,
  frameFeaturesToWireSummary,
  FrameResultBuffer,
  type RecordedEnhanceResult,
  type RecordedFrameFeatures,
  renderWireSizeComparison,
  renderWireSummary,
  summarizeWirePacket,
} from "./mod.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);
const FRAME: RecordedFrameFeatures = {
  sessionId: "session-1",
  frameId: 9,
  srcWidth: 64,
  srcHeight: 64,
  tileSize: 32,
  tiles: [
    { tileX: 1, tileY: 1, depthFp16: bytes(1, 2), normalOct: bytes(3), compressionAlgorithm: "lz4" },
    { coord: { x: 0, y: 0 }, depthFp16: bytes(4, 5), normalOct: bytes(6, 7), compressionAlgorithm: "lz4" },
  ],
  camera: { view: [1, 2, 3], jitterX: 0.5 },
};
const RESULT: RecordedEnhanceResult = {
  sessionId: 7,
  frameId: 9,
  tileSize: 32,
  srcWidth: 64,
  tiles: [{ tileX: 1, tileY: 0, srResidual: bytes(1, 2, 3) }],
  requestedTileIds: [3, 1],
  degraded: true,
  coveredTileCount: 1,
  droppedTileCount: 1,
};
const view = (part: Uint8Array) => new DataView(part.buffer, part.byteOffset, part.byteLength);
const submitOf = (packet: NnrpPacket) =>
  decodeFrameSubmitMetadata(view(packet.metadata), 0, packet.metadata.length);
const resultOf = (packet: NnrpPacket) =>
  decodeResultPushMetadata(view(packet.metadata), 0, packet.metadata.length);

test("summaries and comparisons are the lines of behaviour spec §15", () => {
  const line =
    "subject=frame_submit msg=FRAME_SUBMIT wire=251 meta=72 body=139 tiles=2 sections=2 tile_index=4 " +
    "camera=34 roles=1,2";
  assertEquals(renderWireSummary(frameFeaturesToWireSummary(FRAME)), line);
  assertEquals(
    renderWireSizeComparison(compareFrameFeaturesWireSize(FRAME, { payload: new Uint8Array(100) })),
    `reference_label=protobuf reference=100 current=251 delta=151 current_ratio=251.00% ${line}`,
  );
  assertEquals(
    renderWireSummary(enhanceResultToWireSummary(RESULT)),
    "subject=result_push msg=RESULT_PUSH wire=155 meta=64 body=51 tiles=2 sections=1 tile_index=4 camera=0 roles=100 " +
      "result_flags=FALLBACK|PARTIAL",
  );
  const nothing = { sessionId: "", frameId: 0 };
  assertEquals(
    renderWireSummary(summarizeWirePacket(enhanceResultToPacket(nothing), "mine")),
    "subject=mine msg=RESULT_PUSH wire=104 meta=64 body=0 tiles=0 sections=0 tile_index=0 camera=0 roles=- " +
      "result_flags=NONE",
  );
});

test("a ratio is cut after two digits, and there is none against nothing", () => {
  const ratio = (length: number) =>
    compareFrameFeaturesWireSize(FRAME, { payload: new Uint8Array(length) }).wireRatioPercent;
  assertEquals([ratio(0), ratio(251), ratio(2000), ratio(376)], ["n/a", "100.00%", "12.55%", "66.75%"]);
});

test("a recorded frame becomes tiles in order, a section per payload and a camera", () => {
  const packet = frameFeaturesToPacket(FRAME, { viewId: 2 });
  const metadata = submitOf(packet);
  const body = decodeFrameSubmitBody(metadata, packet.body);
  assertEquals(body.tileIds, [0, 3]);
  assertEquals(body.sections?.map(({ roleId, defaultCodecId }) => [roleId, defaultCodecId]), [[1, 1], [
    2,
    1,
  ]]);
  assertEquals(body.sections?.[0].tilePayloads.map((payload) => [...payload]), [[4, 5], [1, 2]]);
  assertEquals(decodeReplayCameraBlock(body.cameraBlock!), {
    view: [1, 2, 3],
    proj: [],
    prevViewProj: [],
    jitterX: 0.5,
    jitterY: 0,
  });
  const { sessionId, frameId, viewId, traceId } = packet.header;
  assertEquals([sessionId, frameId, viewId, traceId], [599834158, 9, 2, 0n]);
});

test("with references the body is composed, and REFERENCE only if nothing is left to carry", () => {
  const key = { cacheNamespace: 1, cacheKeyHi: 2, cacheKeyLo: 3 };
  const mixed = frameFeaturesToPacket({ ...FRAME, tileIndexReference: key });
  assertEquals(submitOf(mixed).submitMode, SubmitMode.MIXED);
  assertEquals(summarizeWirePacket(mixed).roleIds, [1, 2]);
  const all = frameFeaturesToPacket({
    ...FRAME,
    cameraReference: key,
    tileIndexReference: key,
    tensorSectionTableReference: key,
  });
  assertEquals(submitOf(all).submitMode, SubmitMode.REFERENCE);
  assertEquals(summarizeWirePacket(all).roleIds, []);
  const wrong = { ...key, objectKind: 2 };
  assertThrows(
    () => frameFeaturesToPacket({ ...FRAME, cameraReference: wrong }),
    NnrpValueError,
    "cameraReference",
  );
});

test("flags, class and policy follow from what is recorded, unless they are given", () => {
  const told = (result: RecordedEnhanceResult) => {
    const { resultFlags, resultClass, appliedBudgetPolicy } = resultOf(enhanceResultToPacket(result));
    return [resultFlags, resultClass, appliedBudgetPolicy];
  };
  assertEquals(told(RESULT), [
    ResultFlags.FALLBACK | ResultFlags.PARTIAL,
    ResultClass.DEGRADED,
    BudgetPolicy.ALLOW_DEGRADED | BudgetPolicy.ALLOW_PARTIAL,
  ]);
  assertEquals(told({ ...RESULT, stale: true })[1], ResultClass.STALE_REUSE);
  assertEquals(told({ ...RESULT, resultFlags: 0, resultClass: 1, appliedBudgetPolicy: 0 }), [0, 1, 0]);
});

test("results that contradict themselves are refused by name", () => {
  const refused = (change: Partial<RecordedEnhanceResult>, field: string) => {
    const error = assertThrows(() => enhanceResultToPacket({ ...RESULT, ...change }), NnrpValueError);
    assertEquals(error.field, field);
  };
  refused({ requestedTileIds: [1, 1] }, "requestedTileIds");
  refused({ requestedTileIds: [2, 3] }, "requestedTileIds");
  refused({ requestedTileIds: undefined }, "requestedTileIds");
  refused({ tiles: [{ tileX: 1, tileY: 0 }, { tileX: 1, tileY: 0 }] }, "tiles");
  refused({ tiles: [{ tileX: 1 }] }, "tileY");
  refused({ tileSize: 0 }, "tileSize");
  refused({ sessionId: "\ud800" }, "sessionId");
  refused(
    { tiles: [{ tileX: 1, tileY: 0, srResidual: bytes(1), srResidualCompression: "zip" }] },
    "compression",
  );
});

test("only frames have a summary", () => {
  assertThrows(() => summarizeWirePacket(buildPingPacket()), NnrpUnexpectedMessageError, "PING");
});

test("packets of recordings are whole", () => {
  for (const packet of [frameFeaturesToPacket(FRAME), enhanceResultToPacket(RESULT)]) {
    assertEquals(encodePacket(packet).length, 40 + packet.metadata.length + packet.body.length);
  }
});

test("a buffer hands out results in the order of their frames", () => {
  const buffer = new FrameResultBuffer<string>();
  for (const frame of [3, 1, 2]) buffer.add(frame, `r${frame}`);
  buffer.add(1, "again");
  assertEquals([buffer.size, buffer.peekNextFrameId()], [3, 1]);
  assertEquals([buffer.popNext(2), buffer.popNext(1), buffer.popFrame(3)], [null, "again", "r3"]);
  assertEquals([buffer.popNext(), buffer.popNext(), buffer.peekNextFrameId()], ["r2", null, null]);
});

test("whoever waits for a frame gets it when it comes, once", async () => {
  const buffer = new FrameResultBuffer<string>();
  const second = buffer.waitForFrame(2);
  const any = buffer.waitForNext({ timeoutMs: 60_000 });
  buffer.add(5, "five");
  buffer.add(2, "two");
  assertEquals([await second, await any, buffer.size], ["two", "five", 0]);
});

test("a wait ends with null when its time is over, and by its signal", async () => {
  const buffer = new FrameResultBuffer<string>();
  assertEquals(await buffer.waitForFrame(1, { timeoutMs: 1 }), null);
  assertEquals(await buffer.waitForNext({ timeoutMs: 0 }), null);
  const abort = new AbortController();
  const waiting = assertRejects(() => buffer.waitForNext({ signal: abort.signal }), Error, "enough");
  abort.abort(new Error("enough"));
  await waiting;
  await assertRejects(() => buffer.waitForNext({ signal: abort.signal }), Error, "enough");
  buffer.add(1, "kept");
  assertEquals(buffer.size, 1);
});

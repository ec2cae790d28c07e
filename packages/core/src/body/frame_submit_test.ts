import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { NnrpLimitError, NnrpValueError, NnrpWireError } from "../errors.ts";
import { decodeFrameSubmitMetadata, type FrameSubmitMetadata } from "../wire/metadata/frame_submit.ts";
import { PacketBuffer } from "../wire/outbox.ts";
import { decodePacket, type NnrpPacket } from "../wire/packet.ts";
import {
  decodeFrameSubmitBody,
  encodeFrameSubmit,
  type FrameSubmitBody,
  type SubmitRequest,
} from "./frame_submit.ts";
import { type BodyRegionsData, encodeBodyRegions } from "./regions.ts";
import type { TensorSectionData } from "./section_writer.ts";
import { TypedPayload } from "./typed_payloads.ts";

const tile = (...values: number[]): Uint8Array => Uint8Array.from(values);
const SECTION: TensorSectionData = { roleId: 1, dtypeId: 5, tilePayloads: [tile(1, 2), tile(3)] };
const TENSOR: SubmitRequest = { frameId: 2, tileIds: [4, 5], sections: [SECTION] };
const TYPED: SubmitRequest = { frameId: 2, typedPayloads: [TypedPayload.tokenChunk("hi")] };
const reference = (objectKind: number) => ({
  objectKind,
  refFlags: 0,
  cacheNamespace: 7,
  cacheKeyHi: 8,
  cacheKeyLo: 9,
});

function encode(request: SubmitRequest): NnrpPacket {
  const out = new PacketBuffer();
  encodeFrameSubmit(out, 1, request);
  return decodePacket(out.toBytes());
}

function metadataOf(packet: NnrpPacket): FrameSubmitMetadata {
  const { buffer, byteOffset, byteLength } = packet.metadata;
  return decodeFrameSubmitMetadata(new DataView(buffer, byteOffset, byteLength), 0, byteLength);
}

function read(request: SubmitRequest): { metadata: FrameSubmitMetadata; body: FrameSubmitBody } {
  const packet = encode(request);
  const metadata = metadataOf(packet);
  return { metadata, body: decodeFrameSubmitBody(metadata, packet.body) };
}

test("tile ids, sections and camera make a plain packet", () => {
  const { metadata, body } = read({ ...TENSOR, cameraBlock: tile(9, 9, 9), srcWidth: 64, tileIndexMode: 3 });
  assertEquals(body.layout, "plain");
  assertEquals(body.cameraBlock, tile(9, 9, 9));
  assertEquals(body.tileIds, [4, 5]);
  assertEquals(body.sections![0].tilePayloads, SECTION.tilePayloads as Uint8Array[]);
  assertEquals(body.regions, null);
  assertEquals([metadata.tileCount, metadata.sectionCount, metadata.cameraBytes, metadata.tileIndexBytes], [
    2,
    1,
    3,
    1,
  ]);
  assertEquals([metadata.payloadKindBitmap, metadata.payloadFrameCount, metadata.srcWidth], [1, 0, 64]);
});

test("a frame id alone is a tensor submit without tiles", () => {
  const packet = encode({ frameId: 9 });
  assertEquals(packet.body.length, 0);
  assertEquals(packet.header.frameId, 9);
  const { body } = read({ frameId: 9 });
  assertEquals([body.layout, body.cameraBlock, body.tileIds, body.sections], ["plain", null, [], []]);
});

test("typed payloads alone make a typed packet and leave the geometry out", () => {
  const { metadata, body } = read({
    ...TYPED,
    srcWidth: 64,
    tileBaseId: 3,
    inputProfile: 1,
    payloadFrameCount: 5,
  });
  assertEquals(body.layout, "composed");
  assertEquals(body.typedPayloads, [TypedPayload.tokenChunk("hi")]);
  assertEquals([metadata.srcWidth, metadata.tileBaseId, metadata.inputProfile, metadata.tileIndexMode], [
    0,
    0,
    0,
    1,
  ]);
  assertEquals([metadata.payloadKindBitmap, metadata.payloadFrameCount], [2, 1]);
  assertEquals(body.regions!.inlineObjects, []);
});

test("tensor content beside typed payloads makes a mixed packet", () => {
  const { metadata, body } = read({ ...TENSOR, ...TYPED, cameraBlock: tile(1) });
  assertEquals(metadata.payloadKindBitmap, 3);
  assertEquals(body.regions!.inlineObjects.map((o) => o.objectKind), [1, 2, 3]);
  assertEquals(body.tileIds, [4, 5]);
  assertEquals(body.cameraBlock, tile(1));
  assertEquals(body.typedPayloads.length, 1);
  const cameraOnly = read({ ...TYPED, cameraBlock: tile(1) });
  assertEquals(cameraOnly.body.regions!.inlineObjects.map((o) => o.objectKind), [1]);
});

test("dense tiles of a mixed packet still have an index block, an empty one", () => {
  const { body } = read({ ...TENSOR, ...TYPED, tileIndexMode: 0, tileBaseId: 4 });
  assertEquals(body.regions!.inlineObjects.map((o) => [o.objectKind, o.objectBytes]), [[2, 0], [
    3,
    32 + 8 + 3,
  ]]);
  assertEquals(body.tileIds, [4, 5]);
});

test("references are written in slot order, and what they stand for is counted and left out", () => {
  const { metadata, body } = read({
    ...TENSOR,
    submitMode: 2,
    tensorSectionTableReference: reference(3),
    tileIndexReference: reference(2),
    cameraBlock: tile(1, 2, 3),
  });
  assertEquals(metadata.objectRefMask, 6);
  assertEquals([metadata.tileCount, metadata.sectionCount, metadata.tileIndexBytes, metadata.cameraBytes], [
    2,
    1,
    0,
    3,
  ]);
  assertEquals(body.references.map((r) => r.objectKind), [2, 3]);
  assertEquals([body.tileIds, body.sections], [null, null]);
  assertEquals(body.cameraBlock, tile(1, 2, 3));
  assertEquals(body.cameraReference, null);
  assertEquals(body.tileIndexReference, reference(2));
  assertEquals(body.tensorSectionTableReference, reference(3));
});

test("submit mode REFERENCE carries nothing", () => {
  const request = {
    ...TENSOR,
    submitMode: 1,
    tileIndexReference: reference(2),
    tensorSectionTableReference: reference(3),
  };
  assertEquals(read(request).body.regions!.inlineObjects, []);
  const cases: [Partial<SubmitRequest>, string][] = [
    [{ cameraBlock: tile(1) }, "cameraBlock"],
    [{ tileIndexReference: null }, "tileIds"],
    [{ tensorSectionTableReference: undefined }, "sections"],
  ];
  for (const [change, field] of cases) assertEquals(refusal({ ...request, ...change }), field);
});

/** The field that the writer names; nothing may have been written. */
function refusal(request: SubmitRequest, sessionId = 1): string {
  const out = new PacketBuffer();
  const error = assertThrows(() => encodeFrameSubmit(out, sessionId, request), NnrpValueError);
  assertEquals(out.length, 0);
  return error.field;
}

test("typed payloads go with submit mode INLINE and no references", () => {
  assertEquals(refusal({ ...TYPED, submitMode: 2 }), "submitMode");
  assertEquals(refusal({ ...TYPED, objectRefMask: 1 }), "objectRefMask");
  assertEquals(refusal({ ...TYPED, cameraReference: reference(1) }), "typedPayloads");
});

test("references, mask and mode must belong together", () => {
  assertEquals(refusal({ ...TENSOR, submitMode: 1 }), "submitMode");
  assertEquals(refusal({ ...TENSOR, submitMode: 3 }), "submitMode");
  assertEquals(refusal({ ...TENSOR, cameraReference: reference(1) }), "submitMode");
  assertEquals(refusal({ ...TENSOR, objectRefMask: 1 }), "objectRefMask");
  const mixed = { ...TENSOR, submitMode: 2, cameraReference: reference(1) };
  assertEquals(read(mixed).metadata.objectRefMask, 1);
  assertEquals(read({ ...mixed, objectRefMask: 1 }).metadata.objectRefMask, 1);
  assertEquals(refusal({ ...mixed, objectRefMask: 3 }), "objectRefMask");
  assertEquals(refusal({ ...mixed, objectRefMask: 9 }), "objectRefMask");
  assertEquals(refusal({ ...mixed, cameraReference: reference(2) }), "cameraReference.objectKind");
  assertEquals(
    refusal({ ...mixed, cameraReference: { ...reference(1), cacheKeyLo: 2 ** 32 } }),
    "cameraReference.cacheKeyLo",
  );
});

test("what no endpoint reads is not written", () => {
  for (const payloadKindBitmap of [0, 2, 3, 0x80]) {
    assertEquals(refusal({ ...TENSOR, payloadKindBitmap }), "payloadKindBitmap");
  }
  assertEquals(refusal({ ...TENSOR, payloadFrameCount: 1 }), "payloadFrameCount");
  const mixed = { ...TENSOR, submitMode: 2, cameraReference: reference(1) };
  assertEquals(read({ ...mixed, payloadKindBitmap: 0x41 }).metadata.payloadKindBitmap, 0x41);
  assertEquals(refusal({ ...mixed, payloadKindBitmap: 0x40 }), "payloadKindBitmap");
  assertEquals(refusal({ ...mixed, payloadFrameCount: 1 }), "payloadFrameCount");
});

test("each number is checked and named", () => {
  const cases: [Partial<SubmitRequest>, string][] = [
    [{ frameId: 2 ** 32 }, "frameId"],
    [{ viewId: 65536 }, "viewId"],
    [{ routeId: -1 }, "routeId"],
    [{ traceId: -1n }, "traceId"],
    [{ traceId: 2n ** 64n }, "traceId"],
    [{ flags: 1.5 }, "flags"],
    [{ frameClass: 256 }, "frameClass"],
    [{ latencyBudgetMs: 65536 }, "latencyBudgetMs"],
    [{ targetFpsX100: NaN }, "targetFpsX100"],
    [{ retryOfFrame: -1 }, "retryOfFrame"],
    [{ dependencyFrameId: 2 ** 32 }, "dependencyFrameId"],
    [{ budgetPolicy: 16 }, "budgetPolicy"],
    [{ lossTolerancePolicy: 4 }, "lossTolerancePolicy"],
  ];
  for (const base of [TENSOR, TYPED]) {
    for (const [change, field] of cases) assertEquals(refusal({ ...base, ...change }), field);
    assertEquals(refusal(base, -1), "sessionId");
  }
  const geometry: [Partial<SubmitRequest>, string][] = [
    [{ srcWidth: 65536 }, "srcWidth"],
    [{ srcHeight: -1 }, "srcHeight"],
    [{ tileWidth: 0.5 }, "tileWidth"],
    [{ tileHeight: Infinity }, "tileHeight"],
    [{ tileBaseId: -1 }, "tileBaseId"],
    [{ inputProfile: 3 }, "inputProfile"],
    [{ tileIndexMode: 4 }, "tileIndexMode"],
    [{ tileIds: [4, 70000] }, "tileIds[1]"],
    [{ tileIds: [4] }, "sections[0].tilePayloads"],
    [{ cameraBlock: "x" as unknown as Uint8Array }, "cameraBlock"],
  ];
  const mixed = { ...TENSOR, ...TYPED };
  for (const base of [TENSOR, mixed]) {
    for (const [change, field] of geometry) assertEquals(refusal({ ...base, ...change }), field);
  }
  assertEquals(
    refusal({ ...TYPED, typedPayloads: [{ payloadKind: 6, payload: tile() }] }),
    "typedPayloads[0].payloadKind",
  );
});

test("a submit larger than the peer takes is refused before it is begun", () => {
  const out = new PacketBuffer();
  const requests = [TENSOR, TYPED, { ...TENSOR, ...TYPED }, {
    ...TENSOR,
    submitMode: 2,
    cameraReference: reference(1),
  }];
  for (const request of requests) {
    const length = encode(request).body.length;
    const error = assertThrows(() => encodeFrameSubmit(out, 1, request, 5, length - 1), NnrpLimitError);
    assertEquals(error.limit, "maxBodyBytes");
    assertEquals(out.length, 0);
    encodeFrameSubmit(out, 1, request, 5, length);
    assertEquals(decodePacket(out.toBytes()).header.frameId, 5);
    out.length = 0;
  }
});

test("decoded bytes are views on the packet", () => {
  const packet = encode({ ...TENSOR, ...TYPED, cameraBlock: tile(1, 2) });
  const body = decodeFrameSubmitBody(metadataOf(packet), packet.body);
  assertStrictEquals(body.cameraBlock!.buffer, packet.body.buffer);
  assertStrictEquals(body.sections![0].tilePayloads[0].buffer, packet.body.buffer);
  assertStrictEquals(body.typedPayloads[0].payload.buffer, packet.body.buffer);
});

test("a plain camera that is longer than its body is cut, and the padding after it is not looked at", () => {
  const metadata = { ...metadataOf(encode({ frameId: 1, cameraBlock: tile(7, 7, 7) })) };
  assertEquals(decodeFrameSubmitBody({ ...metadata, cameraBytes: 99 }, tile(7, 7)).cameraBlock, tile(7, 7));
  assertEquals(decodeFrameSubmitBody(metadata, tile(7, 7, 7, 1, 2, 3, 4, 5)).cameraBlock, tile(7, 7, 7));
  assertEquals(decodeFrameSubmitBody(metadata, tile(7, 7, 7)).cameraBlock, tile(7, 7, 7));
  assertThrows(() => decodeFrameSubmitBody(metadata, tile(7, 7, 7, 0, 0, 0, 0, 0, 0)), NnrpWireError);
});

test("a bitmap that promises more than TENSOR makes the body a composed one", () => {
  const packet = encode(TENSOR);
  const metadata = metadataOf(packet);
  for (
    const change of [{ payloadKindBitmap: 3 }, { payloadKindBitmap: 0 }, { payloadFrameCount: 1 }, {
      objectRefMask: 1,
    }]
  ) {
    assertThrows(() => decodeFrameSubmitBody({ ...metadata, ...change }, packet.body), NnrpWireError);
  }
});

/** A composed body against metadata, which is that of a MIXED submit without anything unless changed. */
function composed(data: BodyRegionsData, change: Partial<FrameSubmitMetadata>): FrameSubmitBody {
  const out = new PacketBuffer();
  encodeBodyRegions(out, data);
  const metadata = { ...metadataOf(encode({ frameId: 1 })), submitMode: 2, ...change };
  return decodeFrameSubmitBody(metadata, out.toBytes());
}

test("typed payloads must be those of the metadata", () => {
  const data = { typedPayloads: [TypedPayload.tokenChunk("a")] };
  assertEquals(composed(data, { payloadKindBitmap: 3, payloadFrameCount: 1 }).typedPayloads.length, 1);
  assertThrows(() => composed(data, { payloadKindBitmap: 3 }), NnrpWireError, "payload_frame_count");
  assertThrows(
    () => composed(data, { payloadKindBitmap: 5, payloadFrameCount: 1 }),
    NnrpWireError,
    "payload_kind",
  );
});

test("mask, references and inline objects must belong together when reading, too", () => {
  const camera = { objectKind: 1, payload: tile(1) };
  const withCamera = { inlineObjects: [camera] };
  const referring = { objectReferences: [reference(1)] };
  assertEquals(composed(withCamera, { cameraBytes: 1 }).cameraBlock, tile(1));
  assertEquals(composed(referring, { objectRefMask: 1 }).cameraReference, reference(1));
  const refused: [BodyRegionsData, Partial<FrameSubmitMetadata>, string][] = [
    [withCamera, { cameraBytes: 0 }, "camera_bytes"],
    [{}, { cameraBytes: 1 }, "camera_bytes"],
    [referring, { objectRefMask: 1, cameraBytes: 1 }, "camera_bytes"],
    [referring, {}, "object_ref_mask"],
    [{}, { objectRefMask: 1 }, "object_ref_mask"],
    [{}, { objectRefMask: 16 }, "undefined bits"],
    [{}, { objectRefMask: 0x80000000 }, "undefined bits"],
    [referring, { objectRefMask: 1, submitMode: 0, payloadKindBitmap: 3 }, "INLINE"],
    [withCamera, { cameraBytes: 1, submitMode: 1 }, "REFERENCE"],
    [{ inlineObjects: [camera, camera] }, { cameraBytes: 1 }, "twice"],
    [{ objectReferences: [reference(1), reference(1)] }, { objectRefMask: 1 }, "twice"],
    [{ ...withCamera, ...referring }, { objectRefMask: 1, cameraBytes: 1 }, "twice"],
    [{ objectReferences: [reference(2), reference(1)] }, { objectRefMask: 3 }, "in its order"],
    [{ objectReferences: [reference(1), reference(7)] }, { objectRefMask: 1 }, "in its order"],
    [{ objectReferences: [reference(7)] }, {}, "in its order"],
    [{}, { tileCount: 1 }, "no tile index"],
    [{}, { sectionCount: 1 }, "no section table"],
    [{ objectReferences: [reference(2)] }, { objectRefMask: 2, tileIndexBytes: 2 }, "tile_index_bytes"],
    [{ inlineObjects: [{ objectKind: 2, payload: tile(1, 0) }] }, { tileCount: 1 }, "tile_index_bytes"],
  ];
  for (const [data, change, words] of refused) {
    const error = assertThrows(() => composed(data, change), NnrpWireError, words);
    assertEquals(error.stage, "body");
  }
});

test("objects that are no slot may come along, in any number", () => {
  const payload = tile(5);
  const body = composed({ inlineObjects: [{ objectKind: 7, payload }, { objectKind: 7, payload }] }, {});
  assertEquals(body.regions!.inlineObjects.length, 2);
  assert(body.tileIds!.length === 0 && body.sections!.length === 0);
});

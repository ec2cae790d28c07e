import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import { decodeResultPushMetadata, type ResultPushMetadata } from "../wire/metadata/result_push.ts";
import { PacketBuffer } from "../wire/outbox.ts";
import { decodePacket, type NnrpPacket } from "../wire/packet.ts";
import { type BodyRegionsData, encodeBodyRegions } from "./regions.ts";
import {
  decodeResultPushBody,
  decodeResultPushBodyLenient,
  encodeResultPush,
  type ResultFields,
  type ResultPushBody,
} from "./result_push.ts";
import type { TensorSectionData } from "./section_writer.ts";
import { TypedPayload } from "./typed_payloads.ts";

const tile = (...values: number[]): Uint8Array => Uint8Array.from(values);
const SECTION: TensorSectionData = { roleId: 1, dtypeId: 5, tilePayloads: [tile(1, 2), tile(3)] };
const TENSOR: ResultFields = { tileIds: [4, 5], sections: [SECTION] };
const TYPED: ResultFields = { typedPayloads: [TypedPayload.tokenChunk("hi")] };
const TARGET = { frameId: 2, viewId: 3, routeId: 4, traceId: 5n };
const reference = (objectKind: number, cacheKeyLo = 9) => ({
  objectKind,
  refFlags: 0,
  cacheNamespace: 7,
  cacheKeyHi: 8,
  cacheKeyLo,
});

function encode(result: ResultFields, flags?: number): NnrpPacket {
  const out = new PacketBuffer();
  encodeResultPush(out, 1, TARGET, result, flags);
  return decodePacket(out.toBytes());
}

function metadataOf(packet: NnrpPacket): ResultPushMetadata {
  const { buffer, byteOffset, byteLength } = packet.metadata;
  return decodeResultPushMetadata(new DataView(buffer, byteOffset, byteLength), 0, byteLength);
}

function read(result: ResultFields): { metadata: ResultPushMetadata; body: ResultPushBody } {
  const packet = encode(result);
  const metadata = metadataOf(packet);
  return { metadata, body: decodeResultPushBody(metadata, packet.body) };
}

/** The field that the writer names; nothing may have been written. */
function refusal(result: ResultFields, target = TARGET): string {
  const out = new PacketBuffer();
  const error = assertThrows(() => encodeResultPush(out, 1, target, result), NnrpValueError);
  assertEquals(out.length, 0);
  return error.field;
}

test("the header echoes the frame and carries the flags", () => {
  const { header } = encode(TENSOR, 8);
  assertEquals([header.sessionId, header.frameId, header.viewId, header.routeId, header.traceId], [
    1,
    2,
    3,
    4,
    5n,
  ]);
  assertEquals(header.flags, 8);
  assertEquals(encode({ ...TENSOR, flags: 4 }).header.flags, 4);
});

test("tensors alone make a plain packet that covers all tiles unless told otherwise", () => {
  const { metadata, body } = read({
    ...TENSOR,
    inferenceMs: 3,
    queueMs: 4,
    serverTotalMs: 5,
    statusCode: 6,
    activeProfileId: 7,
  });
  assertEquals([body.layout, body.tileIds], ["plain", [4, 5]]);
  assertEquals(body.sections![0].tilePayloads, SECTION.tilePayloads as Uint8Array[]);
  assertEquals([metadata.coveredTileCount, metadata.droppedTileCount], [2, 0]);
  assertEquals(
    [
      metadata.inferenceMs,
      metadata.queueMs,
      metadata.serverTotalMs,
      metadata.statusCode,
      metadata.activeProfileId,
    ],
    [3, 4, 5, 6, 7],
  );
  const dense = read({ ...TENSOR, tileIndexMode: 0, tileBaseId: 4 });
  assertEquals([dense.body.tileIds, dense.metadata.tileIndexBytes], [[4, 5], 0]);
});

test("a bitmap without TENSOR makes a result of metadata only", () => {
  for (const payloadKindBitmap of [0, 2, 0x7e]) {
    const { metadata, body } = read({ payloadKindBitmap, tileBaseId: 9, resultClass: 1 });
    assertEquals([body.layout, body.tileIds, body.sections, body.typedPayloads], ["none", [], [], []]);
    assertEquals([metadata.payloadKindBitmap, metadata.tileBaseId, metadata.resultClass], [
      payloadKindBitmap,
      0,
      1,
    ]);
  }
});

test("typed payloads make a typed packet, tensors beside them a mixed one", () => {
  const typed = read(TYPED);
  assertEquals([typed.metadata.payloadKindBitmap, typed.metadata.payloadFrameCount], [2, 1]);
  assertEquals(typed.body.typedPayloads, TYPED.typedPayloads);
  const mixed = read({ ...TENSOR, ...TYPED });
  assertEquals(mixed.metadata.payloadKindBitmap, 3);
  assertEquals(mixed.body.tileIds, [4, 5]);
  assertEquals(mixed.body.regions!.inlineObjects.map((o) => o.objectKind), [2, 3]);
});

test("PARTIAL needs dropped tiles with tensors, not with typed payloads", () => {
  assertEquals(read({ ...TYPED, resultClass: 1, resultFlags: 4 }).metadata.resultClass, 1);
  assertEquals(refusal({ ...TENSOR, resultClass: 1 }), "droppedTileCount");
  assertEquals(refusal({ ...TENSOR, ...TYPED, resultFlags: 4 }), "droppedTileCount");
  const partial = { ...TENSOR, resultClass: 1, coveredTileCount: 1, droppedTileCount: 1 };
  assertEquals(read(partial).metadata.droppedTileCount, 1);
});

test("covered and dropped tiles are all tiles", () => {
  assertEquals(refusal({ ...TENSOR, coveredTileCount: 1 }), "coveredTileCount");
  assertEquals(refusal({ ...TENSOR, coveredTileCount: 3 }), "coveredTileCount");
  assertEquals(refusal({ ...TENSOR, coveredTileCount: -1, droppedTileCount: 3 }), "coveredTileCount");
  assertEquals(refusal({ ...TENSOR, droppedTileCount: 3, coveredTileCount: 0 }), "droppedTileCount");
  assertEquals(refusal({ ...TENSOR, droppedTileCount: 1 }), "coveredTileCount");
});

test("what no endpoint reads is not written", () => {
  assertEquals(refusal({ ...TENSOR, payloadKindBitmap: 3 }), "payloadKindBitmap");
  assertEquals(refusal({ ...TENSOR, payloadKindBitmap: 0x80 }), "payloadKindBitmap");
  assertEquals(refusal({ ...TENSOR, payloadFrameCount: 1 }), "payloadFrameCount");
  assertEquals(refusal({ ...TENSOR, payloadKindBitmap: 0 }), "tileIds");
  assertEquals(refusal({ sections: [SECTION], payloadKindBitmap: 2 }), "sections");
  assertEquals(refusal({ payloadKindBitmap: 2, coveredTileCount: 1 }), "coveredTileCount");
  assertEquals(refusal({ payloadKindBitmap: 2, tileIndexMode: 3 }), "tileIndexMode");
  assertEquals(refusal({ ...TENSOR, tileIndexMode: 2 }), "tileIndexMode");
});

test("each number is checked and named", () => {
  const cases: [Partial<ResultFields>, string][] = [
    [{ flags: -1 }, "flags"],
    [{ statusCode: 65536 }, "statusCode"],
    [{ activeProfileId: -1 }, "activeProfileId"],
    [{ inferenceMs: 1.5 }, "inferenceMs"],
    [{ queueMs: NaN }, "queueMs"],
    [{ serverTotalMs: 65536 }, "serverTotalMs"],
    [{ reusedFrameId: 2 ** 32 }, "reusedFrameId"],
    [{ resultFlags: 8 }, "resultFlags"],
    [{ appliedBudgetPolicy: 16 }, "appliedBudgetPolicy"],
    [{ resultClass: 4 }, "resultClass"],
  ];
  for (const base of [TENSOR, TYPED, { payloadKindBitmap: 0 }]) {
    for (const [change, field] of cases) assertEquals(refusal({ ...base, ...change }), field);
    assertEquals(refusal(base, { ...TARGET, frameId: -1 }), "frameId");
    assertEquals(refusal(base, { ...TARGET, traceId: 2n ** 64n }), "traceId");
  }
  assertEquals(refusal({ ...TENSOR, tileBaseId: -1 }), "tileBaseId");
});

test("references are sorted, and what they stand for is counted and left out", () => {
  const { metadata, body } = read({
    ...TENSOR,
    ...TYPED,
    references: [reference(7), reference(1, 5), reference(1, 2)],
    tileIndexReference: reference(2),
    tensorSectionTableReference: reference(3),
  });
  assertEquals(metadata.payloadKindBitmap, 3);
  assertEquals([metadata.tileCount, metadata.sectionCount, metadata.tileIndexBytes], [2, 1, 0]);
  assertEquals(body.references.map((r) => [r.objectKind, r.cacheKeyLo]), [[1, 2], [1, 5], [2, 9], [3, 9], [
    7,
    9,
  ]]);
  assertEquals([body.tileIds, body.sections], [null, null]);
  assertEquals(body.tileIndexReference, reference(2));
  assertEquals(body.tensorSectionTableReference, reference(3));
});

test("references beside typed payloads alone leave the TENSOR bit out", () => {
  const { metadata, body } = read({ ...TYPED, references: [reference(5)] });
  assertEquals(metadata.payloadKindBitmap, 2);
  assertEquals(body.references, [reference(5)]);
});

test("references need a typed payload or a further kind bit, for no peer would read them otherwise", () => {
  assertEquals(refusal({ ...TENSOR, references: [reference(5)] }), "payloadKindBitmap");
  assertEquals(refusal({ references: [reference(5)], payloadKindBitmap: 0 }), "payloadKindBitmap");
  assertEquals(
    read({ ...TENSOR, references: [reference(5)], payloadKindBitmap: 0x41 }).body.references.length,
    1,
  );
});

test("references that cannot be written are named", () => {
  const base = { ...TENSOR, ...TYPED };
  assertEquals(refusal({ ...base, references: [reference(5), reference(5)] }), "references");
  assertEquals(refusal({ ...base, references: [reference(10)] }), "references[0].objectKind");
  assertEquals(refusal({ ...base, references: [reference(2)] }), "references[0].objectKind");
  assertEquals(refusal({ ...base, tileIndexReference: reference(3) }), "tileIndexReference.objectKind");
  assertEquals(
    refusal({ payloadKindBitmap: 2, tileIndexReference: reference(2), tileIds: [] }),
    "tileIndexReference",
  );
});

/** A composed body and metadata that promises a token chunk beside TENSOR unless changed. */
function composed(
  data: BodyRegionsData,
  change: Partial<ResultPushMetadata>,
): [ResultPushMetadata, Uint8Array] {
  const out = new PacketBuffer();
  encodeBodyRegions(out, data);
  return [{ ...metadataOf(encode({})), payloadKindBitmap: 3, ...change }, out.toBytes()];
}

test("reading judges coverage, objects and references", () => {
  const index = { objectKind: 2, payload: tile(1, 0) };
  const oneTile = { tileCount: 1, coveredTileCount: 1, tileIndexBytes: 2 };
  assertEquals(decodeResultPushBody(...composed({ inlineObjects: [index] }, oneTile)).tileIds, [1]);
  const refused: [BodyRegionsData, Partial<ResultPushMetadata>, string][] = [
    [{ inlineObjects: [index] }, { ...oneTile, coveredTileCount: 0 }, "covered"],
    [{ inlineObjects: [index] }, { ...oneTile, resultClass: 1 }, "PARTIAL"],
    [{ inlineObjects: [index] }, { ...oneTile, tileIndexBytes: 4 }, "tile_index_bytes"],
    [{ inlineObjects: [index, index] }, oneTile, "twice"],
    [{ inlineObjects: [index], objectReferences: [reference(2)] }, oneTile, "twice"],
    [{ objectReferences: [reference(2), reference(2, 10)] }, {}, "twice"],
    [{ objectReferences: [reference(2)] }, { tileIndexBytes: 2 }, "tile_index_bytes"],
    [{ objectReferences: [reference(5), reference(4)] }, {}, "ascend"],
    [{ objectReferences: [reference(5), reference(5)] }, {}, "ascend"],
    [{}, { tileCount: 1, coveredTileCount: 1 }, "no tile index"],
    [{}, { sectionCount: 1 }, "no section table"],
    [TYPED, {}, "payload_frame_count"],
    [TYPED, { payloadFrameCount: 1, payloadKindBitmap: 5 }, "payload_kind"],
  ];
  for (const [data, change, words] of refused) {
    const [metadata, body] = composed(data, change);
    assertEquals(
      assertThrows(() => decodeResultPushBody(metadata, body), NnrpWireError, words).stage,
      "body",
    );
  }
});

test("references compare as unsigned numbers", () => {
  const high = { ...reference(5), cacheNamespace: 0x80000000 };
  const data = { objectReferences: [reference(5), high] };
  assertEquals(decodeResultPushBody(...composed(data, {})).references.length, 2);
});

test("the body of a result without kinds is ignored", () => {
  const metadata = metadataOf(encode({ payloadKindBitmap: 0 }));
  assertEquals(decodeResultPushBody(metadata, tile(1, 2, 3)).layout, "none");
});

// Deviates from invalid/message.json "result_push: references, tensor only" and "result_push: bitmap 1, 32 body bytes,
// no frames", as wire spec §15.7 asks.
test("a plain-looking result with references is refused as rc2 does, and read by the lenient reader", () => {
  const [metadata, body] = composed({ objectReferences: [reference(2), reference(3)] }, {
    payloadKindBitmap: 1,
    tileCount: 2,
    coveredTileCount: 2,
  });
  assertThrows(() => decodeResultPushBody(metadata, body), NnrpWireError);
  const read = decodeResultPushBodyLenient(metadata, body);
  assertEquals([read.layout, read.tileIds, read.sections], ["composed", null, null]);
  assertEquals(read.references.length, 2);
  const empty = { ...metadata, tileCount: 0, coveredTileCount: 0 };
  assertEquals(decodeResultPushBodyLenient(empty, new Uint8Array(32)).layout, "composed");
});

test("the lenient reader takes plain results as they are and keeps the verdict on broken ones", () => {
  const packet = encode(TENSOR);
  const metadata = metadataOf(packet);
  assertEquals(decodeResultPushBodyLenient(metadata, packet.body).layout, "plain");
  const cut = packet.body.subarray(0, -1);
  const plain = assertThrows(() => decodeResultPushBody(metadata, cut), NnrpWireError);
  assertEquals(
    assertThrows(() => decodeResultPushBodyLenient(metadata, cut), NnrpWireError).message,
    plain.message,
  );
  const [composedMetadata, body] = composed({ objectReferences: [reference(5), reference(4)] }, {
    payloadKindBitmap: 1,
  });
  assertThrows(() => decodeResultPushBodyLenient(composedMetadata, body), NnrpWireError, "ascend");
  const typed = encode(TYPED);
  const wrongKind = { ...metadataOf(typed), payloadKindBitmap: 4 };
  assertThrows(() => decodeResultPushBodyLenient(wrongKind, typed.body), NnrpWireError, "payload_kind");
});

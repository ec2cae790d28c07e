import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { NnrpLimitError, NnrpValueError, NnrpWireError } from "../errors.ts";
import { CacheObjectKind } from "../wire/enums.ts";
import { PacketBuffer } from "../wire/outbox.ts";
import { decodeExtensionFrames } from "./extension_frames.ts";
import { decodeInlineObject } from "./inline_objects.ts";
import { type BodyRegionsData, checkBodyLength, decodeBodyRegions, encodeBodyRegions } from "./regions.ts";
import { TypedPayload } from "./typed_payloads.ts";

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

const DATA: BodyRegionsData = {
  inlineObjects: [
    { objectKind: CacheObjectKind.CAMERA_BLOCK, payload: text("camera"), profileId: 3 },
    { objectKind: CacheObjectKind.PROMPT_SEGMENT, payload: text("") },
  ],
  objectReferences: [{
    objectKind: 2,
    refFlags: 0,
    cacheNamespace: 1,
    cacheKeyHi: 2,
    cacheKeyLo: 0xffffffff,
  }],
  typedPayloads: [TypedPayload.tokenChunk("hi", 9), TypedPayload.toolDelta("")],
  extensionFrames: [{ extensionKind: 500, extensionFlags: 1, profileId: 2, payload: text("more") }],
};

function encode(data: BodyRegionsData): Uint8Array {
  const out = new PacketBuffer();
  encodeBodyRegions(out, data);
  return out.toBytes();
}

function patched(at: number, value: number): Uint8Array {
  const body = encode(DATA);
  new DataView(body.buffer).setUint32(at, value, true);
  return body;
}

test("a composed body gives back all that was put into it, as views on its bytes", () => {
  const body = encode(DATA);
  const regions = decodeBodyRegions(body);
  assertEquals(regions.prelude, {
    inlineObjectBytes: 24 + 16,
    objectReferenceBytes: 16,
    typedPayloadDescriptorBytes: 32,
    typedPayloadFrameBytes: 2,
    extensionDescriptorBytes: 16,
    extensionPayloadBytes: 4,
    bodyFlags: 0,
    reserved: 0,
  });
  assertEquals(regions.inlineObjects.map((o) => [o.objectKind, o.profileId, o.objectBytes]), [[1, 3, 6], [
    7,
    0,
    0,
  ]]);
  assertEquals(regions.objectReferences, DATA.objectReferences);
  assertEquals(regions.typedPayloads, DATA.typedPayloads);
  assertEquals(regions.extensionFrames, DATA.extensionFrames);
  assertEquals(regions.referenceCount, 1);
  assertEquals(regions.typedCount, 2);
  for (
    const { payload } of [...regions.inlineObjects, ...regions.typedPayloads, ...regions.extensionFrames]
  ) {
    assertStrictEquals(payload.buffer, body.buffer);
  }
});

test("lists of a body are made once", () => {
  const regions = decodeBodyRegions(encode(DATA));
  assertStrictEquals(regions.inlineObjects, regions.inlineObjects);
  assertStrictEquals(regions.objectReferences, regions.objectReferences);
  assertStrictEquals(regions.typedPayloads, regions.typedPayloads);
  assertStrictEquals(regions.extensionFrames, regions.extensionFrames);
});

test("an empty body is a prelude of zeroes", () => {
  assertEquals(encode({}), new Uint8Array(32));
  assertEquals(decodeBodyRegions(new Uint8Array(32)).typedPayloads, []);
});

test("a prelude that is cut or whose lengths do not add up is refused", () => {
  const body = encode(DATA);
  for (const length of [0, 31, body.length - 1]) {
    const error = assertThrows(() => decodeBodyRegions(body.subarray(0, length)), NnrpWireError);
    assertEquals(error.stage, "body");
    assert(error.field.startsWith("body_region_prelude"));
  }
  for (let at = 0; at < 24; at += 4) {
    assertThrows(() => decodeBodyRegions(patched(at, 0xffffffff)), NnrpWireError);
    assertThrows(() => decodeBodyRegions(patched(at, 0xfffffff0)), NnrpWireError);
  }
});

test("reserved fields of the prelude must be 0", () => {
  assertEquals(
    assertThrows(() => decodeBodyRegions(patched(24, 1)), NnrpWireError).field,
    "body_region_prelude.body_flags",
  );
  assertEquals(
    assertThrows(() => decodeBodyRegions(patched(28, 1)), NnrpWireError).field,
    "body_region_prelude.reserved",
  );
});

test("an inline object of unknown kind, with flags, reserved bytes or padding refuses the body", () => {
  const refusals: [number, number, string][] = [
    [32, 10, "object_kind"],
    [32, 0, "object_kind"],
    [32, 0x10001, "object_flags"],
    [36, 0x10000, "reserved0"],
    [44, 1, "reserved1"],
    [40, 1000, "inline_object_block"],
    [52, 0x01000000 | 0x6172, "padding"],
  ];
  for (const [at, value, field] of refusals) {
    const error = assertThrows(() => decodeBodyRegions(patched(at, value)), NnrpWireError);
    assert(error.field.includes(field), error.message);
  }
});

test("a reference of unknown kind or with flags refuses the body", () => {
  assertThrows(() => decodeBodyRegions(patched(72, 10)), NnrpWireError, "object_kind");
  assertThrows(() => decodeBodyRegions(patched(72, 0x10002)), NnrpWireError, "ref_flags");
});

test("typed payloads must not overlap, descend or reach beyond their region", () => {
  assertThrows(() => decodeBodyRegions(patched(96, 3)), NnrpWireError, "beyond its region");
  assertThrows(() => decodeBodyRegions(patched(92, 0xffffffff)), NnrpWireError, "beyond its region");
  assertThrows(() => decodeBodyRegions(patched(108, 1)), NnrpWireError, "overlap");
  assertThrows(() => decodeBodyRegions(patched(108, 3)), NnrpWireError, "beyond its region");
  assertThrows(() => decodeBodyRegions(patched(88, 3)), NnrpWireError, "payload_kind");
  assertThrows(() => decodeBodyRegions(patched(88, 0x102)), NnrpWireError, "descriptor_flags");
  assertThrows(() => decodeBodyRegions(patched(100, 1)), NnrpWireError, "reserved");
});

test("extension frames with unknown flags or reserved bytes refuse the body, unknown kinds do not", () => {
  const at = encode(DATA).length - 20;
  assertEquals(decodeBodyRegions(patched(at, 0x1ffff)).extensionFrames[0].extensionKind, 0xffff);
  assertThrows(() => decodeBodyRegions(patched(at, 0x20001)), NnrpWireError, "extension_flags");
  assertThrows(() => decodeBodyRegions(patched(at + 4, 0x10000)), NnrpWireError, "reserved0");
  assertThrows(() => decodeBodyRegions(patched(at + 8, 1)), NnrpWireError, "beyond its region");
});

test("with a list of known extensions others are skipped, critical ones refused", () => {
  const body = encode({
    extensionFrames: [{ extensionKind: 1, payload: text("a") }, {
      extensionKind: 2,
      extensionFlags: 1,
      payload: text("b"),
    }],
  });
  const frames = body.subarray(32);
  assertEquals(decodeExtensionFrames(frames, 32).length, 2);
  assertEquals(decodeExtensionFrames(frames, 32, [2]).map((f) => f.extensionKind), [2]);
  assertThrows(() => decodeExtensionFrames(frames, 32, new Set([1])), NnrpWireError, "critical");
  assertThrows(() => decodeExtensionFrames(frames, 24), NnrpWireError, "partial descriptor");
  assertThrows(() => decodeExtensionFrames(frames, 48), NnrpWireError, "partial descriptor");
});

test("one inline object alone takes no bytes after it", () => {
  const block = encode({ inlineObjects: [{ objectKind: 5, payload: text("x") }] }).subarray(32);
  assertEquals(decodeInlineObject(block).payload, text("x"));
  const longer = new Uint8Array(32);
  longer.set(block);
  assertThrows(() => decodeInlineObject(longer), NnrpWireError, "bytes after the block");
});

test("the writer names the part that it refuses and writes nothing", () => {
  const reference = DATA.objectReferences![0];
  const cases: [BodyRegionsData, string][] = [
    [{ inlineObjects: [{ objectKind: 0, payload: text("") }] }, "inlineObjects[0].objectKind"],
    [
      { inlineObjects: [{ objectKind: 1, payload: text(""), profileId: 65536 }] },
      "inlineObjects[0].profileId",
    ],
    [
      { inlineObjects: [{ objectKind: 1, payload: "x" as unknown as Uint8Array }] },
      "inlineObjects[0].payload",
    ],
    [{ objectReferences: [reference, { ...reference, refFlags: 1 }] }, "objectReferences[1].refFlags"],
    [{ objectReferences: [{ ...reference, cacheKeyHi: -1 }] }, "objectReferences[0].cacheKeyHi"],
    [{ typedPayloads: [{ payloadKind: 3, payload: text("") }] }, "typedPayloads[0].payloadKind"],
    [{ typedPayloads: [{ payloadKind: 1, payload: text("") }] }, "typedPayloads[0].payloadKind"],
    [{ typedPayloads: [{ payloadKind: 2, payload: text(""), profileId: -1 }] }, "typedPayloads[0].profileId"],
    [
      { typedPayloads: [{ payloadKind: 2, payload: text(""), descriptorFlags: 1 }] },
      "typedPayloads[0].descriptorFlags",
    ],
    [{ typedPayloads: [null as unknown as TypedPayload] }, "typedPayloads[0].payloadKind"],
    [
      { extensionFrames: [{ extensionKind: 1, extensionFlags: 2, payload: text("") }] },
      "extensionFrames[0].extensionFlags",
    ],
    [{ extensionFrames: [{ extensionKind: 65536, payload: text("") }] }, "extensionFrames[0].extensionKind"],
  ];
  for (const [data, field] of cases) {
    const out = new PacketBuffer();
    assertEquals(assertThrows(() => encodeBodyRegions(out, data), NnrpValueError).field, field);
    assertEquals(out.length, 0);
  }
});

test("a body has at most the bytes that its length field or the peer allows", () => {
  checkBodyLength(0xffffffff);
  assertThrows(() => checkBodyLength(0x100000000), NnrpValueError, "body too long");
  checkBodyLength(100, 100);
  assertEquals(assertThrows(() => checkBodyLength(101, 100), NnrpLimitError).limit, "maxBodyBytes");
});

test("payload factories take text as UTF-8 and bytes without copying", () => {
  const data = text("raw");
  assertEquals(TypedPayload.tokenChunk("é").payload, text("é"));
  assertStrictEquals(TypedPayload.opaqueBytes(data).payload, data);
  assertEquals(
    [
      TypedPayload.tokenChunk,
      TypedPayload.audioChunk,
      TypedPayload.videoChunk,
      TypedPayload.structuredEvent,
      TypedPayload.toolDelta,
      TypedPayload.opaqueBytes,
    ].map((make) => make("", 7)).map(({ payloadKind, profileId }) => [payloadKind, profileId]),
    [[2, 7], [4, 7], [8, 7], [16, 7], [32, 7], [64, 7]],
  );
  assertThrows(() => TypedPayload.audioChunk(5 as unknown as string), NnrpValueError, "data");
});

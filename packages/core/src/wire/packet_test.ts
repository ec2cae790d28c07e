import { test } from "node:test";
import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import { MessageType } from "./enums.ts";
import { decodePacket, encodePacket, makePacket } from "./packet.ts";

const packet = makePacket({
  msgType: MessageType.CLOSE,
  sessionId: 7,
  traceId: 9n,
  metadata: Uint8Array.of(1, 2),
  body: Uint8Array.of(3, 4, 5),
});

test("a packet is read as it was written, as views", () => {
  const bytes = encodePacket(packet);
  assertEquals(bytes.length, 45);
  const read = decodePacket(bytes);
  assertEquals(read.header, packet.header);
  assertEquals([...read.metadata, ...read.body], [1, 2, 3, 4, 5]);
  assertEquals(read.body.buffer, bytes.buffer);
});

test("what is left out of a packet is 0 or empty", () => {
  const { header } = decodePacket(encodePacket(makePacket({ msgType: MessageType.PING })));
  assertEquals(header, {
    versionMajor: 1,
    wireFormat: 0,
    msgType: 0x20,
    headerLen: 40,
    flags: 0,
    metaLen: 0,
    bodyLen: 0,
    sessionId: 0,
    frameId: 0,
    viewId: 0,
    routeId: 0,
    traceId: 0n,
  });
});

test("a packet that is cut or followed by bytes is refused by the framing", () => {
  const bytes = encodePacket(packet);
  for (let length = 0; length < bytes.length; length++) {
    const error = assertThrows(() => decodePacket(bytes.subarray(0, length)), NnrpWireError);
    assertEquals(error.stage, "framing");
  }
  assertThrows(() => decodePacket(Uint8Array.of(...bytes, 0)), NnrpWireError, "after the body");
});

test("lengths do not wrap at 2^32", () => {
  const bytes = encodePacket(makePacket({ msgType: MessageType.PING, body: new Uint8Array(16) }));
  const view = new DataView(bytes.buffer);
  view.setUint32(12, 0xffff_fff0, true);
  view.setUint32(16, 0x20, true);
  assertThrows(() => decodePacket(bytes), NnrpWireError, "cut");
});

test("a header that states another length is not written", () => {
  const { header } = packet;
  assertThrows(
    () => encodePacket({ ...packet, header: { ...header, metaLen: 3 } }),
    NnrpValueError,
    "metaLen",
  );
  assertThrows(() => encodePacket({ ...packet, body: new Uint8Array(4) }), NnrpValueError, "bodyLen");
});

test("a view inside a larger buffer is read at its own place", () => {
  const bytes = encodePacket(packet);
  const larger = new Uint8Array(bytes.length + 20).fill(0xff);
  larger.set(bytes, 13);
  assertEquals([...decodePacket(larger.subarray(13, 13 + bytes.length)).body], [3, 4, 5]);
});

test("arbitrary bytes are read or refused by the framing", () => {
  const start = encodePacket(packet);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 0, max: 40 }), (bytes, kept) => {
    bytes.set(start.subarray(0, Math.min(kept, bytes.length)));
    try {
      assertEquals(encodePacket(decodePacket(bytes)), bytes);
    } catch (error) {
      assertInstanceOf(error, NnrpWireError);
      assertEquals(error.stage, "framing");
    }
  }));
});

import { test } from "node:test";
import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import { MessageType } from "./enums.ts";
import {
  checkHeader,
  checkHeaderIds,
  decodeHeader,
  encodeHeader,
  HEADER_SIZE,
  type PacketHeader,
  refuseStart,
  writeHeader,
} from "./header.ts";
import { HEADER_RECORD } from "./metadata/header_table.ts";

const PING: PacketHeader = {
  versionMajor: 1,
  wireFormat: 0,
  msgType: MessageType.PING,
  headerLen: 40,
  flags: 0,
  metaLen: 0,
  bodyLen: 0,
  sessionId: 0,
  frameId: 0,
  viewId: 0,
  routeId: 0,
  traceId: 0n,
};

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const headers = fc.record({
  versionMajor: fc.integer({ min: 0, max: 255 }),
  wireFormat: fc.constant(0),
  msgType: fc.constantFrom(...Object.values(MessageType)),
  headerLen: fc.constant(40),
  flags: u32,
  metaLen: u32,
  bodyLen: u32,
  sessionId: u32,
  frameId: u32,
  viewId: u16,
  routeId: u16,
  traceId: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
});

function bytesOf(header: PacketHeader): DataView {
  const view = new DataView(new ArrayBuffer(HEADER_SIZE));
  encodeHeader(header, view, 0);
  return view;
}

test("any header survives writing and reading, at any offset", () => {
  fc.assert(fc.property(headers, fc.integer({ min: 0, max: 9 }), (header, offset) => {
    const view = new DataView(new ArrayBuffer(HEADER_SIZE + 9));
    encodeHeader(header, view, offset);
    assertEquals(decodeHeader(view, offset), header);
  }));
});

test("straight-line code and table agree on headers", () => {
  fc.assert(fc.property(headers, (header) => {
    const table = new Uint8Array(HEADER_SIZE);
    HEADER_RECORD.encode(header, new DataView(table.buffer), 0);
    assertEquals(new Uint8Array(bytesOf(header).buffer), table);
  }));
  const bytes = fc.uint8Array({ minLength: HEADER_SIZE, maxLength: HEADER_SIZE });
  const nearly = fc.tuple(bytes, fc.integer({ min: 0, max: 8 })).map(([random, kept]) => {
    random.set(new Uint8Array(bytesOf(PING).buffer).subarray(0, kept));
    return random;
  });
  fc.assert(fc.property(nearly, (random) => {
    const view = new DataView(random.buffer);
    assertEquals(
      outcome(() => decodeHeader(view, 0)),
      outcome(() => HEADER_RECORD.decode(view, 0, HEADER_SIZE)),
    );
  }));
});

test("the unchecked writer writes the same bytes as the checked one", () => {
  fc.assert(fc.property(headers, (header) => {
    const view = new DataView(new ArrayBuffer(HEADER_SIZE));
    writeHeader(
      view,
      0,
      header.msgType,
      header.flags,
      header.metaLen,
      header.bodyLen,
      header.sessionId,
      header.frameId,
      header.viewId,
      header.routeId,
      header.traceId,
    );
    assertEquals(view.buffer, bytesOf({ ...header, versionMajor: 1 }).buffer);
  }));
});

test("a header of another length than 40 is refused", () => {
  const view = new DataView(new ArrayBuffer(41));
  encodeHeader(PING, view, 0);
  assertThrows(() => decodeHeader(view, 0, 39), NnrpWireError);
  assertThrows(() => decodeHeader(view, 0, 41), NnrpWireError);
  assertThrows(() => checkHeader(view, 2), NnrpWireError);
  assertThrows(() => decodeHeader(new DataView(new ArrayBuffer(0)), 0), NnrpWireError);
});

test("the expected wire format is compared by value", () => {
  const view = bytesOf(PING);
  assertEquals(decodeHeader(view, 0, 40, 0).wireFormat, 0);
  assertThrows(() => decodeHeader(view, 0, 40, 1), NnrpWireError, "wire format");
});

test("what breaks a header is framing trouble and named by field and offset", () => {
  const view = bytesOf(PING);
  view.setUint8(6, 0x99);
  const error = assertThrows(() => checkHeader(view, 0), NnrpWireError);
  assertEquals([error.stage, error.field, error.offset, error.actual], [
    "framing",
    "header.msg_type",
    6,
    "MessageType_153",
  ]);
});

test("writing refuses unknown types and formats, and what does not fit", () => {
  const view = new DataView(new ArrayBuffer(HEADER_SIZE));
  const wrong: Partial<Record<keyof PacketHeader, unknown>>[] = [
    { wireFormat: 5 },
    { msgType: 0x99 },
    { msgType: 32.5 },
    { msgType: "32" },
    { headerLen: 48 },
    { versionMajor: 256 },
    { flags: -1 },
    { metaLen: 2 ** 32 },
    { bodyLen: 1.5 },
    { sessionId: NaN },
    { frameId: 1n },
    { viewId: 65536 },
    { routeId: undefined },
    { traceId: 0 },
    { traceId: -1n },
    { traceId: 2n ** 64n },
  ];
  for (const fields of wrong) {
    const error = assertThrows(
      () => encodeHeader({ ...PING, ...fields } as PacketHeader, view, 0),
      NnrpValueError,
    );
    assertEquals(error.field, Object.keys(fields)[0]);
  }
  assertEquals(new Uint8Array(view.buffer), new Uint8Array(HEADER_SIZE), "nothing was written");
  assertThrows(() => encodeHeader(PING, view, 1), NnrpValueError, "room");
  checkHeaderIds(0xffff_ffff, 1, 2, 65535, 65535, 1n);
  assertThrows(() => checkHeaderIds(0, 0, -1, 0, 0, 0n), NnrpValueError, "frameId");
});

function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    assertInstanceOf(error, NnrpWireError);
    return error.stage; // the order of the checks differs, so not the field
  }
}

test("bytes that begin as nothing here does are named, from the fourth on", () => {
  const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
  const table: readonly [string, string | null][] = [
    ["", null],
    ["NNR", null],
    ["NNRP\x01", null],
    ["\x16\x03\x01", null],
    ["\x16\x03\x01\x00", "not NNRP but TLS, which this port does not speak"],
    ["\x15\x03\x03\x00\x02\x02\x28", "not NNRP but TLS: the peer wants an encrypted connection"],
    ["HTTP/1.1 400 Bad Request", "not NNRP but HTTP: the peer is a web server"],
    ["GET / HTTP/1.1", "not NNRP but HTTP, which this port does not speak"],
    ["SSH-2.0", "not NNRP"],
  ];
  for (const [text, words] of table) {
    const refusal = refuseStart(bytes(text));
    if (words === null) assertEquals(refusal, null);
    else {
      assertInstanceOf(refusal, NnrpWireError);
      assertEquals([refusal.field, refusal.message.includes(words)], ["header.magic", true], refusal.message);
    }
  }
});

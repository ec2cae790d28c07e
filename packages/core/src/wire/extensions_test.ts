import { test } from "node:test";
import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import {
  type ControlExtensionEntry,
  decodeControlExtensions,
  encodeControlExtensions,
} from "./extensions.ts";
import {
  CLIENT_HELLO_LOSS_TOLERANCE,
  CLIENT_HELLO_PAYLOAD_CAPABILITIES,
  CLIENT_HELLO_TRANSPORT_POLICY,
  ControlExtensionType,
  findExtension,
  KNOWN_EXTENSION_RECORDS,
} from "./known_extensions.ts";
import {
  migrationTokenEntry,
  readMigrationToken,
  readRequestedModel,
  requestedModelEntry,
  streamedResultsEntry,
} from "./private_extensions.ts";

const u16 = fc.integer({ min: 0, max: 0xffff });
const entries: fc.Arbitrary<ControlExtensionEntry[]> = fc.array(
  fc.record({ extType: u16, extFlags: u16, payload: fc.uint8Array({ maxLength: 20 }) }),
  { maxLength: 5 },
);

test("a block of any entries is read as it was written", () => {
  fc.assert(fc.property(entries, (written) => {
    const block = encodeControlExtensions(written);
    assertEquals(block.length % 8, 0);
    assertEquals(decodeControlExtensions(block).map(plain), written.map(plain));
  }));
});

test("arbitrary bytes are read or refused as a body", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (bytes, small) => {
    if (small) { for (let i = 0; i < bytes.length; i++) bytes[i] &= i % 8 === 4 ? 15 : i % 8 < 4 ? 255 : 0; }
    try {
      assertEquals(encodeControlExtensions(decodeControlExtensions(bytes)), bytes);
    } catch (error) {
      assertInstanceOf(error, NnrpWireError);
      assertEquals(error.stage, "body");
    }
  }));
});

test("payloads are views on the block, flags default to 0", () => {
  const block = encodeControlExtensions([{ extType: 7, payload: Uint8Array.of(1, 2, 3) }]);
  const [entry] = decodeControlExtensions(block);
  assertEquals(entry.extFlags, 0);
  assertEquals(entry.payload.buffer, block.buffer);
});

test("unknown entries are skipped, unknown critical ones refused where they stand", () => {
  const known = { extType: 1, extFlags: 0, payload: new Uint8Array(1) };
  const unknown = { extType: 2, extFlags: 2, payload: new Uint8Array(0) };
  const critical = { extType: 3, extFlags: 1, payload: new Uint8Array(0) };
  const options = { knownTypes: [1] };
  const types = decodeControlExtensions(encodeControlExtensions([unknown, known]), options).map((
    { extType },
  ) => extType);
  assertEquals(types, [1]);
  const block = encodeControlExtensions([known, critical]);
  assertEquals(decodeControlExtensions(block).length, 2);
  const error = assertThrows(() => decodeControlExtensions(block, options), NnrpWireError, "0x0003");
  assertEquals(error.offset, 16);
});

test("entries that do not fit are refused by name", () => {
  const payload = new Uint8Array(0);
  const refused = (entry: unknown): string =>
    assertThrows(() => encodeControlExtensions([entry as ControlExtensionEntry]), NnrpValueError).field;
  assertEquals(refused({ extType: 65536, payload }), "entries[0].extType");
  assertEquals(refused({ extType: 1, extFlags: -1, payload }), "entries[0].extFlags");
  assertEquals(refused({ extType: 1, payload: "text" }), "entries[0].payload");
});

test("a known entry is made and read by its type", () => {
  const fields = { transportPolicy: 2, preferredTransportId: 2 };
  const entry = CLIENT_HELLO_TRANSPORT_POLICY.entry(fields);
  assertEquals(
    plain(entry),
    plain({ extType: 0x0101, extFlags: 0, payload: Uint8Array.of(2, 0, 0, 0, 2, 0, 0, 0) }),
  );
  assertEquals(CLIENT_HELLO_TRANSPORT_POLICY.read(entry), fields);
  assertThrows(() => CLIENT_HELLO_LOSS_TOLERANCE.read(entry), NnrpWireError, "another type");
  assertThrows(() => CLIENT_HELLO_TRANSPORT_POLICY.entry({ ...fields, transportPolicy: 5 }), NnrpValueError);
});

test("a known payload of another length or with reserved bytes is refused as a body", () => {
  const extType = ControlExtensionType.CLIENT_HELLO_LOSS_TOLERANCE;
  for (const payload of [new Uint8Array(7), new Uint8Array(9), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1)]) {
    const error = assertThrows(() => CLIENT_HELLO_LOSS_TOLERANCE.read({ extType, payload }), NnrpWireError);
    assertEquals(error.stage, "body");
  }
  const bits = { payloadKindBitmap: 0x80, criticalExtensionFrameBitmap: 0 };
  assertThrows(() => CLIENT_HELLO_PAYLOAD_CAPABILITIES.entry(bits), NnrpValueError, "payloadKindBitmap");
});

test("the six entries of the wire spec are found by their types", () => {
  assertEquals([...KNOWN_EXTENSION_RECORDS.keys()], [0x0101, 0x0102, 0x0103, 0x0104, 0x0105, 0x0106]);
  assertEquals([...KNOWN_EXTENSION_RECORDS.values()].map(({ size }) => size), [8, 8, 8, 8, 8, 8]);
});

test("private entries are never critical and survive a block", () => {
  const token = Uint8Array.from({ length: 16 }, (_, i) => i);
  const block = encodeControlExtensions([
    streamedResultsEntry(),
    migrationTokenEntry(token),
    requestedModelEntry("größer"),
  ]);
  const read = decodeControlExtensions(block);
  assertEquals(read.map(({ extType, extFlags }) => [extType, extFlags]), [[0xf001, 0], [0xf002, 0], [
    0xf003,
    0,
  ]]);
  assertEquals(read[0].payload, new Uint8Array(8));
  assertEquals(readMigrationToken(findExtension(read, 0xf002)!), token);
  assertEquals(readRequestedModel(findExtension(read, 0xf003)!), "größer");
  assertEquals(findExtension(read, 0x0101), undefined);
});

test("a migration token has 16 bytes, both ways", () => {
  assertThrows(() => migrationTokenEntry(new Uint8Array(15)), NnrpValueError);
  assertThrows(() => readMigrationToken({ extType: 0xf002, payload: new Uint8Array(17) }), NnrpWireError);
  assertThrows(() => readMigrationToken({ extType: 0xf001, payload: new Uint8Array(16) }), NnrpWireError);
  assertThrows(() => readRequestedModel({ extType: 0xf001, payload: new Uint8Array(0) }), NnrpWireError);
});

function plain(entry: ControlExtensionEntry): unknown {
  return { extType: entry.extType, extFlags: entry.extFlags ?? 0, payload: [...entry.payload] };
}

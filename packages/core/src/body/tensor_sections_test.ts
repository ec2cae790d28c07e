import { test } from "node:test";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import { PacketBuffer } from "../wire/outbox.ts";
import type { TensorSectionData } from "./section_writer.ts";
import { decodeTensorBody, encodeTensorBody } from "./tensor_body.ts";
import { decodeTensorSection } from "./tensor_sections.ts";

const tile = (...values: number[]): Uint8Array => Uint8Array.from(values);
const PLAIN: TensorSectionData = { roleId: 1, dtypeId: 5, tilePayloads: [tile(1, 2, 3), tile(), tile(4)] };

/** The bytes of one section. */
function encode(section: TensorSectionData): Uint8Array {
  const out = new PacketBuffer();
  const tileIds = section.tilePayloads.map((_, i) => i);
  encodeTensorBody(out, { tileIds, sections: [section], tileIndexMode: 0 });
  return out.toBytes();
}

function refused(section: TensorSectionData, at: number, value: number): string {
  const bytes = encode(section);
  new DataView(bytes.buffer).setUint32(at, value, true);
  const error = assertThrows(() => decodeTensorSection(bytes), NnrpWireError);
  assertEquals(error.stage, "body");
  return error.field;
}

test("tiles lie back to back behind their lengths and come back as views", () => {
  const bytes = encode(PLAIN);
  assertEquals(bytes.length, 32 + 12 + 4);
  const section = decodeTensorSection(bytes);
  assertEquals(section.tileCount, 3);
  assertEquals(section.tilePayloads, PLAIN.tilePayloads as Uint8Array[]);
  assertStrictEquals(section.tilePayloads[0].buffer, bytes.buffer);
  assertStrictEquals(section.tilePayloads, section.tilePayloads);
  assertEquals(
    [
      section.flags,
      section.codecTableBytes,
      section.lengthTableBytes,
      section.payloadBytes,
      section.reserved,
    ],
    [0, 0, 12, 4, 0],
  );
});

test("a stride pads each tile with zeroes that reading takes off again", () => {
  const bytes = encode({ ...PLAIN, payloadStrideBytes: 4 });
  assertEquals(bytes.subarray(44), tile(1, 2, 3, 0, 0, 0, 0, 0, 4, 0, 0, 0));
  const section = decodeTensorSection(bytes);
  assertEquals([section.flags, section.payloadStrideBytes, section.payloadBytes], [2, 4, 12]);
  assertEquals(section.tilePayloads, PLAIN.tilePayloads as Uint8Array[]);
});

test("a codec table is written only where a tile has another codec than the default", () => {
  assertEquals(encode({ ...PLAIN, defaultCodecId: 1, codecIds: [1, 1, 1] }).length, encode(PLAIN).length);
  assertEquals(encode({ ...PLAIN, defaultCodecId: 1, codecIds: [] }).length, encode(PLAIN).length);
  const section = decodeTensorSection(
    encode({ ...PLAIN, defaultCodecId: 1, codecIds: Uint8Array.of(1, 0, 255) }),
  );
  assertEquals([section.flags, section.codecId, section.codecTableBytes], [1, 1, 3]);
  assertEquals(section.codecTable, tile(1, 0, 255));
});

test("a received section can be given as it is to be sent on", () => {
  const given = {
    ...PLAIN,
    defaultCodecId: 1,
    codecIds: [1, 0, 1],
    layoutId: 1,
    scalePolicy: 2,
    payloadStrideBytes: 8,
    elementCountPerTile: 3,
  };
  const bytes = encode(given);
  assertEquals(encode(decodeTensorSection(bytes)), bytes);
});

test("sections start at multiples of 8 after the index, and nothing follows the last", () => {
  const out = new PacketBuffer();
  encodeTensorBody(out, { tileIds: [4], sections: [{ roleId: 1, dtypeId: 5, tilePayloads: [tile(7)] }] });
  const bytes = out.toBytes();
  assertEquals(bytes.length, 8 + 32 + 4 + 1);
  const body = decodeTensorBody(bytes, { tileIndexBytes: 2, sectionCount: 1, tileCount: 1 });
  assertEquals(body.tileIndexBlock, tile(4, 0));
  assertEquals(body.sections[0].tilePayloads, [tile(7)]);
});

test("without sections the body is exactly the index", () => {
  assertEquals(decodeTensorBody(tile(4, 0), { tileIndexBytes: 2, sectionCount: 0 }).sections, []);
  assertThrows(() => decodeTensorBody(tile(4, 0, 0), { tileIndexBytes: 2, sectionCount: 0 }), NnrpWireError);
  assertThrows(() => decodeTensorBody(tile(4), { tileIndexBytes: 2, sectionCount: 0 }), NnrpWireError);
});

test("stated sections that are not there and bytes left over are refused", () => {
  const section = encode(PLAIN);
  const context = { tileIndexBytes: 0, tileCount: 3 };
  assertEquals(decodeTensorBody(section, { ...context, sectionCount: 1 }).sections.length, 1);
  assertThrows(() => decodeTensorBody(section, { ...context, sectionCount: 65535 }), NnrpWireError);
  assertThrows(
    () => decodeTensorBody(section, { ...context, sectionCount: 0 }),
    NnrpWireError,
    "after the last section",
  );
  assertThrows(() => decodeTensorBody(section, { ...context, tileCount: 2, sectionCount: 1 }), NnrpWireError);
});

test("the rules of a section are judged by the fields they are about", () => {
  assertEquals(refused(PLAIN, 0, 0x08000001), "tensor_section_desc.dtype_id");
  assertEquals(refused(PLAIN, 4, 2), "tensor_section_desc.layout_id");
  assertEquals(refused(PLAIN, 4, 0x300), "tensor_section_desc.scale_policy");
  assertEquals(refused(PLAIN, 4, 0x10000), "tensor_section.flags");
  assertEquals(refused(PLAIN, 4, 0x20000), "tensor_section.flags");
  assertEquals(refused(PLAIN, 12, 3), "tensor_section.flags");
  assertEquals(refused(PLAIN, 16, 11), "tensor_section.length_table_bytes");
  assertEquals(refused(PLAIN, 16, 0xfffffffc), "tensor_section");
  assertEquals(refused(PLAIN, 20, 5), "tensor_section");
  assertEquals(refused(PLAIN, 20, 3), "tensor_section.payload_bytes");
  assertEquals(refused(PLAIN, 24, 4), "tensor_section.flags");
  assertEquals(refused(PLAIN, 32, 4), "tensor_section.payload_bytes");
  const strided = { ...PLAIN, payloadStrideBytes: 4 };
  assertEquals(refused(strided, 24, 0x80000000), "tensor_section.payload_bytes");
  assertEquals(refused(strided, 32, 5), "tensor_section.length_table");
  assertEquals(refused(strided, 48, 1), "tensor_section.padding");
});

test("the writer names the section that it refuses and writes nothing", () => {
  const cases: [Partial<TensorSectionData>, string][] = [
    [{ roleId: 65536 }, "sections[1].roleId"],
    [{ roleId: 1 }, "sections[1].roleId"],
    [{ dtypeId: 8 }, "sections[1].dtypeId"],
    [{ layoutId: 2 }, "sections[1].layoutId"],
    [{ scalePolicy: 3 }, "sections[1].scalePolicy"],
    [{ defaultCodecId: 256 }, "sections[1].defaultCodecId"],
    [{ elementCountPerTile: -1 }, "sections[1].elementCountPerTile"],
    [{ payloadStrideBytes: 2 ** 32 }, "sections[1].payloadStrideBytes"],
    [{ payloadStrideBytes: 2 }, "sections[1].tilePayloads[0]"],
    [{ payloadStrideBytes: 2 ** 32 - 1 }, "sections[1].tilePayloads"],
    [{ tilePayloads: [tile(1)] }, "sections[1].tilePayloads"],
    [{ tilePayloads: undefined }, "sections[1].tilePayloads"],
    [{ tilePayloads: [tile(1), tile(2), [3] as unknown as Uint8Array] }, "sections[1].tilePayloads[2]"],
    [{ codecIds: [1] }, "sections[1].codecIds"],
    [{ codecIds: [1, 2, 256] }, "sections[1].codecIds[2]"],
  ];
  for (const [change, field] of cases) {
    const out = new PacketBuffer();
    const sections = [PLAIN, { ...PLAIN, roleId: 2, ...change }];
    const error = assertThrows(() => encodeTensorBody(out, { tileIds: [1, 2, 3], sections }), NnrpValueError);
    assertEquals(error.field, field);
    assertEquals(out.length, 0);
  }
  const out = new PacketBuffer();
  const missing = [undefined as unknown as TensorSectionData];
  assertThrows(
    () => encodeTensorBody(out, { tileIds: [], sections: missing }),
    NnrpValueError,
    "sections[0]",
  );
  const many = new Array(65536).fill({ ...PLAIN, tilePayloads: [] });
  assertThrows(
    () => encodeTensorBody(out, { tileIds: [], sections: many }),
    NnrpValueError,
    "too many sections",
  );
});

import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { NnrpUnsupportedError, NnrpValueError, NnrpWireError } from "../errors.ts";
import { PacketBuffer } from "../wire/outbox.ts";
import { toHalf } from "./half_floats.ts";
import type { TensorSectionData } from "./section_writer.ts";
import { decodeTensorBody, encodeTensorBody } from "./tensor_body.ts";
import {
  type TensorDTypeName,
  tensorOf,
  tensorSection,
  type TensorTile,
  type TensorView,
} from "./tensor_values.ts";

/** Sends a section through its bytes, which begin `shift` bytes into their buffer. */
function receive(section: TensorSectionData, tileIds: number[] | null = null, shift = 0): TensorView {
  const ids = tileIds ?? section.tilePayloads.map((_, i) => i);
  const out = new PacketBuffer();
  encodeTensorBody(out, { tileIds: ids, sections: [section] });
  const bytes = out.toBytes();
  const shifted = new Uint8Array(bytes.length + shift).subarray(shift);
  shifted.set(bytes);
  const body = decodeTensorBody(shifted, { tileIndexBytes: ids.length * 2, sectionCount: 1 });
  return tensorOf(body.sections[0], ids);
}

const CASES: [TensorDTypeName, TensorTile][] = [
  ["fp32", Float32Array.of(1.5, -2)],
  ["int8", Int8Array.of(-128, 127)],
  ["uint8", Uint8Array.of(0, 255)],
  ["int16", Int16Array.of(-32768, 32767)],
  ["uint16", Uint16Array.of(0, 65535)],
  ["fp8_e4m3", Uint8Array.of(1, 2)],
  ["fp8_e5m2", Uint8Array.of(3, 4)],
];

test("arrays of each element type come back as arrays of that type", () => {
  for (const [dtype, tile] of CASES) {
    const view = receive(tensorSection({ role: 3, dtype, tiles: [tile] }), [70]);
    assertEquals(view.dtype, dtype);
    assertEquals([view.role, view.tileCount, view.tileIds], [3, 1, [70]]);
    assertEquals(view.tile(70) as unknown, tile as unknown);
  }
});

test("plain arrays hold the numbers themselves", () => {
  for (const [dtype, tile] of CASES.filter(([dtype]) => !dtype.startsWith("fp8"))) {
    const section = tensorSection({ role: 1, dtype, tiles: [Array.from(tile)] });
    assertEquals(
      section.tilePayloads,
      tensorSection({ role: 1, dtype, tiles: [tile] }).tilePayloads as Uint8Array[],
    );
  }
});

test("half precision takes bit patterns, numbers and single precision", () => {
  const patterns = Uint16Array.of(toHalf(1.5), toHalf(-2));
  const expected = new Uint8Array(patterns.buffer);
  for (const tile of [patterns, [1.5, -2], Float32Array.of(1.5, -2)]) {
    assertEquals(tensorSection({ role: 1, dtype: "fp16", tiles: [tile] }).tilePayloads[0], expected);
  }
  const read = receive(tensorSection({ role: 1, dtype: "fp16", tiles: [[1.5, -2]] })).tileAt(0);
  assertEquals(
    new Uint16Array(read.buffer.slice(read.byteOffset, read.byteOffset + read.byteLength)),
    patterns,
  );
  const hasFloat16 = "Float16Array" in globalThis;
  assertEquals(Array.from(read), hasFloat16 ? [1.5, -2] : Array.from(patterns));
});

test("bytes go out and come in as views where they lie aligned", () => {
  const tile = Float32Array.of(1, 2);
  const section = tensorSection({ role: 1, dtype: "fp32", tiles: [tile] });
  assertStrictEquals(section.tilePayloads[0].buffer, tile.buffer);
  const view = receive(section); // index 2, padding 6, descriptor 32, length 4: at byte 44
  assertStrictEquals(view.tileAt(0).buffer, view.bytes(0)!.buffer);
  const shifted = receive(section, null, 1);
  assert(shifted.tileAt(0).buffer !== shifted.bytes(0)!.buffer);
  assertEquals(shifted.tileAt(0), tile);
});

test("options reach the section", () => {
  const section = tensorSection({
    role: 9,
    dtype: "uint8",
    tiles: [new Uint8Array(3), new Uint8ClampedArray(3)],
    stride: 8,
    codec: 1,
    layout: "nchw",
    scalePolicy: 2,
  });
  assertEquals(
    [
      section.roleId,
      section.payloadStrideBytes,
      section.defaultCodecId,
      section.layoutId,
      section.scalePolicy,
    ],
    [9, 8, 1, 1, 2],
  );
  assertEquals(section.elementCountPerTile, 3);
  assertEquals(tensorSection({ role: 1, dtype: "uint8", tiles: [] }).elementCountPerTile, 0);
  const uneven = tensorSection({ role: 1, dtype: "uint8", tiles: [[1], [1, 2]] });
  assertEquals(uneven.elementCountPerTile, 0);
});

test("tiles that are not of the element type are named", () => {
  const refusal = (dtype: TensorDTypeName, ...tiles: unknown[]): string =>
    assertThrows(() => tensorSection({ role: 1, dtype, tiles: tiles as TensorTile[] }), NnrpValueError).field;
  assertEquals(refusal("uint8", [1], Float32Array.of(1)), "tiles[1]");
  assertEquals(refusal("uint8", [1], "text"), "tiles[1]");
  assertEquals(refusal("fp32", [1], Uint8Array.of(1)), "tiles[1]");
  assertEquals(refusal("uint8", [3, 256]), "tiles[0][1]");
  assertEquals(refusal("int16", [1.5]), "tiles[0][0]");
  assertEquals(refusal("fp32", ["1"]), "tiles[0][0]");
  assertEquals(refusal("fp8_e4m3", []), "tiles[0]");
});

test("unknown element types and layouts are refused", () => {
  const tiles: TensorTile[] = [];
  for (const dtype of ["float32", "toString"]) {
    const error = assertThrows(
      () => tensorSection({ role: 1, dtype: dtype as "fp32", tiles }),
      NnrpValueError,
    );
    assertEquals(error.field, "dtype");
  }
  const layout = "NHWC" as "nhwc";
  assertThrows(() => tensorSection({ role: 1, dtype: "fp32", tiles, layout }), NnrpValueError, "layout");
});

test("a compressed tile is given as bytes only", () => {
  const section = { ...tensorSection({ role: 1, dtype: "uint8", tiles: [[1], [2]] }), codecIds: [0, 1] };
  const view = receive(section);
  assertEquals(view.tile(0), Uint8Array.of(1));
  assertThrows(() => view.tile(1), NnrpUnsupportedError, "codec 1");
  assertEquals(view.bytes(1), Uint8Array.of(2));
  const all = receive(tensorSection({ role: 1, dtype: "uint8", tiles: [[1]], codec: 4 }));
  assertThrows(() => all.tileAt(0), NnrpUnsupportedError, "codec 4");
});

test("bytes that are no whole number of elements are refused", () => {
  const view = receive({ roleId: 1, dtypeId: 1, tilePayloads: [new Uint8Array(3)] });
  assertThrows(() => view.tile(0), NnrpWireError, "a multiple of 4");
});

test("tiles are found by id, the first of several, or by place", () => {
  const view = receive(tensorSection({ role: 1, dtype: "uint8", tiles: [[1], [2], [3]] }), [7, 9, 7]);
  assertEquals(view.tile(7), Uint8Array.of(1));
  assertEquals(view.tile(9), Uint8Array.of(2));
  assertEquals(view.tile(1), undefined);
  assertEquals(view.bytes(1), undefined);
  assertEquals(view.tileAt(2), Uint8Array.of(3));
  assertThrows(() => view.tileAt(3), NnrpValueError, "0…2");
});

test("tiles of unknown ids are found by place only", () => {
  const { section } = receive(tensorSection({ role: 1, dtype: "uint8", tiles: [[5]] }));
  const view = tensorOf(section, null);
  assertEquals(view.tile(0), undefined);
  assertEquals(view.tileAt(0), Uint8Array.of(5));
});

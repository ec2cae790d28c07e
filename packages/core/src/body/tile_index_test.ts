import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import { TileIndexMode } from "../wire/enums.ts";
import { decodeTileIndex, encodeTileIndex } from "./tile_index.ts";

const { DENSE_RANGE, RAW_U16, DELTA_U16, BITSET } = TileIndexMode;
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test("each mode has its own bytes for the same ids", () => {
  assertEquals(encodeTileIndex(DENSE_RANGE, [7, 8, 9], 7), bytes());
  assertEquals(encodeTileIndex(RAW_U16, [7, 8, 9]), bytes(7, 0, 8, 0, 9, 0));
  assertEquals(encodeTileIndex(DELTA_U16, [7, 8, 300]), bytes(7, 0, 1, 0, 0x24, 1));
  assertEquals(encodeTileIndex(BITSET, [0, 7, 8, 26]), bytes(0x81, 0x01, 0, 0x04));
});

test("no tiles take no bytes in any mode", () => {
  for (const mode of [DENSE_RANGE, RAW_U16, DELTA_U16, BITSET]) {
    assertEquals(encodeTileIndex(mode, []), bytes());
    assertEquals(decodeTileIndex(bytes(), mode, 0, 5), []);
  }
});

test("typed arrays of ids are taken like lists", () => {
  assertEquals(encodeTileIndex(RAW_U16, Uint16Array.of(258)), bytes(2, 1));
  assertEquals(encodeTileIndex(BITSET, Uint32Array.of(1, 9)), bytes(2, 2));
});

test("ids outside 16 bits are refused in every mode", () => {
  for (const mode of [DENSE_RANGE, RAW_U16, DELTA_U16, BITSET]) {
    for (const id of [-1, 65536, 1.5, NaN]) {
      const error = assertThrows(() => encodeTileIndex(mode, [3, id], 3), NnrpValueError);
      assertEquals(error.field, "tileIds[1]");
    }
  }
});

test("raw ids come in any order and may repeat, delta and bitset ids must increase", () => {
  assertEquals(encodeTileIndex(RAW_U16, [9, 3, 3]).length, 6);
  for (const mode of [DELTA_U16, BITSET]) {
    assertEquals(assertThrows(() => encodeTileIndex(mode, [3, 3]), NnrpValueError).field, "tileIds[1]");
    assertEquals(assertThrows(() => encodeTileIndex(mode, [4, 9, 3]), NnrpValueError).field, "tileIds[2]");
  }
});

test("dense ids are exactly the run from the base", () => {
  assertThrows(() => encodeTileIndex(DENSE_RANGE, [0, 1], 1), NnrpValueError, "tileIds[0]");
  assertThrows(() => encodeTileIndex(DENSE_RANGE, [1, 3], 1), NnrpValueError, "tileIds[1]");
  assertEquals(encodeTileIndex(DENSE_RANGE, [65535], 65535), bytes());
});

test("more than 65535 tiles, no list, and unknown modes are refused", () => {
  assertEquals(encodeTileIndex(RAW_U16, new Uint16Array(65535)).length, 131070);
  assertEquals(
    assertThrows(() => encodeTileIndex(RAW_U16, new Uint16Array(65536)), NnrpValueError).field,
    "tileIds",
  );
  assertThrows(() => encodeTileIndex(RAW_U16, 5 as unknown as number[]), NnrpValueError, "tileIds");
  assertEquals(assertThrows(() => encodeTileIndex(4, []), NnrpValueError).field, "tileIndexMode");
  assertThrows(() => decodeTileIndex(bytes(), 4, 0), NnrpWireError);
});

test("readers let pass what rc2 lets pass: repeats, ids beyond 16 and 32 bits, trailing zero bytes", () => {
  assertEquals(decodeTileIndex(bytes(5, 0, 0, 0), DELTA_U16, 2), [5, 5]);
  assertEquals(decodeTileIndex(bytes(255, 255, 255, 255), DELTA_U16, 2), [65535, 131070]);
  assertEquals(decodeTileIndex(bytes(), DENSE_RANGE, 2, 0xffffffff), [4294967295, 4294967296]);
  assertEquals(decodeTileIndex(bytes(0x80, 0, 0), BITSET, 1), [7]);
  const beyond = new Uint8Array(8193);
  beyond[8192] = 1;
  assertEquals(decodeTileIndex(beyond, BITSET, 1), [65536]);
});

test("an index whose length or number of ids is not that of the tiles is refused", () => {
  assertThrows(() => decodeTileIndex(bytes(1), DENSE_RANGE, 1), NnrpWireError, "expected 0, got 1");
  assertThrows(() => decodeTileIndex(bytes(1, 0), RAW_U16, 2), NnrpWireError, "expected 4, got 2");
  assertThrows(() => decodeTileIndex(bytes(1, 0, 1), DELTA_U16, 1), NnrpWireError);
  assertThrows(() => decodeTileIndex(bytes(3), BITSET, 1), NnrpWireError, "more bits");
  assertThrows(() => decodeTileIndex(bytes(3), BITSET, 3), NnrpWireError, "fewer bits");
});

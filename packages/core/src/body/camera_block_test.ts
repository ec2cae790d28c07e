import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import { decodeReplayCameraBlock, encodeReplayCameraBlock } from "./camera_block.ts";

const CAMERA = { view: [1, 0.5], proj: [], prevViewProj: [-2], jitterX: 0.25, jitterY: -0.25 };

test("a camera comes back as it was written", () => {
  const bytes = encodeReplayCameraBlock(CAMERA);
  assertEquals(bytes.length, 22 + 12);
  assertEquals(new TextDecoder().decode(bytes.subarray(0, 4)), "NRCM");
  assertEquals(decodeReplayCameraBlock(bytes), CAMERA);
});

test("typed arrays of numbers are taken", () => {
  const bytes = encodeReplayCameraBlock({ ...CAMERA, view: Float32Array.of(1, 0.5) });
  assertEquals(bytes, encodeReplayCameraBlock(CAMERA));
});

test("cut, longer, foreign and newer blocks are refused", () => {
  const bytes = encodeReplayCameraBlock(CAMERA);
  assertThrows(() => decodeReplayCameraBlock(bytes.subarray(0, 21)), NnrpWireError, "cut");
  assertThrows(() => decodeReplayCameraBlock(bytes.subarray(0, 33)), NnrpWireError, "counts");
  assertThrows(() => decodeReplayCameraBlock(Uint8Array.of(...bytes, 0)), NnrpWireError, "counts");
  assertThrows(() => decodeReplayCameraBlock(bytes.map((b, i) => i === 0 ? 0 : b)), NnrpWireError, "magic");
  assertThrows(() => decodeReplayCameraBlock(bytes.map((b, i) => i === 4 ? 2 : b)), NnrpWireError, "version");
});

test("a matrix has at most 65535 numbers", () => {
  const error = assertThrows(
    () => encodeReplayCameraBlock({ ...CAMERA, proj: new Float32Array(65536) }),
    NnrpValueError,
  );
  assertEquals(error.field, "proj");
});

test("Infinity and NaN travel, but no finite number becomes Infinity", () => {
  const odd = { ...CAMERA, view: [Infinity, NaN], jitterX: -Infinity };
  assertEquals(decodeReplayCameraBlock(encodeReplayCameraBlock(odd)), odd);
  for (const field of ["view", "proj", "prevViewProj", "jitterX", "jitterY"]) {
    const value = field.startsWith("jitter") ? 3.5e38 : [0, -3.5e38];
    const error = assertThrows(() => encodeReplayCameraBlock({ ...CAMERA, [field]: value }), NnrpValueError);
    assertEquals(error.field, field);
  }
});

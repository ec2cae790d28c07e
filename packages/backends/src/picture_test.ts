/** Planes, colours, bicubic and PSNR. */
import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { NnrpValueError } from "@nnrp/core";
import { bicubicX2, meanX2 } from "./bicubic.ts";
import { plane } from "./plane.ts";
import { psnr } from "./psnr.ts";
import { joinYCbCr, splitYCbCr } from "./ycbcr.ts";

test("colours survive the way to YCbCr and back within two levels", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 3, maxLength: 3 }), (rgb) => {
    const back = joinYCbCr(splitYCbCr(1, 1, rgb));
    for (let i = 0; i < 3; i++) assert(Math.abs(back[i] - rgb[i]) <= 2, `${rgb} became ${back}`);
  }));
});

test("known colours have known components", () => {
  const rgb = [255, 255, 255, 0, 0, 0, 128, 128, 128, 255, 0, 0, 0, 0, 255];
  const { y, cb, cr } = splitYCbCr(5, 1, Uint8Array.from(rgb));
  assertEquals([...y.data], [255, 0, 128, 76, 29]);
  assertEquals([...cb.data], [128, 128, 128, 85, 255]);
  assertEquals([...cr.data], [128, 128, 128, 255, 107]);
});

test("alpha is skipped, other lengths are refused", () => {
  const { y } = splitYCbCr(2, 1, Uint8Array.of(10, 10, 10, 0, 20, 20, 20, 255));
  assertEquals([...y.data], [10, 20]);
  assertThrows(() => splitYCbCr(2, 1, new Uint8Array(7)), NnrpValueError, "6 or 8");
  const other = { y: plane(2, 1), cb: plane(1, 2), cr: plane(2, 1) };
  assertThrows(() => joinYCbCr(other), NnrpValueError, "cb");
});

test("bicubic reproduces straight lines where the mean of 2×2 puts the samples", () => {
  // A ramp of slope 4 per small pixel is one of slope 2 per large pixel, half a large pixel off the small centre.
  const small = plane(
    20,
    12,
    Uint8Array.from({ length: 240 }, (_, i) => 10 + 4 * (i % 20) + 3 * (i / 20 | 0)),
  );
  const large = bicubicX2(small);
  for (let y = 6; y < 18; y++) {
    for (let x = 6; x < 34; x++) {
      const exact = 10 + 4 * ((x + 0.5) / 2 - 0.5) + 3 * ((y + 0.5) / 2 - 0.5);
      assert(Math.abs(large.data[y * 40 + x] - exact) <= 0.5, `at ${x}, ${y}`);
    }
  }
});

test("bicubic keeps a flat picture flat up to its edges, and does not wrap around at black and white", () => {
  for (const level of [0, 100, 255]) {
    assertEquals(bicubicX2(plane(3, 2, new Uint8Array(6).fill(level))).data, new Uint8Array(24).fill(level));
  }
  const edge = bicubicX2(plane(6, 1, Uint8Array.of(0, 0, 0, 255, 255, 255)));
  assertEquals(
    [...edge.data.subarray(0, 12)].map((v) => v < 128),
    [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0].map(Boolean),
  );
});

test("turning a picture turns its bicubic enlargement", () => {
  const turned = (p: ReturnType<typeof plane>) =>
    plane(
      p.height,
      p.width,
      Uint8Array.from(p.data, (_, i) => p.data[i % p.height * p.width + Math.floor(i / p.height)]),
    );
  const picture = plane(7, 5, Uint8Array.from({ length: 35 }, (_, i) => i * 97 & 255));
  assertEquals(bicubicX2(turned(picture)), turned(bicubicX2(picture)));
});

test("the mean of 2×2 rounds half up and leaves an odd edge out", () => {
  assertEquals(meanX2(plane(3, 2, Uint8Array.of(1, 2, 99, 1, 2, 99))), plane(1, 1, Uint8Array.of(2)));
});

test("PSNR counts what lies inside the border", () => {
  const a = plane(10, 10);
  const b = plane(10, 10);
  assertEquals(psnr(a, b), Infinity);
  b.data[0] = 255;
  assertEquals(psnr(a, b), Infinity);
  b.data[44] = 255; // one of four pixels inside
  assert(Math.abs(psnr(a, b) - 10 * Math.log10(4)) < 1e-9);
  assertThrows(() => psnr(a, plane(9, 10)), NnrpValueError, "10x10");
  assertThrows(() => psnr(a, b, 5), NnrpValueError, "border");
});

test("planes need one byte per pixel", () => {
  assertThrows(() => plane(2, 2, new Uint8Array(3)), NnrpValueError, "data.length");
  assertThrows(() => plane(0, 2), NnrpValueError, "width");
});

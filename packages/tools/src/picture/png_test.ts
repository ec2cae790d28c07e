/** PNG files: every colour type in, what was put in comes out, and one clear line for what is none. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CommandError } from "../command.ts";
import { pngFixture } from "../../tests/png_fixture.ts";
import { decodePng, encodePng, readPng } from "./png.ts";

const COFFEE = new URL("../../assets/coffee.png", import.meta.url);

test("gray of one bit is black and white", () => {
  const { picture, facts } = decodePng(
    pngFixture({ width: 3, depth: 1, colorType: 0, rows: [[0b01000000]] }),
    "x",
  );
  assertEquals([...picture.rgb], [0, 0, 0, 255, 255, 255, 0, 0, 0]);
  assertEquals([picture.gray, picture.alpha, facts.kind, facts.depth], [true, null, "gray", 1]);
});

test("sixteen bits are read as eight", () => {
  const file = pngFixture({
    width: 1,
    depth: 16,
    colorType: 2,
    rows: [[0x12, 0x34, 0x80, 0x00, 0xff, 0xff]],
  });
  const { picture, facts } = decodePng(file, "x");
  assertEquals(facts, { depth: 16, kind: "RGB" });
  [0x12, 0x80, 0xff].forEach((level, i) => assert(Math.abs(picture.rgb[i] - level) <= 1));
  assertEquals([picture.gray, picture.alpha], [false, null]);
});

test("a palette with transparent entries becomes colour with opacity", () => {
  const file = pngFixture({
    width: 3,
    depth: 4,
    colorType: 3,
    rows: [[0x01, 0x20]],
    palette: [10, 20, 30, 40, 50, 60, 70, 80, 90],
    transparency: [255, 128],
  });
  const { picture, facts } = decodePng(file, "x");
  assertEquals([...picture.rgb], [10, 20, 30, 40, 50, 60, 70, 80, 90]);
  assertEquals([...picture.alpha!], [255, 128, 255]);
  assertEquals(facts.kind, "palette");
});

test("gray with opacity stays gray", () => {
  const { picture, facts } = decodePng(
    pngFixture({ width: 2, depth: 8, colorType: 4, rows: [[7, 0, 9, 255]] }),
    "x",
  );
  assertEquals([[...picture.rgb], [...picture.alpha!]], [[7, 7, 7, 9, 9, 9], [0, 255]]);
  assertEquals([picture.gray, facts.kind], [true, "gray + alpha"]);
});

test("opacity of 255 everywhere is none", () => {
  const { picture, facts } = decodePng(
    pngFixture({ width: 1, depth: 8, colorType: 6, rows: [[1, 2, 3, 255]] }),
    "x",
  );
  assertEquals([picture.alpha, facts.kind], [null, "RGBA"]);
});

test("a picture that was written reads as itself", () => {
  const size = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(size, size, fc.boolean(), fc.boolean(), fc.integer(), (width, height, gray, opaque, seed) => {
      const noise = (i: number) => (Math.imul(i + 1, seed | 1) >>> 11) & 255;
      const rgb = Uint8Array.from(
        { length: 3 * width * height },
        (_, i) => noise(gray ? Math.floor(i / 3) : i),
      );
      const alpha = opaque
        ? null
        : Uint8Array.from({ length: width * height }, (_, i) => i === 0 ? 3 : noise(i));
      const again = decodePng(encodePng({ width, height, rgb, alpha, gray }), "x").picture;
      assertEquals([again.width, again.height], [width, height]);
      assertEquals([again.rgb, again.alpha], [rgb, alpha]);
      assert(again.gray || !gray);
    }),
  );
});

test("a gray picture is written with one channel", () => {
  const file = encodePng({ width: 1, height: 1, rgb: new Uint8Array([5, 5, 5]), alpha: null, gray: true });
  assertEquals(decodePng(file, "x").facts.kind, "gray");
});

test("a file that is no PNG is named for what it is", () => {
  const cases: [number[], string][] = [
    [[0xff, 0xd8, 0xff, 0xe0], "is a JPEG, not a PNG"],
    [[], "is empty, not a PNG"],
    [[...new TextEncoder().encode("hello")], "is no PNG picture"],
  ];
  for (const [bytes, words] of cases) {
    const error = assertThrows(() => decodePng(new Uint8Array(bytes), "a.png"), CommandError);
    assertStringIncludes(error.message, `a.png ${words}; give a PNG file`);
  }
});

test("a damaged PNG is one clear error, wherever it is cut", () => {
  const file = readFileSync(COFFEE).subarray(0, 20_000);
  for (const length of [8, 20, 28, 33, 100, 19_999]) {
    const error = assertThrows(() => decodePng(file.subarray(0, length), "a.png"), CommandError);
    assertStringIncludes(error.message, "a.png is a damaged PNG");
  }
});

test("arbitrary changes to a PNG give a picture or the one error", () => {
  const file = pngFixture({
    width: 2,
    depth: 8,
    colorType: 2,
    rows: [[1, 2, 3, 4, 5, 6], [7, 8, 9, 1, 2, 3]],
  });
  fc.assert(fc.property(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
    const changed = file.slice();
    changed[at] ^= flip;
    try {
      decodePng(changed, "x");
    } catch (error) {
      assert(error instanceof CommandError, String(error));
    }
  }));
});

test("a header that promises too many pixels is refused before anything is unpacked", () => {
  const file = pngFixture({ width: 60_000, height: 60_000, depth: 8, colorType: 0, rows: [[0]] });
  assertThrows(() => decodePng(file, "x"), CommandError, "60000x60000 pixels");
});

test("a missing file and a folder are one clear error each", async () => {
  await assertRejects(
    () => readPng("not/there.png"),
    CommandError,
    "cannot read not/there.png: there is no such file",
  );
  const folder = fileURLToPath(new URL("../../assets", import.meta.url));
  await assertRejects(() => readPng(folder), CommandError, "it is a folder");
});

test("the packaged photograph is read", async () => {
  const { picture, facts } = await readPng(COFFEE);
  assertEquals([picture.width, picture.height, facts.kind, picture.gray], [600, 400, "RGB", false]);
});

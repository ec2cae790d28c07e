/** Panels of a comparison: magnified pixel by pixel, in their places, with labels below. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { drawText, textHeight } from "./bitmap_font.ts";
import type { Picture } from "./picture.ts";
import { sideBySide } from "./side_by_side.ts";

function flat(width: number, height: number, color: readonly number[]): Picture {
  const rgb = Uint8Array.from({ length: 3 * width * height }, (_, i) => color[i % 3]);
  return { width, height, rgb, alpha: null, gray: false };
}

function at(picture: Picture, x: number, y: number): number[] {
  return [...picture.rgb.subarray(3 * (y * picture.width + x), 3 * (y * picture.width + x) + 3)];
}

test("each pixel of a region becomes a square of zoom × zoom, rows below each other", () => {
  const first = flat(8, 8, [10, 20, 30]);
  const second = flat(8, 8, [40, 50, 60]);
  second.rgb.set([200, 1, 2], 3 * (5 * 8 + 6)); // pixel 6, 5
  const panel = (picture: Picture) => ({ picture, title: "t", note: "n" });
  const region = { left: 4, top: 4, width: 4, height: 4 };
  const all = sideBySide([panel(first), panel(second)], [{ ...region, left: 0, top: 0 }, region], 10);
  const margin = (all.width - 2 * 40) / 3;
  assertEquals(margin, 14);
  assertEquals(at(all, margin, margin), [10, 20, 30]);
  const left = 2 * margin + 40;
  assertEquals(at(all, left, margin), [40, 50, 60]);
  const top = 2 * margin + 40; // second row
  const magnified = [[20, 10], [29, 19]].map(([x, y]) => at(all, left + x, top + y));
  assertEquals(magnified, [[200, 1, 2], [200, 1, 2]]);
  assertEquals(at(all, left + 30, top + 19), [40, 50, 60]);
});

test("labels stand below the panels and inside the picture", () => {
  const picture = flat(60, 10, [0, 0, 0]);
  const region = { left: 0, top: 0, width: 60, height: 10 };
  const [without, labelled] = ["", "abc 12.3"].map((text) =>
    sideBySide([{ picture, title: text, note: text }], [region], 2)
  );
  const changed = labelled.rgb.findLastIndex((level, i) => level !== without.rgb[i]);
  assert(changed > 0, "labels are drawn");
  const first = labelled.rgb.findIndex((level, i) => level !== without.rgb[i]);
  assert(Math.floor(first / 3 / labelled.width) >= 14 + 20, "below the panel");
  assert(Math.floor(changed / 3 / labelled.width) < labelled.height);
});

test("text beyond the edge is cut off, and unknown letters leave a gap", () => {
  const picture = flat(20, textHeight(1), [0, 0, 0]);
  drawText(picture, "é8888888", -3, -2, 1, [9, 9, 9]);
  assertEquals(picture.rgb.subarray(0, 9).every((level) => level === 0), true);
  assert(picture.rgb.some((level) => level === 9));
});

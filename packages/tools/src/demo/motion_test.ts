/** The way of the view: inside the photograph, smooth, and with three kinds of motion. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { changedTiles, meanX2, plane, tileGrid } from "@nnrp/backends";
import { type MotionOptions, viewAt } from "./motion.ts";
import { Scene } from "./scene.ts";

const OPTIONS: MotionOptions = {
  photoWidth: 600,
  photoHeight: 400,
  viewWidth: 384,
  viewHeight: 256,
  windowWidth: 108,
  windowHeight: 92,
  roundMs: 3000,
};

test("view and window never leave the photograph and the view", () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 60_000, noNaN: true }), (ms) => {
    const { view, window } = viewAt(OPTIONS, ms);
    assert(view.x >= 0 && view.x <= 600 - 384 && view.y >= 0 && view.y <= 400 - 256);
    assert([view.x, view.y].every(Number.isInteger));
    if (window === null) return;
    assert(window.x >= 0 && window.x <= 384 - 108 && window.y >= 0 && window.y <= 256 - 92);
  }));
});

test("nothing jumps: from one frame to the next the view goes a few pixels", () => {
  for (let ms = 0; ms < 12_000; ms += 1000 / 30) {
    const [a, b] = [viewAt(OPTIONS, ms), viewAt(OPTIONS, ms + 1000 / 30)];
    assert(Math.abs(a.view.x - b.view.x) <= 9 && Math.abs(a.view.y - b.view.y) <= 9, `at ${ms} ms`);
  }
});

test("a pan changes nearly all tiles, a rest none, the window some", () => {
  const photo = plane(600, 400, Uint8Array.from({ length: 600 * 400 }, (_, i) => (i * 2654435761) >>> 24));
  const scene = new Scene(photo, 384, 256, 3000);
  const grid = tileGrid(192, 128);
  const small = (ms: number) => meanX2(scene.at(ms).original);
  const changed = (ms: number) => changedTiles(small(ms), small(ms + 33), grid).length;
  assertEquals(
    ["pan", "rest", "window"].map((kind, i) => scene.at([600, 1500, 2300][i]).state.kind === kind),
    [
      true,
      true,
      true,
    ],
  );
  assertEquals([changed(600), changed(1500)], [24, 0]);
  assert(changed(2300) >= 4 && changed(2300) <= 16, `${changed(2300)} tiles`);
});

/** The viewer's canvas: what it asks for, what it shows, and what it does with old tiles. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { bicubicX2, plane, SUPER_RESOLUTION_ROLE, tileGrid } from "@nnrp/backends";
import { Canvas } from "./canvas.ts";

// Two tiles beside each other. No halo, so that a change of one is a change of one.
const GRID = tileGrid(64, 32, 32, 0);
const flat = (left: number, right: number) =>
  plane(64, 32, Uint8Array.from({ length: 64 * 32 }, (_, i) => i % 64 < 32 ? left : right));
const tile = (level: number) => new Uint8Array(64 * 64).fill(level);
const answer = (tiles: Record<number, Uint8Array>) => ({
  tileIds: Object.keys(tiles).map(Number),
  sections: [{ roleId: SUPER_RESOLUTION_ROLE, tilePayloads: Object.values(tiles) }],
});

test("everything is wanted at first and bicubic is shown", () => {
  const canvas = new Canvas(GRID);
  const frame = canvas.frame(flat(10, 200));
  assertEquals(canvas.wanted(frame, 0), [0, 1]);
  const { shown, picture } = canvas.compose(frame);
  assertEquals(shown, ["bicubic", "bicubic"]);
  assertEquals(picture.data, bicubicX2(frame.small).data);
});

test("an answered tile is shown and no longer wanted until it changes", () => {
  const canvas = new Canvas(GRID);
  const frame = canvas.frame(flat(10, 200));
  canvas.asked(frame, [0, 1]);
  assertEquals(canvas.take(frame, [0, 1], answer({ 0: tile(11), 1: tile(201) }), false), 2);
  assertEquals(canvas.wanted(frame, 1), []);
  const { shown, picture } = canvas.compose(frame);
  assertEquals([shown, picture.data[0], picture.data[127]], [["fresh", "fresh"], 11, 201]);
  assertEquals(canvas.wanted(canvas.frame(flat(10, 90)), 2), [1]);
});

test("a tile that is under way is not asked for twice, and again after a result without it", () => {
  const canvas = new Canvas(GRID);
  const frame = canvas.frame(flat(10, 200));
  canvas.asked(frame, [0, 1]);
  assertEquals(canvas.wanted(frame, 1), []);
  assertEquals(canvas.take(frame, [0, 1], answer({ 0: tile(10), 1: new Uint8Array(0) }), false), 1);
  assertEquals(canvas.wanted(frame, 2), [1]);
  canvas.asked(frame, [1]);
  assertEquals(canvas.take(frame, [1], null, false), 0);
  assertEquals(canvas.wanted(frame, 3), [1]);
});

test("the tile that waits longest is asked for first", () => {
  const canvas = new Canvas(GRID);
  const first = canvas.frame(flat(10, 200));
  canvas.wanted(first, 0);
  canvas.take(first, [0, 1], answer({ 0: tile(10), 1: new Uint8Array(0) }), false);
  canvas.wanted(first, 1);
  assertEquals(canvas.wanted(canvas.frame(flat(50, 200)), 2), [1, 0]);
});

test("an old tile is kept while it fits the present picture, else bicubic is shown", () => {
  const canvas = new Canvas(GRID);
  const frame = canvas.frame(flat(10, 200));
  canvas.take(frame, [0, 1], answer({ 0: tile(10), 1: tile(200) }), false);
  const { shown, picture } = canvas.compose(canvas.frame(flat(11, 150)));
  assertEquals(shown, ["kept", "bicubic"]);
  assertEquals([picture.data[0], picture.data[127]], [10, 150]);
});

test("tiles that the server used again never replace newer ones, and are asked for anew", () => {
  const canvas = new Canvas(GRID);
  const frame = canvas.frame(flat(10, 200));
  canvas.take(frame, [0], answer({ 0: tile(10) }), false);
  const next = canvas.frame(flat(30, 200));
  assertEquals(canvas.take(next, [0, 1], answer({ 0: tile(99), 1: tile(199) }), true), 2);
  const { shown, picture } = canvas.compose(next);
  assertEquals(shown, ["bicubic", "kept"], "the known old tile does not fit, the unknown one does");
  assertEquals([picture.data[0], picture.data[127]], [30, 199]);
  assertEquals(canvas.wanted(next, 1), [0, 1]);
  assert(canvas.compose(frame).shown[0] === "fresh");
});

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { AXES } from "./axes.ts";
import { median, rowsOf } from "./growth.ts";

const at = (point: number, ours: number, bare?: number) => ({
  at: point,
  ours: { rate: ours, cpuUs: 1 },
  ...bare !== undefined && { bare: { rate: bare, cpuUs: 1 } },
});

const verdicts = (points: Parameters<typeof rowsOf>[2]) =>
  rowsOf("a", "deno", points).map((row) => row.verdict);

test("what takes twice as long as at the best point is good, what takes longer grows", () => {
  assertEquals(verdicts([at(1, 100), at(10, 50), at(100, 49)]), ["good", "good", "GROWS"]);
});

test("a slow start is no growth", () => {
  assertEquals(verdicts([at(1, 10), at(10, 100), at(100, 90)]), ["", "good", "good"]);
});

test("the bare peer's growth between the same two points is allowed twice", () => {
  const rows = rowsOf("a", "deno", [at(1, 100, 1000), at(10, 20, 300), at(100, 2, 400)]);
  assertEquals(rows.map((row) => row.verdict), ["good", "good", "GROWS"]);
  assertEquals(rows.map((row) => row.growth), [1, 5, 50]);
  assertEquals(rows[2].bareGrowth, 2.5);
});

test("a bare peer that gets faster sets no stricter bar", () => {
  assertEquals(verdicts([at(1, 100, 1000), at(10, 60, 9000)]), ["good", "good"]);
});

test("a median is a value that was measured", () => {
  const figures = [{ rate: 3, cpuUs: 30 }, { rate: 1, cpuUs: 10 }, { rate: 2, cpuUs: 20 }];
  assertEquals(median(figures), { rate: 2, cpuUs: 20 });
});

test("points ascend, and quick ones reach far enough to show growth", () => {
  for (const { name, points, quick } of AXES) {
    for (const row of [points, quick]) assert(row.every((point, i) => i === 0 || row[i - 1] < point), name);
    assert(quick.length < points.length && quick.at(-1)! * 5 >= points.at(-1)!, name);
  }
});

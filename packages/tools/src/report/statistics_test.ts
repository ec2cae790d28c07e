/** Statistics of the reports against values worked out by hand. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { histogram, mean, percentile, roundUp, share } from "./statistics.ts";

test("percentiles are samples, by nearest rank", () => {
  const samples = Array.from({ length: 100 }, (_, i) => i + 1);
  assertEquals([0.5, 0.9, 0.99, 1].map((part) => percentile(samples, part)), [50, 90, 99, 100]);
  assertEquals([percentile([7], 0), percentile([7], 0.99)], [7, 7]);
  assert(Number.isNaN(percentile([], 0.5)));
});

test("means leave out what is no number, and nothing has no mean", () => {
  assertEquals(mean([1, 3, NaN, Infinity]), 2);
  assert(Number.isNaN(mean([])) && Number.isNaN(share([], () => true)));
  assertEquals(share([1, 2, 3, 4], (x) => x > 3), 0.25);
});

test("a histogram puts borders into the upper bin and everything else into the open one", () => {
  const bins = histogram([0, 1.9, 2, 5.9, 6, 1e9], 2, 6);
  assertEquals(bins.map((bin) => bin.count), [2, 1, 1, 2]);
  assertEquals(bins.map((bin) => bin.to), [2, 4, 6, Infinity]);
});

test("a histogram loses no sample", () => {
  const samples = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }));
  fc.assert(fc.property(samples, fc.integer({ min: 1, max: 50 }), (values, width) => {
    const bins = histogram(values, width, 10 * width);
    assertEquals(bins.reduce((sum, bin) => sum + bin.count, 0), values.length);
    assertEquals(bins.length, 11);
  }));
});

test("steps of axes are 1, 2 or 5 times a power of ten, and not too small", () => {
  assertEquals([0.03, 1, 1.1, 2, 4.9, 5.1, 70].map(roundUp).map((x) => +x.toFixed(3)), [
    0.05,
    1,
    2,
    2,
    5,
    10,
    100,
  ]);
});

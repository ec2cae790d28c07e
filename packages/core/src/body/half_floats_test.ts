import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { fromHalf, toHalf } from "./half_floats.ts";

test("every half-precision number comes back as itself", () => {
  for (let pattern = 0; pattern < 0x10000; pattern++) {
    const isNan = (pattern & 0x7fff) > 0x7c00;
    assertEquals(toHalf(fromHalf(pattern)), isNan ? 0x7e00 : pattern);
  }
});

test("a number half-way between two is rounded to the even one, others to the nearest", () => {
  for (let pattern = 0; pattern < 0x7bff; pattern++) {
    const low = fromHalf(pattern);
    const high = fromHalf(pattern + 1);
    const middle = (low + high) / 2;
    assertEquals(toHalf(middle), pattern % 2 === 0 ? pattern : pattern + 1);
    assertEquals(toHalf(middle - (high - low) / 1024), pattern);
    assertEquals(toHalf(middle + (high - low) / 1024), pattern + 1);
  }
});

test("numbers beyond the range become infinite, tiny ones zero", () => {
  assertEquals(toHalf(65519.99), 0x7bff);
  assertEquals(toHalf(65520), 0x7c00);
  assertEquals(toHalf(-1e300), 0xfc00);
  assertEquals(toHalf(2 ** -25), 0);
  assertEquals(toHalf(-0), 0x8000);
  assertEquals(toHalf(2047.9999999), 0x6800);
  assertEquals([fromHalf(0x3c00), fromHalf(0xc000), fromHalf(0x7c00), fromHalf(0xfe00)], [
    1,
    -2,
    Infinity,
    NaN,
  ]);
});

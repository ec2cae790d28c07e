import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { RECONNECT_MAX_DELAY_MS, RECONNECT_MIN_DELAY_MS } from "./defaults.ts";
import { reconnectDelay } from "./reconnect.ts";

test("the bound of the delay doubles with each try up to the longest", () => {
  const bounds = Array.from({ length: 10 }, (_, attempt) => reconnectDelay(attempt, {}, 1));
  assertEquals(bounds, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  assertEquals([bounds[0], bounds[9]], [RECONNECT_MIN_DELAY_MS, RECONNECT_MAX_DELAY_MS]);
});

test("full jitter: a delay is anything from nothing to its bound, and never beyond the longest", () => {
  const numbers = fc.record({
    attempt: fc.nat(10_000),
    minDelayMs: fc.integer({ min: 0, max: 60_000 }),
    maxDelayMs: fc.integer({ min: 0, max: 120_000 }),
    random: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(fc.property(numbers, ({ attempt, random, ...options }) => {
    const ms = reconnectDelay(attempt, options, random);
    const bound = reconnectDelay(attempt, options, 1);
    assert(ms >= 0 && ms <= bound && bound <= options.maxDelayMs);
    assert(reconnectDelay(attempt + 1, options, 1) >= bound);
    assertEquals(reconnectDelay(attempt, options, 0), 0);
  }));
});

test("the last try of a search without end is as quiet as the tenth", () => {
  for (const attempt of [31, 1023, 1e6, Number.MAX_SAFE_INTEGER]) {
    assertEquals(reconnectDelay(attempt, {}, 1), RECONNECT_MAX_DELAY_MS);
  }
});

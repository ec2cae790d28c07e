import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { StallWatch } from "./stall_watch.ts";

/** When a watch says so, looking each `stepMs`; null = not within a day. */
function verdictMs(
  limitMs: number,
  stepMs: number,
  at: (nowMs: number) => { waiting: number; progress: number },
): number | null {
  const watch = new StallWatch(limitMs);
  for (let now = 0; now <= 86_400_000; now += stepMs) {
    const { waiting, progress } = at(now);
    if (watch.look(now, waiting, progress)) return now;
  }
  return null;
}

test("a peer that takes nothing has the limit, one for whom nothing waits or who takes a byte now and then has no end", () => {
  for (const limitMs of [1000, 10_000, 60_000]) {
    const { intervalMs } = new StallWatch(limitMs);
    assertEquals(verdictMs(limitMs, intervalMs, () => ({ waiting: 1, progress: 7 })), limitMs);
    assertEquals(verdictMs(limitMs, intervalMs, () => ({ waiting: 0, progress: 7 })), null);
    const slow = (now: number) => ({ waiting: 1e6, progress: Math.floor(now / (limitMs / 2)) });
    assertEquals(verdictMs(limitMs, intervalMs, slow), null);
  }
  assertEquals(verdictMs(Infinity, 5000, () => ({ waiting: 1, progress: 7 })), null);
});

test("time in which this side did not look is not the peer's", () => {
  const watch = new StallWatch(10_000);
  assertEquals(watch.look(0, 1, 7), false);
  assertEquals(watch.look(3_600_000, 1, 7), false, "the machine slept for an hour");
  assertEquals(watch.look(3_600_001, 1, 8), false, "and the bytes were there when it looked again");
  assertEquals(watch.look(3_605_001, 1, 8), false);
  assertEquals(watch.look(3_610_001, 1, 8), true);
  watch.restart();
  assertEquals(watch.look(3_615_001, 1, 8), false, "another connection");
});

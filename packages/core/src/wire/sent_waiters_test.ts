import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { SentWaiters } from "./sent_waiters.ts";

test("everybody is woken once the bytes are sent, and not before", async () => {
  const waiters = new SentWaiters();
  const woken: number[] = [];
  for (const at of [10, 20, 20, 30]) waiters.until(at).then(() => woken.push(at));
  waiters.wake(9);
  await Promise.resolve();
  assertEquals(woken, []);
  waiters.wake(20);
  await Promise.resolve();
  assertEquals(woken, [10, 20, 20]);
  waiters.wake(Infinity);
  await Promise.resolve();
  assertEquals([woken, waiters.size], [[10, 20, 20, 30], 0]);
});

test("those of one position share a promise", () => {
  const waiters = new SentWaiters();
  assertStrictEquals(waiters.until(5), waiters.until(5));
  assertEquals(waiters.size, 1);
});

test("a write looks at those it serves, however many wait", () => {
  for (const count of [1000, 100_000]) {
    const waiters = new SentWaiters();
    let looks = 0;
    for (let at = 1; at <= count; at++) {
      // A position that counts how often it is compared.
      waiters.until({ valueOf: () => (looks++, at) } as unknown as number);
    }
    looks = 0;
    for (let sent = 1; sent <= count; sent++) waiters.wake(sent);
    assertEquals(waiters.size, 0);
    assert(looks <= 2 * count, `${looks} looks for ${count}`);
  }
});

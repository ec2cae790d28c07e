import { NnrpLimitError } from "@nnrp/core";
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { BaseWaiter, type PendingFrame } from "./frame_waiters.ts";
import { KeptRequest } from "./kept_request.ts";
import { WaitingLine } from "./waiting_line.ts";

class Waiter extends BaseWaiter {
  constructor(deadlineMs = 0) {
    super({ giveUp: () => {} }, false);
    this.deadlineMs = deadlineMs;
  }
  result(): void {}
  failed(): void {}
}

test("a line is served first come, first served, and refuses beyond its capacity", () => {
  const line = new WaitingLine<PendingFrame>(3);
  const waiters = [new Waiter(), new Waiter(), new Waiter()];
  for (const waiter of waiters) line.push(new KeptRequest({}), waiter);
  assertThrows(() => line.push(new KeptRequest({}), new Waiter()), NnrpLimitError);
  assertEquals(waiters.map(() => line.shift()!.waiter), waiters);
  assertEquals([line.shift(), line.size], [undefined, 0]);
});

test("whatever is pushed, taken, removed and expires: the line is what a list would be", () => {
  const step = fc.tuple(fc.constantFrom("push", "push", "shift", "remove", "expire", "clear"), fc.nat(60));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: "max" }), (steps) => {
      const line = new WaitingLine<PendingFrame>(50);
      let model: Waiter[] = [];
      let now = 0;
      for (const [what, n] of steps) {
        if (what === "push") {
          const waiter = new Waiter(n % 3 === 0 ? now + n + 1 : 0);
          if (model.length < 50) {
            line.push(new KeptRequest({}), waiter);
            model.push(waiter);
          }
        } else if (what === "shift") assertEquals(line.shift()?.waiter, model.shift());
        else if (what === "remove") {
          const waiter = model[n] ?? new Waiter();
          assertEquals(line.remove(waiter), model.includes(waiter));
          model = model.filter((w) => w !== waiter);
        } else if (what === "expire") {
          now += n;
          const due = model.filter((w) => w.deadlineMs !== 0 && w.deadlineMs <= now);
          assertEquals(new Set(line.expire(now)), new Set(due));
          model = model.filter((w) => !due.includes(w));
        } else if (n === 0) {
          assertEquals(line.clear(), model);
          model = [];
        }
        assertEquals(line.size, model.length);
        const next = Math.min(...model.map((w) => w.deadlineMs === 0 ? Infinity : w.deadlineMs));
        assertEquals(line.nextDeadlineMs, next);
      }
      assertEquals(line.clear(), model);
    }),
    { numRuns: 200 },
  );
});

test("who gives up leaves nothing behind, however many come and go while nothing moves", () => {
  const line = new WaitingLine<PendingFrame>(100_000);
  const first = new Waiter();
  line.push(new KeptRequest({}), first);
  // Looking for one must not take longer for all that have gone: else this test does not end.
  for (let i = 0; i < 200_000; i++) {
    const waiter = new Waiter();
    line.push(new KeptRequest({}), waiter);
    assertEquals(line.remove(waiter), true);
  }
  for (let i = 0; i < 200_000; i++) {
    line.push(new KeptRequest({}), new Waiter(1));
    if (i % 1000 === 999) assertEquals(line.expire(1).length, 1000);
  }
  assertEquals([line.size, line.shift()?.waiter], [1, first]);
});

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { ResultHintCongestionState as State } from "../../wire/enums.ts";
import { BoundedLog, CongestionWatch } from "./hints.ts";

test("entries come out in the order in which they went in", () => {
  const log = new BoundedLog<number>(3);
  log.push(1);
  log.push(2);
  assertEquals([log.size, log.shift(), log.shift(), log.shift()], [2, 1, 2, undefined]);
});

test("a full log drops its oldest entry and counts it", () => {
  const log = new BoundedLog<number>(3);
  assertEquals([1, 2, 3, 4, 5].map((n) => log.push(n)), [false, false, false, true, true]);
  assertEquals([log.dropped, log.size, log.shift(), log.shift(), log.shift()], [2, 3, 3, 4, 5]);
});

test("clearing forgets without counting", () => {
  const log = new BoundedLog<number>(2);
  log.push(1);
  log.clear();
  assertEquals([log.size, log.dropped, log.shift()], [0, 0, undefined]);
  log.push(2);
  assertEquals(log.shift(), 2);
});

test("a log behaves like a list cut at its capacity", () => {
  const steps = fc.array(fc.oneof(fc.integer(), fc.constant("take")), { maxLength: 200 });
  fc.assert(fc.property(fc.integer({ min: 1, max: 40 }), steps, (capacity, actions) => {
    const log = new BoundedLog<number>(capacity);
    const model: number[] = [];
    let dropped = 0;
    for (const action of actions) {
      if (typeof action === "string") assertEquals(log.shift(), model.shift());
      else {
        log.push(action);
        model.push(action);
        if (model.length > capacity) {
          model.shift();
          dropped++;
        }
      }
      assertEquals([log.size, log.dropped], [model.length, dropped]);
    }
  }));
});

test("congestion is told when it changes, with slack on the way down", () => {
  const watch = new CongestionWatch();
  const table: [number, State | undefined][] = [
    [0, undefined],
    [1, undefined], // STEADY is no news
    [49, undefined],
    [50, State.ELEVATED],
    [40, undefined],
    [89, undefined],
    [90, State.SATURATED],
    [100, undefined],
    [71, undefined],
    [69, State.ELEVATED],
    [31, undefined],
    [29, State.STEADY],
    [3, undefined],
    [0, State.NONE], // who heard of STEADY hears of the empty queue
    [0, undefined],
    [1, undefined],
    [0, undefined], // who heard nothing does not
    [100, State.SATURATED],
    [0, State.NONE],
  ];
  let known: State = State.NONE;
  for (const [queued, told] of table) {
    assertEquals(watch.observe(queued, 100), told, `${queued} waiting`);
    known = told ?? known;
    assertEquals(watch.isTold, known !== State.NONE);
  }
});

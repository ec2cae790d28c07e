import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { CostEstimate } from "./cost_estimate.ts";

test("before the first measurement everything fits, but not into no time", () => {
  const cost = new CostEstimate();
  assertEquals([cost.unitsWithin(1), cost.unitsWithin(0), cost.unitsWithin(-1), cost.msFor(5)], [
    Infinity,
    0,
    0,
    0,
  ]);
});

test("the first measurement is the estimate, later ones move it by a quarter", () => {
  const cost = new CostEstimate();
  cost.measured(10, 20);
  assertEquals([cost.msPerUnit, cost.msFor(3), cost.unitsWithin(7)], [2, 6, 3.5]);
  cost.measured(10, 60);
  assertEquals(cost.msPerUnit, 3);
});

test("the estimate arrives at a new cost", () => {
  const cost = new CostEstimate();
  cost.measured(1, 1);
  for (let i = 0; i < 20; i++) cost.measured(1, 5);
  assert(Math.abs(cost.msPerUnit - 5) < 0.02);
});

test("one slow run does not refuse all work for ever", () => {
  const cost = new CostEstimate();
  cost.measured(1, 57);
  let refusals = 0;
  while (cost.unitsWithin(8) < 1 && refusals < 100) {
    cost.refused();
    refusals++;
  }
  assert(refusals > 5 && refusals < 30, `${refusals} refusals`);
});

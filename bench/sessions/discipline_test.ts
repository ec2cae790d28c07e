import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { type Arrival, goodputShares, jainIndex, simulate } from "./discipline.ts";

const came = (session: number, atMs: number, budgetMs = Infinity, droppable = true): Arrival => ({
  session,
  atMs,
  budgetMs,
  droppable,
});

test("sessions take turns, whatever one of them has waiting", () => {
  // All at once, each run takes 1 ms: of the greedy one's five frames two run before the budgets of 4 ms end.
  const arrivals = [
    ...Array.from({ length: 5 }, () => came(1, 0, 4)),
    came(2, 0, 4),
    came(3, 0, 4),
  ];
  assertEquals(simulate(arrivals, [1], 64), [
    "inTime",
    "inTime",
    "dropped",
    "dropped",
    "dropped",
    "inTime",
    "inTime",
  ]);
});

test("inside a session the earliest deadline comes first", () => {
  assertEquals(simulate([came(1, 0, 9), came(1, 0, 1), came(1, 0, 2)], [1], 64), [
    "inTime",
    "inTime",
    "inTime",
  ]);
  assertEquals(simulate([came(1, 0, 9), came(1, 0, 1), came(1, 0, 1)], [1], 64), [
    "inTime",
    "inTime",
    "dropped",
  ]);
});

test("a frame whose budget is over runs late where it must not be dropped", () => {
  assertEquals(simulate([came(1, 0, 1, false), came(1, 0, 1, false)], [1], 64), ["inTime", "late"]);
  // Begun in time, ended after: nobody can know before.
  assertEquals(simulate([came(1, 0, 1.5)], [2], 64), ["late"]);
});

test("what the worker does between two runs delays the next one, not the one that ended", () => {
  assertEquals(simulate([came(1, 0, 1), came(1, 0, 2)], [1], 64, 0), ["inTime", "inTime"]);
  assertEquals(simulate([came(1, 0, 1), came(1, 0, 2)], [1], 64, 0.5), ["inTime", "late"]);
});

test("a full queue gives up its oldest droppable frame, or refuses the new one", () => {
  const busy = came(9, 0);
  assertEquals(
    simulate([busy, came(1, 0.1), came(1, 0.2), came(1, 0.3)], [1], 2).slice(1),
    ["dropped", "inTime", "inTime"],
  );
  assertEquals(
    simulate([busy, ...[0.1, 0.2, 0.3].map((at) => came(1, at, Infinity, false))], [1], 2).slice(1),
    ["inTime", "inTime", "refused"],
  );
  // Those whose time is over make room by themselves.
  assertEquals(
    simulate([busy, came(1, 0.1, 0.3), came(1, 0.2, 0.3), came(1, 0.6, 9, false)], [1], 2).slice(1),
    ["dropped", "dropped", "inTime"],
  );
});

test("the worker rests only when nothing waits, and no frame is lost", () => {
  const frames = fc.array(
    fc.record({
      session: fc.nat(4),
      atMs: fc.nat(30),
      budgetMs: fc.constantFrom(1, 3, 10, Infinity),
      droppable: fc.boolean(),
    }),
    { maxLength: 80 },
  ).map((list) => list.sort((a, b) => a.atMs - b.atMs));
  fc.assert(fc.property(frames, fc.integer({ min: 1, max: 70 }), (arrivals, bound) => {
    const endings = simulate(arrivals, [1], bound);
    assertEquals(endings.length, arrivals.length);
    const runs = endings.filter((ending) => ending === "inTime" || ending === "late").length;
    const patient = simulate(arrivals.map((a) => ({ ...a, budgetMs: Infinity })), [1], 1000);
    assertEquals(patient.filter((ending) => ending === "inTime").length, arrivals.length);
    assert(runs <= arrivals.length);
    arrivals.forEach(({ droppable }, i) => {
      if (endings[i] === "dropped") assert(droppable);
      if (endings[i] === "refused") assert(bound < arrivals.length);
    });
  }));
});

test("Jain's index is 1 for equal shares and 1/n when one has all", () => {
  assertEquals(jainIndex([0.5, 0.5, 0.5]), 1);
  assertEquals(jainIndex([1, 0, 0, 0]), 0.25);
  assertEquals(jainIndex([0, 0]), 1);
  assert(Math.abs(jainIndex([1, 0.5]) - 0.9) < 1e-12);
});

test("shares are counted per session", () => {
  const arrivals = [came(2, 0), came(1, 0), came(2, 0)];
  assertEquals([...goodputShares(arrivals, ["inTime", "refused", "late"])], [
    [1, { offered: 1, share: 0 }],
    [2, { offered: 2, share: 0.5 }],
  ]);
});

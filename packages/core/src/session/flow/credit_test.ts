import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { FlowUpdateBackpressureLevel, FlowUpdateReason, FlowUpdateScopeKind } from "../../wire/enums.ts";
import { FlowUpdateFlags } from "../../wire/flags.ts";
import type { FlowUpdateMetadata } from "../../wire/metadata/flow_update.ts";
import { CreditGate } from "./credit.ts";
import { isSerialAbove } from "./serial_number.ts";

const { CONNECTION, SESSION, OPERATION } = FlowUpdateScopeKind;
const { GRANT, REDUCE, PAUSE, RESUME, CONGESTION } = FlowUpdateReason;
const { NONE, SOFT, HARD } = FlowUpdateBackpressureLevel;

interface Words {
  scope?: number;
  reason?: number;
  level?: number;
  credit?: number;
  retry?: number;
  epoch?: number;
  flags?: number;
}

function update(words: Words): FlowUpdateMetadata {
  const { scope = SESSION, reason = GRANT, level = NONE, credit, retry, epoch = 0, flags = 0 } = words;
  return {
    scopeKind: scope,
    updateReason: reason,
    backpressureLevel: level,
    connectionCredit: scope === CONNECTION ? credit ?? 0 : 0,
    sessionCredit: scope === SESSION ? credit ?? 0 : 0,
    operationCredit: scope === OPERATION ? credit ?? 0 : 0,
    operationId: scope === OPERATION ? 1n : 0n,
    retryAfterMs: retry ?? 0,
    creditEpoch: epoch,
    flags: flags | (credit === undefined ? 0 : FlowUpdateFlags.CREDIT_VALID) |
      (retry === undefined ? 0 : FlowUpdateFlags.RETRY_AFTER_VALID),
  };
}

/** What the gate says: "paused", or the limit. */
const says = (gate: CreditGate): string => gate.paused ? "paused" : String(gate.limit);

test("a gate nobody has spoken to admits everything", () => {
  const gate = new CreditGate();
  assertEquals([gate.limit, gate.paused, gate.nextDeadlineMs], [Infinity, false, Infinity]);
  assert(gate.canAdmit(1_000_000));
});

test("one update from a fresh session", () => {
  const table: [Words, string][] = [
    [{}, "Infinity"],
    [{ credit: 4 }, "4"],
    [{ credit: 0 }, "0"],
    [{ scope: CONNECTION, credit: 4 }, "4"],
    [{ reason: REDUCE, credit: 2 }, "2"],
    [{ reason: CONGESTION, level: SOFT, credit: 2 }, "2"],
    [{ reason: PAUSE }, "paused"],
    [{ scope: CONNECTION, reason: PAUSE }, "paused"],
    [{ level: SOFT }, "Infinity"],
    [{ level: HARD }, "paused"],
    [{ reason: RESUME, level: HARD }, "paused"],
    [{ flags: FlowUpdateFlags.DRAIN_IN_FLIGHT_ONLY }, "paused"],
    [{ flags: FlowUpdateFlags.BACKGROUND_ONLY }, "Infinity"],
    [{ scope: OPERATION, reason: PAUSE, credit: 1 }, "Infinity"],
    [{ reason: PAUSE, retry: 50 }, "paused"],
  ];
  for (const [words, expected] of table) {
    const gate = new CreditGate();
    gate.apply(update(words), 0);
    assertEquals(says(gate), expected, JSON.stringify(words));
  }
});

test("credit without CREDIT_VALID does not count", () => {
  const gate = new CreditGate();
  gate.apply(update({ credit: 4 }), 0);
  gate.apply({ ...update({}), sessionCredit: 1 }, 0);
  assertEquals(gate.limit, 4);
});

test("the limit is the smaller credit of both scopes", () => {
  const gate = new CreditGate();
  gate.apply(update({ credit: 8 }), 0);
  gate.apply(update({ scope: CONNECTION, credit: 3 }), 0);
  assertEquals(gate.limit, 3);
  assert(gate.canAdmit(2));
  assert(!gate.canAdmit(3));
  gate.apply(update({ scope: CONNECTION, credit: 20 }), 0);
  assertEquals(gate.limit, 8);
});

test("a pause lasts until an update of the same scope without it", () => {
  const gate = new CreditGate();
  gate.apply(update({ reason: PAUSE }), 0);
  gate.apply(update({ scope: CONNECTION, reason: RESUME }), 0);
  assert(gate.paused);
  gate.apply(update({ reason: RESUME, level: HARD }), 0);
  assert(gate.paused);
  gate.apply(update({ level: SOFT }), 0);
  assert(!gate.paused);
});

test("PAUSE(0) and RESUME(0), both of epoch 0, do not block the session", () => {
  const gate = new CreditGate();
  gate.apply(update({ reason: PAUSE, credit: 0 }), 0);
  assert(!gate.canAdmit(0));
  gate.apply(update({ reason: RESUME }), 0);
  assert(gate.canAdmit(1_000));
});

test("updates not above the last nonzero epoch of their scope are ignored", () => {
  const table: { epochs: number[]; taken: boolean[] }[] = [
    { epochs: [1, 2, 2, 1, 3], taken: [true, true, false, false, true] },
    { epochs: [5, 0, 4, 6], taken: [true, true, false, true] },
    { epochs: [0, 0, 0], taken: [true, true, true] },
    { epochs: [0xffff_ffff, 1, 0xffff_ffff, 2], taken: [true, true, false, true] },
    { epochs: [0xffff_ffff, 0, 0x7fff_fffe, 0x8000_0000], taken: [true, true, true, true] },
    { epochs: [1, 0x8000_0001, 0x8000_0000], taken: [true, false, true] },
  ];
  for (const { epochs, taken } of table) {
    const gate = new CreditGate();
    assertEquals(epochs.map((epoch) => gate.apply(update({ credit: 1, epoch }), 0)), taken, String(epochs));
  }
});

test("scopes count their epochs apart", () => {
  const gate = new CreditGate();
  assert(gate.apply(update({ epoch: 9, credit: 4 }), 0));
  assert(gate.apply(update({ scope: CONNECTION, epoch: 2, credit: 4 }), 0));
  assert(!gate.apply(update({ scope: OPERATION, epoch: 99 }), 0));
  assert(!gate.apply(update({ epoch: 8, credit: 1 }), 0));
  assertEquals(gate.limit, 4);
});

test("a pause ends when its retry time has passed", () => {
  const gate = new CreditGate();
  gate.apply(update({ reason: PAUSE, retry: 50 }), 100);
  assertEquals(gate.nextDeadlineMs, 150);
  assert(!gate.tick(149));
  assert(gate.paused);
  assert(gate.tick(150));
  assertEquals([gate.paused, gate.nextDeadlineMs, gate.tick(151)], [false, Infinity, false]);
});

test("a credit of 0 goes back to the last nonzero one, or to none", () => {
  const table: [string, (gate: CreditGate) => void, number][] = [
    ["RESUME, never had a credit", (g) => g.apply(update({ reason: RESUME }), 10), Infinity],
    ["GRANT without credit leaves it", (g) => g.apply(update({}), 10), 0],
    ["RESUME that says 0 means 0", (g) => g.apply(update({ reason: RESUME, credit: 0 }), 10), 0],
    ["RESUME of the other scope", (g) => g.apply(update({ scope: CONNECTION, reason: RESUME }), 10), 0],
    ["a new credit", (g) => g.apply(update({ credit: 3 }), 10), 3],
  ];
  for (const [name, then, limit] of table) {
    const gate = new CreditGate();
    gate.apply(update({ credit: 0 }), 0);
    assertEquals(gate.limit, 0);
    then(gate);
    assertEquals(gate.limit, limit, name);
  }
  const gate = new CreditGate();
  gate.apply(update({ credit: 7 }), 0);
  gate.apply(update({ credit: 0, retry: 20 }), 0);
  gate.apply(update({ scope: CONNECTION, credit: 9 }), 5);
  assert(!gate.canAdmit(0));
  assert(gate.tick(20));
  assertEquals(gate.limit, 7);
});

test("an update that says nothing about time leaves the retry time of an earlier 0 alone", () => {
  const gate = new CreditGate();
  gate.apply(update({ credit: 0, retry: 50 }), 0);
  gate.apply(update({ level: SOFT }), 10);
  assertEquals(gate.nextDeadlineMs, 50);
  assert(gate.tick(50));
  assertEquals(gate.limit, Infinity);
});

test("a later retry time ends pause and 0 together", () => {
  const gate = new CreditGate();
  gate.apply(update({ credit: 5 }), 0);
  gate.apply(update({ credit: 0 }), 0);
  gate.apply(update({ reason: PAUSE, retry: 30 }), 10);
  assert(gate.tick(40));
  assertEquals([gate.paused, gate.limit], [false, 5]);
});

test("the local gate and the peer's are independent", () => {
  const gate = new CreditGate();
  gate.pause();
  gate.apply(update({ reason: RESUME, credit: 4 }), 0);
  assertEquals([gate.paused, gate.pausedLocally, gate.canAdmit(0)], [true, true, false]);
  gate.resume();
  assert(gate.canAdmit(3));
  gate.apply(update({ reason: PAUSE }), 0);
  gate.resume();
  assertEquals([gate.paused, gate.pausedByPeer, gate.canAdmit(0)], [true, true, false]);
});

test("in manual mode updates are recorded and only the local gate shuts", () => {
  const gate = new CreditGate("manual");
  assert(gate.apply(update({ reason: PAUSE, credit: 0, epoch: 3 }), 0));
  assert(!gate.apply(update({ reason: RESUME, epoch: 2 }), 0));
  assertEquals([gate.limit, gate.pausedByPeer, gate.paused, gate.canAdmit(99)], [0, true, false, true]);
  gate.pause();
  assert(!gate.canAdmit(0));
});

const anyUpdate = fc.record({
  scope: fc.constantFrom(CONNECTION, SESSION, OPERATION),
  reason: fc.constantFrom(GRANT, REDUCE, PAUSE, RESUME, CONGESTION),
  level: fc.constantFrom(NONE, SOFT, HARD),
  credit: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
  retry: fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined }),
  epoch: fc.constantFrom(0, 0, 1, 2, 3, 0x8000_0002, 0xffff_ffff),
  flags: fc.constantFrom(0, FlowUpdateFlags.DRAIN_IN_FLIGHT_ONLY, FlowUpdateFlags.BACKGROUND_ONLY),
});

test("a sender that asks the gate never has more in flight than the credit, and never sends while paused", () => {
  fc.assert(fc.property(fc.array(fc.tuple(anyUpdate, fc.integer({ min: 0, max: 30 }))), (steps) => {
    const gate = new CreditGate();
    let nowMs = 0;
    for (const [words, waitMs] of steps) {
      nowMs += waitMs;
      gate.tick(nowMs);
      gate.apply(update(words), nowMs);
      let inFlight = 0;
      while (inFlight < 25 && gate.canAdmit(inFlight)) inFlight++;
      assertEquals(inFlight, gate.paused ? 0 : Math.min(gate.limit, 25));
    }
  }));
});

test("whatever was said before, RESUME without epoch, level and credit opens both scopes", () => {
  fc.assert(fc.property(fc.array(anyUpdate), (steps) => {
    const gate = new CreditGate();
    for (const words of steps) gate.apply(update(words), 0);
    gate.apply(update({ reason: RESUME }), 0);
    gate.apply(update({ scope: CONNECTION, reason: RESUME }), 0);
    assert(gate.canAdmit(0));
  }));
});

test("whatever was said with a retry time, all of it ends by the deadlines the gate names", () => {
  const timed = anyUpdate.map((words) => ({ ...words, retry: words.retry ?? 7 }));
  fc.assert(fc.property(fc.array(timed, { minLength: 1 }), (steps) => {
    const gate = new CreditGate();
    for (const words of steps) gate.apply(update(words), 0);
    while (gate.nextDeadlineMs !== Infinity) assert(gate.tick(gate.nextDeadlineMs));
    assert(gate.canAdmit(0));
  }));
});

test("serial numbers: a number is above exactly those less than half the circle behind it", () => {
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
  fc.assert(fc.property(u32, fc.integer({ min: 1, max: 0x7fff_ffff }), (a, step) => {
    const b = (a + step) >>> 0;
    assert(isSerialAbove(b, a));
    assert(!isSerialAbove(a, b));
    assert(!isSerialAbove(a, a));
  }));
});

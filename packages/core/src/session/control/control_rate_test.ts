import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { ControlRate } from "./control_rate.ts";

/** How many of `attempts` succeed at one moment. */
function take(rate: ControlRate, attempts: number, nowMs: number): number {
  let taken = 0;
  for (let i = 0; i < attempts; i++) if (rate.spend(nowMs)) taken++;
  return taken;
}

test("a burst of 1,000 passes, then 33 a second", () => {
  const rate = new ControlRate();
  assertEquals(take(rate, 2000, 5_000), 1000);
  assertEquals(take(rate, 100, 6_000), 33);
  assertEquals(take(rate, 2000, 8_000), 66);
});

test("the bucket never holds more than the burst, however long it rests", () => {
  const rate = new ControlRate({ burst: 5, perSecond: 100 });
  assertEquals(take(rate, 10, 0), 5);
  assertEquals(take(rate, 10, 1e12), 5);
});

test("with a rate of 0 the burst is all there is", () => {
  const rate = new ControlRate({ burst: 3, perSecond: 0 });
  assertEquals([take(rate, 10, 0), take(rate, 10, 1e12)], [3, 0]);
});

test("a clock that goes back brings no tokens and does no harm", () => {
  const rate = new ControlRate({ burst: 1, perSecond: 1000 });
  assert(rate.spend(100));
  assert(!rate.spend(50));
  assert(!rate.spend(100));
  assert(rate.spend(101));
});

test("what is earned never makes more than the burst, and a cost that is not there takes nothing", () => {
  const rate = new ControlRate({ burst: 4, perSecond: 0 });
  assert(rate.spend(0, 3.5));
  assert(!rate.spend(0));
  rate.earn(0.25);
  assert(!rate.spend(0));
  rate.earn(0.25);
  assert(rate.spend(0));
  rate.earn(1e9);
  assertEquals(take(rate, 10, 0), 4);
});

test("in any span no more passes than burst plus rate times span", () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 40 })));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 100 }),
      steps,
      (burst, perSecond, s) => {
        const rate = new ControlRate({ burst, perSecond });
        let nowMs = 0;
        let taken = 0;
        for (const [waitMs, attempts] of s) {
          nowMs += waitMs;
          taken += take(rate, attempts, nowMs);
          assert(taken <= burst + nowMs * perSecond / 1000 + 1e-6);
        }
      },
    ),
  );
});

test("what is charged may be owed, up to a burst; time and frames pay, and until then the peer rests", () => {
  const rate = new ControlRate({ burst: 10, perSecond: 100 });
  const charge = (times: number, nowMs: number) => {
    let allowed = 0;
    for (let i = 0; i < times; i++) if (rate.charge(nowMs)) allowed++;
    return allowed;
  };
  assertEquals([charge(10, 0), rate.restMs], [10, 0]);
  assertEquals([charge(4, 0), rate.restMs], [4, 40]);
  assertEquals([charge(1, 40), rate.restMs], [1, 10]);
  rate.earn(1);
  assertEquals([rate.restMs, charge(12, 40), rate.restMs], [0, 10, 120]);
});

test("a rest is a second at most, and its end is known without a rate", () => {
  const rate = new ControlRate({ burst: 1000, perSecond: 0 });
  for (let i = 0; i < 1001; i++) rate.charge(0);
  assertEquals([rate.restMs, rate.waitMs], [1000, Infinity]);
});

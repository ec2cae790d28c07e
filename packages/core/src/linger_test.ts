import { virtualWorld } from "@nnrp/testing";
import { assertEquals } from "@std/assert";
import { test } from "node:test";
import {
  DRAIN_MS,
  Linger,
  LINGER_MS,
  lingerMs,
  type LingerOptions,
  MAX_ROUND_TRIP_WAIT_MS,
  roundTripWait,
} from "./linger.ts";

/** When a close is given up whose bytes leave at these times, ms. */
async function endsAt(options: LingerOptions, leavesAt: readonly number[]): Promise<number> {
  const world = virtualWorld();
  const host = world.host("closing");
  let sent = 0;
  for (const ms of leavesAt) host.after(ms, () => sent++);
  return await world.run(() =>
    new Promise<number>((done) => {
      const startMs = host.now();
      new Linger(host, options, () => sent, () => done(Math.round((host.now() - startMs) / 10) * 10));
    })
  );
}

const every = (ms: number, until: number) => Array.from({ length: until / ms }, (_, i) => i * ms + ms / 2);

const ROWS: readonly (readonly [string, LingerOptions, readonly number[], number])[] = [
  ["nothing leaves", { stallMs: 1000, drainMs: 20_000 }, [], 1000],
  ["less time in all than a stall may take", { stallMs: 1000, drainMs: 300 }, every(10, 5000), 300],
  ["bytes leave for a while", { stallMs: 1000, drainMs: 20_000 }, every(500, 4000), 5000],
  ["bytes leave all the time", { stallMs: 1000, drainMs: 20_000 }, every(500, 60_000), 20_000],
  [
    "bytes leave all the time, without end",
    { stallMs: 1000, drainMs: Infinity },
    every(500, 1_800_000),
    1_801_000,
  ],
  ["a path that may stall", { stallMs: 10_000, drainMs: 60_000 }, [100, 9_000, 18_000], 30_000],
  ["what it is without options", { stallMs: LINGER_MS, drainMs: DRAIN_MS }, every(900, 90_000), DRAIN_MS],
];

for (const [what, options, leavesAt, expected] of ROWS) {
  test(`a close goes on while bytes leave, within its bounds: ${what}`, async () => {
    assertEquals(await endsAt(options, leavesAt), expected);
  });
}

test("a loop that was blocked is told first what its sockets took meanwhile", async () => {
  const world = virtualWorld();
  const host = world.host("closing");
  let sent = 0;
  const startMs = host.now();
  let over = 0;
  await world.run(() =>
    new Promise<void>((done) => {
      new Linger(host, { stallMs: 1000, drainMs: 20_000 }, () => sent, () => {
        over = host.now() - startMs;
        done();
      });
      // The timer is late by two seconds, and its turn comes before the sockets'.
      host.after(500, () => host.block(2500));
      host.deliver(host.now() + 700, () => sent++);
    })
  );
  assertEquals(Math.round(over), 4000);
});

test("a close that has ended gives nothing up, and leaves no timer", async () => {
  const world = virtualWorld();
  const host = world.host("closing");
  let over = 0;
  const linger = new Linger(host, { stallMs: 1000, drainMs: 20_000 }, () => 0, () => over++);
  await world.run(host.sleep(500));
  linger.end();
  linger.end();
  assertEquals(host.pendingTimers(), []);
  await world.run(host.sleep(5000));
  assertEquals(over, 0);
});

test("a wait that stands for round trips is never shorter than its least, and longer on long paths up to a bound", () => {
  const rows:
    readonly (readonly [least: number, roundTrip: number | undefined, trips: number, wait: number])[] = [
      [150, undefined, 1.5, 150],
      [150, 0, 1.5, 150],
      [150, 100, 1.5, 150],
      [150, 500, 1.5, 750],
      [1000, 60_000, 4, MAX_ROUND_TRIP_WAIT_MS],
      [60_000, 60_000, 4, 60_000],
      [Infinity, 500, 4, Infinity],
    ];
  for (const [least, roundTrip, trips, wait] of rows) {
    assertEquals(roundTripWait(least, roundTrip, trips), wait);
  }
  assertEquals([lingerMs(undefined), lingerMs(100), lingerMs(2000)], [LINGER_MS, LINGER_MS, 6000]);
});

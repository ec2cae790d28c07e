import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { NnrpLimitError } from "../../errors.ts";
import { KeepAlive, MAX_PENDING_PINGS, MAX_PONGS_DUE } from "./keepalive.ts";

test("a ping is due after 5 s without outgoing traffic, whatever arrives", () => {
  const alive = new KeepAlive(1_000);
  alive.received(5_900);
  assertEquals([alive.pingDue(5_999), alive.nextDeadlineMs, alive.pingDue(6_000)], [false, 6_000, true]);
  alive.sent(6_000);
  assertEquals([alive.pingDue(6_000), alive.nextDeadlineMs], [false, 11_000]);
});

test("a peer that is silent for 120 s is dead, whatever was sent", () => {
  const alive = new KeepAlive(0);
  for (let now = 0; now <= 119_000; now += 1_000) alive.sent(now);
  assertEquals([alive.isIdle(119_999), alive.nextDeadlineMs, alive.isIdle(120_000)], [false, 120_000, true]);
  alive.received(119_999);
  assert(!alive.isIdle(120_000));
});

test("limits of 0 or less switch off", () => {
  const alive = new KeepAlive(0, { keepAliveMs: 0, idleTimeoutMs: -1 });
  assertEquals([alive.pingDue(1e12), alive.isIdle(1e12), alive.nextDeadlineMs], [false, false, Infinity]);
});

test("a pong gives the round trip of the ping with its trace id, once", () => {
  const alive = new KeepAlive<string>(0);
  alive.pingSent(7n, 100, "me");
  alive.pingSent(8n, 110);
  assertEquals(alive.pong(8n, 150), { rttMs: 40, waiter: undefined });
  assertEquals(alive.pong(7n, 160), { rttMs: 60, waiter: "me" });
  assertEquals([alive.pong(7n, 170), alive.pong(0n, 170)], [undefined, undefined]);
  assertEquals([alive.lastRttMs, alive.minRttMs, alive.pendingPings], [60, 40, 0]);
});

test("the round trip is smoothed by eighths", () => {
  const alive = new KeepAlive(0);
  assertEquals(alive.smoothedRttMs, undefined);
  const rtts: [number, number, number][] = [[80, 80, 40], [160, 90, 50], [90, 90, 37.5]];
  let trace = 1n;
  for (const [rtt, smoothed, deviation] of rtts) {
    alive.pingSent(trace, 0);
    alive.pong(trace++, rtt);
    assertEquals([alive.smoothedRttMs, alive.rttDeviationMs], [smoothed, deviation]);
  }
});

test("a peer that answers no ping costs bounded memory", () => {
  const alive = new KeepAlive<string>(0);
  for (let trace = 1n; trace <= 1_000n; trace++) alive.pingSent(trace, 0);
  assertEquals(alive.pendingPings, MAX_PENDING_PINGS);
  for (let trace = 2_000n; trace < 2_000n + BigInt(MAX_PENDING_PINGS); trace++) {
    alive.pingSent(trace, 0, "me");
  }
  assertThrows(() => alive.pingSent(9_999n, 0, "me"), NnrpLimitError, "wait for an answer");
  alive.pingSent(9_998n, 50); // a keep-alive goes out all the same, unmeasured
  assertEquals([alive.pendingPings, alive.pong(9_998n, 60), alive.nextDeadlineMs], [
    MAX_PENDING_PINGS,
    undefined,
    5_050,
  ]);
});

test("an ERROR or a lost patience ends a wait; a late pong still measures", () => {
  const alive = new KeepAlive<string>(0);
  alive.pingSent(1n, 0, "a");
  alive.pingSent(2n, 0, "b");
  alive.pingSent(3n, 0, "c");
  assertEquals([alive.reject(1n), alive.pong(1n, 9)], ["a", undefined]);
  alive.abandon(2n);
  assertEquals(alive.pong(2n, 9), { rttMs: 9, waiter: undefined });
  assertEquals(alive.drain(), ["c"]);
});

test("before the named deadline nothing is due", () => {
  const events = fc.array(fc.tuple(fc.constantFrom("sent", "received"), fc.integer({ min: 0, max: 10_000 })));
  fc.assert(fc.property(events, (steps) => {
    const alive = new KeepAlive(0);
    let now = 0;
    for (const [what, wait] of steps) {
      now += wait;
      if (what === "sent") alive.sent(now);
      else alive.received(now);
      const next = alive.nextDeadlineMs;
      assert(!alive.pingDue(next - 1) && !alive.isIdle(next - 1));
      assert(alive.pingDue(next) || alive.isIdle(next));
    }
  }));
});

test("a path takes as long as the longest of its last eight round trips, or its handshake before the first", () => {
  const alive = new KeepAlive(0);
  assertEquals(alive.roundTripMs, undefined);
  alive.pathBegins(0, 700);
  assertEquals(alive.roundTripMs, 700);
  let nowMs = 0;
  const took = (rttMs: number) => {
    alive.pingSent(BigInt(++nowMs), nowMs);
    alive.pong(BigInt(nowMs), nowMs += rttMs);
    return alive.roundTripMs;
  };
  assertEquals([90, 300, 20, 20, 20, 20, 20, 20, 20].map(took), [90, ...Array(8).fill(300)]);
  assertEquals(took(25), 25, "300 is forgotten");

  alive.pingSent(9000n, 9000);
  alive.pathBegins(9001, 5);
  assertEquals(alive.pong(9000n, 9999)?.rttMs, 999, "whoever waits is told");
  assertEquals([alive.roundTripMs, alive.smoothedRttMs! < 100], [5, true], "but it was another path");
  nowMs = 10_000;
  assertEquals([took(40), alive.smoothedRttMs], [40, 40], "a path begins its own mean");
});

test("a path is measured every other keep-alive time, however busy it is", () => {
  for (const handshakeMs of [undefined, 30]) {
    const alive = new KeepAlive(0, { keepAliveMs: 2500 });
    alive.expectsPongs = true;
    alive.pathBegins(1000, handshakeMs);
    const pings: number[] = [];
    for (let now = 1000; now < 13_000; now += 10) {
      alive.sent(now);
      alive.received(now);
      if (!alive.pingDue(now)) continue;
      alive.pingSent(BigInt(now), now);
      alive.pong(BigInt(now), now);
      pings.push(now);
    }
    assertEquals(pings, [6000, 11_000]);
  }
});

test("a pong of a ping that was given up is known for one, also when its place was given away; forged ones are not", () => {
  const alive = new KeepAlive<string>(0);
  const total = MAX_PENDING_PINGS + 10;
  for (let i = 1; i <= total; i++) {
    alive.pingSent(BigInt(i), i, "me");
    alive.abandon(BigInt(i));
  }
  let known = 0;
  for (let i = 1; i <= total; i++) if (alive.pong(BigInt(i), 100) !== undefined || alive.latePong()) known++;
  assertEquals([known, alive.latePong()], [total, false]);
});

test("a peer that answers pings owes so many answers and no more; a move forgives them", () => {
  const alive = new KeepAlive<string>(0);
  alive.expectsPongs = true;
  const ping = (i: number) => {
    alive.pingSent(BigInt(i), i, "me");
    alive.abandon(BigInt(i));
  };
  for (let i = 1; i <= MAX_PONGS_DUE; i++) ping(i);
  assertThrows(() => ping(1000), NnrpLimitError);
  alive.pingSent(1001n, 1001); // a keep-alive always may
  alive.moved();
  ping(1002);
});

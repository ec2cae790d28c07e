import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { VirtualHost } from "../../client/tests/virtual_host.ts";
import { GraceWatch } from "./grace_watch.ts";

function watching(windowMs: number, progress: (nowMs: number) => number, isUnread?: () => boolean) {
  const host = new VirtualHost();
  let overMs: number | null = null;
  const watch = new GraceWatch(host, {
    windowMs,
    maxWindows: 10,
    progress: () => progress(host.now()),
    isUnread,
    over: () => overMs = host.now(),
  });
  return { host, watch, overMs: () => overMs };
}

test("a connection that brings nothing has one window, one that brings something has as many as there may be", async () => {
  for (const windowMs of [50, 1000, 2 ** 31, 2 ** 32 - 1]) {
    const silent = watching(windowMs, () => 5);
    await silent.host.pass(windowMs - 1);
    assertEquals(silent.overMs(), null);
    await silent.host.pass(1);
    assertEquals(silent.overMs(), windowMs);
    const busy = watching(windowMs, (now) => now);
    await busy.host.pass(20 * windowMs);
    assertEquals(busy.overMs(), 10 * windowMs);
    assertEquals(busy.host.timers, 0);
    const fading = watching(windowMs, (now) => Math.min(now, 3 * windowMs));
    await fading.host.pass(20 * windowMs);
    assertEquals(fading.overMs(), 4 * windowMs);
  }
});

test("windows in which this side does not read do not count", async () => {
  let unread = true;
  const { host, overMs } = watching(100, () => 5, () => unread);
  await host.pass(5000);
  assertEquals(overMs(), null);
  unread = false;
  await host.pass(100);
  assertEquals(overMs(), 5100);
});

test("what came while the event loop was blocked is looked at before the verdict", async () => {
  let bytes = 0;
  const { host, overMs } = watching(100, () => bytes);
  const host0 = host.yield.bind(host);
  host.yield = (call) => host0(() => (bytes++, call())); // the socket is read in the turn between
  await host.pass(500);
  assertEquals(overMs(), null);
});

test("a watch that was stopped says nothing, also between the timer and the verdict", async () => {
  const early = watching(100, () => 5);
  early.watch.stop();
  const late = watching(100, () => 5);
  const yielded = late.host.yield.bind(late.host);
  late.host.yield = (call) => (late.watch.stop(), yielded(call));
  for (const { host } of [early, late]) await host.pass(1000);
  assertEquals([early.overMs(), late.overMs(), early.host.timers], [null, null, 0]);
});

test("a side that reads tells its peer so within each window, one to which nothing comes says nothing", async () => {
  for (const [until, signs] of [[0, 0], [2500, 10], [Infinity, 40]]) {
    const host = new VirtualHost();
    let told = 0;
    new GraceWatch(host, {
      windowMs: 1000,
      maxWindows: 10,
      progress: () => Math.min(host.now(), until),
      over: () => {},
      sign: () => told++,
    });
    await host.pass(30_000);
    assertEquals([told, host.timers], [signs, 0]);
  }
});

import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { stateOf, VirtualHost } from "../tests/virtual_host.ts";
import { sleep, withinTime } from "./time_limit.ts";

const late = (ms: number) => new Error(`late by ${ms}`);
const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

test("a sleep ends by itself, or by its signal with the signal's reason; it may be of any length", async () => {
  for (const ms of [0, 1, 1e6, 2 ** 31, 2 ** 40]) {
    const host = new VirtualHost();
    const asleep = sleep(host, ms, new AbortController().signal);
    if (ms > 0) {
      await host.pass(ms - 1);
      assertEquals(await stateOf(asleep), "pending");
    }
    await host.pass(1);
    await asleep;
  }
  const host = new VirtualHost();
  const stop = new AbortController();
  const sleeping = [1e6, 2 ** 31, 2 ** 40, Infinity].map((ms) => sleep(host, ms, stop.signal));
  stop.abort(new Error("get up"));
  for (const s of sleeping) await assertRejects(() => s, Error, "get up");
  await assertRejects(() => sleep(host, 0, stop.signal), Error, "get up");
  assertEquals(host.timers, 0);
});

test("work ends with its own outcome, with its time, or with the caller's signal; no timer is left", async () => {
  const host = new VirtualHost();
  const stop = new AbortController();
  assertEquals(await withinTime(host, { timeoutMs: 5 }, late, () => Promise.resolve(1)), 1);
  await assertRejects(
    () => withinTime(host, { timeoutMs: 5 }, late, () => Promise.reject(new Error("no"))),
    Error,
    "no",
  );
  const limits = { timeoutMs: 30 * 86_400_000, signal: stop.signal };
  const timed = withinTime(host, limits, late, untilAborted);
  const waiting = assertRejects(() => timed, Error, `late by ${limits.timeoutMs}`);
  await host.pass(limits.timeoutMs - 1);
  assertEquals(await stateOf(timed), "pending");
  await host.pass(1);
  await waiting;
  const stopped = assertRejects(
    () => withinTime(host, { ...limits, timeoutMs: Infinity }, late, untilAborted),
    Error,
    "enough",
  );
  await host.pass(1e15);
  stop.abort(new Error("enough"));
  await stopped;
  assertEquals(host.timers, 0);
});

import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { stateOf, VirtualHost } from "../../client/tests/virtual_host.ts";
import { waitFor } from "./wait.ts";

const late = (ms: number) => new Error(`late by ${ms}`);
const DAY_MS = 86_400_000;

test("a wait ends with what comes first: the answer, the time, or the signal", async () => {
  const host = new VirtualHost();
  const answered = waitFor<number>(
    host,
    { timeoutMs: 1000 },
    late,
    (resolve) => host.after(1, () => resolve(5)),
  );
  await host.pass(1);
  assertEquals(await answered, 5);
  const timedOut = assertRejects(
    () => waitFor(host, { timeoutMs: 1 }, late, () => () => {}),
    Error,
    "late by 1",
  );
  await host.pass(1);
  await timedOut;
  const abort = new AbortController();
  const waiting = waitFor(host, { timeoutMs: 1000, signal: abort.signal }, late, () => () => {});
  abort.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  await assertRejects(
    () => waitFor(host, {}, late, (_, reject) => (reject(new Error("no")), () => {})),
    Error,
    "no",
  );
  assertEquals(host.timers, 0);
});

test("a wait may be of any length: weeks are weeks, without end is without end", async () => {
  for (const timeoutMs of [2 ** 31 - 1, 2 ** 31, 30 * DAY_MS, 400 * DAY_MS]) {
    const host = new VirtualHost();
    const waiting = waitFor(host, { timeoutMs }, late, () => () => {});
    waiting.catch(() => {});
    await host.pass(timeoutMs - 1);
    assertEquals(await stateOf(waiting), "pending");
    await host.pass(1);
    await assertRejects(() => waiting, Error, `late by ${timeoutMs}`);
  }
  const host = new VirtualHost();
  const endless = waitFor(host, { timeoutMs: Infinity }, late, () => () => {});
  await host.pass(10_000 * DAY_MS);
  assertEquals(await stateOf(endless), "pending");
});

test("a signal that is aborted already ends the wait before it begins", async () => {
  let begun = false;
  const options = { signal: AbortSignal.abort(new Error("before")) };
  await assertRejects(
    () => waitFor(new VirtualHost(), options, late, () => (begun = true, () => {})),
    Error,
    "before",
  );
  assertEquals(begun, false);
});

test("giving up is told once, and never after an answer, also one that was there at once", async () => {
  const host = new VirtualHost();
  const abort = new AbortController();
  let given = 0;
  let timeouts = 0;
  const giveUp = () => void given++;
  const onTimeout = (ms: number) => {
    timeouts++;
    return late(ms);
  };
  const options = { timeoutMs: 5, signal: abort.signal };
  await waitFor<void>(host, options, onTimeout, (resolve) => (resolve(), giveUp));
  await waitFor<void>(host, options, onTimeout, (_, reject) => (reject(new Error("no")), giveUp)).catch(
    () => {},
  );
  await waitFor<void>(host, options, onTimeout, (resolve) => (queueMicrotask(resolve), giveUp));
  await host.pass(15);
  abort.abort();
  assertEquals([given, timeouts, host.timers], [0, 0, 0]);
  const waiting = waitFor(host, { timeoutMs: 1 }, onTimeout, () => giveUp).catch(() => {});
  await host.pass(1);
  await waiting;
  assertEquals([given, timeouts], [1, 1]);
});

test("no listener stays on the caller's signal", async () => {
  const host = new VirtualHost();
  let listeners = 0;
  const signal = {
    aborted: false,
    addEventListener: () => void listeners++,
    removeEventListener: () => void listeners--,
  } as unknown as AbortSignal;
  const answered = waitFor<void>(host, { signal }, late, (resolve) => host.after(1, resolve));
  const timedOut = waitFor(host, { signal, timeoutMs: 1 }, late, () => () => {}).catch(() => {});
  assertEquals(listeners, 1);
  await host.pass(1);
  await Promise.all([answered, timedOut]);
  await waitFor<void>(host, { signal }, late, (resolve) => (resolve(), () => {}));
  assertEquals(listeners, 0);
});

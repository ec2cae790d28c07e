import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { waitFor } from "./wait.ts";

const late = (ms: number) => new Error(`late by ${ms}`);
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

test("a wait ends with what comes first: the answer, the time, or the signal", async () => {
  assertEquals(
    await waitFor<number>(
      { timeoutMs: 1000 },
      late,
      (resolve) => (setTimeout(() => resolve(5), 1), () => {}),
    ),
    5,
  );
  await assertRejects(() => waitFor({ timeoutMs: 1 }, late, () => () => {}), Error, "late by 1");
  const abort = new AbortController();
  const waiting = waitFor({ timeoutMs: 1000, signal: abort.signal }, late, () => () => {});
  abort.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  await assertRejects(
    () => waitFor({}, late, (_, reject) => (reject(new Error("no")), () => {})),
    Error,
    "no",
  );
});

test("a signal that is aborted already ends the wait before it begins", async () => {
  let begun = false;
  await assertRejects(
    () => waitFor({ signal: AbortSignal.abort(new Error("before")) }, late, () => (begun = true, () => {})),
    Error,
    "before",
  );
  assertEquals(begun, false);
});

test("giving up is told once, and never after an answer, also one that was there at once", async () => {
  const abort = new AbortController();
  let given = 0;
  let timeouts = 0;
  const giveUp = () => void given++;
  const onTimeout = (ms: number) => {
    timeouts++;
    return late(ms);
  };
  const options = { timeoutMs: 5, signal: abort.signal };
  await waitFor<void>(options, onTimeout, (resolve) => (resolve(), giveUp));
  await waitFor<void>(options, onTimeout, (_, reject) => (reject(new Error("no")), giveUp)).catch(() => {});
  await waitFor<void>(options, onTimeout, (resolve) => (queueMicrotask(resolve), giveUp));
  await pause(15);
  abort.abort();
  assertEquals([given, timeouts], [0, 0]);
  await waitFor({ timeoutMs: 1 }, onTimeout, () => giveUp).catch(() => {});
  assertEquals([given, timeouts], [1, 1]);
});

test("no listener stays on the caller's signal", async () => {
  let listeners = 0;
  const signal = {
    aborted: false,
    addEventListener: () => void listeners++,
    removeEventListener: () => void listeners--,
  } as unknown as AbortSignal;
  await waitFor<void>({ signal }, late, (resolve) => (setTimeout(resolve, 1), () => {}));
  await waitFor({ signal, timeoutMs: 1 }, late, () => () => {}).catch(() => {});
  assertEquals(listeners, 0);
  await waitFor<void>({ signal }, late, (resolve) => (resolve(), () => {}));
  assertEquals(Math.max(0, listeners), 0);
});

import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { MEMORY } from "../../../tests/support/places.ts";
import { PullIterator } from "./pull_iterator.ts";

/** A source whose items the test gives. */
function source() {
  const told: string[] = [];
  const waiting: { resolve: (n: number | null) => void; reject: (error: unknown) => void }[] = [];
  const iterator = new PullIterator<number>({
    begin: () => void told.push("begin"),
    next: (signal) =>
      new Promise<number | null>((resolve, reject) => {
        waiting.push({ resolve, reject });
        signal.addEventListener("abort", () => reject(signal.reason));
      }).then((n) => n === null ? { value: undefined, done: true } : { value: n, done: false }),
    end: () => void told.push("end"),
  });
  return { iterator, told, waiting };
}

const DONE = { value: undefined, done: true } as const;

test("return() ends steps that wait, and tells the source once", async () => {
  const { iterator, told } = source();
  const steps = [iterator.next(), iterator.next()];
  assertEquals(await iterator.return(), DONE);
  assertEquals(await Promise.all(steps), [DONE, DONE]);
  assertEquals([await iterator.next(), await iterator.return()], [DONE, DONE]);
  assertEquals(told, ["begin", "end"]);
});

test("an iterator that never began has nothing to end", async () => {
  const { iterator, told } = source();
  await iterator.return();
  assertEquals([await iterator.next(), told], [DONE, []]);
});

test("items, the end, and an error, after which there is nothing", async () => {
  const { iterator, told, waiting } = source();
  const first = iterator.next();
  waiting[0].resolve(5);
  assertEquals(await first, { value: 5, done: false });
  const last = iterator.next();
  waiting[1].resolve(null);
  assertEquals([await last, await iterator.next(), told], [DONE, DONE, ["begin", "end"]]);
  const failing = source();
  const step = failing.iterator.next();
  failing.waiting[0].reject(new Error("no"));
  await assertRejects(() => step, Error, "no");
  assertEquals([await failing.iterator.next(), failing.told], [DONE, ["begin", "end"]]);
  await assertRejects(() => source().iterator.throw(new Error("thrown")), Error, "thrown");
});

test("every loop of a session can be left while its step waits, and results then have another consumer", async () => {
  const at = await MEMORY.serve(() => ({}));
  const client = await at.dial();
  for (let round = 0; round < 2; round++) {
    for (const loop of [client.results(), client.flowUpdates(), client.resultHints(), client.errors()]) {
      const step = loop.next();
      await loop.return();
      assertEquals(await step, DONE);
    }
  }
  client.manageResults().close();
  await at.end();
});

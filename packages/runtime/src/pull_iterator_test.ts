import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
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

test("a source is asked for one thing at a time, whatever the number of steps; they are served in order", async () => {
  const { iterator, waiting } = source();
  const steps = [iterator.next(), iterator.next(), iterator.next()];
  for (const [at, step] of steps.entries()) {
    assertEquals(waiting.length, at + 1);
    waiting[at].resolve(at);
    assertEquals(await step, { value: at, done: false });
  }
});

test("steps behind one that ends or fails are done", async () => {
  for (const how of ["end", "error"]) {
    const { iterator, waiting, told } = source();
    const steps = [iterator.next(), iterator.next(), iterator.next()];
    if (how === "end") waiting[0].resolve(null);
    else waiting[0].reject(new Error("no"));
    const outcomes = await Promise.allSettled(steps);
    const first = how === "end" ? DONE : "no";
    assertEquals(
      outcomes.map((o) => o.status === "fulfilled" ? o.value : o.reason.message),
      [first, DONE, DONE],
      how,
    );
    assertEquals([told, waiting.length], [["begin", "end"], 1], how);
  }
});

test("an item that was taken when the loop is left goes to the step that waited", async () => {
  const { iterator, waiting } = source();
  const steps = [iterator.next(), iterator.next()];
  waiting[0].resolve(7);
  await iterator.return();
  assertEquals(await Promise.all(steps), [{ value: 7, done: false }, DONE]);
});

test("a source that cannot begin, or throws instead of rejecting: one step says so, the others are done", async () => {
  for (const what of ["begin", "next"] as const) {
    const iterator = new PullIterator<number>({
      next: () => Promise.resolve({ value: 1, done: false }),
      [what]: () => {
        throw new Error(what);
      },
    });
    const steps = await Promise.allSettled([iterator.next(), iterator.next()]);
    assertEquals(steps.map((o) => o.status === "fulfilled" ? o.value : o.reason.message), [what, DONE], what);
  }
});

test("a loop may be thrown out of while steps wait", async () => {
  const { iterator, told } = source();
  const steps = [iterator.next(), iterator.next()];
  await assertRejects(() => iterator.throw(new Error("thrown")), Error, "thrown");
  assertEquals([await Promise.all(steps), told], [[DONE, DONE], ["begin", "end"]]);
});

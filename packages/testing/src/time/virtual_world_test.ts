import { NnrpValueError } from "@nnrp/core";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { TICK_MS } from "./event_loop.ts";
import { virtualWorld, WaitedInVainError } from "./virtual_world.ts";

const DAY_MS = 86_400_000;

test("timers of any length fire in order, never early, ties in the order in which they were made", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(
      fc.oneof(fc.integer({ min: -5, max: 50 }), fc.double({ min: 0, max: 400 * DAY_MS, noNaN: true })),
      {
        maxLength: 60,
      },
    ),
    async (delays) => {
      const world = virtualWorld();
      const host = world.host("a");
      const startMs = host.now();
      const fired: { i: number; atMs: number }[] = [];
      delays.forEach((ms, i) => host.after(ms, () => fired.push({ i, atMs: host.now() - startMs })));
      await world.advance(500 * DAY_MS);
      assertEquals(fired.length, delays.length);
      for (const { i, atMs } of fired) {
        assert(atMs >= delays[i] && atMs <= Math.max(0, delays[i]) + 2 * TICK_MS, `${delays[i]} at ${atMs}`);
      }
      for (let n = 1; n < fired.length; n++) {
        const [before, after] = [fired[n - 1], fired[n]];
        assert(before.atMs < after.atMs || (before.atMs === after.atMs && before.i < after.i));
      }
      assertEquals(world.now(), startMs + 500 * DAY_MS);
    },
  ));
});

test("Infinity never fires and leaves nothing behind; NaN is refused", async () => {
  const world = virtualWorld();
  const host = world.host("a");
  let fired = 0;
  const cancel = host.after(Infinity, () => fired++);
  assertEquals(world.pending(), []);
  await world.advance(1000 * DAY_MS);
  cancel();
  assertEquals(fired, 0);
  assertThrows(() => host.after(NaN, () => {}), NnrpValueError, "ms");
});

test("cancelled timers do not fire, whenever they are cancelled and however often", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ ms: fc.integer({ min: 0, max: 90 }), cancel: fc.boolean() }), { maxLength: 900 }),
      async (timers) => {
        const world = virtualWorld();
        const fired: number[] = [];
        const cancels = timers.map(({ ms }, i) => world.host("a").after(ms, () => fired.push(i)));
        timers.forEach(({ cancel }, i) => {
          if (cancel) cancels[i]();
          if (cancel) cancels[i]();
        });
        assertEquals(world.pending().length, timers.filter((timer) => !timer.cancel).length);
        await world.runToIdle();
        const wanted = timers.flatMap(({ cancel }, i) => cancel ? [] : [i]);
        assertEquals(fired.sort((a, b) => a - b), wanted);
        cancels.forEach((cancel) => cancel());
      },
    ),
    { numRuns: 30 },
  );
});

test("promises settle wholly between two events, however long their chains", async () => {
  const world = virtualWorld();
  const heard: string[] = [];
  world.host("a").after(5, () => {
    void (async () => {
      for (let i = 0; i < 5000; i++) await null;
      heard.push("chain of the first");
    })();
  });
  world.host("a").after(5, () => heard.push("second"));
  await world.advance(5 + TICK_MS);
  assertEquals(heard, ["chain of the first", "second"]);
});

test("a deadline that is waited for again by what is left of it comes, and time does not stand still", async () => {
  await fc.assert(fc.asyncProperty(fc.double({ min: 0, max: 1e6, noNaN: true }), async (ms) => {
    const world = virtualWorld({ startMs: 12345.678 });
    const host = world.host("a");
    const deadline = host.now() + ms;
    let looks = 0;
    const look = () => {
      looks++;
      if (host.now() < deadline) host.after(deadline - host.now(), look);
    };
    look();
    await world.runToIdle({ limitEvents: 10 });
    assert(host.now() >= deadline && looks <= 3);
  }));
});

test("a frozen host misses its timers, others go on; when it ends all of them are late, timers before data", async () => {
  const world = virtualWorld();
  const [a, b] = [world.host("a"), world.host("b")];
  const startMs = world.now();
  const fired: string[] = [];
  const note = (what: string) => fired.push(`${what}@${Math.round(world.now() - startMs)}`);
  a.deliver(a.now() + 5, () => note("a data"));
  a.after(10, () => note("a10"));
  a.after(70, () => note("a70"));
  b.after(10, () => note("b10"));
  a.freeze(50);
  assert(a.isFrozen && !b.isFrozen);
  await world.advance(100);
  assertEquals(fired, ["b10@10", "a10@50", "a data@50", "a70@70"]);
  assertEquals(a.now(), startMs + 100);
});

test("what a frozen host does first can be chosen, and a longer freeze wins over a shorter", async () => {
  for (const late of ["data", "due", "timers"] as const) {
    const world = virtualWorld();
    const a = world.host("a");
    const fired: string[] = [];
    a.after(5, () => fired.push("timer 5"));
    a.deliver(a.now() + 10, () => fired.push("data"));
    a.after(15, () => fired.push("timer 15"));
    a.freeze(60, { late });
    a.freeze(20, { late });
    await world.advance(59);
    assertEquals(fired, []);
    assertEquals(a.pendingTimers().length, 2);
    await world.advance(2);
    const wanted = {
      data: ["data", "timer 5", "timer 15"],
      due: ["timer 5", "data", "timer 15"],
      timers: ["timer 5", "timer 15", "data"],
    };
    assertEquals(fired, wanted[late]);
  }
});

test("a host that blocks its loop sees the time pass at once; its other timers are late, other hosts' are not", async () => {
  const world = virtualWorld();
  const [a, b] = [world.host("a"), world.host("b")];
  const startMs = world.now();
  const fired: string[] = [];
  a.after(10, () => {
    a.block(100);
    fired.push(`a blocked until ${Math.round(a.now() - startMs)}`);
    a.after(5, () => fired.push(`after it, at ${Math.round(a.now() - startMs)}`));
  });
  a.after(20, () => fired.push(`a20 at ${Math.round(a.now() - startMs)}`));
  b.after(50, () => fired.push(`b50 at ${Math.round(b.now() - startMs)}`));
  await world.advance(200);
  assertEquals(fired, ["a blocked until 110", "b50 at 50", "a20 at 110", "after it, at 115"]);
});

test("wall clocks jump by host, and nothing else notices", async () => {
  const world = virtualWorld({ wallStartMs: 1_000_000_000_000 });
  const [a, b] = [world.host("a"), world.host("b")];
  let fired = false;
  a.after(10, () => fired = true);
  a.jumpWall(3_600_000);
  await world.advance(20);
  assertEquals([a.wallNow(), b.wallNow(), fired], [1_000_003_600_020, 1_000_000_000_020, true]);
  a.jumpWall(-7_200_000);
  assertEquals(a.wallNow(), 999_996_400_020);
});

test("a killed host does nothing any more, and another of its name begins anew", async () => {
  const world = virtualWorld();
  const a = world.host("a");
  let fired = 0;
  a.after(10, () => fired++);
  a.yield(() => fired++);
  a.kill();
  a.after(10, () => fired++);
  world.host("a").after(10, () => fired += 100);
  await world.runToIdle();
  assertEquals([fired, a.isKilled, world.host("a").isKilled], [100, true, false]);
});

test("the same seed brings the same numbers, by name and whoever else draws; another seed others", () => {
  const draw = (seed: number, before: number) => {
    const world = virtualWorld({ seed });
    for (let i = 0; i < before; i++) world.random("other").next();
    return [world.random("faults").next(), world.host("a").random(), ...world.host("a").randomBytes(5)];
  };
  assertEquals(draw(1, 0), draw(1, 10));
  assert(String(draw(1, 0)) !== String(draw(2, 0)));
});

test("random numbers lie where they should and are spread", () => {
  const stream = virtualWorld().random("x");
  const counts = new Array(10).fill(0);
  for (let i = 0; i < 10_000; i++) counts[stream.integer(0, 9)]++;
  assert(counts.every((count) => count > 850 && count < 1150), String(counts));
  fc.assert(fc.property(fc.integer({ min: -1000, max: 1000 }), fc.nat(1000), (min, span) => {
    const value = stream.integer(min, min + span);
    const share = stream.between(0, 1);
    assert(value >= min && value <= min + span && share >= 0 && share < 1);
  }));
  assertEquals([0, 1, 5, 8].map((length) => stream.bytes(length).length), [0, 1, 5, 8]);
});

test("waiting in vain says what was waited for, and what is still to come and where it was made", async () => {
  const world = virtualWorld({ stacks: true });
  const early = await assertRejects(
    () =>
      world.run(new Promise(() => world.host("a").after(500, () => {})), { limitMs: 100, what: "an answer" }),
    WaitedInVainError,
    "waited in vain for an answer within 100 ms",
  );
  assertEquals(early.pending.map(({ host, kind, atMs }) => [host, kind, atMs]), [["a", "timer", 1500]]);
  assert(early.pending[0].stack!.includes("virtual_world_test"));
  await assertRejects(
    () => world.runUntil(() => false),
    WaitedInVainError,
    "nothing is left that could happen",
  );
  const busy = () => world.host("a").yield(busy);
  busy();
  await assertRejects(() => world.runToIdle({ limitEvents: 1000 }), WaitedInVainError, "for 1000 events");
});

test("what code throws reaches whoever runs the world, and the world goes on", async () => {
  const world = virtualWorld();
  world.host("a").after(1, () => {
    throw new RangeError("in a timer");
  });
  await assertRejects(() => world.advance(10), RangeError, "in a timer");
  await assertRejects(
    () => world.run(() => Promise.reject(new TypeError("of the test"))),
    TypeError,
    "of the test",
  );
  assertEquals(await world.run(async () => (await world.sleep(5), 7)), 7);
});

test("a world that runs is not run again from inside", async () => {
  const world = virtualWorld();
  await assertRejects(() => world.run(() => world.advance(1)), Error, "runs already");
});

test("things outside the world are waited for while nothing else is left", async () => {
  const world = virtualWorld();
  const digest = await world.run(() => crypto.subtle.digest("SHA-256", new Uint8Array(3)));
  assertEquals(digest.byteLength, 32);
});

test("traces are equal when the same happened, keep the last lines, and differ by what happened", async () => {
  const play = async (what: string) => {
    const world = virtualWorld({ traceLines: 3 });
    for (let i = 0; i < 10; i++) world.after(i, () => world.note("test", `${what} ${i}`));
    await world.runToIdle();
    return world.trace;
  };
  const [one, same, other] = [await play("x"), await play("x"), await play("y")];
  assertEquals([one.hash === same.hash, one.hash === other.hash, one.count], [true, false, 20]);
  assertEquals(one.lines().map((line) => line.what), ["x 7", "x 8", "x 9"]);
  assertEquals(String(one).split("\n")[2], "    1009.000  test: x 9");
});

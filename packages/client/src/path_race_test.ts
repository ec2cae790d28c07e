import { type Carrier, type CarrierDialer, memoryPair, NnrpTransportError } from "@nnrp/core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { failing, fakeDialer, Later, settle } from "../tests/fake_carriers.ts";
import { VirtualHost } from "../tests/virtual_host.ts";
import { type DialAttempt, raceCarriers } from "./path_race.ts";

/** Dialers whose dials the test settles. */
function field(...names: string[]) {
  const dials = names.map(() => new Later<Carrier>());
  const dialers = names.map((name, i) => fakeDialer(name, { connect: () => dials[i].promise }));
  const attempts: DialAttempt[] = [];
  const stop = new AbortController();
  const host = new VirtualHost();
  const race = (headStartMs: number) =>
    raceCarriers(dialers, {
      dial: (dialer, signal) => dialer.dial(TARGET, { signal }),
      signal: stop.signal,
      attempts,
      headStartMs,
      host,
    });
  const started = () => dialers.filter((d) => d.dialled.length > 0).map((d) => d.name).join();
  const tried = () => attempts.map((a) => `${a.carrier}${a.chosen ? "+" : "-"}`).join();
  return { dials, dialers, attempts, stop, host, race, started, tried };
}

const TARGET = { host: "memory", port: 1 };
const connection = () => memoryPair()[0];

/** A connection, and whether its other end sees that it was let go. */
function watched() {
  const [carrier, far] = memoryPair();
  const state = { isGone: false };
  far.start({
    begin: () => {},
    packet: () => {},
    turn: () => {},
    fault: () => {},
    end: () => state.isGone = true,
    closed: () => state.isGone = true,
  });
  return { carrier, state };
}

test("the first that connects wins; those behind it are not even dialled", async () => {
  const { dials, race, started, tried, attempts } = field("a", "b");
  const racing = race(60_000);
  await settle();
  assertEquals(started(), "a");
  const { carrier, state } = watched();
  dials[0].resolve(carrier);
  const won = await racing;
  await settle();
  assertEquals([won!.carrier === carrier, state.isGone], [true, false]);
  assertEquals([won!.dialer.name, won!.carrier.name, started(), tried()], ["a", "a", "a", "a+"]);
  assertEquals([attempts[0].error, attempts[0].transportId, attempts[0].ms], [undefined, 2, 0]);
});

test("the next one starts after the head start, and the one before may still win", async () => {
  for (const winner of [0, 1, 2]) {
    const { dials, dialers, race, started, tried, host } = field("a", "b", "c");
    const racing = race(1);
    await host.pass(2);
    assertEquals(started(), "a,b,c");
    dials[winner].resolve(connection());
    const won = await racing;
    assertEquals([won!.dialer, tried()], [dialers[winner], `${won!.carrier.name}+`]);
    for (const dialer of dialers) assert(dialer.signals[0].aborted, "the losers are told");
  }
});

test("a failure starts the next one at once, without its head start", async () => {
  const { dials, race, started, tried } = field("a", "b", "c");
  const racing = race(60_000);
  dials[0].reject(new Error("no a"));
  await settle();
  assertEquals(started(), "a,b");
  dials[1].reject(new Error("no b"));
  await settle();
  assertEquals(started(), "a,b,c");
  dials[2].resolve(connection());
  assertEquals([(await racing)!.dialer.name, tried()], ["c", "a-,b-,c+"]);
});

test("with an endless head start only a failure starts the next one", async () => {
  const { dials, race, started, host } = field("a", "b");
  const racing = race(Infinity);
  await host.pass(1e12);
  assertEquals(started(), "a");
  dials[0].reject(new Error("no a"));
  await settle();
  assertEquals(started(), "a,b");
  dials[1].resolve(connection());
  assertEquals((await racing)!.dialer.name, "b");
});

test("a loser that connects after all is closed and is no attempt", async () => {
  const { dials, race, started, tried, host } = field("a", "b");
  const racing = race(1);
  await host.pass(1);
  assertEquals(started(), "a,b");
  dials[1].resolve(connection());
  await racing;
  const { carrier: late, state } = watched();
  dials[0].resolve(late);
  await settle();
  assertEquals([tried(), state.isGone], ["b+", true]);
});

test("a loser that fails after all changes nothing", async () => {
  const { dials, race, started, tried, host } = field("a", "b");
  const racing = race(1);
  await host.pass(1);
  assertEquals(started(), "a,b");
  dials[1].resolve(connection());
  await racing;
  dials[0].reject(new Error("too late"));
  await settle();
  assertEquals(tried(), "b+");
});

test("all fail: there is no winner, and every failure is kept in the order of the failures", async () => {
  const { dials, race, started, tried, attempts, host } = field("a", "b", "c");
  const racing = race(1);
  await host.pass(2);
  assertEquals(started(), "a,b,c");
  for (const i of [2, 0, 1]) {
    dials[i].reject(new NnrpTransportError("x", `no ${"abc"[i]}`));
    await settle();
  }
  assertEquals([await racing, tried()], [null, "c-,a-,b-"]);
  assertEquals(attempts.map((a) => (a.error as Error).message.slice(-1)).join(""), "cab");
});

test("an abort ends the race: the reason is thrown, dials are told, late connections are closed", async () => {
  const { dials, dialers, race, stop, started, attempts, host } = field("a", "b");
  const racing = race(1);
  await host.pass(1);
  assertEquals(started(), "a,b");
  stop.abort(new Error("enough"));
  await assertRejects(() => racing, Error, "enough");
  assertEquals(dialers.map((d) => d.signals[0].aborted), [true, true]);
  const { carrier: late, state } = watched();
  dials[0].resolve(late);
  dials[1].reject(new Error("aborted"));
  await settle();
  assertEquals([attempts.length, state.isGone], [0, true]);
});

test("a race whose signal is aborted already dials nobody", async () => {
  const { race, stop, started } = field("a");
  stop.abort(new Error("enough"));
  await assertRejects(() => race(1), Error, "enough");
  assertEquals(started(), "");
});

test("no carriers, no winner", async () => {
  assertEquals(await field().race(1), null);
});

test("a dialer that throws at once has failed like any other", async () => {
  const attempts: DialAttempt[] = [];
  const good = fakeDialer("good");
  const throwing: CarrierDialer = {
    ...failing("bad"),
    dial: () => {
      throw new Error("thrown");
    },
  };
  const won = await raceCarriers([throwing, good], {
    dial: (dialer, signal) => dialer.dial(TARGET, { signal }),
    signal: new AbortController().signal,
    attempts,
    headStartMs: 60_000,
    host: new VirtualHost(),
  });
  assertEquals([won!.dialer.name, attempts.map((a) => a.chosen)], ["good", [false, true]]);
});

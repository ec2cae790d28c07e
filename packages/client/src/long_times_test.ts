/**
 * Times of any length, wherever the client takes one: 30 days are 30 days and Infinity is for ever, not the 1 ms that runtimes make
 * of what their timers cannot hold.
 */
import { type Carrier, NnrpTimeoutError, TypedPayload } from "@nnrp/core";
import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { fakeDialer, Later, type Script, silent, welcoming } from "../tests/fake_carriers.ts";
import { stateOf, VirtualHost } from "../tests/virtual_host.ts";
import { dialClient, type DialOptions } from "./dial.ts";
import { PathKeeper } from "./path_keeper.ts";
import { probeClientTransport } from "./probe.ts";
import type { ClientSession } from "./session.ts";

const AT = "nnrp://127.0.0.1:9";
const DAY_MS = 86_400_000;
const TIMES = [2 ** 31, 30 * DAY_MS, 2 ** 32, 400 * DAY_MS];
/** Nobody answers pings here: a session of days would end by its own rules. */
const PATIENT = { keepAliveMs: 0, idleTimeoutMs: 0, sendStallMs: Infinity };
const say = { typedPayloads: [TypedPayload.tokenChunk("x")] };

async function open(options: DialOptions = {}, script: Script = welcoming) {
  const runtime = new VirtualHost();
  const tcp = fakeDialer("tcp", { script });
  const session = await dialClient(AT, { carriers: [tcp], runtime, ...PATIENT, ...options });
  return { runtime, tcp, session };
}

/** A wait of a session, ended by nothing but its time. */
const WAITS: Record<string, (session: ClientSession, timeoutMs: number) => Promise<unknown>> = {
  "submit in flight": (session, timeoutMs) => session.submit(say, { timeoutMs }),
  "submit that waits for a slot": (session, timeoutMs) => {
    session.pauseSubmit();
    return session.submit(say, { timeoutMs });
  },
  "submitStream": (session, timeoutMs) =>
    session.submitStream(say, { timeoutMs })[Symbol.asyncIterator]().next(),
  "submit with a deadline": (session, timeoutMs) =>
    session.submit({ ...say, deadlineMs: session.runtime.wallNow() + timeoutMs }),
  "receiveResult": (session, timeoutMs) => session.receiveResult({ timeoutMs }),
  "receiveResult of a frame": (session, timeoutMs) => session.receiveResult({ timeoutMs, frameId: 5 }),
  "receiveFlowUpdate": (session, timeoutMs) => session.receiveFlowUpdate({ timeoutMs }),
  "ping": (session, timeoutMs) => session.ping({ timeoutMs }),
  "patch": (session, timeoutMs) => session.patch({ qualityTier: 1 }, { timeoutMs }),
  "putCache": (session, timeoutMs) =>
    session.putCache({ kind: 1, key: 1n, data: new Uint8Array(1) }, { timeoutMs }),
};

for (const [name, begin] of Object.entries(WAITS)) {
  test(`${name}: ends with its time of any length, and not before`, async () => {
    for (const timeoutMs of TIMES) {
      const { runtime, session } = await open();
      const wait = begin(session, timeoutMs);
      wait.catch(() => {});
      await runtime.pass(timeoutMs - 1);
      assertEquals(await stateOf(wait), "pending", `${timeoutMs}`);
      await runtime.pass(1);
      await assertRejects(() => wait, NnrpTimeoutError);
    }
    const { runtime, session } = await open();
    const wait = begin(session, Infinity);
    wait.catch(() => {});
    await runtime.pass(10_000 * DAY_MS);
    assertEquals(await stateOf(wait), "pending");
  });
}

test("dialling may take any time: while connecting, and while the server thinks about the hello", async () => {
  const connecting = () => fakeDialer("tcp", { connect: () => new Later<Carrier>().promise });
  const thinking = () => fakeDialer("tcp", { script: silent });
  for (const make of [connecting, thinking]) {
    for (const timeoutMs of [...TIMES, Infinity]) {
      const runtime = new VirtualHost();
      const limits = { ...PATIENT, timeoutMs, runtime };
      const dialling = dialClient(AT, { carriers: [make()], ...limits });
      dialling.catch(() => {});
      await runtime.pass(timeoutMs === Infinity ? 10_000 * DAY_MS : timeoutMs - 1);
      assertEquals(await stateOf(dialling), "pending", `${timeoutMs}`);
      await runtime.pass(1);
      assertEquals(await stateOf(dialling), timeoutMs === Infinity ? "pending" : "rejected");
    }
  }
});

test("probes may take any time", async () => {
  for (const timeoutMs of [...TIMES, Infinity]) {
    const runtime = new VirtualHost();
    const tcp = fakeDialer("tcp", { script: silent });
    const probing = probeClientTransport(AT, { carriers: [tcp], sampleCount: 1, timeoutMs, runtime });
    probing.catch(() => {});
    await runtime.pass(timeoutMs === Infinity ? 10_000 * DAY_MS : timeoutMs - 1);
    assertEquals(await stateOf(probing), "pending", `${timeoutMs}`);
    await runtime.pass(1);
    assertEquals(await stateOf(probing), timeoutMs === Infinity ? "pending" : "rejected");
  }
});

test("the search for a lost connection may wait for any time", async () => {
  for (const delayMs of TIMES) {
    const { runtime, tcp, session } = await open({ reconnect: { minDelayMs: delayMs, maxDelayMs: delayMs } });
    runtime.random = () => 1 - 2 ** -53;
    tcp.peers[0].drop();
    await runtime.pass(delayMs - 1);
    assertEquals([session.state, tcp.dialled.length], ["reconnecting", 1]);
    await runtime.pass(1);
    assertEquals([session.state, tcp.dialled.length], ["active", 2]);
    await session.close({ drainMs: 0 });
  }
  const { runtime, tcp, session } = await open({ reconnect: { minDelayMs: Infinity, maxDelayMs: Infinity } });
  tcp.peers[0].drop();
  await runtime.pass(10_000 * DAY_MS);
  assertEquals([session.state, tcp.dialled.length], ["reconnecting", 1]);
});

test("close() waits for frames in flight as long as it was told", async () => {
  for (const drainMs of [60_000, Infinity]) {
    const { runtime, session } = await open();
    session.submit(say).catch(() => {});
    const closing = session.close({ drainMs });
    await runtime.pass(59_000);
    assertEquals([session.state, await stateOf(closing)], ["draining", "pending"], `${drainMs}`);
    await runtime.pass(2000);
    assertEquals(session.state, drainMs === Infinity ? "draining" : "closed");
  }
});

test("keep-alive, idle time and send stall may be of any length", async () => {
  for (const ms of [...TIMES, Infinity]) {
    const { runtime, tcp, session } = await open({ keepAliveMs: ms, idleTimeoutMs: ms, sendStallMs: ms });
    await runtime.pass(20_000);
    assertEquals([session.state, tcp.peers[0].heard], ["active", ["CLIENT_HELLO"]], `${ms}`);
  }
});

test("a path keeper that looks only when asked never looks by itself", async () => {
  const { runtime, session } = await open();
  const looks: unknown[] = [];
  const keeper = new PathKeeper(session, { probeIntervalMs: Infinity, onLook: (look) => looks.push(look) });
  const monthly = new PathKeeper(session, {
    probeIntervalMs: 30 * DAY_MS,
    timeoutMs: 10,
    onLook: (look) => looks.push(look),
  });
  await runtime.pass(30 * DAY_MS - 1);
  assertEquals(looks.length, 0);
  await runtime.pass(12);
  assertEquals(looks.length, 1);
  keeper.close();
  monthly.close();
});

import {
  CacheAckStatus,
  type Carrier,
  ErrorCode,
  memoryNetwork,
  MessageType,
  NnrpCancelledError,
  NnrpConnectionClosedError,
  type NnrpPacket,
  NnrpProtocolError,
  NnrpStateError,
  NnrpTimeoutError,
  TypedPayload,
} from "@nnrp/core";
import { type Handler, type NnrpServer, serve, type ServeOptions } from "@nnrp/server";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { until } from "../../../tests/support/raw_peer.ts";
import { Gate } from "../../../tests/support/places.ts";
import { ackFor } from "@nnrp/testing/engines";
import {
  type FakeDialer,
  fakeDialer,
  Later,
  refusing,
  type Script,
  settle,
  silent,
} from "../tests/fake_carriers.ts";
import { VirtualHost } from "../tests/virtual_host.ts";
import { dialClient, type DialOptions } from "./dial.ts";
import type { ReconnectOptions } from "./reconnect.ts";
import type { ClientSession } from "./session.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
const part = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
const echo: Handler = (frame) => ({ typedPayloads: frame.typedPayloads });
const QUICK: ReconnectOptions = { minDelayMs: 1, maxDelayMs: 5 };

/** A server, and a road to it that a test may close. */
async function place(handler: Handler, options: ServeOptions = {}) {
  const net = memoryNetwork();
  const server: NnrpServer = await serve({ ...options, listen: [net] }, handler);
  const road = { open: true, tries: 0 };
  const dialer = fakeDialer("memory", {
    connect: () => {
      road.tries++;
      return road.open
        ? net.dial({ host: "memory", port: 1 })
        : Promise.reject(new Error("the road is closed"));
    },
  });
  const log: string[] = [];
  const dial = (reconnect: boolean | ReconnectOptions = QUICK, more: DialOptions = {}) =>
    dialClient("nnrp://memory", {
      carriers: [dialer],
      reconnect,
      log: (event) => void log.push(event.type),
      ...more,
    });
  return { server, dialer, road, log, dial };
}

/** The connection breaks. */
function lose(session: ClientSession): void {
  void session.raw.carrier.close({ graceful: false });
}

async function lost(session: ClientSession): Promise<void> {
  lose(session);
  await settle();
  assertEquals(session.state, "reconnecting");
}

/** Servers by script: the first connection welcomes, what comes later is up to the test. */
function scripted(later: (packet: NnrpPacket, connection: number) => Script): FakeDialer {
  let connections = 0;
  const numbers = new WeakMap<object, number>();
  return fakeDialer("memory", {
    script: (packet, peer) => {
      if (!numbers.has(peer)) numbers.set(peer, ++connections);
      const n = numbers.get(peer)!;
      if (n > 1) later(packet, n)(packet, peer);
      else if (packet.header.msgType === MessageType.CLIENT_HELLO) peer.send(ackFor(packet));
    },
  });
}

test("without reconnect a loss ends the session", async () => {
  const { server, dial, road } = await place(echo);
  const session = await dial(false);
  lose(session);
  const end = await session.closed;
  assertEquals([end.kind, session.state, road.tries], ["lost", "closed", 1]);
  await assertRejects(() => session.submit(say("x")), NnrpStateError, "closed");
  await server.close();
});

test("submits made while reconnecting wait and are answered on the new path, in their order", async () => {
  const seen: string[] = [];
  const { server, dial, road } = await place((frame) => {
    seen.push(frame.text());
    return { typedPayloads: frame.typedPayloads };
  });
  const session = await dial({ ...QUICK, maxAttempts: Infinity });
  const id = session.sessionId;
  road.open = false;
  await lost(session);
  const answers = ["a", "b", "c"].map((text) => session.submit(say(text)));
  const key = session.submitNowait(say("d"));
  await until(() => road.tries > 4, "some tries");
  assertEquals([session.sessionId, session.stats.waiting, seen], [id, 4, []]);
  road.open = true;
  assertEquals((await Promise.all(answers)).map((r) => r.text()), ["a", "b", "c"]);
  assertEquals((await session.receiveResult(await key)).text(), "d");
  assertEquals([seen, session.stats.reconnects, session.sessionId], [["a", "b", "c", "d"], 1, id]);
  await session.close();
  await server.close();
});

test("a search without success ends the session; who waited hears why, and so do later calls", async () => {
  const { server, dial, road, log } = await place(echo);
  const session = await dial({ ...QUICK, maxAttempts: 3 });
  road.open = false;
  await lost(session);
  const waiting = [session.submit(say("x")), session.receiveResult(), session.receiveFlowUpdate()];
  const checks = waiting.map((w) => assertRejects(() => w, NnrpConnectionClosedError, "the road is closed"));
  const end = await session.closed;
  await Promise.all(checks);
  assertEquals([end.kind, session.state, road.tries], ["lost", "closed", 4]);
  assert(end.reason.includes("not found again"), end.reason);
  assert(end.error instanceof NnrpConnectionClosedError && end.error.cause instanceof Error);
  assertEquals(log.filter((type) => type === "reconnect-failed").length, 3);
  await assertRejects(() => session.submit(say("late")), NnrpConnectionClosedError, "not found again");
  await session.close();
  await server.close();
});

test("no tries at all: the session ends at the loss with its reason", async () => {
  const { server, dial } = await place(echo);
  const session = await dial({ maxAttempts: 0 });
  lose(session);
  const end = await session.closed;
  assertEquals([end.kind, session.state, end.reason.includes("undefined")], ["lost", "closed", false]);
  await assertRejects(() => session.submit(say("x")), NnrpConnectionClosedError);
  await server.close();
});

test("what a session is can be read while it is looked for, and after it was given up", async () => {
  const { server, dial, road } = await place(echo, { profile: { modelName: "m" } });
  const session = await dial({ ...QUICK, maxAttempts: 2 });
  const before = [
    session.sessionId,
    session.modelName,
    session.helloAck.sessionId,
    session.settings.qualityTier,
  ];
  const read =
    () => [session.sessionId, session.modelName, session.helloAck.sessionId, session.settings.qualityTier];
  road.open = false;
  await lost(session);
  assertEquals(read(), before);
  await session.closed;
  assertEquals(read(), before);
  assert(session.toString().includes("closed"));
  await server.close();
});

test("a fresh try that fails may be followed by one that succeeds, and that session is as good as the first", async () => {
  // Connection 2 is asked to resume and refuses; 3 is silent to the hello until it hangs up; 4 refuses for a while; 5 is fine.
  const { MIGRATE, HELLO } = { MIGRATE: MessageType.SESSION_MIGRATE, HELLO: MessageType.CLIENT_HELLO };
  const dialer = scripted((packet, n) => {
    const { msgType } = packet.header;
    if (msgType === MIGRATE) return refusing(ErrorCode.INVALID_STATE);
    if (msgType !== HELLO) return silent;
    if (n <= 3) return (_p, peer) => peer.drop();
    if (n === 4) return refusing(ErrorCode.SERVER_BUSY, 5);
    return (hello, peer) => peer.send(ackFor(hello, {}, 99));
  });
  const log: string[] = [];
  const session = await dialClient("nnrp://memory", {
    carriers: [dialer],
    reconnect: QUICK,
    log: (event) => void log.push(event.type),
  });
  lose(session);
  await until(() => session.stats.reconnects === 1, "a new session");
  assertEquals([session.state, session.sessionId, session.modelName], ["active", 99, ""]);
  assertEquals(log.filter((type) => type === "draining"), [], "the session itself never ended");
  const last = dialer.peers[dialer.peers.length - 1];
  // A second loss is found again as the first was, and a close is said in order.
  lose(session);
  await until(() => session.stats.reconnects === 2, "another new session");
  const now = dialer.peers[dialer.peers.length - 1];
  assert(now !== last);
  now.carrier.endSending();
  await until(() => session.stats.reconnects === 3, "the end to be noticed");
  await session.close({ drainMs: 0 });
  assertEquals((await session.closed).kind, "close");
});

test("a session that came back fresh says CLOSE when it is closed", async () => {
  const dialer = scripted((packet) => {
    const { msgType } = packet.header;
    if (msgType === MessageType.SESSION_MIGRATE) return refusing(ErrorCode.INVALID_STATE);
    return msgType === MessageType.CLIENT_HELLO ? (hello, peer) => peer.send(ackFor(hello, {}, 5)) : silent;
  });
  const session = await dialClient("nnrp://memory", { carriers: [dialer], reconnect: QUICK });
  lose(session);
  await until(() => session.stats.reconnects === 1, "a new session");
  await session.close({ drainMs: 0, reason: "done" });
  const last = dialer.peers[dialer.peers.length - 1];
  assertEquals(last.heard, ["CLIENT_HELLO", "CLOSE"]);
  assertEquals((await session.closed).reason, "done");
});

test("AUTH_FAILED ends the search at once", async () => {
  const dialer = scripted(() => refusing(ErrorCode.AUTH_FAILED));
  const session = await dialClient("nnrp://memory", { carriers: [dialer], reconnect: QUICK });
  await lost(session);
  const waiting = assertRejects(() => session.submit(say("x")), NnrpConnectionClosedError, "AUTH_FAILED");
  const end = await session.closed;
  await waiting;
  assert(end.error!.cause instanceof NnrpProtocolError && end.error!.cause.codeName === "AUTH_FAILED");
  assertEquals(dialer.dialled.length <= 3, true, `${dialer.dialled.length} dials`);
});

test("a busy server is asked again", async () => {
  let busy = 3;
  const dialer = scripted((packet) => {
    if (busy-- > 0) return refusing(ErrorCode.SERVER_BUSY, 10);
    return packet.header.msgType === MessageType.CLIENT_HELLO
      ? (hello, peer) => peer.send(ackFor(hello))
      : refusing(ErrorCode.INVALID_STATE);
  });
  const session = await dialClient("nnrp://memory", { carriers: [dialer], reconnect: QUICK });
  lose(session);
  await until(() => session.stats.reconnects === 1, "a new session");
  await session.close({ drainMs: 0 });
});

test("a server that hangs up or resets during the new handshake costs one try, not the whole time limit", async () => {
  let connection = 0;
  const dialer = scripted((packet) => {
    if (packet.header.msgType === MessageType.SESSION_MIGRATE) return refusing(ErrorCode.INVALID_STATE);
    if (packet.header.msgType !== MessageType.CLIENT_HELLO) return silent;
    const n = ++connection;
    if (n === 1) return (_p, peer) => peer.drop();
    if (n === 2) return (_p, peer) => peer.carrier.endSending();
    return (hello, peer) => peer.send(ackFor(hello));
  });
  const log: string[] = [];
  const session = await dialClient("nnrp://memory", {
    carriers: [dialer],
    reconnect: QUICK,
    timeoutMs: 60_000,
    log: (event) => void log.push(event.type),
  });
  lose(session);
  await until(() => session.stats.reconnects === 1, "a new session"); // far sooner than 60 s
  assertEquals(log.filter((type) => type === "reconnect-failed").length, 2);
  await session.close({ drainMs: 0 });
});

test("a session closed while it sleeps between tries is closed at once, and tries no more", async () => {
  const { server, dial, road } = await place(echo);
  const session = await dial({ minDelayMs: 1e9, maxDelayMs: 1e9 });
  await lost(session);
  const waiting = assertRejects(() => session.submit(say("x")), NnrpConnectionClosedError, "enough");
  await session.close({ reason: "enough" });
  await waiting;
  const end = await session.closed;
  assertEquals([end.kind, end.local, end.reason, session.state], ["close", true, "enough", "closed"]);
  assertEquals(road.tries, 1);
  await assertRejects(() => session.ping());
  await server.close();
});

test("a session closed while it connects: the connection that comes after all is let go", async () => {
  const hung: Later<Carrier>[] = [];
  const net = memoryNetwork();
  const server = await serve({ listen: [net] }, echo);
  let first = true;
  const dialer = fakeDialer("memory", {
    connect: () => {
      if (first) {
        first = false;
        return net.dial({ host: "memory", port: 1 });
      }
      hung.push(new Later<Carrier>());
      return hung[hung.length - 1].promise;
    },
  });
  const session = await dialClient("nnrp://memory", { carriers: [dialer], reconnect: QUICK });
  lose(session);
  await until(() => hung.length === 1, "the dial");
  const waiting = assertRejects(() => session.submit(say("x")), NnrpConnectionClosedError);
  await session.close();
  await waiting;
  hung[0].resolve(await net.dial({ host: "memory", port: 1 }));
  await until(() => server.stats.open === 0, "the late connection to be closed");
  assertEquals([session.state, session.stats.reconnects], ["closed", 0]);
  await server.close();
});

test("a session closed in the middle of a new handshake: everybody who waits hears of it", async () => {
  const dialer = scripted((packet) =>
    packet.header.msgType === MessageType.SESSION_MIGRATE ? refusing(ErrorCode.INVALID_STATE) : silent
  );
  const session = await dialClient("nnrp://memory", { carriers: [dialer], reconnect: QUICK });
  lose(session);
  await until(() => dialer.peers.some((p, i) => i > 0 && p.heard.includes("CLIENT_HELLO")), "the new hello");
  const waiting = assertRejects(() => session.submit(say("x")), NnrpConnectionClosedError, "enough");
  await session.close({ reason: "enough" });
  await waiting;
  const end = await session.closed;
  assertEquals([end.kind, end.reason, session.state], ["close", "enough", "closed"]);
  await until(() => dialer.peers.every((p) => p.isClosed || p.heard.length > 0), "the connections to go");
});

test("a session closed in the middle of a resume", async () => {
  const dialer = scripted(() => silent);
  const session = await dialClient("nnrp://memory", { carriers: [dialer], reconnect: QUICK });
  // The scripted server gives a token as every server does.
  lose(session);
  await until(() => dialer.peers.length > 1 && dialer.peers[1].heard.length > 0, "the next word");
  await session.close({ reason: "enough" });
  assertEquals([(await session.closed).reason, session.state], ["enough", "closed"]);
});

test("timeouts, signals and loops that are left work while reconnecting", async () => {
  const { server, dial, road } = await place(echo);
  const session = await dial({ ...QUICK, maxAttempts: Infinity });
  road.open = false;
  await lost(session);
  await assertRejects(() => session.submit(say("x"), { timeoutMs: 5 }), NnrpTimeoutError);
  await assertRejects(() => session.submitNowait(say("x"), { timeoutMs: 5 }), NnrpTimeoutError);
  await assertRejects(() => session.submit({ ...say("x"), deadlineMs: Date.now() + 5 }), NnrpTimeoutError);
  const stop = new AbortController();
  const cancelled = assertRejects(
    () => session.submit(say("x"), { signal: stop.signal }),
    NnrpCancelledError,
  );
  const stream = session.submitStream(say("x"));
  const reader = stream[Symbol.asyncIterator]();
  assertEquals(session.stats.waiting, 2);
  stop.abort();
  await cancelled;
  await reader.return!();
  assertEquals(session.stats.waiting, 0);
  await assertRejects(() => session.ping(), NnrpConnectionClosedError, "connection is lost");
  await assertRejects(() => session.patch({ qualityTier: 1 }), NnrpConnectionClosedError);
  await assertRejects(() => session.migrate(), Error, "reconnecting");
  road.open = true;
  assertEquals((await session.submit(say("after"))).text(), "after");
  assertEquals(session.stats.submitted, 1);
  await session.close();
  await server.close();
});

test("idle time does not run while there is no connection", async () => {
  const { server, dial, road } = await place(echo);
  const runtime = new VirtualHost();
  const session = await dial({ ...QUICK, maxAttempts: Infinity }, { idleTimeoutMs: 30, runtime });
  road.open = false;
  await lost(session);
  const waiting = session.submit(say("patient"));
  await runtime.pass(1000);
  assertEquals(session.state, "reconnecting");
  road.open = true;
  await runtime.pass(5);
  assertEquals((await waiting).text(), "patient");
  await session.close();
  await server.close();
});

test("a pause of the application outlives connection and session, and ends when it says so", async () => {
  for (const migrationToken of [true, false]) { // the old session comes back, or a new one begins
    const { server, dial, dialer } = await place(echo);
    const session = await dial(QUICK, { migrationToken });
    session.pauseSubmit();
    const waiting = session.submit(say("patient"));
    void dialer.carriers[0].close({ graceful: false });
    await until(() => session.stats.reconnects === 1 && session.state === "active", "the new connection");
    await session.ping();
    assertEquals([session.stats.paused, session.stats.waiting, session.stats.submitted], [true, 1, 0]);
    session.resumeSubmit();
    assertEquals((await waiting).text(), "patient");
    await session.close();
    await server.close();
  }
});

test("idle time does not run between failed handshakes either", async () => {
  let open = false;
  const dialer = scripted((packet) => {
    if (packet.header.msgType !== MessageType.CLIENT_HELLO) return refusing(ErrorCode.INVALID_STATE);
    return open ? (hello, peer) => peer.send(ackFor(hello)) : (_p, peer) => peer.drop();
  });
  const session = await dialClient("nnrp://memory", {
    carriers: [dialer],
    reconnect: { minDelayMs: 20, maxDelayMs: 20, maxAttempts: Infinity },
    idleTimeoutMs: 30,
  });
  lose(session);
  await until(() => dialer.dialled.length > 8, "some tries");
  assertEquals(session.state, "reconnecting");
  const waiting = session.submit(say("x"), { timeoutMs: 60_000 });
  waiting.catch(() => {});
  assertEquals(session.stats.waiting, 1, "the line was kept");
  open = true;
  await until(() => session.stats.reconnects === 1, "a new session");
  await session.close({ drainMs: 0 });
  await assertRejects(() => waiting);
});

test("frames of submitNowait that were in flight fail for whoever receives them", async () => {
  const gate = new Gate();
  const { server, dial } = await place(async (frame) => {
    if (frame.text() !== "quick") await gate.opened;
    return { typedPayloads: frame.typedPayloads };
  });
  for (const resubmit of [false, true]) {
    const session = await dial({ ...QUICK, resubmit });
    const [first, second, done] = [
      await session.submitNowait(say("slow")),
      await session.submitNowait(say("slow")),
      await session.submitNowait(say("quick")),
    ];
    await until(() => session.stats.unclaimed === 1, "the quick one");
    const received = assertRejects(() => session.receiveResult(first), NnrpConnectionClosedError, "lost");
    lose(session);
    await received;
    await assertRejects(() => session.receiveResult(second), NnrpConnectionClosedError, "lost");
    assertEquals((await session.receiveResult(done)).text(), "quick", "what came before is kept");
    await until(() => session.stats.reconnects === 1, "the new path");
    assertEquals([session.stats.inFlight, session.stats.failed], [0, 2]);
    await session.close({ drainMs: 0 });
  }
  gate.open();
  await server.close();
});

test("a frame is resubmitted under a new id that names the old one; without leave it fails", async () => {
  const gate = new Gate();
  const seen: [number, number, string][] = [];
  const { server, dial } = await place(async (frame) => {
    seen.push([frame.frameId, frame.metadata.retryOfFrame, frame.text()]);
    if (seen.length === 1) await gate.opened;
    return { typedPayloads: frame.typedPayloads };
  });
  const session = await dial({ ...QUICK, resubmit: true });
  const answer = session.submit({ ...say("again"), frameId: 40 });
  await until(() => seen.length === 1, "the frame to arrive");
  lose(session);
  assertEquals((await answer).text(), "again");
  assertEquals(seen, [[40, 0, "again"], [41, 40, "again"]]);
  assertEquals([session.stats.failed, session.stats.complete], [0, 1]);
  gate.open();
  await session.close();
  await server.close();
});

test("a stream begins again only if none of its parts came", async () => {
  const gates = [new Gate(), new Gate()];
  let runs = 0;
  const { server, dial } = await place(async function* (frame) {
    runs++;
    const begun = frame.text() === "begun";
    if (begun) yield part("1");
    if (frame.metadata.retryOfFrame === 0) await gates[begun ? 0 : 1].opened;
    yield part("2");
  });
  const session = await dial({ ...QUICK, resubmit: true });
  const begun = session.submitStream(say("begun"))[Symbol.asyncIterator]();
  assertEquals((await begun.next()).value!.text(), "1");
  const whole = session.submitStream(say("whole"));
  await until(() => runs === 2, "both to run");
  lose(session);
  await assertRejects(() => begun.next() as Promise<unknown>, NnrpConnectionClosedError);
  let text = "";
  for await (const piece of whole.text()) text += piece;
  assertEquals([text, runs], ["2", 3]);
  for (const gate of gates) gate.open();
  await session.close();
  await server.close();
});

test("parts that nobody saw are forgotten when their frame is submitted anew", async () => {
  const gate = new Gate();
  let parts = 0;
  const { server, dial } = await place(async function* (frame) {
    yield part("a");
    if (frame.metadata.retryOfFrame === 0) {
      parts++;
      await gate.opened;
    }
    yield part("b");
  });
  const session = await dial({ ...QUICK, resubmit: true });
  const answer = session.submit(say("x"));
  await until(() => parts === 1 && session.stats.results === 1, "the first part");
  lose(session);
  assertEquals((await answer).text(), "ab", "not aab");
  gate.open();
  await session.close();
  await server.close();
});

test("a frame that waits to be submitted anew can be given up by its signal or its time", async () => {
  const gate = new Gate();
  let runs = 0;
  const { server, dial, road } = await place(async () => {
    runs++;
    await gate.opened;
    return part("late");
  });
  const session = await dial({ ...QUICK, resubmit: true, maxAttempts: Infinity });
  const stop = new AbortController();
  const cancelled = assertRejects(
    () => session.submit(say("x"), { signal: stop.signal }),
    NnrpCancelledError,
  );
  const timed = assertRejects(() => session.submit(say("y"), { timeoutMs: 100 }), NnrpTimeoutError);
  await until(() => runs === 2, "both to run");
  road.open = false;
  await lost(session);
  assertEquals([session.stats.waiting, session.stats.inFlight], [2, 0]);
  stop.abort();
  await Promise.all([cancelled, timed]);
  assertEquals(session.stats.waiting, 0);
  road.open = true;
  await until(() => session.stats.reconnects === 1, "the new path");
  assertEquals([runs, session.stats.submitted], [2, 2]);
  gate.open();
  await session.close();
  await server.close();
});

test("cancelling a frame that the loss has ended does nothing", async () => {
  const gate = new Gate();
  const { server, dial, road } = await place(() => gate.opened.then(() => part("x")));
  const session = await dial({ ...QUICK, maxAttempts: Infinity });
  const failed = assertRejects(() => session.submit({ ...say("x"), frameId: 3 }), NnrpConnectionClosedError);
  await until(() => server.stats.running === 1, "the frame to run");
  road.open = false;
  await lost(session);
  await failed;
  session.cancelFrame(3);
  session.discardFrame(3);
  assertEquals([session.stats.cancelled, session.stats.discarded], [0, 0]);
  gate.open();
  await session.close();
  await server.close();
});

test("a resumed session keeps cache and settings, a fresh one is told the settings again", async () => {
  for (const resumeWindowMs of [10_000, 0]) {
    const resumed = resumeWindowMs > 0;
    const { server, dial } = await place(echo, {
      migration: { resumeWindowMs },
      profile: { enableCache: true },
    });
    const session = await dial();
    const first = session.sessionId;
    const tier = session.settings.qualityTier;
    await session.patch({ qualityTier: tier + 1 });
    await session.putCache({ kind: 1, key: 5n, data: new Uint8Array(16) });
    assertEquals(session.settings.qualityTier, tier + 1);
    lose(session);
    await until(() => session.stats.reconnects === 1, "the new path");
    await until(() => session.settings.qualityTier === tier + 1, "its settings");
    assertEquals(session.sessionId === first, resumed);
    const again = await session.putCache({ kind: 1, key: 5n, data: new Uint8Array(16) });
    assertEquals([again.status, again.usable], [
      resumed ? CacheAckStatus.REPLACED : CacheAckStatus.ACCEPTED,
      true,
    ], "REPLACED only where it was kept");
    await session.patch({ qualityTier: tier + 2 });
    assertEquals(session.settings.qualityTier, tier + 2);
    await session.close();
    await server.close();
  }
});

test("requests that wait for an answer fail with the connection", async () => {
  const dialer = scripted(() => silent);
  const session = await dialClient("nnrp://memory", { carriers: [dialer], reconnect: QUICK });
  const checks = [
    () => session.ping(),
    () => session.patch({ qualityTier: 1 }),
    () => session.putCache({ kind: 1, key: 1n, data: new Uint8Array(4) }),
  ].map((call) => assertRejects(call, NnrpConnectionClosedError));
  lose(session);
  await Promise.all(checks);
  await session.close();
});

test("after a fresh start a frame may have the id of one that was cancelled before", async () => {
  const gate = new Gate();
  const { server, dial } = await place(async (frame) => {
    if (frame.text() === "slow") await gate.opened;
    return { typedPayloads: frame.typedPayloads };
  }, { migration: { resumeWindowMs: 0 } });
  const session = await dial();
  const cancelled = assertRejects(() => session.submit({ ...say("slow"), frameId: 7 }), NnrpCancelledError);
  await until(() => server.stats.running === 1, "the frame to run");
  session.cancelFrame(7);
  lose(session);
  await cancelled;
  await until(() => session.stats.reconnects === 1, "the new session");
  assertEquals((await session.submit({ ...say("new"), frameId: 7 }, { timeoutMs: 10_000 })).text(), "new");
  gate.open();
  await session.close();
  await server.close();
});

test("each try has the whole time of a dial, however long the first dial took", async () => {
  const { server, dial, dialer } = await place(echo);
  const session = await dial(QUICK, { timeoutMs: 5000 });
  assertEquals(session.origin!.timeoutMs, 5000);
  await session.close();
  const patient = await dialClient("nnrp://memory", { carriers: [dialer], timeoutMs: Infinity });
  assertEquals(patient.origin!.timeoutMs, Infinity);
  await patient.close();
  await server.close();
});

import {
  decodeClientHelloMetadata,
  decodeControlExtensions,
  ErrorCode,
  memoryNetwork,
  MessageType,
  NnrpProtocolError,
  NnrpTimeoutError,
  NnrpTransportError,
  NnrpUnsupportedError,
  NnrpValueError,
  TransportPolicy,
} from "@nnrp/core";
import { serve } from "@nnrp/server";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { connectClientControl, connectClientSession, connectClientSessionWithProbe } from "./connect.ts";
import { connectClientControlWithProbe } from "./connect.ts";
import { ClientControlSession } from "./control_session.ts";
import {
  failing,
  type FakeDialer,
  fakeDialer,
  type FakePeer,
  Later,
  QUIC,
  refusing,
  settle,
  silent,
  TCP,
} from "../tests/fake_carriers.ts";
import { answeringProbes } from "../tests/probe_scripts.ts";
import { dialClient, type DialOptions } from "./dial.ts";
import type { ClientSession } from "./session.ts";
import { ManualHost } from "../../../tests/support/manual_host.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import { turn } from "../../../tests/support/turns.ts";

const { PREFER_QUIC, PREFER_TCP, FORCE_QUIC, FORCE_TCP } = TransportPolicy;
const AT = "nnrp://127.0.0.1:9";

/** Extension types of the hello that a server got, and what it says about transports. */
function told(peer: FakePeer): { types: number[]; policy: number | undefined } {
  const hello = peer.packets.find((p) => p.header.msgType === MessageType.CLIENT_HELLO)!;
  const view = new DataView(hello.metadata.buffer, hello.metadata.byteOffset, hello.metadata.byteLength);
  const { controlExtensionBytes } = decodeClientHelloMetadata(view, 0, hello.metadata.length);
  const entries = decodeControlExtensions(hello.body.subarray(0, controlExtensionBytes));
  return {
    types: entries.map((e) => e.extType),
    policy: entries.find((e) => e.extType === 0x0101)?.payload[0],
  };
}

/** What was tried, in short: `"quic- tcp+"`. */
const tried = (session: ClientSession) =>
  session.dialRecord!.attempts.map((a) => `${a.carrier}${a.chosen ? "+" : "-"}`).join(" ");
const dial = (carriers: readonly FakeDialer[], options: DialOptions = {}) =>
  dialClient(AT, { carriers, ...options });
const end = (session: ClientSession) => session.close({ drainMs: 0 });

test("AUTO: QUIC first whatever the order given, nothing about it in the hello", async () => {
  const [tcp, quic] = [fakeDialer("tcp"), fakeDialer("quic", { transport: QUIC })];
  const session = await dial([tcp, quic]);
  assertEquals([session.carrierName, session.transport, tried(session)], ["quic", QUIC, "quic+"]);
  assertEquals([tcp.dialled.length, told(quic.peers[0]).policy], [0, undefined]);
  assertEquals(session.dialRecord!.plan, { transportId: 0, transportPolicy: null });
  assertEquals(session.dialRecord!.probeSelection, null);
  await end(session);
});

test("AUTO: TCP at once when QUIC fails, and after the head start when it hangs", async () => {
  const tcp = fakeDialer("tcp");
  const broken = await dial([failing("quic", QUIC), tcp]);
  assertEquals([broken.carrierName, tried(broken)], ["tcp", "quic- tcp+"]);
  const [failed] = broken.dialRecord!.attempts;
  assert(failed.error instanceof NnrpTransportError && failed.transportId === QUIC && failed.ms >= 0);
  await end(broken);
  const hung = fakeDialer("quic", { transport: QUIC, connect: () => new Later<never>().promise });
  const slow = await dial([hung, tcp]);
  assertEquals([slow.carrierName, tried(slow), hung.signals[0].aborted], ["tcp", "tcp+", true]);
  await end(slow);
});

test("PREFER_X: X first, the other only after a failure; the hello says so on both", async () => {
  for (
    const [id, name, other, policy] of [[QUIC, "quic", "tcp", PREFER_QUIC], [
      TCP,
      "tcp",
      "quic",
      PREFER_TCP,
    ]] as const
  ) {
    const make = () => [fakeDialer("tcp"), fakeDialer("quic", { transport: QUIC })];
    for (
      const how of [{ dialPolicy: { selectedTransportId: id } }, { profile: { transportPolicy: policy } }]
    ) {
      const carriers = make();
      const session = await dial(carriers, how);
      const used = carriers.find((c) => c.name === name)!;
      assertEquals([session.carrierName, tried(session)], [name, `${name}+`]);
      assertEquals([told(used.peers[0]).policy, session.dialRecord!.plan.transportId], [policy, id]);
      await end(session);
    }
    const fallback = fakeDialer(other, { transport: id === QUIC ? TCP : QUIC });
    const session = await dial([failing(name, id), fallback], { dialPolicy: { selectedTransportId: id } });
    assertEquals([session.carrierName, tried(session)], [other, `${name}- ${other}+`]);
    assertEquals(told(fallback.peers[0]).policy, policy);
    await end(session);
  }
});

test("PREFER_X does not give the other a chance while X is still on its way", async () => {
  const dialling = new Later<never>();
  const quic = fakeDialer("quic", { transport: QUIC, connect: () => dialling.promise });
  const tcp = fakeDialer("tcp");
  const runtime = new ManualHost();
  const session = dial([quic, tcp], { dialPolicy: { selectedTransportId: QUIC }, runtime });
  await until(() => quic.dialled.length === 1, "the first dial");
  runtime.pass(9000); // much longer than AUTO's head start
  await turn();
  assertEquals(tcp.dialled.length, 0);
  dialling.reject(new Error("no"));
  await end(await session);
});

test("FORCE_X: X only, and its failure is final", async () => {
  for (const [id, name, policy] of [[QUIC, "quic", FORCE_QUIC], [TCP, "tcp", FORCE_TCP]] as const) {
    const other = fakeDialer("other", { transport: id === QUIC ? TCP : QUIC });
    const good = fakeDialer(name, { transport: id });
    const session = await dial([other, good], { dialPolicy: { forcedTransportId: id } });
    assertEquals([session.carrierName, told(good.peers[0]).policy], [name, policy]);
    await end(session);
    const forced = { dialPolicy: { forcedTransportId: id } };
    await assertRejects(
      () => dial([other, failing(name, id)], forced),
      NnrpTransportError,
      `${name} is broken`,
    );
    await assertRejects(
      () => dial([other, failing(name, id)], { ...forced, probe: true }),
      NnrpTransportError,
    );
    assertEquals(other.dialled.length, 0, "not even probed");
  }
});

test("a runtime without QUIC: dropped in AUTO and PREFER, unsupported in FORCE", async () => {
  const tcp = fakeDialer("tcp");
  for (const options of [{}, { dialPolicy: { selectedTransportId: QUIC } }]) {
    const session = await dial([tcp], options);
    assertEquals(session.carrierName, "tcp");
    await end(session);
  }
  const error = await assertRejects(
    () => dial([tcp], { dialPolicy: { forcedTransportId: QUIC } }),
    NnrpUnsupportedError,
  );
  assert(error.message.includes("QUIC is forced") && error.message.includes("tcp"), error.message);
  await assertRejects(() => dial([tcp], { profile: { transportPolicy: FORCE_QUIC } }), NnrpUnsupportedError);
  assertEquals(tcp.dialled.length, 2);
});

test("policies that contradict themselves are refused before anything is dialled", async () => {
  const tcp = fakeDialer("tcp");
  await assertRejects(
    () => dial([tcp], { dialPolicy: { selectedTransportId: QUIC, forcedTransportId: TCP } }),
    NnrpValueError,
    "conflict",
  );
  assertEquals(tcp.dialled.length, 0);
});

test("a refusal by ERROR is final on the first carrier", async () => {
  for (const code of [ErrorCode.AUTH_FAILED, ErrorCode.SERVER_BUSY]) {
    const quic = fakeDialer("quic", { transport: QUIC, script: refusing(code) });
    const tcp = fakeDialer("tcp");
    await assertRejects(() => dial([quic, tcp]), NnrpProtocolError);
    assertEquals(tcp.dialled.length, 0);
  }
});

test("a server that hangs up on the first carrier is heard on the next", async () => {
  const quic = fakeDialer("quic", { transport: QUIC, script: (_packet, peer) => peer.drop() });
  const session = await dial([quic, fakeDialer("tcp")]);
  assertEquals([session.carrierName, tried(session)], ["tcp", "quic- tcp+"]);
  assert(session.dialRecord!.attempts[0].error !== undefined);
  await end(session);
});

test("a silent server on the first carrier: the hello times out there, and the next is tried in the time left", async () => {
  const quic = fakeDialer("quic", { transport: QUIC, script: silent });
  const tcp = fakeDialer("tcp");
  const session = await dial([quic, tcp], { timeoutMs: 1000 });
  assertEquals([session.carrierName, tried(session)], ["tcp", "quic- tcp+"]);
  assert(session.dialRecord!.attempts[0].error instanceof NnrpTimeoutError);
  await settle();
  assertEquals(quic.peers[0].isClosed, true, "the silent one is let go");
  await end(session);
});

test("silent everywhere: the dial ends in its time, and no connection stays", async () => {
  const all = [
    fakeDialer("quic", { transport: QUIC, script: silent }),
    fakeDialer("tcp", { script: silent }),
  ];
  await assertRejects(() => dial(all, { timeoutMs: 60 }), NnrpTimeoutError);
  await settle();
  assertEquals(all.map((d) => [d.dialled.length, d.peers[0].isClosed]), [[1, true], [1, true]]);
});

test("the whole dial is bounded, connecting and probing too", async () => {
  const hung = (name: string, transport: number) =>
    fakeDialer(name, { transport, connect: () => new Later<never>().promise });
  const carriers = [hung("quic", QUIC), hung("tcp", TCP)];
  await assertRejects(() => dial(carriers, { timeoutMs: 30 }), NnrpTimeoutError, AT);
  await assertRejects(() => dial(carriers, { timeoutMs: 30, probe: true }), NnrpTimeoutError, AT);
  for (const dialer of carriers) assert(dialer.signals.every((signal) => signal.aborted));
});

test("no time limit is no time limit", async () => {
  const tcp = fakeDialer("tcp", { connect: undefined });
  const session = await dial([fakeDialer("quic", { transport: QUIC }), tcp], { timeoutMs: Infinity });
  assertEquals(session.carrierName, "quic");
  await end(session);
});

test("two carriers of one name are two carriers", async () => {
  const [first, second] = [fakeDialer("tcp", { script: silent }), fakeDialer("tcp")];
  const session = await dial([first, second], { timeoutMs: 1000 });
  assertEquals([second.peers.length, tried(session)], [1, "tcp- tcp+"]);
  await end(session);
});

test("with probes the best path wins, is preferred in the hello, and the record tells of the probes", async () => {
  const quic = fakeDialer("quic", { transport: QUIC, script: answeringProbes({ silent: true }) });
  const tcp = fakeDialer("tcp", { script: answeringProbes() });
  const session = await dial([quic, tcp], { probe: { sampleCount: 2, timeoutMs: 20, payloadBytes: 10 } });
  assertEquals([session.carrierName, told(tcp.peers[tcp.peers.length - 1]).policy], ["tcp", PREFER_TCP]);
  const { probeSelection, plan } = session.dialRecord!;
  assertEquals([probeSelection!.selectedTransportId, plan.transportId], [TCP, TCP]);
  assertEquals([probeSelection!.tcpSummary!.successCount, probeSelection!.quicSummary!.failureCount], [2, 2]);
  assertEquals([quic.dialled.length, tcp.dialled.length], [2, 3]);
  await end(session);
});

test("with probes: when the winner cannot be reached after all, the other is", async () => {
  let dials = 0;
  const probed = fakeDialer("tcp", { script: answeringProbes() });
  const quic = fakeDialer("quic", { transport: QUIC, script: answeringProbes({ silent: true }) });
  const fickle: FakeDialer = {
    ...probed,
    dial: (target, options) =>
      ++dials > 1 ? Promise.reject(new NnrpTransportError("tcp", "gone")) : probed.dial(target, options),
  };
  const session = await dial([quic, fickle], { probe: { sampleCount: 1, timeoutMs: 20 } });
  assertEquals([session.carrierName, tried(session)], ["quic", "tcp- quic+"]);
  await end(session);
});

test("no probes where there is nothing to choose: one carrier, or a transport that was asked for", async () => {
  const alone = fakeDialer("tcp");
  const preferring = [fakeDialer("tcp"), fakeDialer("quic", { transport: QUIC })];
  const one = await dial([alone], { probe: true });
  const other = await dial(preferring, { probe: true, dialPolicy: { selectedTransportId: TCP } });
  assertEquals([one.dialRecord!.probeSelection, other.dialRecord!.probeSelection], [null, null]);
  assertEquals([alone.peers[0].heard[0], preferring[0].peers[0].heard[0]], ["CLIENT_HELLO", "CLIENT_HELLO"]);
  assertEquals([other.carrierName, preferring[1].dialled.length], ["tcp", 0]);
  await end(one);
  await end(other);
});

test("no path answers its probes: the dial says so", async () => {
  const carriers = [failing("quic", QUIC), failing("tcp")];
  const error = await assertRejects(() => dial(carriers, { probe: true }), Error, "probing failed");
  assertEquals((error as { code?: string }).code, "PROBE");
});

test("every carrier is dialled at its own port, with the path and the wish for encryption of the address", async () => {
  const [quic, ws] = [fakeDialer("quic", { transport: QUIC }), fakeDialer("websocket")];
  const a = await dialClient("nnrps://127.0.0.1:5", { carriers: [quic], ports: { quic: 7 } });
  const b = await dialClient("wss://127.0.0.1:5/x", { carriers: [ws], ports: { tcp: 8 } });
  assertEquals(quic.dialled, [{ host: "127.0.0.1", port: 7, path: undefined, encrypted: true }]);
  assertEquals(ws.dialled, [{ host: "127.0.0.1", port: 8, path: "/x", encrypted: true }]);
  await end(a);
  await end(b);
});

test("a token is asked for unless the caller does not want one or anybody could read it", async () => {
  const tokens = async (target: string, encrypted: boolean, options: DialOptions) => {
    const tcp = fakeDialer("tcp", { encrypted });
    const session = await dialClient(target, { carriers: [tcp], ...options });
    await end(session);
    return told(tcp.peers[0]).types.includes(0xf002);
  };
  const far = "nnrp://192.0.2.1";
  assertEquals(await tokens(AT, false, {}), true);
  assertEquals(await tokens(AT, false, { migrationToken: false }), false);
  assertEquals(await tokens(far, true, {}), true);
  assertEquals(await tokens(far, false, {}), false);
  assertEquals(await tokens(far, false, { allowPlaintextAuth: true }), true);
  assertEquals(await tokens(far, false, { allowPlaintextAuth: true, migrationToken: false }), false);
});

test("a session that lost an encrypted path shows its token to nobody in plain text, and asks for none there", async () => {
  let blocked = false;
  const quic = fakeDialer("quic", { transport: QUIC });
  const fickle: FakeDialer = {
    ...quic,
    dial: (target, options) =>
      blocked ? Promise.reject(new NnrpTransportError("quic", "blocked")) : quic.dial(target, options),
  };
  const plain = fakeDialer("tcp", { encrypted: false });
  const session = await dialClient("nnrp://192.0.2.1", {
    carriers: [fickle, plain],
    reconnect: { minDelayMs: 1 },
  });
  assertEquals([session.carrierName, told(quic.peers[0]).types.includes(0xf002)], ["quic", true]);
  blocked = true;
  void session.raw.carrier.close({ graceful: false });
  await until(() => session.stats.reconnects === 1, "the session");
  assertEquals([plain.peers.length, plain.peers[0].heard[0]], [1, "CLIENT_HELLO"]);
  assertEquals(told(plain.peers[0]).types.includes(0xf002), false);
  await end(session);
});

test("the connect calls: on a carrier that is open, by host and ports, by address, with probes", async () => {
  const net = memoryNetwork();
  const server = await serve({ listen: [net] }, () => ({}));
  const open = await connectClientSession(await net.dial({ host: "memory", port: 1 }), {
    requestedSessionId: 5,
  });
  assertEquals([open.sessionId, open.dialRecord, open.origin], [5, null, null]);
  await end(open);
  await server.close();

  const make = () => [fakeDialer("quic", { transport: QUIC }), fakeDialer("tcp")];
  let carriers = make();
  const byPorts = await connectClientSession("127.0.0.1", {
    carriers,
    ports: { quic: 7, tcp: 8 },
    forcedTransportId: TCP,
  });
  assertEquals([byPorts.carrierName, carriers[1].dialled[0].port, told(carriers[1].peers[0]).policy], [
    "tcp",
    8,
    FORCE_TCP,
  ]);
  await end(byPorts);
  carriers = make();
  const byPort = await connectClientSession("::1", { carriers, port: 6, selectedTransportId: QUIC });
  assertEquals([byPort.carrierName, carriers[0].dialled[0].host, carriers[0].dialled[0].port], [
    "quic",
    "::1",
    6,
  ]);
  await end(byPort);
  await assertRejects(
    () => connectClientSession("h", { carriers, port: 6, selectedTransportId: QUIC, forcedTransportId: TCP }),
    NnrpValueError,
  );

  const probed = () => [
    fakeDialer("quic", { transport: QUIC, script: answeringProbes({ silent: true }) }),
    fakeDialer("tcp", { script: answeringProbes() }),
  ];
  const probe = { sampleCount: 1, timeoutMs: 20 };
  for (const call of [connectClientSessionWithProbe, connectClientControlWithProbe]) {
    const session = await call("127.0.0.1", { carriers: probed(), port: 6, probe });
    const inner = session instanceof ClientControlSession ? session.session : session;
    assertEquals([inner.transport, inner.dialRecord!.probeSelection!.selectedTransportId], [TCP, TCP]);
    await session.close({ drainMs: 0 });
  }
});

test("a carrier that is open gets the time limit of a dial, and is let go when nobody answers", async () => {
  const tcp = fakeDialer("tcp", { script: silent });
  const carrier = await tcp.dial({ host: "h", port: 1 });
  await assertRejects(() => connectClientSession(carrier, { timeoutMs: 10 }), NnrpTimeoutError, "handshake");
  await settle();
  assertEquals(tcp.peers[0].isClosed, true);
});

test("a control session shows the control path of its session", async () => {
  const net = memoryNetwork();
  const server = await serve({ listen: [net] }, () => ({}));
  const control = await connectClientControl("memory", { carriers: [net], port: 1 });
  const { session } = control;
  assertEquals([control.sessionId, control.transportId, control.connection], [
    session.sessionId,
    TCP,
    session.raw.carrier,
  ]);
  assertEquals(control.ackMetadata, session.helloAck);
  const flow = control.receiveFlowUpdate({ timeoutMs: 20_000 });
  control.sendFlowUpdate({ credit: 3 });
  server.sessions[0].sendFlowUpdate({ credit: 9 });
  assertEquals((await flow).metadata.sessionCredit, 9);
  const before = control.connection;
  assertEquals((await control.migrate()).accepted, true);
  assert(control.connection !== before && control.connection === session.raw.carrier);
  await control[Symbol.asyncDispose]();
  assertEquals((await session.closed).kind, "close");
  await server.close();
});

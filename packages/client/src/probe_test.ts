import {
  type Carrier,
  ErrorCode,
  memoryNetwork,
  MessageType,
  NnrpConnectionClosedError,
  type NnrpError,
  NnrpProtocolError,
  NnrpTimeoutError,
  NnrpUnexpectedMessageError,
  NnrpUnsupportedError,
  NnrpValueError,
} from "@nnrp/core";
import { systemHost } from "@nnrp/runtime";
import { serve } from "@nnrp/server";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { bare } from "@nnrp/testing/packets";
import {
  failing,
  type FakeDialer,
  fakeDialer,
  Later,
  QUIC,
  refusing,
  type Script,
  settle,
  TCP,
} from "../tests/fake_carriers.ts";
import { answeringProbes, probeAck, probeOf } from "../tests/probe_scripts.ts";
import { resolveTarget } from "./dial_target.ts";
import { probeCarrier, probeClientTransport, probeOnce, type ProbeOptions } from "./probe.ts";
import { NnrpProbeError } from "./probe_selection.ts";

const AT = "nnrp://127.0.0.1:9";
const probe = (carriers: readonly FakeDialer[], options: ProbeOptions = {}) =>
  probeClientTransport(AT, { payloadBytes: 8, ...options, carriers });

async function once(script: Script, timeoutMs = 20_000) {
  const tcp = fakeDialer("tcp", { script });
  const target = await resolveTarget(AT, { carriers: [tcp] });
  return { tcp, result: probeOnce(tcp, target, 7, { payloadBytes: 8, timeoutMs, runtime: systemHost() }) };
}

test("a probe is the first packet of a fresh connection: session 0, a body of P, the sizes and times it says", async () => {
  const tcp = fakeDialer("tcp", { script: answeringProbes() });
  const { tcpSummary, quicSummary, selectedTransportId } = await probe([tcp], { payloadBytes: 100 });
  assertEquals([tcp.dialled.length, quicSummary, selectedTransportId], [3, null, TCP]);
  const ids = new Set<number>();
  for (const [i, peer] of tcp.peers.entries()) {
    assertEquals(peer.heard, ["TRANSPORT_PROBE"]);
    const [packet] = peer.packets;
    const { probeId, probePayloadBytes, clientSendTsUs } = probeOf(packet);
    const result = tcpSummary!.results[i];
    assertEquals([packet.header.sessionId, probePayloadBytes, packet.body.length], [0, 100, 100]);
    assert(packet.body.every((byte) => byte === 0x50));
    assertEquals([result.probeId, result.clientSendTsUs, result.serverRecvTsUs], [
      probeId,
      clientSendTsUs,
      77n,
    ]);
    assertEquals([result.probePayloadBytes, result.transportId], [100, TCP]);
    assert(result.ackRecvTsUs >= clientSendTsUs && result.roundTripUs >= 1);
    ids.add(probeId);
  }
  assertEquals(ids.size, 3, "every probe has a number of its own");
  await settle();
  assert(tcp.peers.every((peer) => peer.isClosed), "every connection is closed");
});

test("probes of one millisecond have different numbers", async () => {
  const tcp = fakeDialer("tcp", { script: answeringProbes() });
  const { tcpSummary } = await probe([tcp], { sampleCount: 50 });
  assertEquals(new Set(tcpSummary!.results.map((r) => r.probeId)).size, 50);
});

test("a warm-up goes ahead and counts for nothing, answered or not", async () => {
  for (const broken of [false, true]) {
    let seen = 0;
    const script: Script = (packet, peer) =>
      broken && ++seen === 1 ? peer.drop() : answeringProbes()(packet, peer);
    const tcp = fakeDialer("tcp", { script });
    const { tcpSummary } = await probe([tcp], { sampleCount: 2, warmup: true });
    assertEquals([tcp.dialled.length, tcpSummary!.successCount, tcpSummary!.failureCount], [3, 2, 0]);
  }
});

test("both transports at once, each one probe after the other", async () => {
  let running = 0;
  let most = 0;
  const make = (name: string, transport: number) =>
    fakeDialer(name, {
      transport,
      script: answeringProbes({
        delayMs: () => {
          most = Math.max(most, ++running);
          setTimeout(() => running--, 5);
          return 5;
        },
      }),
    });
  const [quic, tcp] = [make("quic", QUIC), make("tcp", TCP)];
  const selection = await probe([tcp, quic], { sampleCount: 2 });
  assertEquals([quic.dialled.length, tcp.dialled.length], [2, 2]);
  assertEquals([selection.quicSummary!.successCount, selection.tcpSummary!.successCount], [2, 2]);
  assert(most <= 2, `${most} probes at once`);
});

test("only the transport that was asked for, and of several carriers of a transport the first", async () => {
  const quic = fakeDialer("quic", { transport: QUIC, script: answeringProbes() });
  const [tcp, ws] = [fakeDialer("tcp", { script: answeringProbes() }), fakeDialer("websocket")];
  const selection = await probe([quic, tcp, ws], { transportId: TCP, sampleCount: 1 });
  assertEquals([selection.selectedTransportId, selection.quicSummary], [TCP, null]);
  assertEquals([quic.dialled.length, tcp.dialled.length, ws.dialled.length], [0, 1, 0]);
  await assertRejects(() => probe([tcp], { transportId: QUIC }), NnrpProbeError);
});

test("ports by transport are used", async () => {
  const quic = fakeDialer("quic", { transport: QUIC, script: answeringProbes() });
  const tcp = fakeDialer("tcp", { script: answeringProbes() });
  await probeClientTransport("127.0.0.1", {
    carriers: [quic, tcp],
    ports: { quic: 5, tcp: 6 },
    sampleCount: 1,
  });
  assertEquals([quic.dialled[0].port, tcp.dialled[0].port], [5, 6]);
});

test("an answer to another probe is a failure", async () => {
  for (const wrongBy of [1, -1, 1000]) {
    const { result, tcp } = await once(answeringProbes({ wrongBy }));
    await assertRejects(() => result, NnrpUnexpectedMessageError, "the ack of probe");
    await settle();
    assertEquals(tcp.peers[0].isClosed, true);
  }
});

test("anything but an answer is a failure: ERROR, other messages, nonsense, the end, a reset", async () => {
  const cases: [Script, new (...args: never[]) => NnrpError, string][] = [
    [refusing(ErrorCode.INVALID_STATE), NnrpProtocolError, "INVALID_STATE"],
    [(_p, peer) => peer.send(bare(MessageType.PONG)), NnrpUnexpectedMessageError, "PONG"],
    [(_p, peer) => peer.send(bare(MessageType.CLOSE)), NnrpUnexpectedMessageError, "CLOSE"],
    [(_p, peer) => peer.carrier.endSending(), NnrpConnectionClosedError, "closed before"],
    [(_p, peer) => peer.drop(), NnrpConnectionClosedError, ""],
  ];
  for (const [script, type, words] of cases) {
    const { result, tcp } = await once(script);
    await assertRejects(() => result, type as new () => NnrpError, words);
    await settle();
    assertEquals(tcp.peers[0].isClosed, true, words);
  }
});

test("a PING ahead of the answer is no failure", async () => {
  const { result } = await once((packet, peer) => {
    peer.send(bare(MessageType.PING));
    answeringProbes()(packet, peer);
  });
  assertEquals((await result).serverRecvTsUs, 77n);
});

test("a second answer changes nothing", async () => {
  const { result } = await once((packet, peer) => {
    const ack = probeAck(probeOf(packet).probeId);
    peer.send(ack);
    peer.send(probeAck(1));
    peer.send(ack);
  });
  assertEquals((await result).transportId, TCP);
});

test("connecting and answering each have a time limit; without one there is none", async () => {
  const silent = await once(() => {}, 5);
  await assertRejects(() => silent.result, NnrpTimeoutError, "TRANSPORT_PROBE_ACK");
  const connecting = new Later<Carrier>();
  const hung = fakeDialer("tcp", { connect: () => connecting.promise });
  const target = await resolveTarget(AT, { carriers: [hung] });
  const how = { payloadBytes: 8, timeoutMs: 5, runtime: systemHost() };
  await assertRejects(() => probeOnce(hung, target, 7, how), NnrpTimeoutError, "the connection");
  const endless = await once(answeringProbes(), Infinity);
  assertEquals((await endless.result).transportId, TCP);
});

test("failures are counted, the successes beside them count", async () => {
  let n = 0;
  const script: Script = (packet, peer) =>
    n++ % 2 === 0 ? answeringProbes()(packet, peer) : answeringProbes({ wrongBy: 1 })(packet, peer);
  const tcp = fakeDialer("tcp", { script });
  const { tcpSummary } = await probe([tcp], { sampleCount: 5 });
  assertEquals([tcpSummary!.successCount, tcpSummary!.failureCount], [3, 2]);
});

test("the transport with more answers wins; with none on either side the probing has failed", async () => {
  let n = 0;
  const flaky: Script = (packet, peer) => n++ === 0 ? peer.drop() : answeringProbes()(packet, peer);
  const quic = fakeDialer("quic", { transport: QUIC, script: flaky });
  const tcp = fakeDialer("tcp", { script: answeringProbes() });
  const selection = await probe([quic, tcp]);
  assertEquals([selection.selectedTransportId, selection.quicSummary!.failureCount], [TCP, 1]);
  assertEquals(selection.selectedSummary.successCount, 3);
  for (const nobody of [[failing("quic", QUIC), failing("tcp")], [failing("tcp")]]) {
    await assertRejects(() => probe(nobody), NnrpProbeError, "probing failed");
    assertEquals(nobody.map((d) => d.dialled.length), nobody.map(() => 3));
  }
});

test("bad options are refused before anything is dialled", async () => {
  const tcp = fakeDialer("tcp");
  for (const bad of [0, -1, 1.5, NaN, Infinity]) {
    await assertRejects(() => probe([tcp], { sampleCount: bad }), NnrpValueError, "sampleCount");
    await assertRejects(() => probe([tcp], { payloadBytes: bad }), NnrpValueError, "payloadBytes");
  }
  await assertRejects(() => probe([]), NnrpUnsupportedError);
  await assertRejects(() => probeClientTransport("nonsense", { carriers: [tcp] }), NnrpValueError);
  assertEquals(tcp.dialled.length, 0);
});

test("a signal ends the probing with its reason, while connecting and while waiting", async () => {
  const connecting = fakeDialer("tcp", { connect: () => new Later<Carrier>().promise });
  const waiting = fakeDialer("tcp", { script: () => {} });
  for (const dialer of [connecting, waiting]) {
    const stop = new AbortController();
    const probing = probe([dialer], { signal: stop.signal });
    await settle();
    stop.abort(new Error("enough"));
    await assertRejects(() => probing, Error, "enough");
    assertEquals(dialer.dialled.length, 1, "no further probe begins");
  }
});

test("our server answers probes, as many as are asked for", async () => {
  const net = memoryNetwork();
  const server = await serve({ listen: [net] }, () => ({}));
  const target = await resolveTarget("nnrp://memory", { carriers: [net] });
  const how = { sampleCount: 4, payloadBytes: 32_768, warmup: true, runtime: systemHost() };
  const summary = await probeCarrier(net, target, how);
  assertEquals([summary.successCount, summary.failureCount, summary.transportId], [4, 0, TCP]);
  await settle();
  assertEquals(server.stats.probes, 5);
  await server.close();
});

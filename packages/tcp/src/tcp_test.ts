import {
  type Carrier,
  type CarrierListener,
  encodePacket,
  ErrorCode,
  makePacket,
  MessageType,
  NnrpProtocolError,
  NnrpTransportError,
  NnrpValueError,
} from "@nnrp/core";
import { dialClient, TypedPayload } from "@nnrp/client";
import { serve } from "@nnrp/server";
import { assert, assertEquals, assertInstanceOf, assertLess, assertRejects, assertThrows } from "@std/assert";
import { test } from "node:test";
import { helloPacket, RawPeer, RawServer, until } from "../../../tests/support/raw_peer.ts";
import { patterned } from "@nnrp/testing/packets";
import { tcp } from "../mod.ts";
import { connected, Heard } from "@nnrp/testing/carrier-suite";
import { turn, turns, untilSteady } from "../../../tests/support/turns.ts";
import { ManualHost } from "../../../tests/support/manual_host.ts";

const MIB = 1024 * 1024;

/** Two connected carriers. */
const pair = (keepBodies = false) =>
  connected({ binding: () => tcp({ port: 0 }), dialer: () => tcp() }, keepBodies);

/** A carrier of ours that a raw peer has connected to. */
async function facingRaw(): Promise<{ ours: Heard; peer: RawPeer; listener: CarrierListener }> {
  let arrived: (carrier: Carrier) => void;
  const accepted = new Promise<Carrier>((done) => arrived = done);
  const listener = await tcp({ port: 0 }).listen((carrier) => arrived(carrier));
  const peer = await RawPeer.connect(listener.port);
  return { ours: new Heard(await accepted), peer, listener };
}

test("packets of all sizes arrive whole and in order, both ways at once", async () => {
  const { client, server, listener } = await pair(true);
  const sizes = [0, 1, 40, 4000, 4096, 32_767, 32_768, 65_536, 100_000, 262_144, 300_000, 3 * MIB];
  const sent = Array.from({ length: 120 }, (_, i) => patterned(i < 24 ? sizes[i % sizes.length] : i * 7, i));
  sent.forEach((body, i) => {
    client.send(i, body);
    server.send(i, body);
  });
  await until(
    () => client.frames.length === sent.length && server.frames.length === sent.length,
    "all packets",
  );
  for (const side of [client, server]) {
    assertEquals(side.frames, sent.map((_, i) => i));
    sent.forEach((body, i) => assertEquals(side.bodies[i], body));
  }
  assertEquals([client.carrier.receivedBytes, client.carrier.bufferedBytes], [server.carrier.sentBytes, 0]);
  await Promise.all([client.carrier.close(), server.carrier.close(), listener.close()]);
});

test("§2: packets cut into single bytes, and two and a half in one write", async () => {
  const { ours, peer, listener } = await facingRaw();
  const packet = (frameId: number) =>
    encodePacket(makePacket({ msgType: MessageType.CLOSE, frameId, body: patterned(9, frameId) }));
  for (const byte of packet(1)) {
    peer.send(new Uint8Array([byte]));
    await peer.drained();
  }
  const three = new Uint8Array([...packet(2), ...packet(3), ...packet(4)]);
  const border = Math.floor(three.length / 6 * 5);
  peer.send(three.subarray(0, border));
  await until(() => ours.frames.length === 3, "two and a half packets");
  peer.send(three.subarray(border));
  await until(() => ours.frames.length === 4, "the other half");
  assertEquals(ours.frames, [1, 2, 3, 4]);
  await Promise.all([ours.carrier.close(), listener.close()]);
});

test("§2: after the peer finished sending, this side still may, and then closes", async () => {
  const { ours, peer, listener } = await facingRaw();
  peer.send(encodePacket(makePacket({ msgType: MessageType.PING, frameId: 1 })));
  peer.end();
  await until(() => ours.events.includes("end"), "the peer's end");
  assertEquals([ours.frames, ours.events], [[1], ["end"]]);
  ours.send(7, patterned(100_000, 7));
  assertEquals((await peer.next()).body, patterned(100_000, 7));
  ours.send(8);
  const closing = ours.carrier.close();
  assertEquals((await peer.next()).header.frameId, 8);
  await peer.ended;
  await closing;
  assertEquals(ours.events, ["end", "closed"]);
  await listener.close();
});

test("pausing keeps the peer's packets back, resuming delivers them all, also when the peer has finished meanwhile", async () => {
  const { ours, peer, listener } = await facingRaw();
  peer.send(encodePacket(makePacket({ msgType: MessageType.PING, frameId: 1 })));
  await until(() => ours.frames.length === 1, "the first packet");
  ours.carrier.pause();
  // The read that was under way may still bring something; after it nothing comes.
  peer.send(encodePacket(makePacket({ msgType: MessageType.PING, frameId: 2 })));
  const before = await untilSteady(() => ours.frames.length);
  for (let id = 3; id <= 50; id++) {
    peer.send(encodePacket(makePacket({ msgType: MessageType.PING, frameId: id })));
  }
  peer.end();
  await untilSteady(() => ours.frames.length);
  assertEquals([ours.frames.length, ours.events], [before, []]);
  ours.carrier.resume();
  await until(() => ours.events.length > 0, "the end");
  assertEquals([ours.frames.length, ours.events], [50, ["end"]]);
  ours.send(99);
  assertEquals((await peer.next()).header.frameId, 99);
  await Promise.all([ours.carrier.close(), listener.close()]);
});

test("a carrier that is paused while it hears the peer's end can still answer once it is resumed", async () => {
  const { ours, peer, listener } = await facingRaw();
  await turns(10); // it reads
  ours.carrier.pause();
  peer.end();
  await turns(30); // the end has come
  ours.carrier.resume();
  await until(() => ours.events.includes("end"), "the end");
  ours.send(5);
  assertEquals((await peer.next()).header.frameId, 5);
  assertEquals(ours.events, ["end"], "resuming is no reason to close");
  await Promise.all([ours.carrier.close(), listener.close()]);
});

test("a peer that does not read fills the buffers; what waits is counted, and goes once it reads", async () => {
  const { ours, peer, listener } = await facingRaw();
  peer.pause();
  const body = patterned(MIB, 3);
  for (let id = 0; id < 40; id++) ours.send(id, body);
  let drained = false;
  void ours.carrier.drained().then(() => drained = true);
  await untilSteady(() => ours.carrier.bufferedBytes);
  assert(ours.carrier.bufferedBytes > 0 && !drained);
  assertEquals(ours.carrier.released() !== null, true, "large bodies are sent from where they lie");
  peer.resume();
  for (let id = 0; id < 40; id++) assertEquals((await peer.next()).header.frameId, id);
  await until(() => drained, "drained()");
  assertEquals([ours.carrier.bufferedBytes, ours.carrier.released()], [0, null]);
  await Promise.all([ours.carrier.close(), listener.close()]);
});

test("closing a carrier delivers everything written before it, small and large", async () => {
  for (const size of [10, 100_000, 8 * MIB]) {
    const { client, server, listener } = await pair(true);
    const body = patterned(size, 1);
    for (let id = 0; id < 3; id++) client.send(id, body);
    const closing = client.carrier.close({ reason: "done" });
    await until(() => server.events.includes("end"), "the end");
    await Promise.all([closing, server.carrier.close()]);
    assertEquals(server.frames, [0, 1, 2]);
    for (const got of server.bodies) assertEquals(got, body);
    assertEquals([client.info?.local, client.info?.reason], [true, "done"]);
    await listener.close();
  }
});

test("a peer that vanishes with bytes under way is a loss, not a crash, and the listener goes on", async () => {
  const carriers: Heard[] = [];
  const listener = await tcp({ port: 0 }).listen((carrier) => carriers.push(new Heard(carrier)));
  for (let round = 0; round < 10; round++) {
    const peer = await RawPeer.connect(listener.port);
    await until(() => carriers.length === round + 1, "the connection");
    const ours = carriers[round];
    peer.pause();
    for (let i = 0; i < 20; i++) ours.send(i, patterned(MIB, i));
    peer.send(patterned(20, 1)); // unread bytes make many systems reset
    peer.destroy();
    await until(() => ours.events.includes("closed"), "closed");
    await ours.carrier.drained();
    assertEquals(ours.carrier.bufferedBytes, 0);
  }
  const peer = await RawPeer.connect(listener.port);
  await until(() => carriers.length === 11, "another connection");
  peer.destroy();
  await listener.close();
});

test("§2: a connection that ends inside a packet is lost, and says where it was cut", async () => {
  const { ours, peer, listener } = await facingRaw();
  peer.send(encodePacket(makePacket({ msgType: MessageType.CLOSE, body: patterned(50, 1) })).subarray(0, 60));
  peer.end();
  await until(() => ours.events.includes("closed"), "closed");
  assertEquals([ours.frames, ours.events], [[], ["closed"]]);
  assertEquals([ours.info?.local, ours.info?.error?.code], [false, "CLOSED"]);
  assert(ours.info!.reason.includes("ended inside a packet"), ours.info!.reason);
  peer.destroy();
  await listener.close();
});

test("nobody listening: the error says so, and what to check", async () => {
  const server = await RawServer.listen();
  const { port } = server;
  server.close();
  const error = await assertRejects(
    () => tcp().dial({ host: "127.0.0.1", port }),
    NnrpTransportError,
    "nobody listens there",
  );
  assertEquals(error.transport, "tcp");
  assert(error.message.includes(`127.0.0.1:${port}`) && error.cause !== undefined);
});

test("a busy port: the error says so, and what to do", async () => {
  const first = await tcp({ port: 0 }).listen(() => {});
  const error = await assertRejects(
    () => tcp({ port: first.port }).listen(() => {}),
    NnrpTransportError,
    "taken by another program",
  );
  assert(error.message.includes(`127.0.0.1:${first.port}`));
  await first.close();
  const again = await tcp({ port: first.port }).listen(() => {});
  await again.close();
});

test("a name that does not exist, and an address that is not ours", async () => {
  await assertRejects(
    () => tcp().dial({ host: "no-such-host.invalid", port: 1 }),
    NnrpTransportError,
    "no-such-host.invalid",
  );
  await assertRejects(
    () => tcp({ host: "192.0.2.1", port: 0 }).listen(() => {}),
    NnrpTransportError,
    "192.0.2.1",
  );
});

test("ports are checked when the carrier is made", () => {
  for (const port of [-1, 65536, 1.5, NaN, "80" as never]) {
    assertThrows(() => tcp({ port }), NnrpValueError, "port");
  }
});

test("a dial can be given up before and while it runs", async () => {
  const gone = AbortSignal.abort(new Error("not now"));
  await assertRejects(() => tcp().dial({ host: "127.0.0.1", port: 1 }, { signal: gone }), Error, "not now");
  const abort = new AbortController();
  // An address of a documentation network: nobody answers, or the system refuses at once.
  const dial = tcp().dial({ host: "192.0.2.1", port: 9 }, { signal: abort.signal });
  dial.catch(() => {});
  await turn();
  abort.abort(new Error("enough"));
  const error = await assertRejects(() => dial, Error);
  assert(error.message === "enough" || error instanceof NnrpTransportError, String(error));
});

test("a listener tells the port it bound, and closing it ends no connection", async () => {
  const { client, server, listener } = await pair();
  assert(listener.port > 0 && listener.host === "127.0.0.1");
  await listener.close();
  await listener.close();
  client.send(1);
  await until(() => server.frames.length === 1, "a packet after the listener was closed");
  await assertRejects(() => tcp().dial({ host: "127.0.0.1", port: listener.port }), NnrpTransportError);
  assertEquals([client.carrier.remote, client.carrier.name, client.carrier.encrypted], [
    `127.0.0.1:${listener.port}`,
    "tcp",
    false,
  ]);
  assert(/^127\.0\.0\.1:\d+$/.test(server.carrier.remote));
  await Promise.all([client.carrier.close(), server.carrier.close()]);
});

// Sessions over TCP

const echo = (frame: { typedPayloads: readonly TypedPayload[] }) => ({ typedPayloads: frame.typedPayloads });

test("a frame goes to a server and its echo comes back, from 0 bytes to 32 MiB less its descriptors", async () => {
  const server = await serve({ port: 0 }, echo);
  const session = await dialClient(`nnrp://127.0.0.1:${server.port}`);
  for (const size of [0, 1, 65_535, 5 * MIB, 32 * MIB - 48]) {
    const payload = patterned(size, size);
    const result = await session.submit({ typedPayloads: [TypedPayload.opaqueBytes(payload)] });
    const [back] = result.opaqueBytesPayloads;
    assertEquals(back.length, size);
    assert(back.every((byte, i) => byte === payload[i]), `${size} bytes come back as they were`);
  }
  await session.close();
  await server.close();
});

test("a server with an idle client keeps it, pings it, and loses it only after the idle time", async () => {
  const server = await serve({ port: 0, keepAliveMs: 20, idleTimeoutMs: 1500 }, echo);
  const quiet = await dialClient(`nnrp://127.0.0.1:${server.port}`, { keepAliveMs: 0 });
  const silent = await RawPeer.shakeHands(server.port);
  await silent.next("PING");
  await silent.next("PING");
  const end = await silent.rest();
  assert(end.every((name) => name === "PING" || name === "ERROR"), end.join());
  await until(() => server.stats.sessions === 1, "the silent one to be gone");
  assertEquals(quiet.state, "active", "a client that answers pings stays");
  await quiet.close();
  await server.close();
  silent.destroy();
});

test("§4: the last ERROR arrives, also while the client is writing", async () => {
  const server = await serve({
    port: 0,
    authValidator: async () => {
      await turn();
      return false;
    },
  }, echo);
  const flood = encodePacket(
    makePacket({
      msgType: MessageType.FRAME_SUBMIT,
      metadata: new Uint8Array(72),
      body: patterned(60_000, 1),
    }),
  );
  const codes: number[] = [];
  await Promise.all(Array.from({ length: 40 }, async () => {
    const peer = await RawPeer.connect(server.port);
    peer.send(helloPacket({ auth: "wrong" }));
    for (let i = 0; i < 20; i++) peer.send(flood);
    const packet = await peer.next("ERROR");
    codes.push(new DataView(packet.metadata.buffer, packet.metadata.byteOffset).getUint32(0, true));
    await peer.ended;
    peer.destroy();
  }));
  assertEquals(codes, new Array(40).fill(ErrorCode.AUTH_FAILED));
  const error = await assertRejects(
    () => dialClient(`nnrp://127.0.0.1:${server.port}`, { auth: "wrong" }),
    NnrpProtocolError,
  );
  assertEquals(error.codeName, "AUTH_FAILED");
  await server.close();
});

test("§9: a body over the limit is refused from its head and read past: the session goes on", async () => {
  const server = await serve({ port: 0, profile: { maxBodyBytes: 1000 } }, echo);
  const peer = await RawPeer.shakeHands(server.port);
  const header = encodePacket(makePacket({ msgType: MessageType.FRAME_SUBMIT, sessionId: 1 }));
  new DataView(header.buffer).setUint32(16, 1001, true);
  peer.send(header);
  const error = await peer.next("ERROR");
  assertEquals(
    new DataView(error.metadata.buffer, error.metadata.byteOffset).getUint32(0, true),
    ErrorCode.LIMIT_EXCEEDED,
  );
  peer.send(new Uint8Array(1001).fill(0x4e));
  peer.send(encodePacket(makePacket({ msgType: MessageType.PING, traceId: 9n })));
  assertEquals((await peer.next("PONG")).header.traceId, 9n);
  peer.destroy();
  await server.close();
});

test("results written before the server closes arrive whole, however late the client reads", async () => {
  const size = 24 * MIB;
  const runtime = new ManualHost();
  const server = await serve(
    { port: 0, runtime },
    () => ({ typedPayloads: [TypedPayload.opaqueBytes(patterned(size, 4))] }),
  );
  const peer = await RawPeer.shakeHands(server.port);
  peer.pause();
  const { submitPacket } = await import("@nnrp/testing/packets");
  peer.send(submitPacket(1, { sessionId: server.sessions[0].sessionId }));
  await until(() => server.sessions[0].stats.results === 1, "the answer");
  const closing = server.close({ drainMs: 15_000 });
  for (let i = 0; i < 9; i++) {
    await turns(5);
    runtime.pass(1000);
  }
  peer.resume();
  const result = await peer.next("RESULT_PUSH");
  assertEquals(result.body.length > size, true);
  await peer.next("CLOSE");
  peer.end();
  await closing;
  assertLess(server.stats.open, 1);
});

test("a server that just goes away fails what is in flight", async () => {
  const raw = await RawServer.listen();
  const dialling = dialClient(`nnrp://127.0.0.1:${raw.port}`);
  const peer = await raw.accept();
  await peer.next("CLIENT_HELLO");
  const { ackFor } = await import("@nnrp/testing/engines");
  peer.send(ackFor(helloPacket()));
  const session = await dialling;
  const frame = session.submit({ typedPayloads: [TypedPayload.tokenChunk("x")] });
  await peer.next("FRAME_SUBMIT");
  peer.destroy();
  const error = await assertRejects(() => frame, NnrpTransportError);
  assertEquals(error.code, "CLOSED");
  assertInstanceOf(await session.closed, Object);
  assertEquals(session.state, "closed");
  raw.close();
});

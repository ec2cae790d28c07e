import {
  type Carrier,
  type CarrierListener,
  encodePacket,
  ErrorCode,
  makePacket,
  MessageType,
  type NnrpError,
} from "@nnrp/core";
import { serve } from "@nnrp/server";
import { dialClient, TypedPayload } from "@nnrp/client";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { test } from "node:test";
import { patterned } from "@nnrp/testing/packets";
import { Heard } from "../../../tests/support/carrier_suite.ts";
import { helloPacket, until } from "../../../tests/support/raw_peer.ts";
import { webSocket } from "../mod.ts";
import { closePayload, frame, RawWebSocket, row, upgradeRequest } from "../tests/raw_web_socket.ts";
import { HERE, mounted } from "../tests/setups.ts";
import { ManualHost } from "../../../tests/support/manual_host.ts";
import { turns } from "../../../tests/support/turns.ts";

const BINARY = 2;

/** A carrier of ours that a raw peer has connected to. */
async function facingRaw(): Promise<{ ours: Heard; peer: RawWebSocket; listener: CarrierListener }> {
  let arrived: (carrier: Carrier) => void;
  const accepted = new Promise<Carrier>((done) => arrived = done);
  const listener = await webSocket({ port: 0 }).listen((carrier) => arrived(carrier));
  const peer = await RawWebSocket.open(listener.port);
  return { ours: new Heard(await accepted), peer, listener };
}

const packet = (frameId: number, size = 9) =>
  encodePacket(makePacket({ msgType: MessageType.CLOSE, frameId, body: patterned(size, frameId) }));

test("message borders mean nothing: packets in pieces, several in one message, single bytes", async () => {
  const { ours, peer, listener } = await facingRaw();
  for (const byte of frame(BINARY, packet(1))) {
    peer.send(new Uint8Array([byte]));
    await peer.drained();
  }
  const three = row(packet(2), packet(3), packet(4, 70_000));
  for (let at = 0, size = 1; at < three.length; at += size, size = size * 2 + 1) {
    peer.send(frame(BINARY, three.subarray(at, at + size)));
  }
  await until(() => ours.frames.length === 4, "four packets");
  assertEquals(ours.frames, [1, 2, 3, 4]);
  assertEquals([ours.carrier.receivedBytes, ours.carrier.encrypted], [
    three.length + packet(1).length,
    false,
  ]);
  await Promise.all([ours.carrier.close(), listener.close()]);
  peer.destroy();
});

test("a fragmented message with pings inside is read, and the pings are answered", async () => {
  const { ours, peer, listener } = await facingRaw();
  const bytes = packet(1, 300);
  peer.send(
    frame(BINARY, bytes.subarray(0, 100), { fin: false }),
    frame(9, "hello"),
    frame(0, "", { fin: false }),
    frame(10, "unasked"),
    frame(0, bytes.subarray(100)),
  );
  await until(() => ours.frames.length === 1, "the packet");
  const pong = await peer.next();
  assertEquals([pong.opcode, pong.masked, new TextDecoder().decode(pong.payload)], [10, false, "hello"]);
  ours.send(5, patterned(200_000, 5));
  const message = await peer.next();
  assertEquals([message.opcode, message.fin, message.payload.length], [BINARY, true, 200_040]);
  await Promise.all([ours.carrier.close(), listener.close()]);
  peer.destroy();
});

test("no message is larger than 256 KiB, and small packets of a turn share one", async () => {
  const { ours, peer, listener } = await facingRaw();
  ours.send(1, patterned(1_000_000, 1));
  const sizes: number[] = [];
  for (let left = 1_000_040; left > 0;) {
    const { payload, opcode } = await peer.next();
    assertEquals(opcode, BINARY);
    sizes.push(payload.length);
    left -= payload.length;
  }
  assertEquals(Math.max(...sizes), 256 * 1024);
  for (let i = 0; i < 50; i++) ours.send(i);
  assertEquals((await peer.next()).payload.length, 50 * 40);
  await Promise.all([ours.carrier.close(), listener.close()]);
  peer.destroy();
});

test("the peer's close is the end; this side may still send, closes, and ends the connection first", async () => {
  const { ours, peer, listener } = await facingRaw();
  peer.send(frame(BINARY, packet(1)), frame(8, closePayload(1000, "bye")), frame(BINARY, packet(2)));
  await until(() => ours.events.length > 0, "the end");
  assertEquals([ours.frames, ours.events], [[1], ["end"]]);
  ours.send(7, patterned(100_000, 7));
  assertEquals((await peer.next()).payload.length, 100_040);
  const closing = ours.carrier.close();
  assertEquals(await peer.closeCode(), 1000);
  await peer.end();
  peer.destroy();
  await closing;
  assertEquals([ours.events, ours.info?.error], [["end", "closed"], undefined]);
  await listener.close();
});

test("a connection that ends without a close frame is lost, and told so", async () => {
  const { ours, peer, listener } = await facingRaw();
  peer.send(frame(BINARY, packet(1)));
  peer.finish();
  await until(() => ours.events.includes("closed"), "closed");
  assertEquals([ours.frames, ours.events], [[1], ["closed"]]);
  assertStringIncludes(ours.info!.error!.message, "without a WebSocket close frame");
  await listener.close();
});

test("a peer that closes with a complaint is told with its words", async () => {
  const { ours, peer, listener } = await facingRaw();
  peer.send(frame(8, closePayload(1009, "that was too much")));
  await until(() => ours.events.includes("closed"), "closed");
  assertStringIncludes(ours.info!.error!.message, "1009 (message too big): that was too much");
  peer.destroy();
  await listener.close();
});

/** A message that holds a packet in pieces of this size, something before each. */
function inPieces(size: number, between: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = packet(3, 60_000);
  const pieces = [frame(BINARY, bytes.subarray(0, 40), { fin: false })];
  for (let at = 40; at < bytes.length; at += size) {
    pieces.push(between, frame(0, bytes.subarray(at, at + size), { fin: false }));
  }
  return row(...pieces);
}

const VIOLATIONS: readonly [what: string, code: number, bytes: Uint8Array][] = [
  ["a text message", 1003, frame(1, "hello")],
  ["a text message in pieces", 1003, frame(1, "hel", { fin: false })],
  ["a frame without mask", 1002, frame(BINARY, "x", { mask: false })],
  ["a reserved bit", 1002, frame(BINARY, "x", { rsv: 4 })],
  ["two other reserved bits", 1002, frame(BINARY, "x", { rsv: 3 })],
  ["an unknown data opcode", 1002, frame(3, "x")],
  ["an unknown control opcode", 1002, frame(11, "x")],
  ["a ping in pieces", 1002, frame(9, "x", { fin: false })],
  ["a ping too long", 1002, frame(9, new Uint8Array(126))],
  ["a continuation of nothing", 1002, frame(0, "x")],
  ["a message inside another", 1002, row(frame(BINARY, "N", { fin: false }), frame(BINARY, "x"))],
  ["a length in 16 bits that fits in 7", 1002, frame(BINARY, "x", { bits: 16 })],
  ["a length in 64 bits that fits in 16", 1002, frame(BINARY, "x", { bits: 64 })],
  ["a length with its highest bit set", 1002, frame(BINARY, "x", { bits: 64, length: 1n << 63n })],
  ["a message beyond 64 MiB", 1009, frame(BINARY, "x", { bits: 64, length: (64n << 20n) + 1n })],
  ["a close with half a code", 1002, frame(8, new Uint8Array(1))],
  ["a close with a code that never travels", 1002, frame(8, closePayload(1005))],
  ["a close with a code that is none", 1002, frame(8, closePayload(999))],
  ["a close whose reason is no UTF-8", 1007, frame(8, closePayload(1000, new Uint8Array([0xff])))],
  ["empty messages without end", 1008, row(...new Array(5000).fill(frame(BINARY)))],
  ["pings without end", 1008, row(...new Array(5000).fill(frame(9)))],
  ["a packet in single bytes without end", 1008, inPieces(1)],
  ["pings between single bytes of a packet", 1008, inPieces(1, frame(9))],
  ["pings between pieces of a packet", 1008, inPieces(12, frame(9))],
  ["pongs between pieces of a packet", 1008, inPieces(16, frame(10))],
];

test("every broken rule of the framing ends the connection with the right code, and only that one", async () => {
  const carriers: Heard[] = [];
  const listener = await webSocket({ port: 0 }).listen((carrier) => carriers.push(new Heard(carrier)));
  const bystander = await RawWebSocket.open(listener.port);
  await until(() => carriers.length === 1, "the first connection");
  await Promise.all(VIOLATIONS.map(async ([what, code, bytes]) => {
    const peer = await RawWebSocket.open(listener.port);
    peer.send(frame(BINARY, packet(1)), bytes, frame(BINARY, packet(2)));
    assertEquals(await peer.closeCode(), code, what);
    peer.send(frame(8, closePayload(1000)));
    peer.finish();
    await peer.end();
  }));
  await until(
    () => carriers.filter((c) => c.events.includes("closed")).length === VIOLATIONS.length,
    "all closed",
  );
  for (const heard of carriers.slice(1)) {
    assertEquals(heard.frames, [1], "what came before is delivered, what comes after is not");
    assertEquals(heard.events[0], "fault NnrpWireError");
    assertEquals((heard.error as NnrpError).code, "WIRE");
  }
  assertEquals(carriers[0].events, []);
  bystander.destroy();
  await listener.close();
});

test("a session that gets a text message says ERROR and closes with 1003; others go on", async () => {
  for (const binding of [webSocket({ port: 0 }), mounted()]) {
    const server = await serve({ listen: [binding] }, (f) => ({ typedPayloads: f.typedPayloads }));
    const other = await dialClient(`nnrp://127.0.0.1:${server.port}`, { carriers: [webSocket()] });
    const peer = await RawWebSocket.open(server.port);
    peer.send(frame(BINARY, encodePacket(helloPacket())));
    assertEquals((await peer.next(BINARY)).payload[6], MessageType.SERVER_HELLO_ACK);
    peer.send(frame(1, "{}"));
    const { payload } = await peer.next(BINARY);
    const code = new DataView(payload.buffer, payload.byteOffset).getUint32(40, true);
    assertEquals([payload[6], code], [MessageType.ERROR, ErrorCode.MALFORMED_BODY]);
    const closed = await peer.closeCode();
    assert(closed === 1003 || closed === 4003, `${closed}`);
    peer.destroy();
    const result = await other.submit({ typedPayloads: [TypedPayload.tokenChunk("still here")] });
    assertEquals(result.text(), "still here");
    await other.close();
    await server.close();
  }
});

test("a packet that is cut by the close is a loss, as on TCP", async () => {
  const { ours, peer, listener } = await facingRaw();
  peer.send(frame(BINARY, packet(1, 50).subarray(0, 60)), frame(8, closePayload(1000)));
  assertEquals(await peer.closeCode(), 1000);
  await until(() => ours.events.includes("closed"), "closed");
  assertEquals([ours.frames, ours.events, ours.info?.error?.code], [[], ["closed"], "CLOSED"]);
  peer.destroy();
  await listener.close();
});

const REFUSALS: readonly [what: string, status: number, request: string, words: string][] = [
  ["a plain GET", 426, upgradeRequest({ fields: { upgrade: null } }), "dialClient"],
  ["an old version", 426, upgradeRequest({ fields: { "sec-websocket-version": "8" } }), "version 13"],
  ["no key", 400, upgradeRequest({ fields: { "sec-websocket-key": null } }), "sec-websocket-key"],
  ["a short key", 400, upgradeRequest({ fields: { "sec-websocket-key": "AAAA" } }), "sec-websocket-key"],
  ["another path", 404, upgradeRequest({ line: "GET /other HTTP/1.1" }), "/nnrp"],
  ["a POST", 405, upgradeRequest({ line: "POST /nnrp HTTP/1.1", fields: { "content-length": "0" } }), "GET"],
  ["a foreign page", 403, upgradeRequest({ fields: { origin: "https://evil.example" } }), "allowedOrigins"],
  ["a page without origin", 403, upgradeRequest({ fields: { origin: "null" } }), "allowedOrigins"],
];

test("requests that cannot become a WebSocket get the right status and words that help", async () => {
  for (const [where, binding] of [["own", webSocket({ port: 0 })], [HERE, mounted()]] as const) {
    const carriers: Carrier[] = [];
    const listener = await binding.listen((carrier) => carriers.push(carrier));
    for (const [what, status, request, words] of REFUSALS) {
      // A mount on Node sees upgrades only; the rest is the application's.
      if (where === "node" && !request.includes("upgrade: websocket")) continue;
      if (where === "deno" && what === "a POST") continue; // Deno refuses it by itself
      const peer = await RawWebSocket.connect(listener.port);
      peer.send(request.replace("\r\n\r\n", "\r\nx-test: 1\r\n\r\n"));
      const head = await peer.head();
      assert(head.startsWith(`HTTP/1.1 ${status} `), `${where}, ${what}: ${head}`);
      peer.finish();
      assertStringIncludes(await peer.text(), words, what);
      peer.destroy();
    }
    assertEquals(carriers, []);
    await listener.close();
  }
});

test("what is no HTTP, or too much of it, is refused", async () => {
  const listener = await webSocket({ port: 0 }).listen((carrier) => new Heard(carrier));
  const requests = [
    "\x16\x03\x01 hello\r\n\r\n",
    "GET /nnrp HTTP/1.0\r\n\r\n",
    "GET /nnrp HTTP/1.1\r\nbad field\r\n\r\n",
    `GET /nnrp HTTP/1.1\r\n${"x: y\r\n".repeat(4000)}\r\n`,
  ];
  for (const request of requests) {
    const peer = await RawWebSocket.connect(listener.port);
    peer.send(request);
    assert((await peer.head()).startsWith("HTTP/1.1 400 "), JSON.stringify(request.slice(0, 30)));
    peer.destroy();
  }
  await listener.close();
});

test("handshakes are bounded in time and number, and each failure is told once", async () => {
  const failures: string[] = [];
  const carriers: Heard[] = [];
  const runtime = new ManualHost();
  const listener = await webSocket({ port: 0 }).listen((carrier) => carriers.push(new Heard(carrier)), {
    runtime,
    handshakeTimeoutMs: 300,
    maxHandshakes: 2,
    failed: (_remote, error) => failures.push(error.message),
  });
  const silent = await RawWebSocket.connect(listener.port);
  const slow = await RawWebSocket.connect(listener.port);
  const third = await RawWebSocket.connect(listener.port);
  await third.end();
  assertEquals(failures.length, 1);
  assertStringIncludes(failures[0], "too many");
  const drip = setInterval(() => slow.send("G"), 20);
  for (let i = 0; i < 10; i++) {
    await turns(10);
    assertEquals(failures.length, 1);
    runtime.pass(30);
  }
  await Promise.all([silent.end(), slow.end()]);
  clearInterval(drip);
  await until(() => failures.length === 3, "both failures to be told");
  for (const failure of failures.slice(1)) assertStringIncludes(failure, "took longer than 300 ms");
  const good = await RawWebSocket.open(listener.port);
  good.send(frame(BINARY, packet(1)));
  await until(() => carriers[0]?.frames.length === 1, "a packet of one that knows how");
  for (const peer of [silent, slow, third, good]) peer.destroy();
  await listener.close();
});

test("a peer that never reads is bounded: results wait, pongs do not pile up, and it is cut in the end", async () => {
  const server = await serve(
    { listen: [webSocket({ port: 0 })], sendStallMs: 300 },
    () => ({ typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(4 << 20))] }),
  );
  const { submitPacket } = await import("@nnrp/testing/packets");
  const peer = await RawWebSocket.open(server.port);
  peer.send(frame(BINARY, encodePacket(helloPacket())));
  await peer.next(BINARY);
  const { sessionId } = server.sessions[0];
  peer.pause();
  for (let id = 1; id <= 30; id++) peer.send(frame(BINARY, encodePacket(submitPacket(id, { sessionId }))));
  for (let i = 0; i < 500; i++) peer.send(frame(9, new Uint8Array(125)));
  await until(() => server.stats.open === 0, "the session to be cut");
  peer.destroy();
  await server.close();
});

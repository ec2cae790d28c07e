import { encodePacket, makePacket, MessageType, NnrpTransportError, NnrpValueError } from "@nnrp/core";
import { dialClient, TypedPayload } from "@nnrp/client";
import { serve } from "@nnrp/server";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { test } from "node:test";
import { patterned } from "@nnrp/testing/packets";
import { Heard } from "../../../tests/support/carrier_suite.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import { makeDevCertificates } from "../../../tests/support/test_certificates.ts";
import { webSocket, type WebSocketOptions } from "../mod.ts";
import {
  closePayload,
  frame,
  RawWebSocket,
  RawWebSocketServer,
  row,
  switching,
} from "../tests/raw_web_socket.ts";
import { browserDialer } from "../tests/setups.ts";
import { ManualHost } from "../../../tests/support/manual_host.ts";

const BINARY = 2;
const HOST = "127.0.0.1";

const packet = (frameId: number, size = 9) =>
  encodePacket(makePacket({ msgType: MessageType.CLOSE, frameId, body: patterned(size, frameId) }));

/** Our client and the server it has dialled. */
async function facingRaw(
  options: WebSocketOptions = {},
): Promise<{ ours: Heard; peer: RawWebSocket; raw: RawWebSocketServer }> {
  const raw = await RawWebSocketServer.listen();
  const dialling = webSocket(options).dial({ host: HOST, port: raw.port });
  const peer = await raw.acceptOpen();
  return { ours: new Heard(await dialling), peer, raw };
}

/** What a server that answers so is told to be. */
async function refusedBy(answer: (request: string) => string | null): Promise<NnrpTransportError> {
  const raw = await RawWebSocketServer.listen();
  const dialling = webSocket().dial({ host: HOST, port: raw.port });
  const failed = assertRejects(() => dialling, NnrpTransportError);
  const peer = await raw.accept();
  const text = answer(await peer.head());
  if (text !== null) peer.send(text);
  peer.finish();
  const error = await failed;
  assert(error.message.includes(`ws://${HOST}:${raw.port}/nnrp`), error.message);
  await peer.end();
  peer.destroy();
  raw.close();
  return error;
}

test("the request names host, path and the headers asked for; a path of the address comes first", async () => {
  const raw = await RawWebSocketServer.listen();
  const dialer = webSocket({ path: "/a", headers: { authorization: "Bearer x" } });
  for (const [path, expected] of [[undefined, "/a"], ["/b?c=1", "/b?c=1"]]) {
    const dialling = dialer.dial({ host: HOST, port: raw.port, path });
    const peer = await raw.accept();
    const request = await peer.head();
    assert(request.startsWith(`GET ${expected} HTTP/1.1\r\nhost: ${HOST}:${raw.port}\r\n`), request);
    assert(request.includes("\r\nauthorization: Bearer x"), request);
    assert(!/origin|extensions|protocol/i.test(request), request);
    peer.send(switching(request));
    const carrier = await dialling;
    assertEquals([carrier.name, carrier.transport, carrier.encrypted, carrier.multiStream], [
      "websocket",
      2,
      false,
      false,
    ]);
    const ours = new Heard(carrier);
    peer.destroy();
    await until(() => ours.events.includes("closed"), "closed");
  }
  raw.close();
});

test("frames are masked with fresh keys, and what comes right behind the HTTP answer is read", async () => {
  const raw = await RawWebSocketServer.listen();
  const dialling = webSocket().dial({ host: HOST, port: raw.port });
  const peer = await raw.accept();
  const head = new TextEncoder().encode(switching(await peer.head()));
  const first = frame(BINARY, packet(1, 3000), { mask: false });
  peer.send(row(head, first.subarray(0, 1500)));
  const ours = new Heard(await dialling);
  peer.send(first.subarray(1500));
  await until(() => ours.frames.length === 1, "the packet behind the head");
  ours.send(2, patterned(400_000, 2));
  const parts: Uint8Array[] = [];
  while (row(...parts).length < 400_040) {
    const { masked, payload } = await peer.next(BINARY);
    assert(masked);
    parts.push(payload);
  }
  assertEquals(row(...parts).subarray(40), patterned(400_000, 2));
  await ours.carrier.close({ graceful: false });
  assertEquals(await peer.closeCode(), 1000);
  peer.destroy();
  raw.close();
});

test("a server that masks, sends text or reserved bits, or frames that bring nothing, is told so", async () => {
  const body = packet(1, 60_000);
  const pieces = [frame(BINARY, body.subarray(0, 40), { mask: false, fin: false })];
  for (let at = 40; at < body.length; at += 12) {
    const piece = frame(0, body.subarray(at, at + 12), { mask: false, fin: false });
    pieces.push(frame(9, "", { mask: false }), piece);
  }
  const pingsInside = row(...pieces);
  const table: readonly [number, Uint8Array][] = [
    [1002, frame(BINARY, "x")],
    [1003, frame(1, "x", { mask: false })],
    [1002, frame(BINARY, "x", { mask: false, rsv: 4 })],
    [
      1008,
      row(...new Array(5000).fill(row(frame(9, "", { mask: false }), frame(BINARY, "", { mask: false })))),
    ],
    [1008, pingsInside],
  ];
  for (const [code, bytes] of table) {
    const { ours, peer, raw } = await facingRaw();
    peer.send(bytes);
    const close = await peer.next(8);
    assertEquals([close.payload[0] << 8 | close.payload[1], close.masked], [code, true]);
    peer.send(frame(8, closePayload(1000), { mask: false }));
    peer.finish();
    await until(() => ours.events.includes("closed"), "closed");
    assertEquals(ours.events[0], "fault NnrpWireError");
    peer.destroy();
    raw.close();
  }
});

test("the server's close is the end; the client answers when it is done, and waits for the connection to end", async () => {
  const { ours, peer, raw } = await facingRaw();
  peer.send(frame(BINARY, packet(1), { mask: false }), frame(8, closePayload(1001), { mask: false }));
  await until(() => ours.events.length > 0, "the end");
  ours.send(5);
  assertEquals((await peer.next()).payload.length, 40);
  const closing = ours.carrier.close();
  assertEquals(await peer.closeCode(), 1000);
  peer.finish();
  await closing;
  assertEquals([ours.frames, ours.events, ours.info?.error], [[1], ["end", "closed"], undefined]);
  peer.destroy();
  raw.close();
});

test("a server that is gone without a close frame, or closes with a complaint, is a loss", async () => {
  for (const bytes of [new Uint8Array(0), frame(8, closePayload(1011, "oh no"), { mask: false })]) {
    const { ours, peer, raw } = await facingRaw();
    peer.send(frame(BINARY, packet(1), { mask: false }), bytes);
    peer.finish();
    await until(() => ours.events.includes("closed"), "closed");
    assertEquals([ours.frames, ours.events], [[1], ["closed"]]);
    assertInstanceOf(ours.info!.error, NnrpTransportError);
    assert(/1011 \(internal error\): oh no|without a WebSocket close frame/.test(ours.info!.error!.message));
    peer.destroy();
    raw.close();
  }
});

test("a server that answers anything but the upgrade: the error says what it said, and what to do", async () => {
  const table: readonly [(request: string) => string | null, RegExp][] = [
    [
      () => "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\ncontent-length: 14\r\n\r\nno such thing\n",
      /answers 404 Not Found: no such thing; is the path right\?/,
    ],
    [
      () => "HTTP/1.1 302 Found\r\nlocation: wss://other.example/nnrp\r\n\r\n",
      /302 Found; redirects are not followed, dial wss:\/\/other\.example\/nnrp instead/,
    ],
    [() => "HTTP/1.1 401 Unauthorized\r\n\r\n", /401 Unauthorized; a header may be missing/],
    [
      () => "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>",
      /answers 200 OK; a web server, but no WebSocket there: is the path right\?$/,
    ],
    [() => "HTTP/1.0 101 Old\r\n\r\n", /is no WebSocket server: it answers "HTTP\/1\.0 101 Old"/],
    [() => "SSH-2.0-OpenSSH\r\n\r\n", /is no WebSocket server/],
    [() => "NNRP\x01\x00\x1a\x28", /no WebSocket server: plain NNRP, which begins with nnrp:\/\//],
    [() => "\x15\x03\x03\x00\x02\x02\x28", /no WebSocket server: TLS, which begins with wss:\/\//],
    [() => null, /ended without a word/],
    [() => "HTTP/1.1 101 Switch", /ended inside the HTTP head/],
    [() => switching("sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=="), /wrong Sec-WebSocket-Accept/],
    [
      () => "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
      /another protocol/,
    ],
    [(r) => switching(r, "Sec-WebSocket-Extensions: permessage-deflate\r\n"), /nobody asked for/],
    [(r) => switching(r, "Sec-WebSocket-Protocol: mqtt\r\n"), /nobody asked for/],
    [() => `HTTP/1.1 101 X\r\n${"a: b\r\n".repeat(4000)}\r\n`, /longer than 16384 bytes/],
  ];
  for (const [answer, words] of table) {
    const { message } = await refusedBy(answer);
    assert(words.test(message), message);
  }
});

test("a dial can be given up before it runs, while it connects, and while the server says nothing", async () => {
  const gone = AbortSignal.abort(new Error("not now"));
  await assertRejects(() => webSocket().dial({ host: HOST, port: 1 }, { signal: gone }), Error, "not now");
  const raw = await RawWebSocketServer.listen();
  for (const dialer of [webSocket(), browserDialer()]) {
    const abort = new AbortController();
    const dial = dialer.dial({ host: HOST, port: raw.port }, { signal: abort.signal });
    const peer = await raw.accept();
    await peer.head();
    abort.abort(new Error("enough"));
    await assertRejects(() => dial, Error, "enough");
    await peer.end();
    peer.destroy();
  }
  raw.close();
});

test("nobody listening, a name that does not exist, a taken port: the error says what to check", async () => {
  const raw = await RawWebSocketServer.listen();
  raw.close();
  const error = await assertRejects(
    () => webSocket().dial({ host: HOST, port: raw.port }),
    NnrpTransportError,
    "nobody listens there",
  );
  assertEquals(error.transport, "websocket");
  await assertRejects(
    () => webSocket().dial({ host: "no-such-host.invalid", port: 1 }),
    NnrpTransportError,
    "no-such-host.invalid",
  );
  await assertRejects(
    () => browserDialer().dial({ host: HOST, port: raw.port }),
    NnrpTransportError,
    "cannot be reached",
  );
  const first = await webSocket({ port: 0 }).listen(() => {});
  await assertRejects(
    () => webSocket({ port: first.port }).listen(() => {}),
    NnrpTransportError,
    "taken by another program",
  );
  await first.close();
});

test("options are checked when the carrier is made", () => {
  const wrong: WebSocketOptions[] = [
    { port: -1 },
    { port: 65536 },
    { path: "nnrp" },
    { path: "/a b" },
    { path: "/a\r\nx: y" },
    { headers: { "a b": "c" } },
    { headers: { a: "b\r\nc: d" } },
    { headers: { "Sec-WebSocket-Key": "x" } },
    { headers: { host: "x" } },
    { tls: { cert: "x" } },
  ];
  for (const options of wrong) {
    assertThrows(() => webSocket(options), NnrpValueError, undefined, JSON.stringify(options));
  }
});

test("wss: verified against the CA that is named, for the name that is dialled", async () => {
  const { ca, cert, key } = await makeDevCertificates();
  const server = await serve(
    { listen: [webSocket({ port: 0, tls: { cert, key } })] },
    (frame) => ({ typedPayloads: frame.typedPayloads }),
  );
  const dial = (options: WebSocketOptions, host = "localhost") =>
    webSocket(options).dial({ host, port: server.port, encrypted: true });
  const caCerts = [ca];
  const carrier = await dial({ tls: { caCerts } });
  assertEquals([carrier.encrypted, carrier.name], [true, "websocket"]);
  const heard = new Heard(carrier);
  await heard.carrier.close();
  const trusting = await dial({ tls: { insecureSkipVerify: true } });
  assertEquals([trusting.unverified, carrier.unverified], [true, false]);
  await new Heard(trusting).carrier.close();
  await assertRejects(() => dial({}), NnrpTransportError, "give that authority's certificate in caCerts");
  await assertRejects(
    () => dial({ tls: { caCerts, serverName: "other.example" } }),
    NnrpTransportError,
    'is not for "other.example"',
  );
  await assertRejects(
    () => webSocket().dial({ host: HOST, port: server.port }), // plain text towards TLS
    NnrpTransportError,
  );
  const base = webSocket({ tls: { caCerts } });
  const encrypted = {
    ...base,
    dial: (t: { host: string; port: number }) => base.dial({ ...t, encrypted: true }),
  };
  const session = await dialClient(`nnrp://localhost:${server.port}`, { carriers: [encrypted] });
  for (const size of [10, 100_000, 3 << 20]) {
    const payload = patterned(size, size);
    const result = await session.submit({ typedPayloads: [TypedPayload.opaqueBytes(payload)] });
    assertEquals(result.opaqueBytesPayloads[0].length, size);
    assert(result.opaqueBytesPayloads[0].every((byte, i) => byte === payload[i]));
  }
  await session.close();
  await server.close();
});

test("TLS handshakes are bounded in time and number", async () => {
  const { cert, key, ca } = await makeDevCertificates();
  const failures: string[] = [];
  const runtime = new ManualHost();
  const listener = await webSocket({ port: 0, tls: { cert, key } }).listen((carrier) => new Heard(carrier), {
    runtime,
    handshakeTimeoutMs: 300,
    maxHandshakes: 1,
    failed: (_remote, error) => failures.push(error.message),
  });
  const silent = await RawWebSocket.connect(listener.port);
  const second = await RawWebSocket.connect(listener.port);
  await second.end();
  runtime.pass(300);
  await silent.end();
  await until(() => failures.length === 2, "both failures to be told");
  assert(failures[0].includes("too many") && failures[1].includes("longer than 300 ms"), failures.join());
  const target = { host: "localhost", port: listener.port, encrypted: true };
  const carrier = new Heard(await webSocket({ tls: { caCerts: [ca] } }).dial(target));
  await carrier.carrier.close();
  const third = await RawWebSocket.connect(listener.port);
  const fourth = await RawWebSocket.connect(listener.port);
  await fourth.end(); // it is one too many: the third one counts
  await listener.close();
  await third.end();
  await until(() => failures.length === 4, "what the close ended to be told");
  assert(failures[3].includes("the listener was closed"), failures[3]);
  fourth.destroy();
  silent.destroy();
  second.destroy();
  third.destroy();
});

test("a client that wants TLS from a server that speaks plain text fails, and the server goes on", async () => {
  const failures: string[] = [];
  const listener = await webSocket({ port: 0 }).listen((carrier) => new Heard(carrier), {
    failed: (_remote, error) => failures.push(error.message),
  });
  await assertRejects(
    () => webSocket().dial({ host: HOST, port: listener.port, encrypted: true }),
    NnrpTransportError,
    `wss://${HOST}:${listener.port}/nnrp`,
  );
  await until(() => failures.length === 1, "the failure to be told");
  const carrier = new Heard(await webSocket().dial({ host: HOST, port: listener.port }));
  await carrier.carrier.close();
  await listener.close();
});

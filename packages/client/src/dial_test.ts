import {
  type Carrier,
  type CarrierDialer,
  ErrorCode,
  memoryNetwork,
  NnrpConnectionClosedError,
  NnrpProtocolError,
  NnrpTimeoutError,
  NnrpTransportError,
  NnrpUnsupportedError,
  NnrpValueError,
  TypedPayload,
} from "@nnrp/core";
import { serve } from "@nnrp/server";
import { tcp } from "@nnrp/tcp";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { test } from "node:test";
import { MEMORY, TCP } from "../../../tests/support/places.ts";
import { RawServer, until } from "../../../tests/support/raw_peer.ts";
import { errorPacket } from "@nnrp/testing/packets";
import { connectClientSession } from "./connect.ts";
import { dialClient } from "./dial.ts";
import { isLoopback, parseEndpoint } from "./endpoint.ts";
import { turn } from "../../../tests/support/turns.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
const echo = (frame: { typedPayloads: readonly TypedPayload[] }) => ({ typedPayloads: frame.typedPayloads });

/** A carrier that fails, or never answers. */
function dialer(name: string, dial: CarrierDialer["dial"], encrypted = false): CarrierDialer {
  return { name, transport: 2, encrypted, dial };
}
const failing = (name: string): CarrierDialer =>
  dialer(name, () => Promise.reject(new NnrpTransportError(name, `${name} is broken`)));

test("addresses are taken apart", () => {
  const cases: [string, ReturnType<typeof parseEndpoint>][] = [
    ["nnrp://localhost", { host: "localhost", port: 4433, carrier: null, encrypted: false }],
    ["nnrp://localhost/", { host: "localhost", port: 4433, carrier: null, encrypted: false }],
    ["nnrp://10.0.0.1:80", { host: "10.0.0.1", port: 80, carrier: null, encrypted: false }],
    ["nnrp://[::1]:1", { host: "::1", port: 1, carrier: null, encrypted: false }],
    ["nnrps://example.org:65535", { host: "example.org", port: 65535, carrier: null, encrypted: true }],
    ["nnrp+tcp://a-b.c:443", { host: "a-b.c", port: 443, carrier: "tcp", encrypted: false }],
    ["nnrp+tls://a:1", { host: "a", port: 1, carrier: "tls", encrypted: true }],
    ["nnrp+quic://a", { host: "a", port: 4433, carrier: "quic", encrypted: true }],
    ["ws://a", { host: "a", port: 80, carrier: "websocket", encrypted: false }],
    ["wss://a/x/y?z=1", { host: "a", port: 443, carrier: "websocket", encrypted: true, path: "/x/y?z=1" }],
    ["https://a:8/nnrp", { host: "a", port: 8, carrier: "webtransport", encrypted: true, path: "/nnrp" }],
  ];
  for (const [address, expected] of cases) {
    assertEquals(parseEndpoint(address), expected);
    assertEquals(parseEndpoint(new URL(address)), expected);
  }
});

test("what is no address is refused with an example of one", () => {
  const bad = [
    "",
    "localhost",
    "localhost:4433",
    "http://localhost:4433",
    "nnrp:localhost",
    "nnrp://",
    "nnrp://:4433",
    "nnrp://host:0",
    "nnrp://host:65536",
    "nnrp://host:99999999999999999999",
    "nnrp://host:port",
    "nnrp://host:80:80",
    "nnrp://user@host/path",
    "nnrp://host/path",
    "nnrp://host?x=1",
    "nnrp://[::1",
    "nnrp+quic2://host",
    "NNRP://host",
  ];
  for (const address of bad) {
    const error = assertThrows(() => parseEndpoint(address), NnrpValueError, undefined, address);
    assert(/nnrp:\/\/host:port|1 to 65535/.test(error.message), `${address}: ${error.message}`);
  }
});

test("only this machine is this machine", () => {
  for (const host of ["localhost", "127.0.0.1", "127.9.9.9", "::1", "memory"]) {
    assertEquals(isLoopback(host), true, host);
  }
  for (const host of ["127.0.0.1.evil.org", "10.0.0.1", "localhost.evil.org", "::2", "1127.0.0.1"]) {
    assertEquals(isLoopback(host), false, host);
  }
});

test("a host with a port works as well as an address", async () => {
  const server = await serve({ port: 0 }, echo);
  const sessions = [
    await dialClient("127.0.0.1", server.port),
    await dialClient("localhost", server.port, { requestedSessionId: 77 }),
    await dialClient(`nnrp://127.0.0.1:${server.port}`),
    await dialClient(`nnrp+tcp://127.0.0.1:${server.port}`),
    await dialClient(new URL(`nnrp://127.0.0.1:${server.port}`)),
  ];
  for (const session of sessions) assertEquals((await session.submit(say("x"))).text(), "x");
  assertEquals(sessions[1].sessionId, 77);
  for (const port of [0, -1, 65536, NaN, 1.5]) {
    await assertRejects(() => dialClient("127.0.0.1", port), NnrpValueError, undefined, `${port}`);
  }
  await Promise.all(sessions.map((session) => session.close()));
  await server.close();
});

test("nobody listening: the error names the address and what to check", async () => {
  const raw = await RawServer.listen();
  const { port } = raw;
  raw.close();
  const error = await assertRejects(() => dialClient(`nnrp://127.0.0.1:${port}`), NnrpTransportError);
  assert(
    error.message.includes(`127.0.0.1:${port}`) && error.message.includes("nobody listens"),
    error.message,
  );
  await assertRejects(
    () => dialClient("nnrp://memory", { carriers: [memoryNetwork()] }),
    NnrpTransportError,
    "nobody listens",
  );
});

test("an address that no carrier here can reach says so", async () => {
  const encrypted = await assertRejects(
    () => dialClient("nnrps://127.0.0.1:1", { carriers: [tcp()] }),
    NnrpUnsupportedError,
  );
  assert(encrypted.message.includes("encrypted") && encrypted.message.includes("tcp"), encrypted.message);
  await assertRejects(
    () => dialClient("nnrp+tcp://127.0.0.1:1", { carriers: [memoryNetwork()] }),
    NnrpUnsupportedError,
    "memory",
  );
  await assertRejects(() => dialClient("nnrp://127.0.0.1:1", { carriers: [] }), NnrpUnsupportedError, "none");
});

test("auth in plain text goes to this machine only, unless one says otherwise", async () => {
  const dialled: string[] = [];
  const plain = dialer("plain", ({ host }) => {
    dialled.push(host);
    return Promise.reject(new NnrpTransportError("plain", "no"));
  });
  const safe = dialer("safe", ({ host }) => {
    dialled.push(`safe ${host}`);
    return Promise.reject(new NnrpTransportError("safe", "no"));
  }, true);
  const dial = (host: string, options: Parameters<typeof dialClient>[1]) =>
    dialClient(`nnrp://${host}`, { carriers: [plain], ...options as object });
  for (const auth of ["secret", new Uint8Array([1])]) {
    await assertRejects(() => dial("example.org", { auth }), NnrpValueError, "plain text");
  }
  assertEquals(dialled, []);
  await assertRejects(() => dial("example.org", { auth: "" }), NnrpTransportError);
  await assertRejects(
    () => dial("example.org", { auth: "secret", allowPlaintextAuth: true }),
    NnrpTransportError,
  );
  await assertRejects(() => dial("127.0.0.1", { auth: "secret" }), NnrpTransportError);
  await assertRejects(
    () => dial("example.org", { auth: "secret", carriers: [plain, safe] }),
    NnrpTransportError,
  );
  assertEquals(dialled, ["example.org", "example.org", "127.0.0.1", "safe example.org"]);
});

test("carriers are tried in order, the first that connects wins; if none does, all are named", async () => {
  const net = memoryNetwork();
  const server = await serve({ listen: [net] }, echo);
  const session = await dialClient("nnrp://memory", { carriers: [failing("one"), net, failing("three")] });
  assertEquals(session.carrierName, "memory");
  await session.close();
  const error = await assertRejects(
    () => dialClient("nnrp://memory", { carriers: [failing("one"), failing("two")] }),
    NnrpTransportError,
  );
  assert(error.message.includes("one – one is broken · two – two is broken"), error.message);
  const alike = (name: string) =>
    dialer(
      name,
      () => Promise.reject(new NnrpTransportError(name, "cannot connect to memory:4433: no such name")),
    );
  await assertRejects(
    () => dialClient("nnrp://memory", { carriers: [alike("one"), alike("two")] }),
    NnrpTransportError,
    "cannot connect to memory:4433: no such name",
  );
  const silent = dialer("two", () => new Promise(() => {}));
  const late = await assertRejects(
    () => dialClient("nnrp://memory", { carriers: [failing("one"), silent], timeoutMs: 50 }),
    NnrpTimeoutError,
  );
  assertEquals(late.message, "dialling nnrp://memory (one – one is broken) took longer than 50 ms");
  await server.close();
});

test("a refusal is final: no other carrier is tried", async () => {
  const net = memoryNetwork();
  const server = await serve({ listen: [net], authValidator: () => false }, echo);
  let other = 0;
  const never = dialer("never", () => {
    other++;
    return Promise.reject(new NnrpTransportError("never", "no"));
  });
  await assertRejects(
    () => dialClient("nnrp://memory", { carriers: [net, never], auth: "x" }),
    NnrpProtocolError,
    "AUTH_FAILED",
  );
  assertEquals(other, 0);
  await server.close();
});

test("the time limit covers connecting and shaking hands", async () => {
  const stuck = dialer(
    "stuck",
    (_, options) =>
      new Promise((_resolve, reject) =>
        options!.signal!.addEventListener("abort", () => reject(options!.signal!.reason))
      ),
  );
  const connecting = await assertRejects(
    () => dialClient("nnrp://127.0.0.1:9", { carriers: [stuck], timeoutMs: 20 }),
    NnrpTimeoutError,
  );
  assertEquals(connecting.timeoutMs, 20);
  const raw = await RawServer.listen();
  const dialling = assertRejects(
    () => dialClient(`nnrp://127.0.0.1:${raw.port}`, { timeoutMs: 60 }),
    NnrpTimeoutError,
  );
  const peer = await raw.accept();
  await peer.next("CLIENT_HELLO");
  await dialling;
  await peer.ended;
  peer.destroy();
  raw.close();
});

test("a signal of another realm, which AbortSignal.any refuses, gives up a dial like any other", async () => {
  const stuck = dialer(
    "stuck",
    (_, options) =>
      new Promise((_resolve, reject) =>
        options!.signal!.addEventListener("abort", () => reject(options!.signal!.reason))
      ),
  );
  let listener: { handleEvent(): void } | null = null;
  const signal = {
    aborted: false,
    reason: undefined as unknown,
    addEventListener: (_type: string, added: { handleEvent(): void }) => listener = added,
    removeEventListener: () => listener = null,
  };
  const dialling = assertRejects(
    () => dialClient("nnrp://127.0.0.1:9", { carriers: [stuck], signal: signal as unknown as AbortSignal }),
    Error,
    "enough",
  );
  await until(() => listener !== null, "the listener");
  Object.assign(signal, { aborted: true, reason: new Error("enough") });
  listener!.handleEvent();
  await dialling;
  assertEquals(listener, null);
});

test("a signal gives up a dial before, while connecting and while shaking hands", async () => {
  await assertRejects(
    () => dialClient("nnrp://127.0.0.1:9", { signal: AbortSignal.abort(new Error("before")) }),
    Error,
    "before",
  );
  const stuck = dialer(
    "stuck",
    (_, options) =>
      new Promise((_resolve, reject) =>
        options!.signal!.addEventListener("abort", () => reject(options!.signal!.reason))
      ),
  );
  const abort = new AbortController();
  const connecting = assertRejects(
    () => dialClient("nnrp://127.0.0.1:9", { carriers: [stuck], signal: abort.signal }),
    Error,
    "enough",
  );
  await turn(); // it has begun
  abort.abort(new Error("enough"));
  await connecting;
  const raw = await RawServer.listen();
  const shaking = new AbortController();
  const dialling = assertRejects(
    () => dialClient(`nnrp://127.0.0.1:${raw.port}`, { signal: shaking.signal }),
    Error,
    "stop",
  );
  const peer = await raw.accept();
  await peer.next("CLIENT_HELLO");
  shaking.abort(new Error("stop"));
  await dialling;
  await peer.ended;
  peer.destroy();
  raw.close();
});

test("a server that hangs up, speaks nonsense or refuses during the handshake", async () => {
  const raw = await RawServer.listen();
  const dial = () => dialClient(`nnrp://127.0.0.1:${raw.port}`);
  const hangsUp = assertRejects(dial, NnrpConnectionClosedError);
  (await raw.accept()).end();
  await hangsUp;

  const speaksHttp = assertRejects(dial);
  const http = await raw.accept();
  http.send(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
  assertEquals(await speaksHttp.then((error) => (error as { code?: string }).code), "WIRE");
  await http.next("CLIENT_HELLO");
  await http.next("ERROR");

  const refuses = assertRejects(dial, NnrpProtocolError);
  const busy = await raw.accept();
  busy.send(
    errorPacket(
      { errorCode: ErrorCode.SERVER_BUSY, errorScope: 0, isFatal: 1, retryAfterMs: 250 },
      {},
      "later",
    ),
  );
  busy.end();
  const error = await refuses;
  assertEquals([error.codeName, error.retryAfterMs, error.diagnostic, error.remote], [
    "SERVER_BUSY",
    250,
    "later",
    true,
  ]);
  for (const peer of [http, busy]) peer.destroy();
  raw.close();
});

test("a session can be opened on a carrier that is connected already, once", async () => {
  const at = await TCP.serve(echo);
  const carrier: Carrier = await tcp().dial({ host: "127.0.0.1", port: at.server.port });
  const session = await connectClientSession(carrier, { requestedSessionId: 3 });
  assertEquals(
    [session.sessionId, (await session.submit(say("x"))).text(), session.raw.carrier === carrier],
    [3, "x", true],
  );
  await session.close();
  await at.end();
});

test("what a client says in its hello reaches the server", async () => {
  const at = await MEMORY.bind();
  await at.dial({
    auth: "let me in",
    model: "tiny",
    requestedSessionId: 9,
    profile: { maxViews: 3, enableCache: false, lossTolerance: 2 },
    controlExtensions: [{ extType: 0xf123, extFlags: 0, payload: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]) }],
  });
  const { hello } = await at.server.accept();
  assertEquals(new TextDecoder().decode(hello.authBlock), "let me in");
  const { requestedSessionId, maxLaneCount, maxCacheEntries } = hello.metadata;
  assertEquals([requestedSessionId, maxLaneCount, maxCacheEntries], [9, 3, 0]);
  assertEquals(hello.controlExtensions.find((e) => e.extType === 0xf123)?.payload.length, 8);
  await at.end();
});

test("a dial that failed leaves nothing behind", async () => {
  const at = await TCP.serve(echo, { authValidator: () => false });
  for (let i = 0; i < 20; i++) await assertRejects(() => at.dial({ auth: "x" }), NnrpProtocolError);
  await until(() => at.server.stats.open === 0, "connections to close");
  await at.end();
});

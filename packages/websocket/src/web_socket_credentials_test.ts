/**
 * Headers and certificates that age: webSocket() asks functions for them before each dial.
 */
import { NnrpCredentialError, NnrpProtocolError, NnrpTransportError, NnrpValueError } from "@nnrp/core";
import { dialClient, type LogEvent } from "@nnrp/client";
import { serve } from "@nnrp/server";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { test } from "node:test";
import { Heard } from "../../../tests/support/carrier_suite.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import { makeDevCertificates } from "../../../tests/support/test_certificates.ts";
import { webSocket, type WebSocketOptions, type WebSocketTls } from "../mod.ts";
import { RawWebSocketServer, switching } from "../tests/raw_web_socket.ts";

const HOST = "127.0.0.1";

test("each request has the headers of its moment, given now or later", async () => {
  const raw = await RawWebSocketServer.listen();
  for (const isLater of [false, true]) {
    let asked = 0;
    const headers = () => {
      const fields = { authorization: `Bearer ${++asked}` };
      return isLater ? Promise.resolve(fields) : fields;
    };
    const dialer = webSocket({ headers });
    for (let i = 1; i <= 3; i++) {
      const dialling = dialer.dial({ host: HOST, port: raw.port });
      const peer = await raw.accept();
      const request = await peer.head();
      assert(request.includes(`\r\nauthorization: Bearer ${i}`), request);
      peer.send(switching(request));
      const ours = new Heard(await dialling);
      peer.destroy();
      await until(() => ours.events.includes("closed"), "closed");
    }
    assertEquals(asked, 3);
  }
  raw.close();
});

test("what is given once is kept as it was given", async () => {
  const raw = await RawWebSocketServer.listen();
  const headers: Record<string, string> = { authorization: "Bearer 1" };
  const dialer = webSocket({ headers });
  headers.authorization = "Bearer 2\r\nhost: elsewhere"; // it was checked when the carrier was made
  const dialling = dialer.dial({ host: HOST, port: raw.port });
  const peer = await raw.accept();
  const request = await peer.head();
  assert(request.includes("\r\nauthorization: Bearer 1") && !request.includes("elsewhere"), request);
  peer.send(switching(request));
  const ours = new Heard(await dialling);
  peer.destroy();
  await until(() => ours.events.includes("closed"), "closed");
  raw.close();
});

test("headers that are none are refused by name, before a connection is made; a function that throws is the cause", async () => {
  const target = { host: HOST, port: 1 };
  const fields: readonly [unknown, string][] = [
    ...[undefined, null, 5, "authorization: x", new Headers({ a: "b" }), new Map([["a", "b"]]), [["a", "b"]]]
      .map((value) => [value, "webSocket.headers"] as [unknown, string]),
    [{ "a b": "c" }, "webSocket.headers.a b"],
    [{ a: "b\r\nc: d" }, "webSocket.headers.a"],
    [{ a: 5 }, "webSocket.headers.a"],
    [{ a: undefined }, "webSocket.headers.a"],
    [{ host: "x" }, "webSocket.headers.host"],
  ];
  for (const [value, field] of fields) {
    const headers = () => value as Record<string, string>;
    const error = await assertRejects(() => webSocket({ headers }).dial(target), NnrpValueError);
    assertEquals(error.field, field);
    if (value === undefined) continue; // given so it means none
    assertThrows(() => webSocket({ headers: value as Record<string, string> }), NnrpValueError, field);
  }
  const boom = new Error("no token");
  const failing = () => Promise.reject(boom);
  for (
    const [field, options] of [
      ["webSocket.headers", { headers: failing }],
      ["webSocket.tls.caCerts", { tls: { caCerts: failing } }],
      ["webSocket.tls.cert", { tls: { cert: failing, key: failing } }],
    ] as const
  ) {
    const error = await assertRejects(
      () => webSocket(options).dial({ ...target, encrypted: true }),
      NnrpCredentialError,
    );
    assertEquals([error.field, error.cause], [field, boom]);
  }
});

test("a function that never answers ends with the dial", async () => {
  for (const name of ["headers", "caCerts", "cert", "key"] as const) {
    let hears: AbortSignal | undefined;
    const never = ({ signal }: { signal: AbortSignal }) => {
      hears = signal;
      return new Promise<never>(() => {});
    };
    const { cert, key } = await makeDevCertificates();
    const tls: WebSocketTls = { cert, key, ...(name !== "headers" && { [name]: never }) };
    const options: WebSocketOptions = name === "headers" ? { headers: never } : { tls };
    const abort = new AbortController();
    const dialling = webSocket(options).dial({ host: HOST, port: 1, encrypted: true }, {
      signal: abort.signal,
    });
    dialling.catch(() => {});
    await until(() => hears !== undefined, "the question");
    abort.abort(new Error("enough"));
    await assertRejects(() => dialling, Error, "enough");
    assertEquals(hears!.aborted, true);
  }
});

test("wss: a new server has another authority, and functions know", async () => {
  const [old, fresh] = [await makeDevCertificates(), await makeDevCertificates()];
  let now = old;
  const carrier = webSocket({ tls: { caCerts: () => [now.ca] } });
  const listening = ({ cert, key }: { cert: string; key: string }) =>
    serve(
      { listen: [webSocket({ port: 0, tls: { cert: () => cert, key: () => Promise.resolve(key) } })] },
      (frame) => ({ typedPayloads: frame.typedPayloads }),
    );
  for (const made of [old, fresh]) {
    const server = await listening(made);
    const dial = () => carrier.dial({ host: "localhost", port: server.port, encrypted: true });
    if (made === fresh) await assertRejects(dial, NnrpTransportError, "authority");
    now = made;
    await new Heard(await dial()).carrier.close();
    await server.close();
  }
});

test("a session comes back with the headers of that moment, over a source that fails for a while", async () => {
  const raw = await RawWebSocketServer.listen();
  let asked = 0;
  const log: LogEvent[] = [];
  const dialling = dialClient(`ws://${HOST}:${raw.port}/nnrp`, {
    carriers: [webSocket({
      headers: () => {
        if (++asked === 1) throw new Error("no token yet");
        return { authorization: `Bearer ${asked}` };
      },
    })],
    reconnect: { minDelayMs: 1, maxDelayMs: 2 },
    log: (event) => log.push(event),
  });
  await assertRejects(() => dialling, NnrpCredentialError, "no token yet"); // what throws at once is not tried again
  const server = await serve({ listen: [webSocket({ port: 0 })] }, (frame) => ({
    typedPayloads: frame.typedPayloads,
  }));
  const seen: number[] = [];
  const session = await dialClient(`ws://${HOST}:${server.port}/nnrp`, {
    carriers: [webSocket({
      headers: () => {
        seen.push(++asked);
        if (seen.length === 2 || seen.length === 3) throw new Error("the issuer is away");
        return { authorization: `Bearer ${asked}` };
      },
    })],
    reconnect: { minDelayMs: 1, maxDelayMs: 2 },
    log: (event) => log.push(event),
  });
  await session.raw.carrier.close({ graceful: false });
  await until(() => session.stats.reconnects === 1, "the session");
  assertEquals([seen.length, log.filter(({ error }) => error instanceof NnrpCredentialError).length], [4, 2]);
  assert(!log.some(({ error }) => error instanceof NnrpProtocolError));
  await session.close();
  await server.close();
  raw.close();
});

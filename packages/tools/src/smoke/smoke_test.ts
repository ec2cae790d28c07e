import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  buildTransportProbePacket,
  type Carrier,
  type CarrierBinding,
  decodePacket,
  decodeServerHelloAckMetadata,
  decodeTransportProbeAckMetadata,
  encodePacket,
  makePacket,
  memoryNetwork,
  MessageType,
  NnrpConnectionClosedError,
  NnrpTimeoutError,
  NnrpUnexpectedMessageError,
  NnrpValueError,
  NnrpWireError,
} from "@nnrp/core";
import { tcp } from "@nnrp/tcp";
import { runCli } from "../cli.ts";
import { SmokeConnection } from "./connection.ts";
import {
  buildSmokeServerHelloAckPacket,
  renderSmokeTranscript,
  runSmokeClient,
  runSmokeHelloServerOnce,
  runSmokeProbeServerOnce,
  runSmokeServerOnce,
  type SmokeListenOptions,
} from "./mod.ts";

const MEMORY = { host: "memory", port: 1 };
const LIMITS = { timeoutMs: 5000 };

/** Starts a smoke server and waits until it listens. */
async function started<T>(
  run: (options: SmokeListenOptions) => Promise<T>,
): Promise<{ port: number; outcome: Promise<T> }> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const outcome = run({ ...LIMITS, onReady: ({ port }) => resolve(port) });
  outcome.catch(() => {});
  return { port: await Promise.race([promise, outcome.then(() => 0)]), outcome };
}

test("client and server see the same session on TCP", async () => {
  const server = await started((o) => runSmokeServerOnce(tcp({ port: 0 }), { ...o, sessionId: 9 }));
  const target = { host: "127.0.0.1", port: server.port };
  const client = await runSmokeClient(tcp(), target, { requestedSessionId: 3, frameId: 55 });
  const seen = {
    requestedSessionId: 3,
    negotiatedSessionId: 9,
    frameId: 55,
    controlStreamId: 0,
    submitStreamId: 2,
    resultStreamId: 2,
    submitTileCount: 3,
    resultTileCount: 3,
  };
  assertEquals(client, { role: "client", ...seen });
  assertEquals(await server.outcome, { role: "server", ...seen });
});

test("a transcript is nine lines in the order of the reference", async () => {
  const net = memoryNetwork();
  const server = await started((o) => runSmokeServerOnce(net, o));
  assertEquals(
    renderSmokeTranscript(await runSmokeClient(net, MEMORY)),
    "role=client\nrequested_session_id=1\nnegotiated_session_id=7\nframe_id=101\ncontrol_stream_id=0\n" +
      "submit_stream_id=2\nresult_stream_id=2\nsubmit_tile_count=3\nresult_tile_count=3",
  );
  await server.outcome;
});

/** Serves one connection by hand, then waits for its end. */
function byHand(
  net: CarrierBinding,
  serve: (connection: SmokeConnection) => Promise<unknown>,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    void net.listen((carrier: Carrier) => {
      const connection = new SmokeConnection(carrier, LIMITS);
      serve(connection).then(() => connection.linger(5000)).then(() => connection.close()).then(
        resolve,
        reject,
      );
    });
  });
}

test("the ack says its session in the metadata and 0 in the header", () => {
  const { header, metadata } = decodePacket(encodePacket(buildSmokeServerHelloAckPacket({ sessionId: 77 })));
  assertEquals(header.sessionId, 0);
  assertEquals(decodeServerHelloAckMetadata(new DataView(metadata.slice().buffer), 0, 80).sessionId, 77);
});

test("a client says what it got in place of the ack, with the server's words", async () => {
  const net = memoryNetwork();
  const served = byHand(net, async (connection) => {
    await connection.receive("control", MessageType.CLIENT_HELLO);
    const metadata = new Uint8Array(32);
    metadata[0] = 2;
    const body = new TextEncoder().encode("no");
    connection.send("control", makePacket({ msgType: MessageType.ERROR, metadata, body }));
  });
  await assertRejects(
    () => runSmokeClient(net, MEMORY),
    NnrpUnexpectedMessageError,
    "expected SERVER_HELLO_ACK, got ERROR AUTH_FAILED: no",
  );
  await served;
});

test("a server that only closes, says nothing, or says something broken fails the client", async () => {
  const closing = memoryNetwork();
  void byHand(closing, (connection) => connection.close());
  await assertRejects(() => runSmokeClient(closing, MEMORY), NnrpConnectionClosedError);

  const leaving = memoryNetwork();
  void byHand(leaving, async (connection) => {
    connection.send("control", buildSmokeServerHelloAckPacket({ sessionId: 1 }));
    await connection.receive("submit", MessageType.FRAME_SUBMIT);
    await connection.close();
  });
  await assertRejects(() => runSmokeClient(leaving, MEMORY), NnrpConnectionClosedError, "no result came");

  const silent = memoryNetwork();
  void byHand(silent, () => Promise.resolve());
  await assertRejects(
    () => runSmokeClient(silent, MEMORY, { timeoutMs: 20 }),
    NnrpTimeoutError,
    "waiting for SERVER_HELLO_ACK took longer than 20 ms",
  );

  const broken = memoryNetwork();
  void byHand(broken, (connection) => {
    connection.send("control", buildSmokeServerHelloAckPacket({ sessionId: 1 }));
    const result = makePacket({ msgType: MessageType.RESULT_PUSH, metadata: new Uint8Array(64).fill(0xff) });
    connection.send("result", result);
    return Promise.resolve();
  });
  await assertRejects(() => runSmokeClient(broken, MEMORY), NnrpWireError, "result_push");
});

test("a server without a client ends after its time, and by its signal", async () => {
  await assertRejects(
    () => runSmokeServerOnce(memoryNetwork(), { timeoutMs: 20 }),
    NnrpTimeoutError,
    "waiting for a client",
  );
  const abort = new AbortController();
  const waiting = runSmokeServerOnce(memoryNetwork(), {
    signal: abort.signal,
    onReady: () => queueMicrotask(() => abort.abort(new Error("enough"))),
  });
  await assertRejects(() => waiting, Error, "enough");
});

test("the port is free again after a server has failed", async () => {
  const server = await started((o) => runSmokeServerOnce(tcp({ port: 0 }), { ...o, timeoutMs: 20 }));
  await assertRejects(() => server.outcome, NnrpTimeoutError);
  const again = await started((o) => runSmokeServerOnce(tcp({ port: server.port }), o));
  assertEquals(again.port, server.port);
  await runSmokeClient(tcp(), { host: "127.0.0.1", port: again.port });
  await again.outcome;
});

test("the hello server answers and tells the hello", async () => {
  const net = memoryNetwork();
  const server = await started((o) =>
    runSmokeHelloServerOnce(net, { ...o, sessionId: 5, activeTransportId: 2 })
  );
  const connection = new SmokeConnection(await net.dial(MEMORY), LIMITS);
  const { buildSmokeClientHelloPacket } = await import("./mod.ts");
  connection.send("control", buildSmokeClientHelloPacket({ requestedSessionId: 4 }));
  const ack = await connection.receive("control", MessageType.SERVER_HELLO_ACK);
  assertEquals(ack.body.length, 16);
  await connection.close();
  assertEquals((await server.outcome).requestedSessionId, 4);
});

test("the probe server answers a probe on each connection", async () => {
  const net = memoryNetwork();
  const server = await started((o) =>
    runSmokeProbeServerOnce(net, { ...o, connectionCount: 2, ackDelayMs: [0, 1] })
  );
  for (const probeId of [8, 9]) {
    const connection = new SmokeConnection(await net.dial(MEMORY), LIMITS);
    const body = new Uint8Array(32 * 1024);
    connection.send(
      "control",
      buildTransportProbePacket({
        metadata: { probeId, probePayloadBytes: body.length, clientSendTsUs: 1n },
        body,
      }),
    );
    const { metadata } = await connection.receive("control", MessageType.TRANSPORT_PROBE_ACK);
    assertEquals(
      decodeTransportProbeAckMetadata(new DataView(metadata.slice().buffer), 0, 16).probeId,
      probeId,
    );
    await connection.close();
  }
  assertEquals((await server.outcome).probeId, 9);
  await assertRejects(() => runSmokeProbeServerOnce(net, { connectionCount: 0 }), NnrpValueError);
  await assertRejects(() => runSmokeProbeServerOnce(net, { ackDelayMs: [1, 2] }), NnrpValueError);
});

test("packets that do not fit are refused before anything is sent", () => {
  assertThrows(() => buildSmokeServerHelloAckPacket({ sessionId: -1 }), NnrpValueError, "sessionId");
});

/** Runs the command in this process. */
async function nnrp(...argv: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(["smoke", ...argv], {
    print: (line) => void out.push(line),
    warn: (line) => void err.push(line),
  });
  return { code, out, err };
}

test("the command serves, submits and prints JSON", async () => {
  const net = await started((o) => runSmokeServerOnce(tcp({ port: 0 }), o));
  const { code, out, err } = await nnrp("client", "--port", String(net.port), "--transport", "tcp", "--json");
  assertEquals([code, err, out.length], [0, [], 1]);
  assertEquals(JSON.parse(out[0]), {
    role: "client",
    requested_session_id: 1,
    negotiated_session_id: 7,
    frame_id: 101,
    control_stream_id: 0,
    submit_stream_id: 2,
    result_stream_id: 2,
    submit_tile_count: 3,
    result_tile_count: 3,
  });
  await net.outcome;
});

test("wrong usage is exit code 2, a failure 1, each with one line", async () => {
  const refused = async (code: number, words: string, ...argv: string[]) => {
    const ended = await nnrp(...argv);
    assertEquals([ended.code, ended.out, ended.err.length], [code, [], 1], ended.err.join("\n"));
    assert(ended.err[0].includes(words), ended.err[0]);
  };
  await refused(2, "--port is missing", "client");
  await refused(2, "--port must be a whole number from 1 to 65535", "client", "--port", "0");
  await refused(2, "--frame-id must be a whole number", "client", "--port", "1", "--frame-id", "1.5");
  await refused(2, "--transport must be tcp or quic", "client", "--port", "1", "--transport", "udp");
  await refused(2, "--cafile", "client", "--port", "1", "--transport", "tcp", "--cafile", "ca.pem");
  await refused(
    2,
    "--timeout must be more than 0",
    "client",
    "--port",
    "1",
    "--transport",
    "tcp",
    "--timeout",
    "0",
  );
  await refused(2, "did you mean --certificate", "server-once", "--port", "0", "--certificat", "x");
  await refused(2, "--certificate is missing", "server-once", "--port", "0");
  await refused(
    2,
    "--certificate is for",
    "server-once",
    "--port",
    "0",
    "--transport",
    "tcp",
    "--certificate",
    "x",
  );
  await refused(1, "cannot read --cafile", "client", "--port", "1", "--cafile", "no/such/ca.pem");
  await refused(1, "give the server's authority with --cafile", "client", "--port", "1");
  await refused(1, "127.0.0.1:1", "client", "--port", "1", "--transport", "tcp");
});

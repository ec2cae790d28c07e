/** `nnrp ping`, `probe` and `info` against real servers, and against none. */
import { createServer, type Server, type Socket } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TransportProbeResult, TransportProbeSelection, TransportProbeSummary } from "@nnrp/client";
import { TransportId } from "@nnrp/core";
import { quic } from "@nnrp/quic";
import { type NnrpServer, serve } from "@nnrp/server";
import { tls } from "@nnrp/tcp";
import { makeDevCertificates } from "../cert/mod.ts";
import { runCli } from "../cli.ts";
import { PLAIN } from "../terminal_style.ts";
import { summarise } from "./ping.ts";
import { selectionLines } from "./probe.ts";
import { serverAddress } from "./server_options.ts";

let server: NnrpServer;
let address = "";

before(async () => {
  server = await serve(
    { port: 0, profile: { modelName: "story-small", maxConcurrentFrames: 12 } },
    () => ({}),
  );
  address = `127.0.0.1:${server.port}`;
});
after(() => server.close());

async function nnrp(...args: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(args, {
    print: (line) => void out.push(line),
    warn: (line) => void err.push(line),
  });
  return { code, out, err };
}

async function refused(words: string, code: number, ...args: string[]): Promise<void> {
  const result = await nnrp(...args);
  assertEquals([result.code, result.out, result.err.length], [code, [], 1], result.err.join("\n"));
  assertStringIncludes(result.err[0], words);
  assert(!result.err[0].includes("please report"), result.err[0]);
}

/** A TCP server that does something else; returns its port. */
async function withStranger(
  act: (socket: Socket) => void,
  use: (port: number) => Promise<void>,
): Promise<void> {
  const sockets: Socket[] = [];
  const stranger: Server = createServer((socket) => {
    sockets.push(socket.on("error", () => {}));
    act(socket);
  });
  await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
  try {
    await use((stranger.address() as { port: number }).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => stranger.close(resolve));
  }
}

test("addresses may leave scheme and port out", () => {
  assertEquals(serverAddress("localhost"), "nnrp://localhost:4433");
  assertEquals(serverAddress("localhost:99"), "nnrp://localhost:99");
  assertEquals(serverAddress("::1"), "nnrp://[::1]:4433");
  assertEquals(serverAddress("[::1]:99"), "nnrp://[::1]:99");
  assertEquals(serverAddress("[::1]"), "nnrp://[::1]:4433");
  assertEquals(serverAddress("nnrps://host"), "nnrps://host");
});

test("ping prints each round trip and sums them up", async () => {
  const { code, out, err } = await nnrp("ping", address, "--count", "3", "--interval", "0");
  assertEquals([code, err, out.length], [0, [], 5]);
  assertMatch(out[0], /^nnrp:\/\/127\.0\.0\.1:\d+ over tcp, session \d+, opened in \d/);
  assertMatch(out[1], /^ping 1 {2}\d+(\.\d+)? ms$/);
  assertMatch(out[4], /^3 sent, 3 answered: min .* ms, avg .* ms, p50 .* ms, p99 .* ms, max .* ms$/);
});

test("ping --json is one object with all round trips", async () => {
  const { code, out } = await nnrp("ping", address, "-c", "2", "-i", "0", "--json");
  assertEquals([code, out.length], [0, 1]);
  const report = JSON.parse(out[0]);
  assertEquals([report.sent, report.answered, report.timesMs.length, report.carrier], [2, 2, 2, "tcp"]);
  assertEquals(report.maxMs, Math.max(...report.timesMs));
});

test("missing answers are counted, not averaged", () => {
  assertEquals(summarise([3, null, 1, 2]), {
    sent: 4,
    answered: 3,
    minMs: 1,
    avgMs: 2,
    p50Ms: 2,
    p99Ms: 3,
    maxMs: 3,
  });
  assertEquals(summarise([null]), {
    sent: 1,
    answered: 0,
    minMs: null,
    avgMs: null,
    p50Ms: null,
    p99Ms: null,
    maxMs: null,
  });
});

test("info shows what the server told, capabilities by name", async () => {
  const { code, out, err } = await nnrp("info", address);
  assertEquals([code, err], [0, []]);
  const text = out.join("\n").replace(/ +/g, " ");
  for (
    const line of [
      "model story-small",
      "transport TCP (tcp), not encrypted",
      "max concurrent frames 12",
      "max body 33554432 (32 MiB)",
      "payload kind TENSOR, TOKEN_CHUNK",
      "layout NHWC, NCHW",
      "0xf001 STREAMED_RESULTS",
    ]
  ) assertStringIncludes(text, line);
});

test("info --json has every field of the hello ack, and no token", async () => {
  const { code, out } = await nnrp("info", address, "--json");
  assertEquals([code, out.length], [0, 1]);
  const answer = JSON.parse(out[0]);
  assertEquals(answer.helloAck.max_concurrent_frames, { value: 12 });
  assertStringIncludes(answer.helloAck.accepted_dtype_bitmap.meaning, "FP16");
  assertEquals(answer.encryption, { encrypted: false, verified: null, certificate: null });
  const token = answer.extensions.find((extension: { name: string }) => extension.name === "MIGRATION_TOKEN");
  assertEquals([token.fields, token.hex], [{}, undefined]);
});

test("probe shows a row for each transport and the choice", async () => {
  const { code, out, err } = await nnrp("probe", address, "--samples", "2", "--bytes", "1000", "--warmup");
  assertEquals([code, err], [0, []]);
  assertEquals(out[0], `nnrp://${address}, probes of 1000 bytes`);
  assertMatch(out[3], /^QUIC +not tried$/);
  assertMatch(out[4], /^TCP +2 of 2 +\d.* ms +.* ms to .* ms +\d.* MB\/s +selected$/);
  const { tcp, quic, selected } = JSON.parse((await nnrp("probe", address, "-n", "2", "--json")).out[0]);
  assertEquals([tcp.answered, tcp.failed, tcp.roundTripsUs.length, quic, selected], [2, 0, 2, null, "TCP"]);
});

test("a table of both transports, one of which did not answer", () => {
  const result = new TransportProbeResult({
    transportId: TransportId.TCP,
    probeId: 1,
    probePayloadBytes: 1_000_000,
    clientSendTsUs: 0n,
    serverRecvTsUs: 0n,
    ackRecvTsUs: 20_000n,
  });
  const selection = new TransportProbeSelection({
    selectedTransportId: TransportId.TCP,
    quicSummary: new TransportProbeSummary({ transportId: TransportId.QUIC, failureCount: 3 }),
    tcpSummary: new TransportProbeSummary({
      transportId: TransportId.TCP,
      results: [result],
      failureCount: 1,
    }),
  });
  assertEquals(selectionLines({ address: "nnrps://host", payloadBytes: 1_000_000 }, selection, PLAIN), [
    "nnrps://host, probes of 1000000 bytes",
    "",
    "transport  answered  median   range               throughput",
    "QUIC       0 of 3",
    "TCP        1 of 2    20.0 ms  20.0 ms to 20.0 ms  50.0 MB/s   selected",
  ]);
});

test("certificates of one's own are trusted with --ca, and with --insecure the answer says so", async () => {
  const folder = mkdtempSync(join(tmpdir(), "nnrp-reach-"));
  const { ca, cert, key } = await makeDevCertificates();
  const file = join(folder, "ca.pem");
  writeFileSync(file, ca);
  const first = await serve({ listen: [tls({ port: 0, cert, key })] }, () => ({}));
  const { port } = first;
  const both = await serve({ listen: [quic({ port, cert, key })] }, () => ({}));
  try {
    const over = (scheme: string) => `${scheme}://localhost:${port}`;
    const trusted = await nnrp("info", over("nnrp+tls"), "--ca", file);
    assertEquals([trusted.code, trusted.err], [0, []]);
    assertStringIncludes(trusted.out.join("\n"), "TCP (tls), encrypted, certificate verified");
    const insecure = JSON.parse((await nnrp("info", over("nnrp+tls"), "--insecure", "--json")).out[0]);
    const { encrypted, verified, certificate } = insecure.encryption;
    assertEquals([encrypted, verified, certificate.subject], [true, false, "CN=localhost"]);
    assertEquals(certificate.fingerprint256.replaceAll(":", "").length, 64);
    const strangers = await nnrp("info", over("nnrp+tls"));
    assertEquals([strangers.code, strangers.out, strangers.err.length], [1, [], 1]);
    const probes = JSON.parse((await nnrp("probe", over("nnrps"), "--ca", file, "-n", "2", "--json")).out[0]);
    assertEquals([probes.quic?.answered, probes.tcp?.answered], [2, 2]);
  } finally {
    await first.close();
    await both.close();
    rmSync(folder, { recursive: true });
  }
});

test("nobody there, somebody else there, and somebody who says nothing are told apart", async () => {
  await withStranger(() => {}, (port) => Promise.resolve(void port)); // takes a port and gives it back
  for (const command of ["ping", "info"]) {
    await refused("no server answers at nnrp://127.0.0.1:1;", 1, command, "127.0.0.1:1");
  }
  await refused(
    "answered no probe: nobody is there, or it takes no probes; nnrp info",
    1,
    "probe",
    "127.0.0.1:1",
  );
  const http = (socket: Socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n".padEnd(100));
  await withStranger(http, async (port) => {
    await refused("but it does not speak NNRP/1", 1, "info", `127.0.0.1:${port}`);
    await refused("but it does not speak NNRP/1", 1, "ping", `127.0.0.1:${port}`);
  });
  await withStranger((socket) => void socket.end(), async (port) => {
    await refused("ended the connection before the session began", 1, "info", `127.0.0.1:${port}`);
  });
  await withStranger(() => {}, async (port) => {
    await refused("does not answer", 1, "info", `127.0.0.1:${port}`, "--timeout", "0.2");
  });
});

test("wrong usage is told with what was meant", async () => {
  await refused("SERVER is missing", 2, "ping");
  await refused("did you mean --count?", 2, "ping", address, "--cuont", "3");
  await refused("--count must be 1 or more, not 0", 2, "ping", address, "-c", "0");
  await refused("--timeout must be more than 0 seconds", 2, "info", address, "--timeout", "0");
  await refused("--samples must be 1 or more", 2, "probe", address, "-n", "0.5");
  await refused('"nrnp://host" is no server address; did you mean nnrp://host?', 2, "info", "nrnp://host");
  await refused("addresses have no spaces", 2, "info", "a b");
  await refused(
    "cannot read nowhere.pem; give the authority's certificate",
    2,
    "info",
    address,
    "--ca",
    "nowhere.pem",
  );
});

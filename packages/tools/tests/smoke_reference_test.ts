/**
 * The smoke test with nnrp-py 1.0.0rc2, live: the same packets byte for byte, and both sides of a session over TCP and QUIC,
 * on QUIC with its own command. Needs Python with that package. Deno only.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { encodePacket, type NnrpPacket } from "@nnrp/core";
import { tcp } from "@nnrp/tcp";
import {
  buildSmokeClientHelloPacket,
  buildSmokeClosePacket,
  buildSmokePingPacket,
  buildSmokeResultPacket,
  buildSmokeServerHelloAckPacket,
  buildSmokeSubmitPacket,
  runSmokeProbeServerOnce,
} from "../mod.ts";
import { runNnrp, startNnrp } from "./nnrp_process.ts";
import { skipReference, startPython } from "./reference_python.ts";

const SCRIPT = fileURLToPath(new URL("rc2_smoke.py", import.meta.url));
const MAKE_CERTS = fileURLToPath(new URL("../../../tests/interop/peer/make_certs.py", import.meta.url));
/** The reference's `nnrp-quic-smoke`, with a server that gives its result time to arrive. */
const REFERENCE_COMMAND = [SCRIPT, "command"];
const bytes = (...values: number[]) => Uint8Array.from(values);
const hex = (of: Uint8Array) => Array.from(of, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Builder of the reference, its arguments, and what ours makes of the same. */
const PACKETS: readonly (readonly [string, Record<string, unknown>, NnrpPacket])[] = [
  ["client_hello_packet", {}, buildSmokeClientHelloPacket()],
  [
    "client_hello_packet",
    { requested_session_id: 9 },
    buildSmokeClientHelloPacket({ requestedSessionId: 9 }),
  ],
  [
    "client_hello_packet",
    { selected_transport_id: 2 },
    buildSmokeClientHelloPacket({ selectedTransportId: 2 }),
  ],
  ["client_hello_packet", { forced_transport_id: 1 }, buildSmokeClientHelloPacket({ forcedTransportId: 1 })],
  [
    "client_hello_packet",
    { transport_policy: 1, preferred_transport_id: 1 },
    buildSmokeClientHelloPacket({ transportPolicy: 1, preferredTransportId: 1 }),
  ],
  ["server_hello_ack_packet", { session_id: 7 }, buildSmokeServerHelloAckPacket({ sessionId: 7 })],
  ...[
    { transport_policy: 1, accepted_transport_policy: 2, active_transport_id: 1 },
    { transport_policy: 3 },
    { accepted_transport_policy: 1 },
    { active_transport_id: 2 },
  ].map((said) =>
    [
      "server_hello_ack_packet_with_body",
      { session_id: 0xffffffff, body: { hex: "0102" }, control_extensions: { hex: "" }, ...said },
      buildSmokeServerHelloAckPacket({
        sessionId: 0xffffffff,
        body: bytes(1, 2),
        transportPolicy: said.transport_policy,
        acceptedTransportPolicy: said.accepted_transport_policy,
        activeTransportId: said.active_transport_id,
      }),
    ] as const
  ),
  ["ping_packet", { session_id: 3, trace_id: 5 }, buildSmokePingPacket({ sessionId: 3, traceId: 5n })],
  ["close_packet", { session_id: 3 }, buildSmokeClosePacket({ sessionId: 3 })],
  ["close_packet", { session_id: 3, reason: "é" }, buildSmokeClosePacket({ sessionId: 3, reason: "é" })],
  ["submit_packet", { session_id: 1, frame_id: 2 }, buildSmokeSubmitPacket({ sessionId: 1, frameId: 2 })],
  [
    "submit_packet",
    { session_id: 1, frame_id: 2, view_id: 3 },
    buildSmokeSubmitPacket({ sessionId: 1, frameId: 2, viewId: 3 }),
  ],
  ...[0, 1, 2, 4, 7].map((flags) =>
    [
      "result_packet",
      { session_id: 1, frame_id: 2, view_id: 3, result_flags: flags },
      buildSmokeResultPacket({ sessionId: 1, frameId: 2, viewId: 3, resultFlags: flags }),
    ] as const
  ),
];

/** The nine lines. */
const lines = (role: string, requested: number, negotiated: number, frame: number, resultStream: number) => [
  `role=${role}`,
  `requested_session_id=${requested}`,
  `negotiated_session_id=${negotiated}`,
  `frame_id=${frame}`,
  "control_stream_id=0",
  "submit_stream_id=2",
  `result_stream_id=${resultStream}`,
  "submit_tile_count=3",
  "result_tile_count=3",
];
const OVER_TCP = 2; // made up
const OVER_QUIC = 3; // the server's first stream of its own

/** Runs a Python program to its end; its lines. */
async function python(...args: string[]): Promise<string[]> {
  const { code, out, err } = await startPython(args).ended;
  assertEquals(code, 0, err);
  return out.trimEnd().split("\n");
}

/** The port that a server of ours says it waits on. */
function portOf(child: ReturnType<typeof startNnrp>["child"]): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stderr!.on("data", (chunk) => {
      text += String(chunk);
      const found = /waiting for one client on \w+ 127\.0\.0\.1:(\d+)/.exec(text);
      if (found !== null) resolve(found[1]);
    });
    child.once("close", () => reject(new Error(`ended: ${text}`)));
  });
}

/** Certificates for 127.0.0.1, removed afterwards. */
async function withCertificates(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/nnrp-smoke-`);
  try {
    await python(MAKE_CERTS, folder);
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("the packets of the smoke test are the reference's", { skip: skipReference }, async () => {
  const asked = PACKETS.map(([name, fields]) => [name, fields]);
  const { code, out, err } = await startPython([SCRIPT, "packets"], JSON.stringify(asked)).ended;
  assertEquals(code, 0, err);
  const theirs = JSON.parse(out) as string[];
  PACKETS.forEach(([name, fields, packet], i) =>
    assertEquals(hex(encodePacket(packet)), theirs[i], `${name} ${JSON.stringify(fields)}`)
  );
});

test("our smoke client with the reference's TCP server", { skip: skipReference }, async () => {
  const server = startPython([SCRIPT, "tcp-server", "9"]);
  const port = await server.firstLine;
  const flags = ["--transport", "tcp", "--port", port, "--requested-session-id", "3", "--frame-id", "55"];
  const client = await runNnrp(["smoke", "client", ...flags]);
  assertEquals([client.code, client.out, client.err], [0, lines("client", 3, 9, 55, OVER_TCP), ""]);
  const { code, out, err } = await server.ended;
  assertEquals([code, out.trimEnd().split("\n").slice(1)], [0, lines("server", 3, 9, 55, OVER_TCP)], err);
});

test("the reference's smoke client with our TCP server", { skip: skipReference }, async () => {
  const server = startNnrp([
    "smoke",
    "server-once",
    "--transport",
    "tcp",
    "--port",
    "0",
    "--session-id",
    "9",
  ]);
  const client = await python(SCRIPT, "tcp-client", await portOf(server.child), "3", "55");
  assertEquals(client, lines("client", 3, 9, 55, OVER_TCP));
  const { code, out } = await server.ended;
  assertEquals([code, out], [0, lines("server", 3, 9, 55, OVER_TCP)]);
});

test("the reference's probes with our probe server", { skip: skipReference }, async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const served = runSmokeProbeServerOnce(tcp({ port: 0 }), { onReady: ({ port }) => resolve(port) });
  const seen = await python(SCRIPT, "tcp-probe", String(await promise), "32768");
  assertEquals(JSON.parse(seen[0]), [77, 32768]);
  assertEquals((await served).probeId, 77);
});

test(
  "our smoke client with the reference's QUIC command",
  { skip: skipReference },
  () =>
    withCertificates(async (folder) => {
      const [port] = await python(SCRIPT, "free-port");
      const certificates = ["--certificate", `${folder}/cert.pem`, "--private-key", `${folder}/key.pem`];
      const server = startPython([...REFERENCE_COMMAND, "server-once", "--port", port, ...certificates]);
      const flags = ["--port", port, "--cafile", `${folder}/ca.pem`, "--verify-peer", "--frame-id", "55"];
      // The command does not say when it listens: a QUIC client keeps knocking until then.
      const client = await runNnrp(["smoke", "client", ...flags, "--requested-session-id", "3"]);
      assertEquals([client.code, client.out, client.err], [0, lines("client", 3, 7, 55, OVER_QUIC), ""]);
      const { code, out, err } = await server.ended;
      assertEquals([code, out.trimEnd().split("\n")], [0, lines("server", 3, 7, 55, OVER_QUIC)], err);
    }),
);

test(
  "the reference's QUIC command with our smoke server",
  { skip: skipReference },
  () =>
    withCertificates(async (folder) => {
      const certificates = ["--certificate", `${folder}/cert.pem`, "--private-key", `${folder}/key.pem`];
      const server = startNnrp(["smoke", "server-once", "--port", "0", ...certificates]);
      const port = await portOf(server.child);
      const flags = ["--port", port, "--cafile", `${folder}/ca.pem`, "--verify-peer", "--frame-id", "55"];
      const client = await python(...REFERENCE_COMMAND, "client", ...flags, "--requested-session-id", "3");
      assertEquals(client, lines("client", 3, 7, 55, OVER_QUIC));
      const { code, out, err } = await server.ended;
      assertEquals([code, out], [0, lines("server", 3, 7, 55, OVER_QUIC)], err);
    }),
);

test(
  "a QUIC server with a certificate of somebody else is refused",
  { skip: skipReference },
  () =>
    withCertificates(async (folder) => {
      const certificates = ["--certificate", `${folder}/cert.pem`, "--private-key", `${folder}/key.pem`];
      const server = startNnrp(["smoke", "server-once", "--port", "0", "--timeout", "2", ...certificates]);
      const port = await portOf(server.child);
      const client = await runNnrp(["smoke", "client", "--port", port, "--cafile", `${folder}/other-ca.pem`]);
      assertEquals(
        [client.code, client.out, client.err.trimEnd().split("\n").length],
        [1, [], 1],
        client.err,
      );
      assert(/certificate/i.test(client.err), client.err);
      assertEquals((await server.ended).code, 1);
    }),
);

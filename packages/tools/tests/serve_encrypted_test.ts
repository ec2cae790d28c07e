/** `nnrp serve` on TLS, QUIC and WebSocket, and the mistakes one can make with certificates. Deno only. */
import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { existsSync } from "node:fs";
import { runCli } from "../src/cli.ts";
import type { ListeningLine } from "../src/serving/serve_model.ts";
import { RawWebSocket, upgradeRequest } from "../../websocket/tests/raw_web_socket.ts";
import { startNnrp } from "./nnrp_process.ts";

async function nnrp(...args: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(args, { print: (line) => out.push(line), warn: (line) => err.push(line) });
  return { code, out, err };
}

test("serve --dev-cert listens on every carrier, its clients need only --ca, and nothing stays behind", async () => {
  const server = startNnrp([
    ...[
      "serve",
      "--model",
      "echo",
      "--port",
      "0",
      "--tls-port",
      "0",
      "--quic-port",
      "0",
      "--websocket-port",
      "0",
    ],
    ...["--dev-cert", "--json"],
  ]);
  try {
    const line: ListeningLine = JSON.parse(await server.firstLine);
    const schemes = line.addresses.map(({ carrier, address }) => [carrier, address.split("://")[0]]);
    assertEquals(schemes, [
      ["tcp", "nnrp"],
      ["tls", "nnrp+tls"],
      ["quic", "nnrp+quic"],
      ["webtransport", "https"],
      ["websocket", "wss"],
    ]);
    assertEquals(line.address, line.addresses[0].address);
    assertEquals(atob(line.certificateSha256!).length, 32);
    for (const { carrier, address } of line.addresses) {
      if (carrier === "webtransport") continue; // takes hashes, no authorities
      const { code, out, err } = await nnrp("ping", address, "--count", "1", "--ca", line.ca!);
      assertEquals([code, err], [0, []], address);
      assertStringIncludes(out[0], `${address} over ${carrier === "tcp" ? "" : carrier}`);
    }
    const [tcp, tls] = line.addresses;
    const untrusted = await nnrp("ping", tls.address);
    assertEquals([untrusted.code, untrusted.err.length], [1, 1]);
    assertStringIncludes(untrusted.err[0], "--ca FILE");
    const probed = await nnrp("probe", tcp.address, "--ca", line.ca!, "--samples", "1", "--json");
    assertEquals([probed.code, JSON.parse(probed.out[0]).tcp.answered], [0, 1]);

    server.signal("SIGTERM");
    assertEquals((await server.ended).code, 0);
    assert(!existsSync(line.ca!));
  } finally {
    server.child.kill("SIGKILL");
  }
});

const MISTAKES: readonly (readonly [words: string, args: string])[] = [
  ["--tls-port needs a certificate: --dev-cert", "--tls-port 0"],
  ["--quic-port needs a certificate: --dev-cert", "--quic-port 0"],
  ["--no-tcp leaves nothing", "--no-tcp"],
  ["4433 is given twice", "--dev-cert --tls-port 4433"],
  ["--key is missing", "--cert cert.pem --tls-port 0"],
  ["--cert is missing", "--key key.pem --tls-port 0"],
  ["leave out --cert and --key", "--dev-cert --cert cert.pem --key key.pem --tls-port 0"],
  ["of no use to plain TCP", "--dev-cert"],
  ["cannot read no-such.pem", "--cert no-such.pem --key no-such.pem --tls-port 0"],
  ["--websocket-port must be 0", "--websocket-port 65536"],
  ['--allow-origin "app.example" is not', "--allow-origin app.example --websocket-port 0"],
  ['--server-name "https://b.example" is not', "--server-name https://b.example --websocket-port 0"],
  ["--allow-origin is of no use", "--allow-origin https://app.example"],
];

test("serve takes the pages that it was told of, and no WebTransport where it could not keep its word", async () => {
  const status = async (port: number, origin: string) => {
    const peer = await RawWebSocket.connect(port);
    peer.send(upgradeRequest({ fields: { origin } }));
    const head = await peer.head();
    peer.destroy();
    return head.slice(9, 12);
  };
  const table: readonly (readonly [args: string, webTransport: boolean, statuses: Record<string, string>])[] =
    [
      ["", true, { "http://localhost:1": "101", "https://app.example": "403" }],
      ["--server-name app.example", true, { "http://localhost:1": "101", "https://app.example": "101" }],
      ["--allow-origin https://b.example --allow-origin https://app.example", false, {
        "http://localhost:1": "403",
        "https://app.example": "101",
        "https://b.example": "101",
      }],
      ["--allow-origin *", true, { "null": "101" }],
    ];
  for (const [args, webTransport, statuses] of table) {
    const base = "serve --model echo --no-tcp --websocket-port 0 --json";
    const line = base.split(" ").concat(args === "" ? [] : args.split(" "));
    const plain = startNnrp(line);
    const quic = startNnrp([...line, "--quic-port", "0", "--dev-cert"]);
    try {
      const { port }: ListeningLine = JSON.parse(await plain.firstLine);
      for (const [origin, expected] of Object.entries(statuses)) {
        assertEquals(await status(port, origin), expected, `${args}: ${origin}`);
      }
      const { addresses }: ListeningLine = JSON.parse(await quic.firstLine);
      assertEquals(addresses.some(({ carrier }) => carrier === "webtransport"), webTransport, args);
    } finally {
      for (const { signal } of [plain, quic]) signal("SIGTERM");
      await Promise.all([plain.ended, quic.ended]);
    }
  }
});

for (const [words, args] of MISTAKES) {
  test(`serve ${args} is refused with one line`, async () => {
    const { code, out, err } = await nnrp("serve", "--model", "echo", ...args.split(" "));
    assertEquals([code, out, err.length], [2, [], 1], err.join("\n"));
    assertStringIncludes(err[0], words);
  });
}

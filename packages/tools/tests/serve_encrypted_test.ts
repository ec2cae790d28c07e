/** `nnrp serve` on TLS, QUIC and WebSocket, and the mistakes one can make with certificates. Deno only. */
import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { existsSync } from "node:fs";
import { runCli } from "../src/cli.ts";
import type { ListeningLine } from "../src/serving/serve_model.ts";
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
];

for (const [words, args] of MISTAKES) {
  test(`serve ${args} is refused with one line`, async () => {
    const { code, out, err } = await nnrp("serve", "--model", "echo", ...args.split(" "));
    assertEquals([code, out, err.length], [2, [], 1], err.join("\n"));
    assertStringIncludes(err[0], words);
  });
}

/**
 * The server of the moves benchmark: echoes on every carrier, prints where and by which certificate, ends with its input.
 *
 * @module
 */
import { quic } from "@nnrp/quic";
import { serve } from "@nnrp/server";
import { tcp, tls } from "@nnrp/tcp";
import { makeDevCertificates } from "@nnrp/tools/cert";
import { webSocket } from "@nnrp/websocket";

const { ca, cert, key, sha256 } = await makeDevCertificates();
const server = await serve({
  listen: [
    tcp({ port: 0 }),
    tls({ port: 0, cert, key }),
    quic({ port: 0, cert, key }),
    webSocket({ port: 0 }),
  ],
}, (frame) => ({ typedPayloads: frame.typedPayloads }));
const ports = Object.fromEntries(server.addresses.map(({ name, port }) => [name, port]));
console.log(JSON.stringify({ ports, ca, sha256: [...sha256] }));
for await (const _ of Deno.stdin.readable) {
  // The end of the input is the end of the work.
}
Deno.exit(0);

/**
 * The server of the browser bench: ours on WebSocket and WebTransport, and the bare ones beside it, in one process so that all
 * of them meet the same conditions. Prints where they listen and ends with its standard input.
 *
 * @module
 */
import { quic } from "@nnrp/quic";
import { serve, TypedPayload } from "@nnrp/server";
import { makeDevCertificates } from "@nnrp/tools/cert";
import { webSocket } from "@nnrp/websocket";
import { answer } from "../peers/bare_load.ts";
import { overStream, overWebSocket } from "./bare_links.ts";

/** Results per request of work D. */
const TOKENS = 1000;

/** What it prints. */
export interface BenchAddresses {
  /** Ours: ports of WebSocket and WebTransport. */
  readonly ours: { readonly websocket: number; readonly webtransport: number };
  /** Bare: the same. */
  readonly bare: { readonly websocket: number; readonly webtransport: number };
  /** SHA-256 of the certificate. */
  readonly hash: readonly number[];
}

const host = "127.0.0.1";
const { cert, key, sha256 } = await makeDevCertificates();

const server = await serve({
  listen: [webSocket({ port: 0 }), quic({ port: 0, cert, key })],
}, (frame) => {
  const [first] = frame.typedPayloads;
  // Work D asks with 32 bytes; the echoes are larger.
  return first.payload.length === 32 ? tokens(first.payload) : { typedPayloads: frame.typedPayloads };
});

async function* tokens(token: Uint8Array) {
  for (let i = 0; i < TOKENS; i++) yield { typedPayloads: [TypedPayload.tokenChunk(token)] };
}

const bareWebSocket = Deno.serve({ hostname: host, port: 0, onListen: () => {} }, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  overWebSocket(socket, answer);
  return response;
});

const endpoint = new Deno.QuicEndpoint({ hostname: host, port: 0 });
const listener = endpoint.listen({
  cert,
  key,
  alpnProtocols: ["h3"],
  keepAliveInterval: 4000,
  maxIdleTimeout: 60_000,
});
void (async () => {
  for (;;) {
    const incoming = await listener.incoming();
    void (async () => {
      const session = await Deno.upgradeWebTransport(await incoming.accept());
      session.closed.catch(() => {}); // or Deno ends when a page goes away
      for await (const stream of session.incomingBidirectionalStreams) overStream(stream, answer);
    })().catch(() => {});
  }
})();

const portOf = (name: string) => server.addresses.find((address) => address.name === name)!.port;
const addresses: BenchAddresses = {
  ours: { websocket: portOf("websocket"), webtransport: portOf("quic") },
  bare: { websocket: bareWebSocket.addr.port, webtransport: endpoint.addr.port },
  hash: [...sha256],
};
console.log(JSON.stringify(addresses));
for await (const _ of Deno.stdin.readable) { /* until it ends */ }
Deno.exit();

/**
 * A server on the installed packages, for Node 20, Node 24 and Bun: echoes tensors, streams words. Prints where it listens as
 * one line of JSON and ends with its standard input.
 *
 * @module
 */
import process from "node:process";
import { drop, type Handler, serve, TypedPayload } from "@nnrp/server";
import { tcp, tls } from "@nnrp/tcp";
import { makeDevCertificates } from "@nnrp/tools/cert";
import { webSocket } from "@nnrp/websocket";

/** What it prints. */
export interface Listening {
  /** Addresses to dial, by carrier. */
  readonly urls: Record<string, string>;
  /** Authority to trust, PEM. */
  readonly ca: string;
}

const handler: Handler = (frame) => {
  if (frame.sections.length > 0) return { tileIds: frame.tileIds, sections: frame.sections };
  const text = frame.text();
  if (text === "nothing") return drop();
  return words(text, frame.signal);
};

async function* words(text: string, signal: AbortSignal) {
  for (let i = 0; text === "without end" || i < text.split(" ").length; i++) {
    if (signal.aborted) return;
    yield { typedPayloads: [TypedPayload.tokenChunk(`${text.split(" ")[i % text.split(" ").length]}.`)] };
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

const { ca, cert, key } = await makeDevCertificates();
const server = await serve({
  listen: [
    tcp({ port: 0 }),
    tls({ port: 0, cert, key }),
    webSocket({ port: 0 }),
  ],
  profile: { modelName: "packages" },
}, handler);

const schemes: Record<string, string> = { tcp: "nnrp+tcp", tls: "nnrp+tls", websocket: "ws" };
const urls = Object.fromEntries(
  server.addresses.map(({ name, port }) => [name, `${schemes[name]}://127.0.0.1:${port}`]),
);
const line: Listening = { urls, ca };
console.log(JSON.stringify(line));

process.stdin.once("end", () => void server.close());
process.stdin.resume();

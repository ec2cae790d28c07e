/**
 * `deno task browser-example`: the super-resolution server on WebTransport and WebSocket, and the page that uses it, on one
 * address that is printed. The certificate is made here and lives as long as the program; the page trusts it by its hash.
 *
 * @module
 */
import { backendHandler, superResolution } from "@nnrp/backends";
import { quic } from "@nnrp/quic";
import { drop, serve } from "@nnrp/server";
import { makeDevCertificates } from "@nnrp/tools/cert";
import { webSocket } from "@nnrp/websocket";
import { bundleForBrowser } from "../../packaging/bundle.ts";
import type { ServerAddress } from "./page.ts";

/** Port of the page, if nothing else is asked for; taken: any free one. */
const PAGE_PORT = 8433;
const HOST = "127.0.0.1";

/** What runs. */
export interface BrowserExample extends AsyncDisposable {
  /** Address of the page. */
  readonly url: string;
  /** What runs the network: `"native"` or `"wasm"`. */
  readonly runtime: string;
}

/**
 * Starts server and page.
 *
 * @param port Port of the page; 0 = any free one.
 */
export async function startBrowserExample(port: number): Promise<BrowserExample> {
  const script = await bundleForBrowser(new URL("page.ts", import.meta.url), { minify: true });
  const { cert, key, sha256 } = await makeDevCertificates();
  const backend = superResolution();
  await backend.ready();
  const server = await serve({
    // One UDP port for WebTransport, one TCP port for WebSocket.
    listen: [quic({ host: HOST, port: 0, cert, key }), webSocket({ host: HOST, port: 0 })],
    profile: { modelName: backend.name },
    concurrency: 1,
  }, backendHandler(backend, drop));

  const portOf = (name: string) => server.addresses.find((address) => address.name === name)!.port;
  const address: ServerAddress = {
    host: HOST,
    webTransport: portOf("quic"),
    webSocket: portOf("websocket"),
    certificateHash: [...sha256],
  };
  const file = (path: string) => Deno.readFile(new URL(path, import.meta.url));
  const texts: Record<
    string,
    readonly [type: string, content: string | (() => Promise<Uint8Array<ArrayBuffer>>)]
  > = {
    "/": ["text/html", () => file("index.html")],
    "/style.css": ["text/css", () => file("style.css")],
    "/page.js": ["text/javascript", script],
    "/photograph.png": ["image/png", () => file("../../packages/tools/assets/coffee.png")],
    "/server.json": ["application/json", JSON.stringify(address)],
  };
  const pages = listen(port, async (request) => {
    const found = texts[new URL(request.url).pathname];
    if (found === undefined) return new Response(null, { status: 404 });
    const [type, content] = found;
    const body = typeof content === "string" ? content : await content();
    return new Response(body, {
      headers: { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store" },
    });
  });
  return {
    url: `http://${HOST}:${pages.addr.port}/`,
    runtime: await backend.runtimeName(),
    async [Symbol.asyncDispose]() {
      await pages.shutdown();
      await server.close({ drainMs: 500 });
      await backend[Symbol.asyncDispose]();
    },
  };
}

function listen(
  port: number,
  handler: (request: Request) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  const options = { hostname: HOST, onListen: () => {} };
  try {
    return Deno.serve({ ...options, port }, handler);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    return Deno.serve({ ...options, port: 0 }, handler);
  }
}

if (import.meta.main) {
  const example = await startBrowserExample(PAGE_PORT);
  console.log(`open ${example.url} in a browser (ONNX Runtime ${example.runtime}); Ctrl-C stops`);
  Deno.addSignalListener("SIGINT", async () => {
    await example[Symbol.asyncDispose]();
    Deno.exit();
  });
}

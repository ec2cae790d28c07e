/**
 * Ends of WebSockets for the tests: the mounts inside a real HTTP server of the runtime, and the way a browser dials.
 *
 * @module
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type CarrierBinding, type CarrierDialer, TransportId } from "@nnrp/core";
import { systemHost } from "@nnrp/runtime";
import { type BunServer, mountOnBun, mountOnDeno, mountOnNode, type MountOptions } from "../mod.ts";
import { dialBrowser } from "../src/browser_dial.ts";

/** The runtime of the tests. */
export const HERE: "deno" | "bun" | "node" = "Deno" in globalThis
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

/** Dials with the global WebSocket, as in a browser. */
export function browserDialer(): CarrierDialer {
  return {
    name: "websocket",
    transport: TransportId.TCP,
    encrypted: false,
    dial: ({ host, port, path = "/nnrp" }, options) =>
      dialBrowser(`ws://${host}:${port}${path}`, `${host}:${port}`, false, systemHost(), options?.signal),
  };
}

/** A running HTTP server. */
export interface Http {
  /** Its port. */
  readonly port: number;
  /** Stops it. */
  close(): Promise<void>;
}

/** A binding that brings an HTTP server of the runtime along; the server says hello to everything that is not for NNRP. */
export function mounted(options: MountOptions = {}): CarrierBinding {
  return {
    name: "websocket",
    transport: TransportId.TCP,
    async listen(accept, listenOptions) {
      const { binding, http } = await startHttp(options);
      const listener = await binding.listen(accept, listenOptions);
      return {
        ...listener,
        host: "127.0.0.1",
        port: http.port,
        close: () => listener.close().then(http.close),
      };
    },
  };
}

/** An HTTP server of the runtime with a mount inside, and no NNRP server behind it yet. */
export function startHttp(options: MountOptions): Promise<{ binding: CarrierBinding; http: Http }> {
  if (HERE === "node") return onNode(options);
  return Promise.resolve(HERE === "deno" ? onDeno(options) : onBun(options));
}

function onDeno(options: MountOptions): { binding: CarrierBinding; http: Http } {
  const nnrp = mountOnDeno(options);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request, info) =>
      new URL(request.url).pathname === "/hello" ? new Response("hello") : nnrp.handler(request, info),
  );
  return { binding: nnrp, http: { port: server.addr.port, close: () => Promise.resolve(server.unref()) } };
}

interface Bun {
  serve(options: unknown): { port: number; stop(): void; unref(): void };
}

function onBun(options: MountOptions): { binding: CarrierBinding; http: Http } {
  const nnrp = mountOnBun(options);
  const server = (globalThis as unknown as { Bun: Bun }).Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request: Request, server: BunServer) =>
      new URL(request.url).pathname === "/hello" ? new Response("hello") : nnrp.fetch(request, server),
    websocket: nnrp.websocket,
  });
  return { binding: nnrp, http: { port: server.port, close: () => Promise.resolve(server.unref()) } };
}

function onNode(options: MountOptions): Promise<{ binding: CarrierBinding; http: Http }> {
  const nnrp = mountOnNode(options);
  const server = createServer((_request, response) => response.end("hello"));
  server.on("upgrade", nnrp.upgrade);
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const close = () => Promise.resolve(void server.unref().close());
      resolve({ binding: nnrp, http: { port: (server.address() as AddressInfo).port, close } });
    })
  );
}

/**
 * NNRP inside an application's own `Bun.serve`.
 *
 * @module
 */
import type { CarrierBinding, Host } from "@nnrp/core";
import { mount, type MountOptions } from "./mount.ts";
import { type WebSocketLike, WebSocketStream } from "./web_socket_stream.ts";

/** As much of Bun's server as is needed. */
export interface BunServer {
  /** Makes a WebSocket of a request; `data` comes back on the socket. */
  upgrade(request: Request, options: { data: unknown }): boolean;
  /** The peer's address. */
  requestIP(request: Request): { address: string; port: number } | null;
}

/** As much of Bun's server-side WebSocket as is needed. */
export interface BunSocket {
  /** What `upgrade` was given. */
  readonly data: unknown;
  /** How binary messages are handed over. */
  binaryType?: string;
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** Bytes accepted and not sent yet. */
  getBufferedAmount(): number;
  /** Sends; 0 = dropped, -1 = kept until there is room. */
  send(data: Uint8Array): number;
  /** Begins the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** What `Bun.serve` takes as `websocket`. */
export interface BunWebSocketHandlers {
  /** Largest message, bytes. */
  readonly maxPayloadLength: number;
  /** Unsent bytes beyond which messages are dropped. */
  readonly backpressureLimit: number;
  /** 0: sessions have an idle limit of their own. */
  readonly idleTimeout: number;
  /** False: payloads are tensors, mostly. */
  readonly perMessageDeflate: boolean;
  /** A socket is open. */
  open(socket: BunSocket): void;
  /** A message came. */
  message(socket: BunSocket, message: string | ArrayBuffer | Uint8Array): void;
  /** A socket closed. */
  close(socket: BunSocket, code: number, reason: string): void;
}

/** A binding that lives in a `Bun.serve`. */
export interface BunMount extends CarrierBinding {
  /** Answers requests for the endpoint; undefined once they became WebSockets, as `Bun.serve` wants it. */
  readonly fetch: (request: Request, server: BunServer) => Response | undefined;
  /** The handlers of the sockets. */
  readonly websocket: BunWebSocketHandlers;
}

/**
 * Mounts NNRP into a `Bun.serve` of the application. Bun's WebSockets cannot stop receiving: what a peer sends while its session is
 * paused is kept, up to 64 MiB.
 *
 * @example
 * ```ts ignore
 * import { serve } from "@nnrp/server";
 * import { mountOnBun } from "@nnrp/websocket";
 *
 * const nnrp = mountOnBun();
 * await serve({ listen: [nnrp] }, (frame) => ({ typedPayloads: frame.typedPayloads }));
 * Bun.serve({
 *   port: 8000,
 *   fetch: (request, server) =>
 *     new URL(request.url).pathname === "/nnrp" ? nnrp.fetch(request, server) : new Response("hello"),
 *   websocket: nnrp.websocket,
 * });
 * ```
 */
export function mountOnBun(options: MountOptions = {}): BunMount {
  const mounted = mount(options);
  const { binding, judge, shaking } = mounted;
  return {
    ...binding,
    fetch(request, server): Response | undefined {
      const url = new URL(request.url);
      const from = server.requestIP(request);
      const remote = from === null
        ? "?"
        : `${from.address.includes(":") ? `[${from.address}]` : from.address}:${from.port}`;
      const encrypted = url.protocol === "https:";
      const verdict = judge({
        method: request.method,
        target: url.pathname,
        field: (name) => request.headers.get(name),
        remote,
        encrypted,
      });
      if (!verdict.accepted) {
        return new Response(`${verdict.body}\n`, { status: verdict.status, headers: { ...verdict.fields } });
      }
      const socket = new BunSocketEvents(encrypted, mounted.host);
      socket.done = shaking(remote, () => socket.close());
      if (server.upgrade(request, { data: socket })) return undefined;
      socket.done(new Error("Bun did not upgrade the request"));
      return new Response("not upgraded\n", { status: 400 });
    },
    websocket: {
      maxPayloadLength: 16 * 1024 * 1024,
      backpressureLimit: 16 * 1024 * 1024,
      idleTimeout: 0,
      perMessageDeflate: false,
      open: (socket) => (socket.data as BunSocketEvents).opened(socket),
      message: (socket, message) => (socket.data as BunSocketEvents).message(message),
      close: (socket, code, reason) => (socket.data as BunSocketEvents).closed(code, reason),
    },
  };
}

/** Bun's handlers are per server; this gives each socket its own, as other runtimes have them. */
class BunSocketEvents implements WebSocketLike {
  binaryType = "arraybuffer";
  done: ReturnType<ReturnType<typeof mount>["shaking"]> = () => {};
  readonly #encrypted: boolean;
  readonly #host: Host;
  #socket: BunSocket | null = null;
  readonly #listeners = new Map<string, (event: unknown) => void>();

  constructor(encrypted: boolean, host: Host) {
    this.#encrypted = encrypted;
    this.#host = host;
  }

  get readyState(): number {
    return this.#socket?.readyState ?? 0;
  }

  get bufferedAmount(): number {
    return this.readyState === 1 ? this.#socket!.getBufferedAmount() : 0;
  }

  send(data: Uint8Array): void {
    if (this.#socket!.send(data) === 0) throw new Error("the WebSocket took nothing");
  }

  close(code?: number): void {
    this.#socket?.close(code);
  }

  addEventListener(type: string, listener: (event: unknown) => void): void {
    this.#listeners.set(type, listener);
  }

  opened(socket: BunSocket): void {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    this.done({ stream: new WebSocketStream(this, this.#host), encrypted: this.#encrypted });
  }

  message(message: string | ArrayBuffer | Uint8Array): void {
    const data = message instanceof Uint8Array ? message.slice().buffer : message;
    this.#listeners.get("message")?.({ data });
  }

  closed(code: number, reason: string): void {
    this.done(new Error("the connection ended before it was a WebSocket"));
    this.#listeners.get("close")?.({ code, reason, wasClean: code !== 1006 });
  }
}

/**
 * Sockets of Node and Bun (`node:net`).
 *
 * @module
 */
import { connect as netConnect, createServer, type Server, type Socket } from "node:net";
import type { ByteStream, PeerIdentity } from "@nnrp/core";
import { NodeByteStream, remoteOf } from "../node_byte_stream.ts";
import type { Bound, RawSocket, SocketPlace } from "./raw_socket.ts";

/** Opens a connection. Rejects with the runtime's own error or the signal's reason. */
export function connect(
  { host, port, noDelay }: SocketPlace,
  signal: AbortSignal | undefined,
): Promise<RawSocket> {
  signal?.throwIfAborted();
  const socket = netConnect({ host, port, noDelay, allowHalfOpen: true });
  return connected(socket, "connect", signal, () => new NodeRawSocket(socket));
}

/** Waits for a socket to connect; it is destroyed if it does not. */
export function connected(
  socket: Socket,
  event: "connect" | "secureConnect",
  signal: AbortSignal | undefined,
  make: () => RawSocket,
): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    const done = () => {
      signal?.removeEventListener("abort", abort);
      socket.removeListener("error", failed);
      socket.removeListener("close", closed);
    };
    const failed = (cause: unknown) => {
      done();
      socket.on("error", () => {});
      socket.destroy();
      reject(cause);
    };
    const closed = () => failed(new Error("socket hang up"));
    const abort = () => failed(signal!.reason);
    signal?.addEventListener("abort", abort);
    socket.on("error", failed);
    socket.on("close", closed);
    socket.once(event, () => {
      done();
      resolve(make());
    });
  });
}

/** Binds and accepts until closed. Rejects with the runtime's own error. */
export function listen(
  { host, port, noDelay }: SocketPlace,
  accept: (socket: RawSocket) => void,
): Promise<Bound> {
  const server = createServer({ allowHalfOpen: true, noDelay }, (socket) => {
    accept(new NodeRawSocket(socket));
  });
  return bound(server, host, port, () => {});
}

/** Binds a server. */
export function bound(server: Server, host: string, port: number, closing: () => void): Promise<Bound> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.removeListener("error", reject);
      // A failed accept (no file descriptors left, for example) must not end the server.
      server.on("error", () => {});
      const address = server.address() as { address: string; port: number };
      resolve({
        host: address.address,
        port: address.port,
        close: () => {
          server.close();
          closing();
          return Promise.resolve();
        },
      });
    });
  });
}

/** What is known about a socket beside its address. */
export interface NodeSocketInfo {
  /** The client's certificate. */
  readonly peerIdentity?: PeerIdentity | undefined;
  /** Turns the runtime's error into a descriptive one. Default: unchanged. */
  readonly explain?: (cause: unknown) => unknown;
}

/** A socket of `node:net` or `node:tls`. */
export class NodeRawSocket implements RawSocket {
  /** `host:port` of the peer. */
  readonly remote: string;
  /** The client's certificate. */
  readonly peerIdentity: PeerIdentity | undefined;
  readonly #socket: Socket;
  readonly #info: NodeSocketInfo;
  #listens = false; // to what comes
  #chunks: Uint8Array[] = [];
  #ended = false;
  #failure: unknown;
  #wake: (() => void) | null = null;
  readonly #onData = (chunk: Uint8Array) => {
    this.#chunks.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this.#socket.pause();
    this.#wake?.();
  };
  readonly #onEnd = () => {
    this.#ended = true;
    this.#wake?.();
  };
  readonly #onError = (error: Error) => {
    this.#failure ??= error;
    this.#wake?.();
  };

  /**
   * @param socket Connected; this object owns it.
   * @param info What is known of it.
   */
  constructor(socket: Socket, info: NodeSocketInfo = {}) {
    this.#socket = socket;
    this.#info = info;
    this.peerIdentity = info.peerIdentity;
    this.remote = remoteOf(socket);
    socket.on("error", this.#onError);
  }

  /** The next bytes. */
  async read(): Promise<Uint8Array | null> {
    const socket = this.#socket;
    if (!this.#listens) {
      this.#listens = true;
      socket.pause();
      socket.on("data", this.#onData);
      socket.on("end", this.#onEnd);
      socket.on("close", this.#onEnd);
    }
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) return chunk;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended || socket.destroyed) return null;
      const change = new Promise<void>((done) => this.#wake = done);
      socket.resume();
      await change;
      this.#wake = null;
    }
  }

  /** Writes all of it. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#socket.write(bytes, (error?: Error | null) => error ? reject(error) : resolve())
    );
  }

  /** The socket as a byte stream. */
  stream(): ByteStream {
    const socket = this.#socket;
    if (this.#listens) {
      socket.removeListener("data", this.#onData);
      socket.removeListener("end", this.#onEnd);
      socket.removeListener("close", this.#onEnd);
    }
    const past = { failure: this.#failure, ended: this.#ended, explain: this.#info.explain };
    const stream = new NodeByteStream(socket, past);
    socket.removeListener("error", this.#onError);
    return stream;
  }

  /** Closes at once, without waiting for unsent bytes. */
  destroy(): void {
    this.#socket.destroy();
  }
}

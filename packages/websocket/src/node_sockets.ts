/**
 * Sockets of Node and Bun, plain and TLS. The modules of the runtime are imported under names that a bundler for browsers does not
 * see: there this file is never used.
 *
 * @module
 */
import type { Server, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ByteStream } from "@nnrp/core";
import { NodeStream } from "./node_stream.ts";
import { type Bound, HTTP_ALPN, type RawSocket, type RawSockets } from "./raw_socket.ts";

const builtin = (name: string): Promise<unknown> => import(/* @vite-ignore */ /* webpackIgnore: true */ name);

/** Node's sockets. */
export async function rawSockets(): Promise<RawSockets> {
  const net = await builtin("node:net") as typeof import("node:net");
  const tlsModule = await builtin("node:tls") as typeof import("node:tls");
  return {
    connect(host, port, tls, signal): Promise<RawSocket> {
      return new Promise((resolve, reject) => {
        const socket = tls === null ? net.connect({ host, port, allowHalfOpen: true }) : tlsModule.connect({
          host,
          port,
          // The name for SNI must be no address.
          servername: tls.serverName ?? (net.isIP(host) === 0 ? host : undefined),
          ca: tls.caCerts === undefined ? undefined : [...tlsModule.rootCertificates, ...tls.caCerts],
          rejectUnauthorized: !(tls.insecureSkipVerify ?? false),
          cert: tls.cert,
          key: tls.key,
          ALPNProtocols: [HTTP_ALPN],
        });
        socket.setNoDelay(true);
        const abort = () => {
          socket.destroy();
          reject(signal!.reason);
        };
        if (signal?.aborted) {
          abort();
          return;
        }
        const failed = (cause: Error) => {
          signal?.removeEventListener("abort", abort);
          reject(cause);
        };
        signal?.addEventListener("abort", abort);
        socket.once("error", failed);
        socket.once(tls === null ? "connect" : "secureConnect", () => {
          signal?.removeEventListener("abort", abort);
          socket.removeListener("error", failed);
          resolve(new NodeRawSocket(socket));
        });
      });
    },

    listen(host, port, tls, limits, accept, failed): Promise<Bound> {
      return new Promise((resolve, reject) => {
        const arrived = (socket: Socket) => {
          socket.setNoDelay(true);
          accept(new NodeRawSocket(socket));
        };
        // TLS handshakes under way.
        const shaking = new Map<
          Socket,
          { done(): void; lost(error: Error): void; drop(error: Error): void }
        >();
        const server: Server = tls === null
          ? net.createServer({ allowHalfOpen: true }, arrived)
          : tlsModule.createServer({ ...tls, ALPNProtocols: [HTTP_ALPN] }, (socket) => {
            const handshake = shaking.get(underlying(socket));
            if (handshake === undefined) {
              socket.destroy(); // given up meanwhile
              return;
            }
            handshake.done();
            arrived(socket);
          });
        if (tls !== null) {
          server.on("connection", (socket: Socket) => {
            const remote = format(socket);
            if (shaking.size >= limits.max) {
              socket.destroy();
              failed(remote, new Error("too many connections are shaking hands"));
              return;
            }
            const handshake = {
              done: () => {
                clearTimeout(timer);
                shaking.delete(socket);
              },
              lost: (error: Error) => {
                if (shaking.has(socket)) failed(remote, error);
                handshake.done();
              },
              drop: (error: Error) => {
                handshake.lost(error);
                socket.destroy();
              },
            };
            const late = () => handshake.drop(new Error(`TLS took longer than ${limits.timeoutMs} ms`));
            const timer = setTimeout(late, limits.timeoutMs);
            shaking.set(socket, handshake);
            socket.on("error", handshake.lost);
            socket.on("close", () => handshake.lost(new Error("socket hang up")));
          });
          server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
            shaking.get(underlying(socket))?.lost(error);
            socket.destroy();
          });
        }
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
              const closed = new Error("the listener was closed during the TLS handshake");
              for (const { drop } of [...shaking.values()]) drop(closed);
              return Promise.resolve();
            },
          });
        });
      });
    },
  };
}

/** The socket that "connection" told of; on Bun the TLS socket itself. */
function underlying(socket: TLSSocket): Socket {
  return (socket as { _parent?: Socket | null })._parent ?? socket;
}

function format(socket: Socket): string {
  const host = socket.remoteAddress ?? "?";
  return `${host.includes(":") ? `[${host}]` : host}:${socket.remotePort ?? 0}`;
}

/** A socket of `node:net` or `node:tls` during its handshake. */
class NodeRawSocket implements RawSocket {
  readonly remote: string;
  readonly #socket: Socket;
  #chunks: Uint8Array[] = [];
  #ended = false;
  #failure: unknown = null;
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
    this.#failure = error;
    this.#wake?.();
  };

  constructor(socket: Socket) {
    this.#socket = socket;
    this.remote = format(socket);
    socket.pause();
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onEnd);
    socket.on("error", this.#onError);
  }

  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) return chunk;
      if (this.#failure !== null) throw this.#failure;
      if (this.#ended) return null;
      const change = new Promise<void>((done) => this.#wake = done);
      this.#socket.resume();
      await change;
      this.#wake = null;
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#socket.write(bytes, (error?: Error | null) => error ? reject(error) : resolve())
    );
  }

  stream(): ByteStream {
    const socket = this.#socket;
    socket.removeListener("data", this.#onData);
    socket.removeListener("end", this.#onEnd);
    socket.removeListener("close", this.#onEnd);
    const stream = new NodeStream(socket, this.#failure, this.#ended);
    socket.removeListener("error", this.#onError);
    return stream;
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

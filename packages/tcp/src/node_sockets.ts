/**
 * Sockets of Node and Bun (`node:net`). Chunks are handed over as they come; a batch of ranges is corked into one gathered
 * write.
 *
 * @module
 */
import { connect as netConnect, createServer, type Socket } from "node:net";
import { type ByteStream, type ByteStreamEvents, VANISHED } from "@nnrp/core";
import type { Bound, Connected, SocketApi } from "./socket_api.ts";

/** Batches beyond this size are written in pieces, so that a peer that takes them slowly is seen to take something. */
const PIECE_BYTES = 1024 * 1024;

/** Node's sockets. */
export const socketApi: SocketApi = {
  connect(host, port, noDelay, signal): Promise<Connected> {
    return new Promise((resolve, reject) => {
      const socket = netConnect({ host, port, noDelay, allowHalfOpen: true });
      const abort = () => socket.destroy(signal!.reason);
      const failed = (cause: Error) => {
        signal?.removeEventListener("abort", abort);
        reject(cause);
      };
      signal?.addEventListener("abort", abort);
      socket.once("error", failed);
      socket.once("connect", () => {
        signal?.removeEventListener("abort", abort);
        socket.removeListener("error", failed);
        resolve({ stream: new NodeByteStream(socket), remote: formatRemote(socket) });
      });
    });
  },

  listen(host, port, noDelay, accept): Promise<Bound> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true, noDelay }, (socket) => {
        accept(new NodeByteStream(socket), formatRemote(socket));
      });
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
            return Promise.resolve();
          },
        });
      });
    });
  },
};

/** `host:port` of a socket's peer; IPv6 in brackets. */
export function formatRemote(socket: Socket): string {
  const host = socket.remoteAddress ?? "?";
  return `${host.includes(":") ? `[${host}]` : host}:${socket.remotePort ?? 0}`;
}

/** A node:net or node:tls socket as a byte stream. */
export class NodeByteStream implements ByteStream {
  readonly #socket: Socket;
  #events: ByteStreamEvents | null = null;
  #failure: unknown;
  readonly #onWritten = (error?: Error | null) => {
    if (error) this.#events!.writeFailed(error);
    else this.#events!.written();
  };

  /**
   * Makes a NodeByteStream.
   *
   * @param socket The socket, connected; this object owns it.
   * @param explain Turns the runtime's error into one that people understand. Default: as it is.
   */
  constructor(socket: Socket, explain: (cause: unknown) => unknown = (cause) => cause) {
    this.#socket = socket;
    socket.on("error", (error) => this.#failure ??= explain(error));
  }

  /** Starts reading. */
  start(events: ByteStreamEvents): void {
    this.#events = events;
    const socket = this.#socket;
    socket.on("data", (chunk: Uint8Array) => {
      events.data(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    });
    socket.on("end", () => events.ended());
    socket.on("close", () => events.closed(this.#failure));
    if (socket.destroyed) queueMicrotask(() => events.closed(this.#failure));
  }

  /** Writes the ranges in order, as one system call where the kernel takes them. */
  write(ranges: Uint8Array[]): void {
    const socket = this.#socket;
    const last = ranges.length - 1;
    let length = 0;
    for (let i = 0; i <= last; i++) length += ranges[i].length;
    if (length > PIECE_BYTES) {
      this.#writePieces(ranges, 0, 0);
      return;
    }
    if (last === 0) {
      socket.write(ranges[0], this.#onWritten);
      return;
    }
    socket.cork();
    for (let i = 0; i < last; i++) socket.write(ranges[i]);
    socket.write(ranges[last], this.#onWritten);
    socket.uncork();
  }

  /** Writes a large batch piece by piece: the runtime tells of a write only when all of it is taken. */
  #writePieces(ranges: Uint8Array[], index: number, at: number): void {
    const range = ranges[index];
    if (range.length === 0) { // since the pieces before it were written
      this.#events!.failed(new Error(VANISHED));
      return;
    }
    const piece = range.subarray(at, at + PIECE_BYTES);
    const end = at + piece.length;
    if (end === range.length && index === ranges.length - 1) {
      this.#socket.write(piece, this.#onWritten);
      return;
    }
    this.#socket.write(piece, (error?: Error | null) => {
      if (error) {
        this.#onWritten(error);
        return;
      }
      this.#events!.progress(piece.length);
      if (end === range.length) this.#writePieces(ranges, index + 1, 0);
      else this.#writePieces(ranges, index, end);
    });
  }

  /** Stops reading. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#socket.resume();
  }

  /** Ends the sending half. */
  shutdown(): void {
    this.#socket.end();
  }

  /** Ends both halves. */
  destroy(): void {
    this.#socket.destroy();
  }
}

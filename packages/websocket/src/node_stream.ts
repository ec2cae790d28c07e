/**
 * A socket of Node or Bun as a byte stream. Chunks are handed over as they come; a batch of ranges is corked into one write.
 *
 * @module
 */
import type { Socket } from "node:net";
import type { ByteStream, ByteStreamEvents } from "@nnrp/core";

/** A socket of `node:net` or `node:tls` as a byte stream. */
export class NodeStream implements ByteStream {
  readonly #socket: Socket;
  #events: ByteStreamEvents | null = null;
  #failure: unknown;
  #ended: boolean; // before it was started
  #paused = false;
  readonly #onWritten = (error?: Error | null) => {
    if (error) this.#events!.writeFailed(error);
    else this.#events!.written();
  };

  /**
   * Makes a NodeStream.
   *
   * @param socket The socket, connected; this object owns it.
   * @param failure What it failed with already, if it did.
   * @param ended Whether the peer has ended already.
   */
  constructor(socket: Socket, failure: unknown = null, ended = false) {
    this.#socket = socket;
    this.#failure = failure ?? undefined;
    this.#ended = ended;
    socket.on("error", (error) => this.#failure ??= error);
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
    else if (this.#ended || socket.readableEnded) queueMicrotask(() => events.ended());
    if (!this.#paused) socket.resume();
  }

  /** Writes the ranges in order, as one system call where the kernel takes them. */
  write(ranges: Uint8Array[]): void {
    const socket = this.#socket;
    const last = ranges.length - 1;
    if (last === 0) {
      socket.write(ranges[0], this.#onWritten);
      return;
    }
    socket.cork();
    for (let i = 0; i < last; i++) socket.write(ranges[i]);
    socket.write(ranges[last], this.#onWritten);
    socket.uncork();
  }

  /** Stops reading. */
  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#paused = false;
    if (this.#events !== null) this.#socket.resume();
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

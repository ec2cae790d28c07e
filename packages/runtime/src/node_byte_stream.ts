/**
 * A socket of Node or Bun as a byte stream. Chunks are handed over as they come; a batch of ranges is corked into one gathered
 * write. Imports nothing of the runtime: browsers may load it.
 *
 * @module
 */
import type { Socket } from "node:net";
import { type ByteStream, type ByteStreamEvents, VANISHED } from "@nnrp/core";

/** Batches beyond this size are written in pieces, so that progress of a slow peer is visible. */
const PIECE_BYTES = 1024 * 1024;

/** What is known about a socket that was used before it became a byte stream. */
export interface NodeSocketPast {
  /** What it failed with already. Default: nothing. */
  readonly failure?: unknown;
  /** Whether the peer has ended already. Default false. */
  readonly ended?: boolean;
  /** Turns the runtime's error into a descriptive one. Default: unchanged. */
  readonly explain?: (cause: unknown) => unknown;
}

/** A socket of `node:net` or `node:tls` as a byte stream. */
export class NodeByteStream implements ByteStream {
  readonly #socket: Socket;
  #events: ByteStreamEvents | null = null;
  #failure: unknown;
  readonly #ended: boolean; // before it was started
  #paused = false;
  readonly #onWritten = (error?: Error | null) => {
    if (error) this.#events!.writeFailed(error);
    else this.#events!.written();
  };

  /**
   * A stream that does not read yet.
   *
   * @param socket The socket, connected; this object owns it.
   * @param past What happened to it before.
   */
  constructor(socket: object, past: NodeSocketPast = {}) {
    const { failure, ended = false, explain = (cause) => cause } = past;
    this.#socket = socket as Socket;
    this.#failure = failure === undefined ? undefined : explain(failure);
    this.#ended = ended;
    this.#socket.on("error", (error) => this.#failure ??= explain(error));
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

  /** Writes a large batch piece by piece: the runtime reports a write only when all of it is accepted. */
  #writePieces(ranges: Uint8Array[], index: number, at: number): void {
    const range = ranges[index];
    if (range.length === 0) { // since the pieces before it were written
      this.#events!.failed(new Error(VANISHED));
      return;
    }
    const piece = range.subarray(at, at + PIECE_BYTES);
    const { length } = piece;
    const end = at + length;
    const isWhole = end === range.length; // what the system was given may vanish
    if (isWhole && index === ranges.length - 1) {
      this.#socket.write(piece, this.#onWritten);
      return;
    }
    this.#socket.write(piece, (error?: Error | null) => {
      if (error) {
        this.#onWritten(error);
        return;
      }
      this.#events!.progress(length);
      if (isWhole) this.#writePieces(ranges, index + 1, 0);
      else this.#writePieces(ranges, index, end);
    });
  }

  /** Pauses reading (receive backpressure). */
  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  /** Resumes reading. */
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

/** `host:port` of a socket's peer; IPv6 in brackets. */
export function remoteOf(socket: object): string {
  const { remoteAddress = "?", remotePort = 0 } = socket as Socket;
  return `${remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`;
}

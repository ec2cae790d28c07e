/**
 * A socket that is read by asking for bytes, as a byte stream. Reads go straight into the packet reader's memory; a batch of ranges
 * is written range by range.
 *
 * @module
 */
import type { ByteStream, ByteStreamEvents } from "./byte_stream.ts";
import { hasVanished } from "./wire/byte_arguments.ts";
import { VANISHED } from "./wire/write_queue.ts";

/** A connected socket with one read and one write at a time. */
export interface PullSocket {
  /** Reads into `into`; resolves to the number of bytes, null at the peer's end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some of `bytes`, at least one; resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the sending half. */
  closeWrite(): Promise<void>;
  /** Ends both halves; what waits rejects. Throws if it is closed already. */
  close(): void;
}

/** A {@linkcode PullSocket} as a byte stream. */
export class PullByteStream implements ByteStream {
  readonly #conn: PullSocket;
  readonly #explain: (cause: unknown) => unknown;
  #events: ByteStreamEvents | null = null;
  #resume: (() => void) | null = null; // ends a pause
  #release: (() => void) | null = null; // ends the wait after the peer's end
  #paused = false;
  #destroyed = false;

  /**
   * A stream that does not read yet.
   *
   * @param conn Connected; this object owns it.
   * @param explain Turns the runtime's error into a descriptive one. Default: unchanged.
   */
  constructor(conn: PullSocket, explain: (cause: unknown) => unknown = (cause) => cause) {
    this.#conn = conn;
    this.#explain = explain;
  }

  /** Starts reading. */
  start(events: ByteStreamEvents): void {
    this.#events = events;
    void this.#read(events);
  }

  async #read(events: ByteStreamEvents): Promise<void> {
    let failure: unknown;
    try {
      for (;;) {
        while (this.#paused && !this.#destroyed) await new Promise<void>((done) => this.#resume = done);
        if (this.#destroyed) break;
        const count = await this.#conn.read(events.target());
        if (count === null) {
          events.ended();
          // Writing may go on; wait until this side is done too. Pausing and resuming mean nothing any more.
          if (!this.#destroyed) await new Promise<void>((done) => this.#release = done);
          break;
        }
        events.filled(count);
      }
    } catch (cause) {
      if (!this.#destroyed) failure = this.#explain(cause);
    }
    this.#close();
    events.closed(failure);
  }

  /** Writes the ranges in order. */
  write(ranges: Uint8Array[]): void {
    void this.#writeAll(ranges);
  }

  async #writeAll(ranges: Uint8Array[]): Promise<void> {
    let left = 0;
    for (let i = 0; i < ranges.length; i++) left += ranges[i].length;
    try {
      for (let i = 0; i < ranges.length; i++) {
        const range = ranges[i];
        const size = range.length;
        if (size === 0 && hasVanished(range)) throw new Error(VANISHED);
        for (let at = 0; at < size;) {
          if (range.length !== size) throw new Error(VANISHED);
          const count = await this.#conn.write(at === 0 ? range : range.subarray(at));
          at += count;
          left -= count;
          if (left > 0) this.#events!.progress(count);
        }
      }
    } catch (cause) {
      this.#events!.writeFailed(cause);
      return;
    }
    this.#events!.written();
  }

  /** Stops reading after the read under way. */
  pause(): void {
    this.#paused = true;
  }

  /** Resumes reading. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#resume?.();
    this.#resume = null;
  }

  /** Ends the sending half. */
  shutdown(): void {
    this.#conn.closeWrite().catch(() => {});
  }

  /** Ends both halves. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#close();
    this.#resume?.();
    this.#resume = null;
    this.#release?.();
    this.#release = null;
  }

  #close(): void {
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }
}

/**
 * A buffer of a system that one stream fills, or several together.
 *
 * @module
 */

/** Less room than this is left alone while more may come, bytes. */
const FEW_BYTES = 4096;

/** Counts what lies in a buffer. */
export class BufferAccount {
  /** Bytes in it. */
  used = 0;
  readonly #size: () => number;
  #waiting: Set<() => void> = new Set();

  /** @param size Its size, bytes; may change. */
  constructor(size: () => number) {
    this.#size = size;
  }

  /**
   * How many of so many bytes it takes. None rather than a few: a reader that takes byte by byte must not make the sender send byte
   * by byte (RFC 1122 §4.2.3.3, "silly window").
   */
  takes(bytes: number): number {
    const size = this.#size();
    const room = size - this.used;
    return room >= Math.min(bytes, FEW_BYTES, Math.ceil(size / 2)) ? Math.min(room, bytes) : 0;
  }

  /** Bytes came in. */
  add(bytes: number): void {
    this.used += bytes;
  }

  /** Calls once when there is room again. */
  wait(call: () => void): void {
    this.#waiting.add(call);
  }

  /** Bytes left; whoever waits may go on, in turn. */
  remove(bytes: number): void {
    this.used -= bytes;
    if (bytes === 0 || this.#waiting.size === 0) return;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const call of waiting) call();
  }
}

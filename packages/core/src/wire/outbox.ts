/**
 * Where encoders write. Heads are reserved and filled in place, payloads are appended; nothing is returned per packet.
 * Carriers hand out an outbox per lane; {@linkcode PacketBuffer} is the one for encoding to plain bytes.
 *
 * @module
 */

/**
 * A growing row of byte ranges. `bytes` and `view` show the range that is being written and may be another one after
 * each call, so read them again after `reserve` or `append`.
 */
export interface Outbox {
  /** The range being written. */
  readonly bytes: Uint8Array;
  /** The same memory as {@linkcode Outbox.bytes}. */
  readonly view: DataView;
  /**
   * Makes room for `size` contiguous bytes and returns their offset in `bytes` and `view`. Their content is arbitrary:
   * write every byte.
   */
  reserve(size: number): number;
  /**
   * Adds bytes as they are: small ones are copied, large ones kept as a view until they are sent.
   *
   * @param field Whose bytes these are, for the error if the memory of a view vanishes meanwhile; `#` stands for an index.
   *   Default: `"body"`.
   * @param index The first index in `field`.
   * @param item The second.
   */
  append(data: Uint8Array, field?: string, index?: number, item?: number): void;
}

/** An {@linkcode Outbox} that collects one run of bytes in memory: for builders, tools and tests. */
export class PacketBuffer implements Outbox {
  /** The memory written so far and some room. */
  bytes: Uint8Array;
  /** The same memory. */
  view: DataView;
  /** Bytes written. */
  length = 0;

  /**
   * An empty buffer, which grows as packets are written.
   *
   * @param capacity Bytes to make room for at first.
   */
  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `size` bytes and returns their offset. */
  reserve(size: number): number {
    const offset = this.length;
    const end = offset + size;
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, offset));
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    this.length = end;
    return offset;
  }

  /** Copies the bytes to the end. */
  append(data: Uint8Array): void {
    const offset = this.reserve(data.length);
    this.bytes.set(data, offset);
  }

  /** A copy of what was written, of exact size. */
  toBytes(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
}

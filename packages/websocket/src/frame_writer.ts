/**
 * Puts what a carrier writes in one turn into binary messages: as few as possible, none larger than 256 KiB. A server sends large
 * ranges from where they lie; a client must mask and therefore copies all of it.
 *
 * @module
 */
import { hasVanished, VANISHED, WRITE_BY_REFERENCE } from "@nnrp/core";
import { type FrameBuffer, giveBackBuffer, PAYLOAD_AT, takeBuffer } from "./frame_buffers.ts";
import { headLength, MAX_SENT_MESSAGE, Opcode, writeHead } from "./frame_header.ts";
import { type MaskKeys, maskWords, unmask } from "./mask.ts";

/** The sending half of a WebSocket, without a socket. */
export class FrameWriter {
  readonly #keys: MaskKeys | null;
  #ranges: readonly Uint8Array[] = NONE;
  #index = 0; // the next byte to frame: of which range,
  #at = 0; // and where in it
  #left = 0;
  #buffer: FrameBuffer | null = null; // of the message under way

  /** @param keys What a client masks with (RFC 6455 §5.3); null on a server, which does not. */
  constructor(keys: MaskKeys | null) {
    this.#keys = keys;
  }

  /** Bytes given and not framed yet. */
  get left(): number {
    return this.#left;
  }

  /** Takes a batch, no range of it empty (that is how memory looks that has vanished); the one before must be framed whole. */
  begin(ranges: readonly Uint8Array[]): void {
    let length = 0;
    for (let i = 0; i < ranges.length; i++) length += ranges[i].length;
    this.#ranges = ranges;
    this.#index = this.#at = 0;
    this.#left = length;
  }

  /**
   * The next message as bytes for the socket. Call {@linkcode FrameWriter.sent} before the next one.
   *
   * @throws Error if the memory of bytes that were given has vanished: nothing of the message was made.
   */
  next(): Uint8Array[] {
    this.#demandMemory();
    const keys = this.#keys;
    const masks = keys !== null;
    const length = Math.min(this.#left, MAX_SENT_MESSAGE);
    const buffer = this.#buffer = takeBuffer(masks ? length : this.#copied(length));
    const bytes = buffer.bytes;
    let from = PAYLOAD_AT - headLength(length, masks);
    writeHead(bytes, from, Opcode.BINARY, length, masks);
    const out: Uint8Array[] = [];
    let to = PAYLOAD_AT;
    for (let left = length; left > 0;) {
      const part = this.#part(left);
      left -= part.length;
      if (masks || part.length < WRITE_BY_REFERENCE) {
        bytes.set(part, to);
        to += part.length;
      } else {
        if (to > from) out.push(bytes.subarray(from, to));
        out.push(part);
        from = to;
      }
    }
    if (masks) {
      const word = PAYLOAD_AT >> 2;
      const key = keys.next();
      buffer.words[word - 1] = key;
      maskWords(buffer.words, word, (to + 3) >> 2, key);
    }
    if (to > from) out.push(bytes.subarray(from, to));
    this.#left -= length;
    if (this.#left === 0) this.#ranges = NONE;
    return out;
  }

  /** The message was sent or never will be: its memory is free. */
  sent(): void {
    if (this.#buffer !== null) giveBackBuffer(this.#buffer);
    this.#buffer = null;
  }

  /** The rest is not wanted any more. A write under way may still read its memory, so nobody else gets that. */
  clear(): void {
    this.#ranges = NONE;
    this.#left = 0;
    this.#buffer = null;
  }

  /** A control frame; the payload has at most 125 bytes. */
  control(opcode: Opcode, payload: Uint8Array): Uint8Array {
    const keys = this.#keys;
    const head = headLength(payload.length, keys !== null);
    const bytes = new Uint8Array(head + payload.length);
    writeHead(bytes, 0, opcode, payload.length, keys !== null);
    bytes.set(payload, head);
    if (keys !== null) {
      const key = new Uint8Array(new Int32Array([keys.next()]).buffer);
      bytes.set(key, head - 4);
      unmask(bytes, head, bytes.length, key, 0);
    }
    return bytes;
  }

  #demandMemory(): void {
    const ranges = this.#ranges;
    for (let i = this.#index; i < ranges.length; i++) {
      if (ranges[i].length === 0 && hasVanished(ranges[i])) throw new Error(VANISHED);
    }
  }

  /** The next at most `size` bytes of one range. */
  #part(size: number): Uint8Array {
    const range = this.#ranges[this.#index];
    const at = this.#at;
    const end = Math.min(range.length, at + size);
    if (end === range.length) {
      this.#index++;
      this.#at = 0;
      return at === 0 ? range : range.subarray(at);
    }
    this.#at = end;
    return range.subarray(at, end);
  }

  /** How many of the next `length` bytes a server copies. */
  #copied(length: number): number {
    let copied = 0;
    let at = this.#at;
    for (let i = this.#index; length > 0; i++) {
      const size = Math.min(this.#ranges[i].length - at, length);
      if (size < WRITE_BY_REFERENCE) copied += size;
      length -= size;
      at = 0;
    }
    return copied;
  }
}

const NONE: readonly Uint8Array[] = [];

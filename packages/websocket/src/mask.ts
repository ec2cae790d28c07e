/**
 * Masking (RFC 6455 §5.3): every byte a client sends is XORed with a fresh random key, four bytes at a time here.
 *
 * @module
 */

import type { Host } from "@nnrp/core";

/** Below this many bytes a word view costs more than it saves. */
const WORDS_FROM = 128;

/** Keys that are drawn at once: asking for each would cost more than masking a small frame. */
const KEYS = 256;

/** Fresh random keys, from one host. */
export class MaskKeys {
  readonly #host: Host;
  readonly #keys = new Int32Array(KEYS);
  #next = KEYS;

  /** @param host Where random numbers come from. */
  constructor(host: Host) {
    this.#host = host;
  }

  /** A fresh key, as a word in the machine's byte order. */
  next(): number {
    if (this.#next === KEYS) {
      new Uint8Array(this.#keys.buffer).set(this.#host.randomBytes(this.#keys.byteLength));
      this.#next = 0;
    }
    return this.#keys[this.#next++];
  }
}

const sources = new WeakMap<Host, MaskKeys>();

/** The keys of a host: its connections share them, so that one that is idle holds none. */
export function maskKeysOf(host: Host): MaskKeys {
  let keys = sources.get(host);
  if (keys === undefined) sources.set(host, keys = new MaskKeys(host));
  return keys;
}

/** XORs the words from `from` to `to` with a key in the machine's byte order. */
export function maskWords(words: Int32Array, from: number, to: number, key: number): void {
  for (let i = from; i < to; i++) words[i] ^= key;
}

const turnedBytes = new Uint8Array(4);
const turnedWord = new Int32Array(turnedBytes.buffer);

/**
 * XORs `bytes` from `start` to `end` in place.
 *
 * @param key Four bytes.
 * @param phase Payload bytes of the frame before `start`: selects the first key byte.
 */
export function unmask(
  bytes: Uint8Array,
  start: number,
  end: number,
  key: Uint8Array,
  phase: number,
): void {
  let at = start;
  if (end - start >= WORDS_FROM) {
    while (((bytes.byteOffset + at) & 3) !== 0) {
      bytes[at] ^= key[(phase + at - start) & 3];
      at++;
    }
    for (let i = 0; i < 4; i++) turnedBytes[i] = key[(phase + at - start + i) & 3];
    const count = (end - at) >>> 2;
    maskWords(new Int32Array(bytes.buffer, bytes.byteOffset + at, count), 0, count, turnedWord[0]);
    at += count << 2;
  }
  for (; at < end; at++) bytes[at] ^= key[(phase + at - start) & 3];
}

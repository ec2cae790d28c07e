/**
 * Random numbers that come again with the seed. Every subsystem draws from a stream of its own, so that one more draw in one
 * place changes nothing in the others.
 *
 * @module
 */

/** A stream of random numbers (sfc32) that a seed and a name decide. Not for secrets. */
export class RandomStream {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /**
   * The stream of a name: independent of all other names under the same seed.
   *
   * @param seed Any number.
   * @param name Streams with different names have nothing to do with each other.
   */
  constructor(seed: number, name: string) {
    [this.#a, this.#b, this.#c] = hash128(`${seed}/${name}`);
    for (let i = 0; i < WARM_UP; i++) this.#next32();
  }

  /** From 0 up to but not 1, in steps of 2⁻³². */
  next(): number {
    return this.#next32() / 0x1_0000_0000;
  }

  /** An integer from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** A number from `min` up to but not `max`. */
  between(min: number, max: number): number {
    return min + this.next() * (max - min);
  }

  /** True with this probability, 0…1. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of the items; there must be one. */
  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)];
  }

  /** So many bytes. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.#next32();
      for (let j = i; j < i + 4 && j < length; j++) bytes[j] = word >>> ((j - i) * 8);
    }
    return bytes;
  }

  #next32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0;
    return sum >>> 0;
  }
}

/** Rounds after which the first numbers say nothing about the seed any more. */
const WARM_UP = 12;

/** Three words that a text decides (MurmurHash3-like mixing). */
function hash128(text: string): [number, number, number] {
  const words: [number, number, number] = [0x9e3779b9, 0x243f6a88, 0xb7e15162];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    words[0] = Math.imul(words[0] ^ code, 0x85ebca6b) ^ (words[2] >>> 13);
    words[1] = Math.imul(words[1] ^ code, 0xc2b2ae35) ^ (words[0] >>> 16);
    words[2] = Math.imul(words[2] ^ code, 0x27d4eb2f) ^ (words[1] >>> 15);
  }
  return words;
}

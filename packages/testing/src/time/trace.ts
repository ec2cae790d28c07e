/**
 * What happened in a virtual world: a hash of all of it, which tells whether two runs were the same, and the last lines for
 * people.
 *
 * @module
 */

/** Something that happened. */
export interface TraceLine {
  /** When, ms of virtual time. */
  readonly atMs: number;
  /** Where: a host, a link, a part of a test. */
  readonly who: string;
  /** What. */
  readonly what: string;
}

/** Writes down what happens, in bounded memory. */
export class Trace {
  /** Things that happened: events of the world and notes. */
  count = 0;
  readonly #tail: number;
  #lines: TraceLine[] = [];
  #high = 0xdeadbeef;
  #low = 0x41c6ce57;

  /**
   * An empty trace.
   *
   * @param tail How many of the last lines are kept. Default 1,000.
   */
  constructor(tail: number = 1000) {
    this.#tail = tail;
  }

  /** Writes a line. Lines are part of the hash. */
  note(atMs: number, who: string, what: string): void {
    this.#lines.push({ atMs, who, what });
    if (this.#lines.length >= this.#tail * 2) {
      this.#lines = this.#tail > 0 ? this.#lines.slice(-this.#tail) : [];
    }
    for (let i = 0; i < who.length; i++) this.#mix(who.charCodeAt(i));
    for (let i = 0; i < what.length; i++) this.#mix(what.charCodeAt(i));
    this.event(atMs, 0);
  }

  /** Takes note of an event, without a line. */
  event(atMs: number, kind: number): void {
    this.count++;
    this.#mix((atMs * 1024) >>> 0);
    this.#mix(kind);
  }

  /** 16 hexadecimal digits: equal for runs in which the same happened in the same order at the same times. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }

  /** The last lines, oldest first. */
  lines(): readonly TraceLine[] {
    return this.#tail > 0 ? this.#lines.slice(-this.#tail) : [];
  }

  /** The last lines as text, a line each. */
  toString(): string {
    return this.lines().map(({ atMs, who, what }) => `${atMs.toFixed(3).padStart(12)}  ${who}: ${what}`).join(
      "\n",
    );
  }

  #mix(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x9e3779b1) ^ (this.#low >>> 15);
    this.#low = Math.imul(this.#low ^ value, 0x5f356495) ^ (this.#high >>> 13);
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}

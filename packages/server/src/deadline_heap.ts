/**
 * Things with deadlines, the earliest first: a binary heap from which things leave in the middle by becoming ones that are gone.
 *
 * @module
 */

/** Something with a deadline. */
export interface Timed {
  /** When, ms; Infinity is later than all others. */
  readonly endsMs: number;
  /** Which of two with the same deadline comes first. */
  readonly ordinal: number;
}

/** Leftovers that are not worth clearing out. */
const LEFTOVERS = 64;

/** A heap. Adding and taking the first are O(log n); leaving is O(1) on average. */
export class DeadlineHeap<T extends Timed> {
  /** Things that are not gone. */
  size = 0;

  readonly #isGone: (item: T) => boolean;
  #items: T[] = [];

  /** @param isGone Whether a thing has left. */
  constructor(isGone: (item: T) => boolean) {
    this.#isGone = isGone;
  }

  /** Adds a thing. */
  push(item: T): void {
    this.#items.push(item);
    this.size++;
    this.#rise(this.#items.length - 1, item);
  }

  /** The earliest, which stays. */
  peek(): T | undefined {
    const items = this.#items;
    while (items.length > 0 && this.#isGone(items[0])) this.#drop();
    return items[0];
  }

  /** Takes the earliest. */
  shift(): T | undefined {
    const first = this.peek();
    if (first !== undefined) {
      this.#drop();
      this.size--;
    }
    return first;
  }

  /** One of the things has just gone. */
  left(): void {
    this.size--;
    if (this.#items.length <= 2 * this.size + LEFTOVERS) return;
    const items = this.#items = this.#items.filter((item) => !this.#isGone(item));
    for (let at = (items.length >> 1) - 1; at >= 0; at--) this.#sink(at, items[at]);
  }

  /** Forgets all. */
  clear(): void {
    this.#items = [];
    this.size = 0;
  }

  #drop(): void {
    const last = this.#items.pop()!;
    if (this.#items.length > 0) this.#sink(0, last);
  }

  #rise(at: number, item: T): void {
    const items = this.#items;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(item, items[above])) break;
      items[at] = items[above];
      at = above;
    }
    items[at] = item;
  }

  #sink(at: number, item: T): void {
    const items = this.#items;
    const { length } = items;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= length) break;
      if (below + 1 < length && isBefore(items[below + 1], items[below])) below++;
      if (!isBefore(items[below], item)) break;
      items[at] = items[below];
      at = below;
    }
    items[at] = item;
  }
}

function isBefore(a: Timed, b: Timed): boolean {
  return a.endsMs < b.endsMs || (a.endsMs === b.endsMs && a.ordinal < b.ordinal);
}

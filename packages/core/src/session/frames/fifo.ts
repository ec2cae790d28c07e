/**
 * A first-in first-out row from which items can also be taken out of the middle. Everything is O(1) on average: an array's own
 * `shift` moves all the others once it holds some ten thousand, and a search for one item looks at all before it.
 *
 * @module
 */

/** Leftovers below this number are not compacted. */
const LEFTOVERS = 64;

/**
 * A row of items. An item leaves the middle by becoming one that `isGone`, and {@linkcode Fifo.left} must be
 * called; it is stepped over, and cleared out before leftovers outnumber what is there.
 */
export class Fifo<T> {
  /** Items that are not gone. */
  size = 0;

  readonly #isGone: (item: T) => boolean;
  #items: (T | undefined)[] = [];
  #first = 0;

  /**
   * An empty list.
   *
   * @param isGone Whether an item has left; default: none ever does.
   */
  constructor(isGone: (item: T) => boolean = stays) {
    this.#isGone = isGone;
  }

  /** Adds an item at the end. */
  push(item: T): void {
    this.#items.push(item);
    this.size++;
  }

  /** The first item, which stays. */
  peek(): T | undefined {
    while (this.#first < this.#items.length) { // the array may become another one
      const item = this.#items[this.#first]!;
      if (!this.#isGone(item)) return item;
      this.#step();
    }
    return undefined;
  }

  /** Takes the first item. */
  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.peek();
    if (item !== undefined) {
      this.#step();
      this.size--;
    }
    return item;
  }

  /** One of the items has just gone. */
  left(): void {
    this.size--;
    if (this.#items.length - this.#first <= 2 * this.size + LEFTOVERS) return;
    const kept: T[] = [];
    for (let at = this.#first; at < this.#items.length; at++) {
      const item = this.#items[at]!;
      if (!this.#isGone(item)) kept.push(item);
    }
    this.#items = kept;
    this.#first = 0;
  }

  /** Removes all items and returns them in order. */
  clear(): T[] {
    const items: T[] = [];
    for (let at = this.#first; at < this.#items.length; at++) {
      const item = this.#items[at]!;
      if (!this.#isGone(item)) items.push(item);
    }
    this.#items = [];
    this.#first = this.size = 0;
    return items;
  }

  #step(): void {
    this.#items[this.#first++] = undefined;
    if (this.#first < LEFTOVERS) return; // a row that is empty after each item would get new memory for each
    if (this.#first === this.#items.length) {
      this.#items.length = this.#first = 0;
    } else if (this.#first * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
  }
}

function stays(): boolean {
  return false;
}

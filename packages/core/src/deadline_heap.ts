/**
 * Deadlines, earliest first: a binary heap whose entries know their index, so that one that is done early is
 * removed without a search. A change costs O(log n), reading the earliest O(1).
 *
 * @module
 */

/** What can be in one {@linkcode DeadlineHeap} at a time. */
export interface HeapEntry {
  /** When it is due, ms; must not change while it is in a heap. */
  readonly deadlineMs: number;
  /** Its place; −1 = in no heap. Owned by the heap. */
  heapAt: number;
}

/** Entries by deadline. */
export class DeadlineHeap<E extends HeapEntry> {
  readonly #entries: E[] = [];

  /** Number of entries. */
  get size(): number {
    return this.#entries.length;
  }

  /** When the first one is due, ms; Infinity if there is none. */
  get nextMs(): number {
    return this.#entries.length === 0 ? Infinity : this.#entries[0].deadlineMs;
  }

  /** Adds an entry that is in no heap. */
  push(entry: E): void {
    this.#entries.push(entry);
    this.#rise(entry, this.#entries.length - 1);
  }

  /** Takes an entry out; false if it is not in this heap. */
  remove(entry: E): boolean {
    const { heapAt } = entry;
    const entries = this.#entries;
    if (heapAt < 0 || entries[heapAt] !== entry) return false;
    const last = entries.pop()!;
    entry.heapAt = -1;
    if (last !== entry) {
      if (heapAt > 0 && last.deadlineMs < entries[(heapAt - 1) >> 1].deadlineMs) this.#rise(last, heapAt);
      else this.#sink(last, heapAt);
    }
    return true;
  }

  /** Takes out the entry that is due first, if its time has come; else undefined. */
  take(nowMs: number): E | undefined {
    const [first] = this.#entries;
    if (first === undefined || first.deadlineMs > nowMs) return undefined;
    this.remove(first);
    return first;
  }

  /** Removes all entries. */
  clear(): void {
    for (const entry of this.#entries) entry.heapAt = -1;
    this.#entries.length = 0;
  }

  #rise(entry: E, at: number): void {
    const entries = this.#entries;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = entries[parentAt];
      if (parent.deadlineMs <= entry.deadlineMs) break;
      entries[at] = parent;
      parent.heapAt = at;
      at = parentAt;
    }
    entries[at] = entry;
    entry.heapAt = at;
  }

  #sink(entry: E, at: number): void {
    const entries = this.#entries;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= entries.length) break;
      if (childAt + 1 < entries.length && entries[childAt + 1].deadlineMs < entries[childAt].deadlineMs) {
        childAt++;
      }
      const child = entries[childAt];
      if (child.deadlineMs >= entry.deadlineMs) break;
      entries[at] = child;
      child.heapAt = at;
      at = childAt;
    }
    entries[at] = entry;
    entry.heapAt = at;
  }
}

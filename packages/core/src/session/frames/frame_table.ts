/**
 * The frames in flight: an open-addressing table on (frame id, view id) that holds one value per frame. A JavaScript `Map`
 * here costs a third of the throughput: once it lives in old space every table it outgrows keeps its dead entries until
 * a major collection (docs/architecture.md, "Speed").
 *
 * @module
 */

const FREE = 0;
const USED = 1;
const DEAD = 2;
/** Slots at first; a power of two. */
const INITIAL = 16;

/** A table from (frame id u32, view id u16) to a value. */
export class FrameTable<T> {
  /** Frames in the table. */
  size = 0;

  #mask = INITIAL - 1;
  #frames: Uint32Array = new Uint32Array(INITIAL);
  #views: Uint16Array = new Uint16Array(INITIAL);
  #marks: Uint8Array = new Uint8Array(INITIAL);
  #values: (T | undefined)[] = new Array(INITIAL).fill(undefined);
  #filled = 0; // used and dead slots

  /** The value of a frame, or undefined. */
  get(frameId: number, viewId: number): T | undefined {
    const slot = this.#find(frameId, viewId);
    return slot < 0 ? undefined : this.#values[slot];
  }

  /** Whether the frame is in the table. */
  has(frameId: number, viewId: number): boolean {
    return this.#find(frameId, viewId) >= 0;
  }

  /** Enters a frame, or replaces its value; returns the value it had. */
  set(frameId: number, viewId: number, value: T): T | undefined {
    const marks = this.#marks;
    const mask = this.#mask;
    let slot = hash(frameId, viewId) & mask;
    let grave = -1;
    for (;;) {
      const mark = marks[slot];
      if (mark === FREE) break;
      if (mark === DEAD) {
        if (grave < 0) grave = slot;
      } else if (this.#frames[slot] === frameId && this.#views[slot] === viewId) {
        const before = this.#values[slot];
        this.#values[slot] = value;
        return before;
      }
      slot = (slot + 1) & mask;
    }
    if (grave >= 0) slot = grave;
    else this.#filled++;
    marks[slot] = USED;
    this.#frames[slot] = frameId;
    this.#views[slot] = viewId;
    this.#values[slot] = value;
    this.size++;
    if (this.#filled * 4 > (mask + 1) * 3) this.#rehash();
    return undefined;
  }

  /** Where a frame is, or −1: for looking at its value first and perhaps taking it out then, with one search. */
  find(frameId: number, viewId: number): number {
    return this.#find(frameId, viewId);
  }

  /** The value at a place that {@linkcode FrameTable.find} gave; the table must not have changed since. */
  at(slot: number): T {
    return this.#values[slot]!;
  }

  /** Takes a frame out; returns its value, or undefined if it was not there. */
  delete(frameId: number, viewId: number): T | undefined {
    const slot = this.#find(frameId, viewId);
    return slot < 0 ? undefined : this.deleteAt(slot);
  }

  /** Takes out what is at a place that {@linkcode FrameTable.find} gave; the table must not have changed since. */
  deleteAt(slot: number): T {
    const value = this.#values[slot]!;
    this.#values[slot] = undefined;
    this.size--;
    // A slot before a free one ends no other frame's search: it can be free again, and so can dead ones before it.
    const marks = this.#marks;
    const mask = this.#mask;
    if (marks[(slot + 1) & mask] === FREE) {
      let at = slot;
      do {
        marks[at] = FREE;
        this.#filled--;
        at = (at - 1) & mask;
      } while (marks[at] === DEAD);
    } else {
      marks[slot] = DEAD;
    }
    return value;
  }

  /** Calls back for each frame; the table may lose frames meanwhile, but gain none. */
  forEach(call: (value: T, frameId: number, viewId: number) => void): void {
    for (let slot = 0; slot <= this.#mask; slot++) {
      if (this.#marks[slot] === USED) call(this.#values[slot]!, this.#frames[slot], this.#views[slot]);
    }
  }

  /** Takes all frames out and returns their values. */
  clear(): T[] {
    const values: T[] = [];
    this.forEach((value) => values.push(value));
    this.#allocate(INITIAL);
    this.size = 0;
    return values;
  }

  #find(frameId: number, viewId: number): number {
    const marks = this.#marks;
    const mask = this.#mask;
    let slot = hash(frameId, viewId) & mask;
    for (;;) {
      const mark = marks[slot];
      if (mark === FREE) return -1;
      if (mark === USED && this.#frames[slot] === frameId && this.#views[slot] === viewId) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #rehash(): void {
    const { size } = this;
    const frames = this.#frames;
    const views = this.#views;
    const marks = this.#marks;
    const values = this.#values;
    let capacity = INITIAL;
    while (capacity < size * 2 + 2) capacity *= 2;
    this.#allocate(capacity);
    this.size = 0;
    for (let slot = 0; slot < marks.length; slot++) {
      if (marks[slot] === USED) this.set(frames[slot], views[slot], values[slot]!);
    }
  }

  #allocate(capacity: number): void {
    this.#mask = capacity - 1;
    this.#frames = new Uint32Array(capacity);
    this.#views = new Uint16Array(capacity);
    this.#marks = new Uint8Array(capacity);
    this.#values = new Array(capacity).fill(undefined);
    this.#filled = 0;
  }
}

/** Spreads neighbouring ids, so that runs of frames and views do not pile up. */
function hash(frameId: number, viewId: number): number {
  let h = Math.imul(frameId ^ (viewId << 16) ^ viewId, 0x9e3779b1);
  h ^= h >>> 15;
  return h;
}

/**
 * Frames the client gave up (cancelled, discarded) whose answers are still due: they are swallowed, so that a new frame of the
 * same key gets its own answer and not the old one's (behaviour spec §8.4, §10). Bounded: the oldest are forgotten first.
 *
 * @module
 */
import { FrameTable } from "./frame_table.ts";
import { MAX_RECENT_KEYS } from "./recent_keys.ts";

/** How many answers are due for which given-up keys. Costs nothing until the first one. */
export class GivenUpFrames {
  readonly #capacity: number;
  #due: FrameTable<number> | null = null;
  #ring: { frameId: number; viewId: number }[] = []; // in the order in which they were given up, then over again
  #next = 0;

  /**
   * Makes a GivenUpFrames.
   *
   * @param capacity Most frames remembered.
   */
  constructor(capacity: number = MAX_RECENT_KEYS) {
    this.#capacity = capacity;
  }

  /** Keys for which answers are due. */
  get size(): number {
    return this.#due === null ? 0 : this.#due.size;
  }

  /** A frame of this key was given up: one answer is due. */
  add(frameId: number, viewId: number): void {
    const due = this.#due ??= new FrameTable<number>();
    const at = this.#next++ % this.#capacity;
    const oldest = this.#ring[at];
    if (oldest !== undefined) this.answered(oldest.frameId, oldest.viewId);
    this.#ring[at] = { frameId, viewId };
    due.set(frameId, viewId, (due.get(frameId, viewId) ?? 0) + 1);
  }

  /** Whether an answer is due for this key. */
  has(frameId: number, viewId: number): boolean {
    return this.#due !== null && this.#due.has(frameId, viewId);
  }

  /** An answer came that ends a frame of this key; whether it was due for one that was given up. */
  answered(frameId: number, viewId: number): boolean {
    const count = this.#due?.get(frameId, viewId);
    if (count === undefined) return false;
    if (count === 1) this.#due!.delete(frameId, viewId);
    else this.#due!.set(frameId, viewId, count - 1);
    return true;
  }
}

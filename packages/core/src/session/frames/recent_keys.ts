/**
 * The newest few (frame, view) keys of some kind, oldest forgotten first: frames the client gave up, whose
 * late results are discarded; frames the server settled or was asked to cancel before they came (behaviour
 * spec §3, §10).
 *
 * @module
 */
import { FrameTable } from "./frame_table.ts";

/** Keys remembered (behaviour spec §3). */
export const MAX_RECENT_KEYS = 1024;

/** A bounded set of frame keys. Costs nothing until the first one. */
export class RecentKeys {
  readonly #capacity: number;
  #table: FrameTable<number> | null = null;
  #ring: { frameId: number; viewId: number; stamp: number }[] = [];
  #stamp = 0;

  /**
   * An empty set.
   *
   * @param capacity Most keys remembered.
   */
  constructor(capacity: number = MAX_RECENT_KEYS) {
    this.#capacity = capacity;
  }

  /** Keys remembered. */
  get size(): number {
    return this.#table?.size ?? 0;
  }

  /** Remembers a key as the newest one. */
  add(frameId: number, viewId: number): void {
    const table = this.#table ??= new FrameTable<number>();
    const stamp = this.#stamp++;
    const entry = { frameId, viewId, stamp };
    const at = stamp % this.#capacity;
    const old = this.#ring[at];
    if (old !== undefined && table.get(old.frameId, old.viewId) === old.stamp) {
      table.delete(old.frameId, old.viewId);
    }
    this.#ring[at] = entry;
    table.set(frameId, viewId, stamp);
  }

  /** Whether the key is remembered. */
  has(frameId: number, viewId: number): boolean {
    return this.#table !== null && this.#table.size > 0 && this.#table.has(frameId, viewId);
  }

  /** Forgets a key; whether it was remembered. */
  delete(frameId: number, viewId: number): boolean {
    return this.#table !== null && this.#table.size > 0 && this.#table.delete(frameId, viewId) !== undefined;
  }
}

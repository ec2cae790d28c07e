/**
 * Keeps the last answered tiles of each session and view, so that a frame without time left can be answered with them
 * (STALE_REUSE). Bounded in bytes over all sessions; sessions are known by identity, so nothing crosses from one to
 * another even if ids repeat.
 *
 * @module
 */

/** What is known of a view. */
export interface StaleTiles {
  /** The last answered frame. */
  readonly frameId: number;
  /** Its tiles by id: those answered for it, and those of earlier frames that did not change since. */
  readonly tiles: ReadonlyMap<number, Uint8Array>;
}

interface Entry {
  frameId: number;
  geometry: string;
  tiles: Map<number, Uint8Array>;
  bytes: number;
  readonly views: Map<number, Entry>;
  readonly viewId: number;
}

/** Views kept per session; more views than eyes are rare, and view ids are the peer's choice. */
const MAX_VIEWS = 4;

/** The store. */
export class StaleTileStore {
  readonly #maxBytes: number;
  readonly #sessions = new WeakMap<object, Map<number, Entry>>();
  // In the order of last use, oldest first.
  readonly #entries = new Set<Entry>();
  #bytes = 0;

  /**
   * Makes a StaleTileStore.
   *
   * @param maxBytes Most bytes over all sessions; 0 keeps nothing.
   */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Remembers the answer to a frame.
   *
   * @param session Whose frame.
   * @param viewId Its view.
   * @param geometry Where its tiles lie; tiles of another geometry are forgotten.
   * @param frameId Its number.
   * @param tileIds Ids of the tiles.
   * @param tiles The answers; null = not answered, what was known of that tile is forgotten. Kept, not copied.
   */
  remember(
    session: object,
    viewId: number,
    geometry: string,
    frameId: number,
    tileIds: readonly number[],
    tiles: readonly (Uint8Array | null)[],
  ): void {
    if (this.#maxBytes === 0) return;
    const entry = this.#entry(session, viewId, geometry);
    entry.frameId = frameId;
    for (let i = 0; i < tileIds.length; i++) {
      this.#grow(entry, -(entry.tiles.get(tileIds[i])?.length ?? 0));
      const tile = tiles[i];
      if (tile === null) {
        entry.tiles.delete(tileIds[i]);
      } else {
        entry.tiles.set(tileIds[i], tile);
        this.#grow(entry, tile.length);
      }
    }
    this.#touch(entry);
    for (const oldest of this.#entries) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#forget(oldest);
    }
  }

  /**
   * What is known for a frame of this geometry.
   *
   * @param session Whose frame.
   * @param viewId Its view.
   * @param geometry Where its tiles lie.
   */
  recall(session: object, viewId: number, geometry: string): StaleTiles | undefined {
    const entry = this.#sessions.get(session)?.get(viewId);
    if (entry === undefined || entry.geometry !== geometry || entry.tiles.size === 0) return undefined;
    this.#touch(entry);
    return entry;
  }

  #entry(session: object, viewId: number, geometry: string): Entry {
    let views = this.#sessions.get(session);
    if (views === undefined) this.#sessions.set(session, views = new Map());
    let entry = views.get(viewId);
    if (entry !== undefined && entry.geometry !== geometry) {
      this.#forget(entry);
      entry = undefined;
    }
    if (entry === undefined) {
      if (views.size >= MAX_VIEWS) this.#forget(views.values().next().value!);
      entry = { frameId: 0, geometry, tiles: new Map(), bytes: 0, views, viewId };
      views.set(viewId, entry);
    }
    return entry;
  }

  #grow(entry: Entry, bytes: number): void {
    entry.bytes += bytes;
    this.#bytes += bytes;
  }

  #touch(entry: Entry): void {
    this.#entries.delete(entry);
    this.#entries.add(entry);
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry);
    this.#bytes -= entry.bytes;
    entry.views.delete(entry.viewId);
  }
}

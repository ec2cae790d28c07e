/**
 * What the cache at the server holds as far as the client can know: objects are put, put anew and taken out, while frames that
 * refer to them may overtake or be overtaken where there are many streams.
 *
 * @module
 */
import type { CacheWish } from "./ledger.ts";

interface Entry {
  /** Number of the last put that was sent. */
  sent: number;
  /** Number of the last put that was confirmed. */
  confirmed: number;
  /** Number of the last put that an invalidation, sent after it, took out. */
  gone: number;
  /** Puts that the server did not keep. */
  readonly refused: Set<number>;
}

/** The client's view of its cache. */
export class CacheModel {
  readonly #entries: Map<number, Entry> = new Map();

  /** A put is sent; returns its number, which is in the object. */
  put(key: number): number {
    return ++this.#of(key).sent;
  }

  /** The server answered it, or did not. */
  answered(key: number, put: number, usable: boolean): void {
    const entry = this.#of(key);
    if (usable) entry.confirmed = Math.max(entry.confirmed, put);
    else entry.refused.add(put);
  }

  /** Taken out. */
  invalidated(key: number): void {
    const entry = this.#of(key);
    entry.gone = entry.sent;
  }

  /** Everything is taken out. */
  cleared(): void {
    for (const key of this.#entries.keys()) this.invalidated(key);
  }

  /**
   * What a frame submitted now may be answered with.
   *
   * @param ordered Whether everything arrives in the order in which it is sent. A frame may still wait in its client's line while
   *   a later put goes out.
   */
  wish(key: number, ordered: boolean): CacheWish {
    const entry = this.#of(key);
    const { sent, confirmed, gone } = entry;
    const last = () => {
      for (let put = sent; put > 0; put--) if (!entry.refused.has(put)) return put;
      return 0;
    };
    return {
      key,
      from: ordered ? last : () => Math.max(confirmed, 1),
      to: () => entry.sent,
      gone: ordered ? gone : 0,
    };
  }

  #of(key: number): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#entries.set(key, entry = { sent: 0, confirmed: 0, gone: 0, refused: new Set() });
    }
    return entry;
  }
}

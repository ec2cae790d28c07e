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
}

/** The client's view of its cache. */
export class CacheModel {
  readonly #entries: Map<number, Entry> = new Map();

  /** Keys that were ever put. */
  get keys(): number[] {
    return [...this.#entries.keys()];
  }

  /** A put is sent; returns its number, which is in the object. */
  put(key: number): number {
    const entry = this.#of(key);
    return ++entry.sent;
  }

  /** The server confirmed it. */
  confirmed(key: number, put: number): void {
    const entry = this.#of(key);
    entry.confirmed = Math.max(entry.confirmed, put);
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

  /** What a frame sent now may be answered with. */
  wish(key: number, ordered: boolean): CacheWish {
    const entry = this.#of(key);
    const { sent, confirmed, gone } = entry;
    return {
      key,
      from: ordered ? sent : Math.max(confirmed, 1),
      to: () => ordered ? sent : entry.sent,
      gone: ordered && sent > 0 && gone === sent,
    };
  }

  #of(key: number): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) this.#entries.set(key, entry = { sent: 0, confirmed: 0, gone: 0 });
    return entry;
  }
}

/**
 * The client's invalidations of which it does not know that the server has read them: CACHE_INVALIDATE has no
 * answer, and one that is lost with its path is to be sent again, or the server goes on serving what was
 * taken out (behaviour spec §10, §11).
 *
 * @module
 */
import { CacheInvalidateScope } from "../../wire/enums.ts";
import type { CacheInvalidateMetadata } from "../../wire/metadata/cache_invalidate.ts";

/** Invalidations that are remembered; with more of them the whole cache is invalidated after a loss. */
export const MAX_UNHEARD_INVALIDATIONS = 1024;

const EVERYTHING: CacheInvalidateMetadata = {
  invalidateScope: CacheInvalidateScope.WHOLE_SESSION,
  cacheNamespace: 0,
  cacheKeyHi: 0,
  cacheKeyLo: 0,
  reasonCode: 0,
};

interface Said {
  readonly fields: CacheInvalidateMetadata;
  readonly traceId: bigint;
}

/** See the module. Trace ids grow, and a path's control packets are read in order: an answer is one to all that was said before. */
export class UnheardInvalidations {
  #said: Said[] = []; // oldest first
  #pathFrom = 0n; // trace ids of the path in use begin here

  /** Invalidations that may still be lost. */
  get size(): number {
    return this.#said.length;
  }

  /** One was sent. */
  said(fields: CacheInvalidateMetadata, traceId: bigint): void {
    if (this.#said.length < MAX_UNHEARD_INVALIDATIONS) this.#said.push({ fields, traceId });
    else this.#said = [this.#said[0].traceId, traceId].map((traceId) => ({ fields: EVERYTHING, traceId }));
  }

  /**
   * The server answered what was sent with this trace id, so it has read what was sent on the same path
   * before.
   */
  heard(traceId: bigint): void {
    if (this.#said.length === 0) return;
    const from = traceId < this.#pathFrom ? 0n : this.#pathFrom;
    this.#said = this.#said.filter((said) => said.traceId < from || said.traceId >= traceId);
  }

  /** Another path is in use from now on; the one before may still be read, or lost. */
  pathBegins(nextTraceId: bigint): void {
    this.#pathFrom = nextTraceId;
  }

  /** The path before was read to its end. */
  pathEnded(): void {
    this.#said = this.#said.filter(({ traceId }) => traceId >= this.#pathFrom);
  }

  /** The path before was lost: returns what is to be sent again, oldest first, and forgets it. */
  pathLost(): CacheInvalidateMetadata[] {
    const lost = this.#said.filter(({ traceId }) => traceId < this.#pathFrom).map(({ fields }) => fields);
    this.pathEnded();
    return lost;
  }

  /** Nothing is remembered any more. */
  clear(): void {
    this.#said = [];
  }
}

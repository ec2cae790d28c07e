/**
 * How cached objects are named and which of them an invalidation reaches (behaviour spec §10, CACHE_INVALIDATE). Shared
 * by the server's directory and the client's mirror of it.
 *
 * @module
 */
import { CacheInvalidateScope } from "../../wire/enums.ts";
import type { CacheInvalidateMetadata } from "../../wire/metadata/cache_invalidate.ts";

/** What names an object: kind, namespace and 64-bit key (wire spec §8.2, object reference). */
export interface CacheKey {
  /** {@linkcode CacheObjectKind}, 1…9. */
  readonly objectKind: number;
  /** u32. */
  readonly cacheNamespace: number;
  /** High half of the key, u32. */
  readonly cacheKeyHi: number;
  /** Low half of the key, u32. */
  readonly cacheKeyLo: number;
}

/** Text that is equal for equal keys: `kind/namespace/hi/lo`. */
export function cacheKeyText(key: CacheKey): string {
  return `${key.objectKind}/${key.cacheNamespace}/${key.cacheKeyHi}/${key.cacheKeyLo}`;
}

/** Whether both name the same object. */
export function isSameKey(a: CacheKey, b: CacheKey): boolean {
  return a.objectKind === b.objectKind && a.cacheNamespace === b.cacheNamespace &&
    a.cacheKeyHi === b.cacheKeyHi &&
    a.cacheKeyLo === b.cacheKeyLo;
}

/** Whether an invalidation of this scope reaches the object (behaviour spec §10, CACHE_INVALIDATE). */
export function isInvalidated(key: CacheKey, by: CacheInvalidateMetadata): boolean {
  if (by.invalidateScope === CacheInvalidateScope.WHOLE_SESSION) return true;
  if (key.cacheNamespace !== by.cacheNamespace) return false;
  // the record has no kind field: scope OBJECT_KIND says it in the low half of the key
  if (by.invalidateScope === CacheInvalidateScope.OBJECT_KIND) return key.objectKind === by.cacheKeyLo;
  if (by.invalidateScope !== CacheInvalidateScope.OBJECT_KEY) return true;
  return key.cacheKeyHi === by.cacheKeyHi && key.cacheKeyLo === by.cacheKeyLo;
}

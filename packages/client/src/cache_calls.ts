/**
 * The cache calls of a session in terms users have: one 64-bit key, named flags (behaviour spec §10).
 *
 * @module
 */
import {
  type CacheInvalidateMetadata,
  CacheInvalidateScope,
  CachePutFlags,
  type CachePutMetadata,
  NnrpValueError,
  type ObjectReference,
} from "@nnrp/core";

/** An object to put into the server's cache. */
export interface CachePutRequest {
  /** CacheObjectKind, 1…9. */
  readonly kind: number;
  /** Cache key, u64. */
  readonly key: bigint;
  /** Bytes of the object; copied before the call returns. */
  readonly data: Uint8Array;
  /** Namespace, u32. Default 0. */
  readonly namespace?: number;
  /** How long to keep it, ms; 0 (default) = as long as there is room. */
  readonly ttlMs?: number;
  /** Never evicted to make room. Default false. */
  readonly pinned?: boolean;
  /** Worth keeping for others. Default false. */
  readonly reusable?: boolean;
  /** Codecs the object may be in. Default 0. */
  readonly codecBitmap?: number;
  /** CachePutFlags as a number, beside `pinned` and `reusable`. Default 0. */
  readonly flags?: number;
}

/** Outcome of a cache put. */
export interface CachePutOutcome {
  /** CacheAckStatus: ACCEPTED, REPLACED or REJECTED. */
  readonly status: number;
  /** Whether frames may refer to it now. */
  readonly usable: boolean;
  /** How long it is kept, ms. */
  readonly acceptedTtlMs: number;
  /** Largest object the server takes, bytes. */
  readonly maxObjectBytes: number;
  /** Why it was rejected, an ErrorCode; 0 otherwise. */
  readonly detailCode: number;
  /** For `cameraReference`, `tileIndexReference` or `tensorSectionTableReference` of a submit. */
  readonly reference: ObjectReference;
}

/** What to remove from the server's cache. */
export interface CacheInvalidation {
  /** CacheInvalidateScope. */
  readonly scope: number;
  /** Namespace, for all scopes but WHOLE_SESSION. Default 0. */
  readonly namespace?: number;
  /** Key, for OBJECT_KEY. */
  readonly key?: bigint;
  /** CacheObjectKind, for OBJECT_KIND. */
  readonly kind?: number;
  /** Why; any number. Default 0. */
  readonly reasonCode?: number;
}

/** Splits a 64-bit key into two u32. */
export function cacheKeyOf(key: bigint): { hi: number; lo: number } {
  if (typeof key !== "bigint" || key < 0n || key > 0xffffffffffffffffn) {
    throw new NnrpValueError("is no cache key", {
      field: "key",
      expected: "a bigint of 64 bits",
      actual: String(key),
    });
  }
  return { hi: Number(key >> 32n), lo: Number(key & 0xffffffffn) };
}

/** Metadata of the CACHE_PUT for a request. */
export function putOf(request: CachePutRequest): CachePutMetadata {
  const { hi, lo } = cacheKeyOf(request.key);
  return {
    cacheNamespace: request.namespace ?? 0,
    cacheKeyHi: hi,
    cacheKeyLo: lo,
    objectKind: request.kind,
    ttlMs: request.ttlMs ?? 0,
    objectBytes: request.data.length,
    codecBitmap: request.codecBitmap ?? 0,
    flags: (request.flags ?? 0) | (request.pinned ? CachePutFlags.PINNED : 0) |
      (request.reusable ? CachePutFlags.REUSABLE : 0),
  };
}

/** The fields of a CACHE_INVALIDATE. */
export function invalidationOf(what: CacheInvalidation): CacheInvalidateMetadata {
  const { hi, lo } = what.scope === CacheInvalidateScope.OBJECT_KIND
    ? { hi: 0, lo: what.kind ?? 0 }
    : cacheKeyOf(what.key ?? 0n);
  return {
    invalidateScope: what.scope,
    cacheNamespace: what.namespace ?? 0,
    cacheKeyHi: hi,
    cacheKeyLo: lo,
    reasonCode: what.reasonCode ?? 0,
  };
}

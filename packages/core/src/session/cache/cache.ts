/**
 * The server's cache of one session: objects that frames refer to instead of carrying them (behaviour spec §10,
 * CACHE_PUT and CACHE_INVALIDATE). Bounded in entries and bytes; least recently used objects make room, pinned ones never.
 *
 * @module
 */
import { DEFAULT_MAX_CACHE_BYTES } from "../../wire/limits.ts";
import { CacheAckStatus, CacheObjectKind, ErrorCode } from "../../wire/enums.ts";
import { CachePutFlags } from "../../wire/flags.ts";
import type { CacheInvalidateMetadata } from "../../wire/metadata/cache_invalidate.ts";
import { type CacheKey, cacheKeyText, isInvalidated } from "./cache_key.ts";
import { type RecencyLinks, RecencyList } from "./recency_list.ts";

/** Objects per session, as rc2's client asks for (behaviour spec §6.1; docs/architecture.md, "Limits"). */
export const DEFAULT_MAX_CACHE_ENTRIES = 256;
/** Namespaces in use per session: they cost memory of their own, and nobody needs many. */
export const DEFAULT_MAX_CACHE_NAMESPACES = 64;
/** Bit (kind − 1) of every kind there is (wire spec §12). */
export const ALL_CACHE_OBJECT_KINDS = 0x1ff;
/**
 * Expired objects are removed at most this often: clearing visits every object. They are never found before
 * that.
 */
const SWEEP_INTERVAL_MS = 100;

/** An object to be kept. */
export interface CachePutRequest extends CacheKey {
  /** Its bytes; copied. */
  readonly data: Uint8Array;
  /** How long to keep it, ms; 0 = as long as there is room. */
  readonly ttlMs: number;
  /** {@linkcode CachePutFlags}. */
  readonly flags: number;
}

/** Fields of the CACHE_ACK for a put (wire spec §4.7). */
export interface CachePutVerdict {
  /** ACCEPTED, REPLACED or REJECTED. */
  readonly status: CacheAckStatus;
  /** How long it is kept, ms; 0 = as long as there is room, or rejected. */
  readonly acceptedTtlMs: number;
  /** Largest object that is accepted, bytes. */
  readonly maxObjectBytes: number;
  /** {@linkcode ErrorCode} of the rejection, or 0. */
  readonly detailCode: number;
}

/** Limits of a {@linkcode CacheDirectory}; 0 entries or bytes = the cache is off. */
export interface CacheLimits {
  /** Most objects. Default {@linkcode DEFAULT_MAX_CACHE_ENTRIES}. */
  readonly maxEntries?: number;
  /** Most bytes of all objects together. Default {@linkcode DEFAULT_MAX_CACHE_BYTES}. */
  readonly maxBytes?: number;
  /** Largest object, bytes. Default and at most `maxBytes`. */
  readonly maxObjectBytes?: number;
  /** Most namespaces with objects in them. Default {@linkcode DEFAULT_MAX_CACHE_NAMESPACES}. */
  readonly maxNamespaces?: number;
  /** Bit (kind − 1) for each kind that is accepted. Default {@linkcode ALL_CACHE_OBJECT_KINDS}. */
  readonly objectKindBitmap?: number;
  /** Longest time an object is kept, ms; also for those that ask for 0. Default: no limit. */
  readonly maxTtlMs?: number;
}

/** Numbers of a {@linkcode CacheDirectory}. */
export interface CacheStats {
  /** Objects now. */
  entries: number;
  /** Bytes of all objects now. */
  bytes: number;
  /** Pinned objects now. */
  pinnedEntries: number;
  /** Bytes of pinned objects now. */
  pinnedBytes: number;
  /** References found. */
  hits: number;
  /** References not found. */
  misses: number;
  /** Puts that were rejected. */
  rejected: number;
  /** Puts that replaced an older object. */
  replaced: number;
  /** Bytes of objects that are not in the cache any more and that frames in flight still use. */
  usedBytes: number;
  /** Objects that made room for others. */
  evicted: number;
  /** Objects whose time was over. */
  expired: number;
  /** Objects that CACHE_INVALIDATE removed. */
  invalidated: number;
}

interface CachedObject extends CacheKey, RecencyLinks<CachedObject> {
  readonly text: string;
  readonly data: Uint8Array;
  readonly pinned: boolean;
  readonly expiresMs: number;
  /** Frames in flight that use it. */
  users: number;
  /** Whether it is in the cache no more. */
  gone: boolean;
}

/**
 * What a frame uses of a cache: its objects are accounted for until it releases them, in the cache or not.
 */
export class CacheUse {
  readonly #cache: CacheDirectory;
  readonly #letGo: (() => void)[] = [];

  /**
   * Uses nothing yet.
   *
   * @param cache Where objects are looked up.
   */
  constructor(cache: CacheDirectory) {
    this.#cache = cache;
  }

  /** See {@linkcode CacheDirectory.lookup}; what is found is in use from now on. */
  lookup(reference: CacheKey, nowMs: number): Uint8Array | undefined {
    return this.#cache.lookup(reference, nowMs, this.#letGo);
  }

  /** The frame has ended. */
  release(): void {
    for (const letGo of this.#letGo) letGo();
    this.#letGo.length = 0;
  }
}

/** The cache of one session. Costs next to nothing until the first put. */
export class CacheDirectory {
  /** Numbers since the session began. Read only. */
  readonly stats: CacheStats = {
    entries: 0,
    bytes: 0,
    pinnedEntries: 0,
    pinnedBytes: 0,
    hits: 0,
    misses: 0,
    rejected: 0,
    replaced: 0,
    usedBytes: 0,
    evicted: 0,
    expired: 0,
    invalidated: 0,
  };
  /** Largest object that is accepted, bytes. */
  readonly maxObjectBytes: number;
  /**
   * Bytes by which the cache may still grow, whatever its own limit says: set by a host that has no more memory for it. Default: as
   * its limit says.
   */
  spareBytes: number = Infinity;

  #maxEntries: number;
  #maxBytes: number;
  #maxNamespaces: number;
  #kinds: number;
  #maxTtlMs: number;
  #objects: Map<string, CachedObject> | undefined; // by key text
  #loose = new RecencyList<CachedObject>(); // pinned objects are not in it, so making room never steps over them
  #namespaces: Map<number, number> | undefined; // objects in each
  #nextExpiryMs = Infinity; // no object expires before this
  #sweepFromMs = -Infinity;

  /**
   * An empty cache.
   *
   * @param limits Bounds, for example as negotiated.
   */
  constructor(limits: CacheLimits = {}) {
    this.#maxEntries = limits.maxEntries ?? DEFAULT_MAX_CACHE_ENTRIES;
    this.#maxBytes = limits.maxBytes ?? DEFAULT_MAX_CACHE_BYTES;
    this.maxObjectBytes = Math.min(limits.maxObjectBytes ?? this.#maxBytes, this.#maxBytes);
    this.#maxNamespaces = limits.maxNamespaces ?? DEFAULT_MAX_CACHE_NAMESPACES;
    this.#kinds = limits.objectKindBitmap ?? ALL_CACHE_OBJECT_KINDS;
    this.#maxTtlMs = limits.maxTtlMs ?? Infinity;
  }

  /** Whether anything can be kept at all. */
  get enabled(): boolean {
    return this.#maxEntries > 0 && this.#maxBytes > 0;
  }

  /**
   * Keeps a copy of an object. A rejected put changes nothing: an older object of the same key stays.
   *
   * @param put The object.
   * @param nowMs Monotonic time, ms.
   * @returns Fields of the CACHE_ACK.
   */
  put(put: CachePutRequest, nowMs: number): CachePutVerdict {
    this.#sweep(nowMs);
    const text = cacheKeyText(put);
    const pinned = (put.flags & CachePutFlags.PINNED) !== 0;
    let old = this.#objects?.get(text);
    if (old !== undefined && nowMs >= old.expiresMs) {
      this.#remove(old);
      this.stats.expired++;
      old = undefined;
    }
    const refusal = this.#refusal(put, old);
    if (refusal !== 0) {
      this.stats.rejected++;
      return {
        status: CacheAckStatus.REJECTED,
        acceptedTtlMs: 0,
        maxObjectBytes: this.maxObjectBytes,
        detailCode: refusal,
      };
    }
    if (old !== undefined) {
      this.#remove(old);
      this.stats.replaced++;
    }
    this.#makeRoom(put.data.length);
    const ttlMs = Math.min(put.ttlMs === 0 ? Infinity : put.ttlMs, this.#maxTtlMs);
    const { objectKind, cacheNamespace, cacheKeyHi, cacheKeyLo } = put;
    this.#insert({
      objectKind,
      cacheNamespace,
      cacheKeyHi,
      cacheKeyLo,
      text,
      data: put.data.slice(),
      pinned,
      expiresMs: nowMs + ttlMs,
      users: 0,
      gone: false,
      older: undefined,
      younger: undefined,
    });
    return {
      status: old === undefined ? CacheAckStatus.ACCEPTED : CacheAckStatus.REPLACED,
      acceptedTtlMs: ttlMs === Infinity ? 0 : ttlMs,
      maxObjectBytes: this.maxObjectBytes,
      detailCode: 0,
    };
  }

  /**
   * The bytes of an object, which counts as used now. Do not change them.
   *
   * @param reference What a frame refers to.
   * @param nowMs Monotonic time, ms.
   * @param uses Whoever keeps the bytes gets here what to call when it does so no more.
   * @returns Undefined if it was never put, has expired or made room: CACHE_MISS.
   */
  lookup(reference: CacheKey, nowMs: number, uses?: (() => void)[]): Uint8Array | undefined {
    const found = this.#objects?.get(cacheKeyText(reference));
    if (found === undefined || nowMs >= found.expiresMs) {
      this.stats.misses++;
      return undefined;
    }
    this.stats.hits++;
    if (!found.pinned) this.#loose.touch(found);
    if (uses !== undefined) {
      found.users++;
      uses.push(() => this.#unused(found));
    }
    return found.data;
  }

  #unused(object: CachedObject): void {
    object.users--;
    if (object.users === 0 && object.gone) this.stats.usedBytes -= object.data.length;
  }

  /** The object is in the cache no more; a frame may keep it alive. */
  #outOfCache(object: CachedObject): void {
    object.gone = true;
    if (object.users > 0) this.stats.usedBytes += object.data.length;
  }

  /** Bytes that all objects together may have now. */
  get #limitBytes(): number {
    return Math.min(this.#maxBytes, this.stats.bytes + this.spareBytes);
  }

  /** Removes what the invalidation reaches; returns how many objects that were. */
  invalidate(by: CacheInvalidateMetadata): number {
    let count = 0;
    for (const object of this.#objects?.values() ?? []) {
      if (!isInvalidated(object, by)) continue;
      this.#remove(object);
      count++;
    }
    this.stats.invalidated += count;
    return count;
  }

  /** Forgets everything: the session ended. */
  clear(): void {
    for (const object of this.#objects?.values() ?? []) this.#outOfCache(object);
    this.#objects = this.#namespaces = undefined;
    this.#loose = new RecencyList();
    this.#nextExpiryMs = Infinity;
    this.stats.entries =
      this.stats.bytes =
      this.stats.pinnedEntries =
      this.stats.pinnedBytes =
        0;
  }

  /** Why the put cannot be kept; 0 if it can. `old` is the object it would replace. */
  #refusal(put: CachePutRequest, old: CachedObject | undefined): number {
    if (!this.enabled) return ErrorCode.UNSUPPORTED_CAPABILITY;
    const kindKnown = put.objectKind >= CacheObjectKind.CAMERA_BLOCK && put.objectKind <= 32;
    if (!kindKnown || ((this.#kinds >>> (put.objectKind - 1)) & 1) === 0) {
      return ErrorCode.UNSUPPORTED_CAPABILITY;
    }
    if (put.data.length > this.maxObjectBytes) return ErrorCode.LIMIT_EXCEEDED;
    const namespaces = this.#namespaces;
    if (
      namespaces !== undefined && namespaces.size >= this.#maxNamespaces &&
      !namespaces.has(put.cacheNamespace)
    ) {
      return ErrorCode.LIMIT_EXCEEDED;
    }
    // everything but the pinned objects could make room
    const pinnedEntries = this.stats.pinnedEntries - (old?.pinned ? 1 : 0);
    const pinnedBytes = this.stats.pinnedBytes - (old?.pinned ? old.data.length : 0);
    const fits = pinnedEntries + 1 <= this.#maxEntries && pinnedBytes + put.data.length <= this.#limitBytes;
    return fits ? 0 : ErrorCode.LIMIT_EXCEEDED;
  }

  #makeRoom(bytes: number): void {
    while (this.stats.entries + 1 > this.#maxEntries || bytes > this.#limitBytes - this.stats.bytes) {
      const oldest = this.#loose.oldest;
      if (oldest === undefined) return;
      this.#remove(oldest);
      this.stats.evicted++;
    }
  }

  #insert(object: CachedObject): void {
    const { pinned, data, cacheNamespace } = object;
    (this.#objects ??= new Map()).set(object.text, object);
    const namespaces = this.#namespaces ??= new Map<number, number>();
    namespaces.set(cacheNamespace, (namespaces.get(cacheNamespace) ?? 0) + 1);
    this.stats.entries++;
    this.stats.bytes += data.length;
    this.spareBytes -= data.length;
    if (pinned) {
      this.stats.pinnedEntries++;
      this.stats.pinnedBytes += data.length;
    } else this.#loose.add(object);
    if (object.expiresMs < this.#nextExpiryMs) this.#nextExpiryMs = object.expiresMs;
  }

  #remove(object: CachedObject): void {
    const { pinned, data, cacheNamespace } = object;
    this.#objects!.delete(object.text);
    const left = this.#namespaces!.get(cacheNamespace)! - 1;
    if (left === 0) this.#namespaces!.delete(cacheNamespace);
    else this.#namespaces!.set(cacheNamespace, left);
    this.stats.entries--;
    this.stats.bytes -= data.length;
    this.spareBytes += data.length;
    this.#outOfCache(object);
    if (pinned) {
      this.stats.pinnedEntries--;
      this.stats.pinnedBytes -= data.length;
    } else this.#loose.remove(object);
  }

  #sweep(nowMs: number): void {
    if (nowMs < this.#nextExpiryMs || nowMs < this.#sweepFromMs) return;
    this.#sweepFromMs = nowMs + SWEEP_INTERVAL_MS;
    let next = Infinity;
    for (const object of this.#objects?.values() ?? []) {
      if (nowMs >= object.expiresMs) {
        this.#remove(object);
        this.stats.expired++;
      } else if (object.expiresMs < next) next = object.expiresMs;
    }
    this.#nextExpiryMs = next;
  }
}

/** The cache of a session that has none any more. */
export function emptyCache(): CacheDirectory {
  return new CacheDirectory({ maxEntries: 0, maxBytes: 0 });
}

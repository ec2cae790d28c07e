/**
 * What the client knows of the server's cache: which references a frame may use, and which puts still wait for their
 * CACHE_ACK (behaviour spec §10, CACHE_PUT / ACK). The server may give up objects without telling; then it says CACHE_MISS.
 *
 * @module
 */
import { CacheAckStatus } from "../../wire/enums.ts";
import type { CacheAckMetadata } from "../../wire/metadata/cache_ack.ts";
import type { CacheInvalidateMetadata } from "../../wire/metadata/cache_invalidate.ts";
import { type CacheKey, cacheKeyText, isInvalidated, isSameKey } from "./cache_key.ts";
import { PendingReplies } from "../control/pending_replies.ts";

/** References remembered as usable; more than any peer here keeps (behaviour spec §6.1: 256). */
export const MAX_MIRRORED_OBJECTS = 4096;

/** A put that was acknowledged. */
export interface AcknowledgedPut<W> {
  /** The object. */
  readonly key: CacheKey;
  /** Whether frames may refer to it now: accepted, and neither put again nor invalidated since it was sent. */
  readonly usable: boolean;
  /** Waiter for the outcome; undefined if there is none (any more). */
  readonly waiter: W | undefined;
}

interface PendingPut {
  readonly key: CacheKey;
  readonly sentMs: number;
  /**
   * A put of the same key or an invalidation was sent later: the ack still comes, but concerns an object that
   * is gone.
   */
  overtaken: boolean;
}

interface UsableObject {
  readonly key: CacheKey;
  readonly expiresMs: number;
}

/** The client's side of one session's cache. `W` is the type of waiters for a put. */
export class CacheMirror<W = unknown> {
  /** Acks that matched no put: answers to invalidations of peers that ack those too, or repetitions. */
  unmatchedAcks = 0;

  #capacity: number;
  #usable: Map<string, UsableObject> | undefined; // longest known first
  #puts = new PendingReplies<PendingPut, W>("pendingCachePuts");

  /**
   * Nothing known yet.
   *
   * @param capacity Most references remembered as usable.
   */
  constructor(capacity: number = MAX_MIRRORED_OBJECTS) {
    this.#capacity = capacity;
  }

  /** Puts without an ack. */
  get pendingPuts(): number {
    return this.#puts.size;
  }

  /** References remembered as usable, those whose time is over included. */
  get size(): number {
    return this.#usable?.size ?? 0;
  }

  /** Throws NnrpLimitError if no further put can wait: ask before writing one. */
  checkRoom(): void {
    this.#puts.checkRoom();
  }

  /**
   * A CACHE_PUT is being sent. An older object of the same key is not usable until the ack says which one the server has.
   *
   * @param key The object.
   * @param traceId The put's own trace id, not 0.
   * @param nowMs Monotonic time, ms.
   * @param waiter Who waits for the outcome, if anybody.
   * @throws NnrpLimitError if too many puts wait already; then do not send it.
   */
  putSent(key: CacheKey, traceId: bigint, nowMs: number, waiter?: W): void {
    const { objectKind, cacheNamespace, cacheKeyHi, cacheKeyLo } = key;
    const copy = { objectKind, cacheNamespace, cacheKeyHi, cacheKeyLo };
    this.#puts.add(traceId, { key: copy, sentMs: nowMs, overtaken: false }, waiter);
    this.#usable?.delete(cacheKeyText(key));
    for (const other of this.#puts.values()) {
      if (other.traceId !== traceId && isSameKey(other.data.key, key)) other.data.overtaken = true;
    }
  }

  /**
   * Handles a CACHE_ACK. It belongs to the put with its trace id; if that is 0, to the oldest one of its
   * namespace and key.
   *
   * @param ack Its metadata.
   * @param traceId Its trace id.
   * @returns The put and its fate; undefined if there is none, which is no fault (some peers ack invalidations).
   */
  acknowledge(ack: CacheAckMetadata, traceId: bigint): AcknowledgedPut<W> | undefined {
    const put = traceId === 0n
      ? this.#puts.takeFirst(({ key }) =>
        key.cacheNamespace === ack.cacheNamespace && key.cacheKeyHi === ack.cacheKeyHi &&
        key.cacheKeyLo === ack.cacheKeyLo
      )
      : this.#puts.take(traceId);
    if (put === undefined) {
      this.unmatchedAcks++;
      return undefined;
    }
    const { key, sentMs, overtaken } = put.data;
    const usable = !overtaken && ack.status !== CacheAckStatus.REJECTED;
    // counted from sending, so that it never lives longer here than there
    if (usable) this.#remember(key, ack.acceptedTtlMs === 0 ? Infinity : sentMs + ack.acceptedTtlMs);
    return { key, usable, waiter: put.waiter };
  }

  /** Handles an ERROR with this trace id, after which no ack comes. Returns the waiter, if there is one. */
  reject(traceId: bigint): W | undefined {
    return this.#puts.take(traceId)?.waiter;
  }

  /** The waiter of a put gave up; a late ack still makes the reference usable. */
  abandon(traceId: bigint): void {
    this.#puts.abandon(traceId);
  }

  /** A CACHE_INVALIDATE is being sent: what it reaches is not usable from now on, puts under way included. */
  invalidated(by: CacheInvalidateMetadata): void {
    for (const [text, { key }] of this.#usable ?? []) if (isInvalidated(key, by)) this.#usable!.delete(text);
    for (const { data } of this.#puts.values()) if (isInvalidated(data.key, by)) data.overtaken = true;
  }

  /** The server does not have this object any more (CACHE_MISS). */
  forget(key: CacheKey): void {
    this.#usable?.delete(cacheKeyText(key));
  }

  /**
   * Whether a frame may refer to the object: its put was acknowledged and its time is not over.
   *
   * @param key The object.
   * @param nowMs Monotonic time, ms.
   */
  isUsable(key: CacheKey, nowMs: number): boolean {
    const text = cacheKeyText(key);
    const object = this.#usable?.get(text);
    if (object === undefined) return false;
    if (nowMs < object.expiresMs) return true;
    this.#usable!.delete(text);
    return false;
  }

  /** The session ended: forgets everything and returns all who wait. */
  drain(): W[] {
    this.#usable = undefined;
    return this.#puts.drain();
  }

  #remember(key: CacheKey, expiresMs: number): void {
    const usable = this.#usable ??= new Map();
    const text = cacheKeyText(key);
    usable.delete(text);
    if (usable.size >= this.#capacity) usable.delete(usable.keys().next().value!);
    usable.set(text, { key, expiresMs });
  }
}

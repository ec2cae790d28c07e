/**
 * Requests on the control path that wait for an answer (patches, cache puts, pings): in the order in which they were
 * sent and by the trace id that each one was given (behaviour spec §10).
 *
 * @module
 */
import { NnrpLimitError } from "../../errors.ts";

/** Requests of one kind that may wait at once; a peer that answers none would otherwise cost memory without end. */
export const MAX_PENDING_REPLIES = 1024;

/** One request that was sent. */
export interface PendingReply<D, W> {
  /** Its own trace id, not 0. */
  readonly traceId: bigint;
  /** What was asked. */
  readonly data: D;
  /** Waiter for the answer; undefined if there is none (any more). */
  waiter: W | undefined;
}

/** A bounded list of requests, oldest first. `D` is the type of requests, `W` that of waiters. */
export class PendingReplies<D, W> {
  #capacity: number;
  #limitName: string;
  #entries: Map<bigint, PendingReply<D, W>> | undefined;
  #abandoned = 0;

  /**
   * An empty list.
   *
   * @param limitName Name of the bound for the error message, for example `"pendingPatches"`.
   * @param capacity Most requests that may wait.
   */
  constructor(limitName: string, capacity: number = MAX_PENDING_REPLIES) {
    this.#limitName = limitName;
    this.#capacity = capacity;
  }

  /** Requests without an answer. */
  get size(): number {
    return this.#entries?.size ?? 0;
  }

  /** All of them, oldest first. */
  values(): Iterable<PendingReply<D, W>> {
    return this.#entries?.values() ?? [];
  }

  /** Whether another request can be entered. */
  get hasRoom(): boolean {
    return this.size < this.#capacity || this.#abandoned > 0;
  }

  /** Throws what {@linkcode PendingReplies.add} would throw: to be asked before anything is written. */
  checkRoom(): void {
    if (!this.hasRoom) {
      throw new NnrpLimitError(this.#limitName, `${this.#capacity} requests wait for an answer already`);
    }
  }

  /**
   * Enters a request. If the list is full, the oldest one without a waiter makes room.
   *
   * @param traceId Its own trace id, not 0 and not used by another one in the list.
   * @param data What was asked.
   * @param waiter Who waits; undefined if nobody.
   * @throws NnrpLimitError if the list is full of requests that somebody waits for.
   */
  add(traceId: bigint, data: D, waiter: W | undefined): void {
    this.checkRoom();
    if (this.size >= this.#capacity) this.#evict();
    (this.#entries ??= new Map()).set(traceId, { traceId, data, waiter });
    if (waiter === undefined) this.#abandoned++;
  }

  /** Takes the request with this trace id out; undefined if there is none. */
  take(traceId: bigint): PendingReply<D, W> | undefined {
    const entry = this.#entries?.get(traceId);
    if (entry !== undefined) this.#remove(entry);
    return entry;
  }

  /** Takes the oldest request out for which `matches` holds (any, if left out). For answers whose trace id is 0. */
  takeFirst(matches?: (data: D) => boolean): PendingReply<D, W> | undefined {
    for (const entry of this.values()) {
      if (matches !== undefined && !matches(entry.data)) continue;
      this.#remove(entry);
      return entry;
    }
    return undefined;
  }

  /** Nobody waits any more (time-out, abort), but the answer still tells something. Returns who waited. */
  abandon(traceId: bigint): W | undefined {
    const entry = this.#entries?.get(traceId);
    const waiter = entry?.waiter;
    if (entry === undefined || waiter === undefined) return undefined;
    entry.waiter = undefined;
    this.#abandoned++;
    return waiter;
  }

  /** Forgets everything and returns all who wait, oldest first: the session ended. */
  drain(): W[] {
    const waiters: W[] = [];
    for (const { waiter } of this.values()) if (waiter !== undefined) waiters.push(waiter);
    this.#entries = undefined;
    this.#abandoned = 0;
    return waiters;
  }

  #remove(entry: PendingReply<D, W>): void {
    this.#entries!.delete(entry.traceId);
    if (entry.waiter === undefined) this.#abandoned--;
  }

  #evict(): void {
    for (const entry of this.values()) {
      if (entry.waiter !== undefined) continue;
      this.#remove(entry);
      return;
    }
  }
}

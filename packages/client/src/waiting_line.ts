/**
 * Submits that wait for a slot, credit or room in the send buffer, in the order of their calls. Who gives up, and whose time is
 * over, leaves without a search: O(log n) with a deadline, O(1) without.
 *
 * @module
 */
import { NnrpLimitError } from "@nnrp/core";
import { DeadlineHeap, type HeapEntry } from "@nnrp/runtime";
import type { KeptRequest } from "./kept_request.ts";
import { LinkedList, type ListNode } from "./linked_list.ts";

/** What the line needs to know of who waits. */
export interface LineWaiter {
  /** When the wait ends, ms; 0 = never. */
  readonly deadlineMs: number;
  /** The place in the line; null = not in it. Owned by the line. */
  place: LinePlace | null;
}

/** One who waits, and what for. */
export class LinePlace implements ListNode<LinePlace>, HeapEntry {
  /** See ListNode. */
  list: LinkedList<LinePlace> | null = null;
  /** See ListNode. */
  before: LinePlace | null = null;
  /** See ListNode. */
  behind: LinePlace | null = null;
  /** See HeapEntry. */
  heapAt = -1;
  /** See HeapEntry; Infinity = never. */
  readonly deadlineMs: number;

  readonly request: KeptRequest;
  readonly waiter: LineWaiter;

  constructor(request: KeptRequest, waiter: LineWaiter) {
    this.request = request;
    this.waiter = waiter;
    this.deadlineMs = waiter.deadlineMs === 0 ? Infinity : waiter.deadlineMs;
  }
}

/** A bounded first-in first-out line. */
export class WaitingLine<W extends LineWaiter> {
  readonly #capacity: number;
  readonly #places = new LinkedList<LinePlace>();
  readonly #deadlines = new DeadlineHeap<LinePlace>();

  /** @param capacity Most submits that may wait. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Submits that wait. */
  get size(): number {
    return this.#places.size;
  }

  /** When the first of them times out, ms; Infinity = never. */
  get nextDeadlineMs(): number {
    return this.#deadlines.nextMs;
  }

  /**
   * Adds a submit.
   *
   * @throws NnrpLimitError if the line is full.
   */
  push(request: KeptRequest, waiter: W): void {
    const { size } = this.#places;
    if (size >= this.#capacity) {
      throw new NnrpLimitError(
        "maxWaitingSubmits",
        `${size} submits wait for a slot already; await some of them first`,
      );
    }
    const place = waiter.place = new LinePlace(request, waiter);
    this.#places.push(place);
    if (place.deadlineMs !== Infinity) this.#deadlines.push(place);
  }

  /** Takes the first one. */
  shift(): { readonly request: KeptRequest; readonly waiter: W } | undefined {
    const { first } = this.#places;
    if (first === null) return undefined;
    this.#leave(first);
    return first as LinePlace & { waiter: W };
  }

  /** Takes one out of the line; whether it was there. */
  remove(waiter: W): boolean {
    const { place } = waiter;
    if (place === null || place.list !== this.#places) return false;
    this.#leave(place);
    return true;
  }

  /** Takes out all whose time is over, in the order of their deadlines. */
  expire(nowMs: number): W[] {
    const over: W[] = [];
    for (let place = this.#deadlines.take(nowMs); place !== undefined; place = this.#deadlines.take(nowMs)) {
      this.#leave(place);
      over.push(place.waiter as W);
    }
    return over;
  }

  /** Takes all out, in order. */
  clear(): W[] {
    this.#deadlines.clear();
    return this.#places.clear().map(({ waiter }) => {
      waiter.place = null;
      return waiter as W;
    });
  }

  #leave(place: LinePlace): void {
    this.#places.remove(place);
    this.#deadlines.remove(place);
    place.waiter.place = null;
  }
}

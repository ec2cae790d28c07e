/**
 * Submits that wait for a slot, credit or room in the send buffer, in the order of their calls.
 *
 * @module
 */
import { NnrpLimitError } from "@nnrp/core";
import type { FrameRequest } from "./frame_request.ts";
import type { PendingFrame } from "./frame_waiters.ts";

interface Waiting {
  readonly request: FrameRequest;
  readonly waiter: PendingFrame;
}

/** A bounded first-in first-out line. */
export class WaitingLine {
  /** When the first of them times out, ms; Infinity = never. May be too early, never too late. */
  nextDeadlineMs = Infinity;

  readonly #capacity: number;
  #items: (Waiting | null)[] = [];
  #first = 0;
  #size = 0;

  /**
   * Makes a WaitingLine.
   *
   * @param capacity Most submits that may wait.
   */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Submits that wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a submit.
   *
   * @throws NnrpLimitError if the line is full.
   */
  push(request: FrameRequest, waiter: PendingFrame): void {
    if (this.#size >= this.#capacity) {
      throw new NnrpLimitError(
        "maxWaitingSubmits",
        `${this.#size} submits wait for a slot already; await some of them first`,
      );
    }
    this.#items.push({ request, waiter });
    this.#size++;
    if (waiter.deadlineMs !== 0 && waiter.deadlineMs < this.nextDeadlineMs) {
      this.nextDeadlineMs = waiter.deadlineMs;
    }
  }

  /** Takes the first one. */
  shift(): Waiting | undefined {
    const items = this.#items;
    while (this.#first < items.length) {
      const item = items[this.#first];
      items[this.#first++] = null;
      if (item === null) continue;
      this.#size--;
      if (this.#first > 64 && this.#first * 2 > items.length) this.#compact();
      return item;
    }
    return undefined;
  }

  /** Takes one out of the line; whether it was there. */
  remove(waiter: PendingFrame): boolean {
    const at = this.#items.findIndex((item) => item?.waiter === waiter);
    if (at < 0) return false;
    this.#items[at] = null;
    this.#size--;
    this.#tidy();
    return true;
  }

  /** Takes out all whose time is over. */
  expire(nowMs: number): PendingFrame[] {
    if (nowMs < this.nextDeadlineMs) return [];
    const over: PendingFrame[] = [];
    let next = Infinity;
    this.#items.forEach((item, at) => {
      if (item === null) return;
      const { deadlineMs } = item.waiter;
      if (deadlineMs === 0) return;
      if (deadlineMs > nowMs) next = Math.min(next, deadlineMs);
      else {
        over.push(item.waiter);
        this.#items[at] = null;
        this.#size--;
      }
    });
    this.nextDeadlineMs = next;
    this.#tidy();
    return over;
  }

  /** Takes all out. */
  clear(): PendingFrame[] {
    const waiters: PendingFrame[] = [];
    for (const item of this.#items) if (item !== null) waiters.push(item.waiter);
    this.#items = [];
    this.#first = this.#size = 0;
    this.nextDeadlineMs = Infinity;
    return waiters;
  }

  /** Clears out those who gave up before they pile up: the line may stand still for long. */
  #tidy(): void {
    if (this.#items.length - this.#first <= 2 * this.#size + 64) return;
    this.#items = this.#items.filter((item) => item !== null);
    this.#first = 0;
  }

  #compact(): void {
    this.#items.splice(0, this.#first);
    this.#first = 0;
  }
}

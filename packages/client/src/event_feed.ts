/**
 * Unsolicited events (hints, flow updates, errors), kept for a reader: bounded, the oldest make room.
 *
 * @module
 */
import { BoundedLog, type Host, type NnrpError, NnrpTimeoutError } from "@nnrp/core";
import { LinkedList, type ListNode } from "./linked_list.ts";
import { PullIterator, waitFor, type WaitOptions } from "@nnrp/runtime";

/** One who waits; null = no more will come. */
class Waiting<T> implements ListNode<Waiting<T>> {
  list: LinkedList<Waiting<T>> | null = null;
  before: Waiting<T> | null = null;
  behind: Waiting<T> | null = null;

  readonly take: (event: T | null) => void;

  constructor(take: (event: T | null) => void) {
    this.take = take;
  }
}

/** One kind of event of one session. */
export class EventFeed<T> {
  readonly #host: Host;
  readonly #log: BoundedLog<T>;
  readonly #waiting = new LinkedList<Waiting<T>>();
  #ended = false;

  /**
   * @param host Provides the timers.
   * @param capacity Most events kept.
   */
  constructor(host: Host, capacity: number) {
    this.#host = host;
    this.#log = new BoundedLog<T>(capacity);
  }

  /** Events that nobody read and that made room. */
  get dropped(): number {
    return this.#log.dropped;
  }

  /** Adds an event. */
  push(event: T): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting.take(event);
    else this.#log.push(event);
  }

  /** No more will come. */
  end(): void {
    this.#ended = true;
    for (const { take } of this.#waiting.clear()) take(null);
  }

  /** The next event within a time; rejects with `closed()` when no more will come. */
  async receive(what: string, options: WaitOptions, closed: () => NnrpError): Promise<T> {
    const event = await this.#next(what, options);
    if (event === null) throw closed();
    return event;
  }

  /** The next event within a time; null when no more will come. */
  #next(what: string, options: WaitOptions): Promise<T | null> {
    return waitFor<T | null>(this.#host, options, (ms) => new NnrpTimeoutError(what, ms), (resolve) => {
      const event = this.#log.shift();
      if (event !== undefined) {
        resolve(event);
        return () => {};
      }
      if (this.#ended) {
        resolve(null);
        return () => {};
      }
      const waiting = new Waiting<T>(resolve);
      this.#waiting.push(waiting);
      return () => void this.#waiting.remove(waiting);
    });
  }

  /** All events from now on, until the session ends. */
  iterate(): AsyncGenerator<T, void, undefined> {
    return new PullIterator<T>({
      next: async (signal) => {
        const event = await this.#next("the next event", { signal });
        return event === null ? { value: undefined, done: true } : { value: event, done: false };
      },
    });
  }
}

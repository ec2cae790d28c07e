/**
 * Things that come unasked (hints, flow updates, errors), kept for whoever reads them: bounded, the oldest make room.
 *
 * @module
 */
import { BoundedLog, type Host, type NnrpError, NnrpTimeoutError } from "@nnrp/core";
import { LinkedList, type ListNode } from "./linked_list.ts";
import { waitFor, type WaitOptions } from "@nnrp/runtime";

/** One who waits; null = no more will come. */
class Waiting<T> implements ListNode<Waiting<T>> {
  list: LinkedList<Waiting<T>> | null = null;
  before: Waiting<T> | null = null;
  behind: Waiting<T> | null = null;

  constructor(readonly take: (event: T | null) => void) {}
}

/** One kind of event of one session. */
export class EventFeed<T> {
  readonly #host: Host;
  readonly #log: BoundedLog<T>;
  readonly #waiting = new LinkedList<Waiting<T>>();
  #ended = false;

  /**
   * Makes a EventFeed.
   *
   * @param host Whose timers to use.
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

  /** The next event, or null when no more will come. */
  next(): Promise<T | null> {
    const event = this.#log.shift();
    if (event !== undefined) return Promise.resolve(event);
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve) => this.#waiting.push(new Waiting(resolve)));
  }

  /** The next event within a time; rejects with `closed()` when no more will come. */
  receive(what: string, options: WaitOptions, closed: () => NnrpError): Promise<T> {
    return waitFor<T>(this.#host, options, (ms) => new NnrpTimeoutError(what, ms), (resolve, reject) => {
      const event = this.#log.shift();
      if (event !== undefined) {
        resolve(event);
        return () => {};
      }
      if (this.#ended) {
        reject(closed());
        return () => {};
      }
      const waiting = new Waiting<T>((next) => next === null ? reject(closed()) : resolve(next));
      this.#waiting.push(waiting);
      return () => void this.#waiting.remove(waiting);
    });
  }

  /** All events from now on, until the session ends. */
  async *iterate(): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const event = await this.next();
      if (event === null) return;
      yield event;
    }
  }
}

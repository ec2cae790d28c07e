/**
 * Every iterator that a handler gave out: whether it was run to its end, or told to stop, exactly once.
 *
 * @module
 */

/** An iterator that a handler gave out. */
export interface BookedIterator {
  /** The behaviour it belongs to. */
  readonly act: string;
  /** Whether it was asked for anything: a generator that never began has no `finally` to run. */
  began: boolean;
  /** How often it ended: its `finally`, or `return()`, or the last step. */
  ended: number;
  /** Whether its server was killed: nothing runs there any more. */
  readonly isKilled: () => boolean;
  /** Whether its frame is settled, so that it should end. */
  readonly isSettled: () => boolean;
}

/** Iterators that are kept although all is well with them: none; so this is only what is open. */
export class IteratorBook {
  readonly #open: Set<BookedIterator> = new Set();
  readonly #twice: BookedIterator[] = [];
  /** Iterators given out. */
  count = 0;

  /** A handler gives one out. */
  book(act: string, isKilled: () => boolean, isSettled: () => boolean): BookedIterator {
    const booked: BookedIterator = { act, began: false, ended: 0, isKilled, isSettled };
    this.count++;
    this.#open.add(booked);
    return booked;
  }

  /** One ended. */
  end(booked: BookedIterator): void {
    if (++booked.ended > 1) this.#twice.push(booked);
    this.#open.delete(booked);
  }

  /** Those that began, can still run, and have not ended although their frame has. */
  left(): BookedIterator[] {
    return [...this.#open].filter((one) => one.began && !one.isKilled() && one.isSettled());
  }

  /** Those that ended more than once. */
  get endedTwice(): readonly BookedIterator[] {
    return this.#twice;
  }

  /** Forgets those of servers that were killed. */
  prune(): void {
    for (const one of this.#open) {
      if (one.isKilled() || (!one.began && one.isSettled())) this.#open.delete(one);
    }
  }
}

/**
 * Who waits until so many bytes are sent. Later ones wait for the same position or a higher one, so that only
 * those that are served are visited; those of one position share a promise.
 *
 * @module
 */

interface Waiter {
  readonly at: number;
  readonly promise: Promise<void>;
  readonly done: () => void;
}

/** A row of waiters in ascending order of their positions. */
export class SentWaiters {
  #waiters: Waiter[] = [];
  #first = 0;

  /** Positions somebody waits for. */
  get size(): number {
    return this.#waiters.length - this.#first;
  }

  /**
   * Waits.
   *
   * @param at Bytes sent since the connection began; not fewer than those of earlier calls.
   * @returns Resolves once they are sent.
   */
  until(at: number): Promise<void> {
    const last = this.size === 0 ? undefined : this.#waiters[this.#waiters.length - 1];
    if (last !== undefined && last.at >= at) return last.promise;
    let done!: () => void;
    const promise = new Promise<void>((resolve) => done = resolve);
    this.#waiters.push({ at, promise, done });
    return promise;
  }

  /** So many bytes were sent; Infinity = nobody need wait any longer. */
  wake(sent: number): void {
    const waiters = this.#waiters;
    while (this.#first < waiters.length && waiters[this.#first].at <= sent) waiters[this.#first++].done();
    if (this.#first === 0) return;
    if (this.#first === waiters.length) {
      this.#waiters = [];
      this.#first = 0;
    } else if (this.#first * 2 >= waiters.length) {
      this.#waiters = waiters.slice(this.#first);
      this.#first = 0;
    }
  }
}

/**
 * Who waits until a session has no frame in flight.
 *
 * @module
 */

/** See the module. */
export class IdleWaits {
  #waiters: (() => void)[] = [];

  /** Resolves at the next {@linkcode IdleWaits.end}. */
  wait(): Promise<void> {
    return new Promise((done) => this.#waiters.push(done));
  }

  /** No frame is in flight: all waits end. */
  end(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const done of waiters) done();
  }
}

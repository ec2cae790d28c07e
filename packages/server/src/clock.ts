/**
 * The server's time: read at most once per turn of the event loop, however many frames ask.
 *
 * @module
 */

/** A monotonic clock that remembers its reading until the microtasks of the turn are done. */
export class TurnClock {
  #nowMs = 0;
  #fresh = false;
  readonly #stale = () => {
    this.#fresh = false;
  };

  /** Reads the clock now, ms. */
  read(): number {
    this.#nowMs = performance.now();
    if (!this.#fresh) {
      this.#fresh = true;
      queueMicrotask(this.#stale);
    }
    return this.#nowMs;
  }

  /** The time of this turn, ms. */
  get nowMs(): number {
    return this.#fresh ? this.#nowMs : this.read();
  }
}

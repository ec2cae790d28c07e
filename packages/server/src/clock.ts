/**
 * The server's time: read once per turn of the event loop and after each call of a handler, however many ask.
 *
 * @module
 */
import type { Host } from "@nnrp/core";

/** A monotonic clock that remembers its reading until the microtasks of the turn are done. */
export class TurnClock {
  readonly #host: Host;
  #nowMs = 0;
  #turnMs = 0;
  #fresh = false;
  readonly #stale = () => {
    this.#fresh = false;
  };

  /** @param host Provides the clock. */
  constructor(host: Host) {
    this.#host = host;
  }

  /**
   * Reads the clock now, ms: for whoever may have kept the event loop from its turn for a while, as callbacks of the application
   * may, and for figures.
   */
  read(): number {
    this.#nowMs = this.#host.now();
    if (!this.#fresh) {
      this.#fresh = true;
      this.#turnMs = this.#nowMs;
      queueMicrotask(this.#stale);
    }
    return this.#nowMs;
  }

  /** When the clock was read first in this turn, ms. */
  get turnMs(): number {
    if (!this.#fresh) this.read();
    return this.#turnMs;
  }

  /** The time as it was read last in this turn, ms. */
  get nowMs(): number {
    return this.#fresh ? this.#nowMs : this.read();
  }
}

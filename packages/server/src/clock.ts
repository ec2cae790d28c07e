/**
 * The server's time: read at most once per turn of the event loop, however many frames ask.
 *
 * @module
 */
import type { Host } from "@nnrp/core";

/** A monotonic clock that remembers its reading until the microtasks of the turn are done. */
export class TurnClock {
  readonly #host: Host;
  #nowMs = 0;
  #fresh = false;
  readonly #stale = () => {
    this.#fresh = false;
  };

  /**
   * Makes a TurnClock.
   *
   * @param host Whose clock to read.
   */
  constructor(host: Host) {
    this.#host = host;
  }

  /** Reads the clock now, ms. */
  read(): number {
    this.#nowMs = this.#host.now();
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

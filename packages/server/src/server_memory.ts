/**
 * Bytes that all sessions of a server hold together.
 *
 * @module
 */

/** The server's sum, and its bound. */
export class ServerMemory {
  /** Bytes of frames received and not settled. */
  bytesInFlight = 0;

  readonly #maxBytes: number;

  /**
   * Makes a ServerMemory.
   *
   * @param maxBytes Bytes beyond which nothing more is read.
   */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A session holds so many bytes more than before, or fewer. */
  book(bytes: number): void {
    this.bytesInFlight += bytes;
  }

  /** Whether all sessions together hold too much. */
  get isFull(): boolean {
    return this.bytesInFlight > this.#maxBytes;
  }
}

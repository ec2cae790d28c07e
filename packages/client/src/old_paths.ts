/**
 * What is left of paths that a session has left: connections that still send, and the frames that a broken one may have lost.
 *
 * @module
 */
import type { Carrier, FrameWaiter } from "@nnrp/core";

/** The old paths of one session. */
export class OldPaths {
  readonly #sending = new Set<Carrier>();
  #lastMove: { waiters: readonly FrameWaiter[] | null } | null = null;

  /** Closes an old path that the server has ended, once all that was submitted there is sent, however long the server takes. */
  retire(carrier: Carrier): void {
    carrier.endSending();
    this.#sending.add(carrier);
    void carrier.drained().then(() => {
      this.#sending.delete(carrier);
      return carrier.close();
    });
  }

  /** Closes all that still send. */
  close(): void {
    for (const carrier of this.#sending) void carrier.close();
  }

  /** A move was agreed. */
  moved(): void {
    this.#lastMove = { waiters: null };
  }

  /** These frames were on the old path of the last move and are due still. */
  expect(waiters: readonly FrameWaiter[]): void {
    if (this.#lastMove !== null) this.#lastMove.waiters = waiters;
  }

  /** Nothing more is to be heard of the last move. */
  forget(): void {
    this.#lastMove = null;
  }

  /**
   * The old path of the last move broke before the server had read all of it: nobody knows which frames arrived.
   *
   * @returns Frames that may be lost; null if none may be any more.
   */
  broke(): readonly FrameWaiter[] | null {
    const last = this.#lastMove;
    if (last === null) return null;
    const { waiters } = last;
    last.waiters = null;
    this.close();
    return waiters;
  }
}

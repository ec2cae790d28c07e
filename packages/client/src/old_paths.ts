/**
 * What is left of paths that a session has left: connections that still send, and the frames that a broken one may have lost.
 *
 * @module
 */
import { type Carrier, type FrameWaiter, type Host, lingerMs } from "@nnrp/core";
import { SEND_STALL_MS } from "./defaults.ts";

/** The old paths of one session. */
export class OldPaths {
  readonly #host: Host;
  readonly #ending = new Set<Carrier>();
  #lastMove: { waiters: readonly FrameWaiter[] | null } | null = null;

  /** @param host Provides the timers. */
  constructor(host: Host) {
    this.#host = host;
  }

  /**
   * Closes an old path that the server has ended, once all that was submitted there has arrived: the system
   * accepts the last of it long before, and only the server's end confirms it. A stalled server is not waited
   * for.
   */
  retire(carrier: Carrier): void {
    carrier.endSending();
    this.#ending.add(carrier);
    void carrier.drained()
      .then(() => carrier.close({ stallMs: SEND_STALL_MS, drainMs: Infinity }))
      .then(() => this.#ending.delete(carrier));
  }

  /** Nobody waits for answers any more: closes all that are still ending, as soon as any connection closes. */
  close(): void {
    for (const carrier of this.#ending) {
      const cut = () => void carrier.close({ graceful: false });
      const cancelCut = this.#host.after(lingerMs(carrier.roundTripMs), cut);
      void carrier.close().then(cancelCut);
    }
    this.#ending.clear();
  }

  /** A move was agreed. */
  moved(): void {
    this.#lastMove = { waiters: null };
  }

  /** These frames were on the old path of the last move and are due still. */
  expect(waiters: readonly FrameWaiter[]): void {
    if (this.#lastMove !== null) this.#lastMove.waiters = waiters;
  }

  /** Forgets the last move. */
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

/**
 * How long an old connection is still read after its session moved: one window, and more of them while it brings something.
 *
 * @module
 */
import { type CancelTimer, type Host, roundTripWait } from "@nnrp/core";

/**
 * Round trips of the old path that a window lasts at least. One passes until the peer's last packets are
 * here. A WebSocket that cannot end one half alone waits for up to two more, and its end travels another
 * half: nothing comes meanwhile.
 */
const GRACE_ROUND_TRIPS = 4;

/**
 * Length of a window.
 *
 * @param leastMs Window of the server's options or its ack, ms.
 * @param roundTripMs How long a round trip on the old path may take, ms; undefined = nobody measured it.
 * @returns ms; a path that is far away gets more than `leastMs`, up to 10 s.
 */
export function graceWindow(leastMs: number, roundTripMs: number | undefined): number {
  return roundTripWait(leastMs, roundTripMs, GRACE_ROUND_TRIPS);
}

/** Options of a {@linkcode GraceWatch}. */
export interface GraceOptions {
  /** Length of a window, ms, any. */
  readonly windowMs: number;
  /** Most windows, ≥ 1, whatever they bring. */
  readonly maxWindows: number;
  /** A counter that grows while the connection is alive, for example bytes. */
  progress(): number;
  /** Whether this side does not read the connection: such a window is not the peer's, and does not count. Default: it does. */
  isUnread?(): boolean;
  /** Called once: a window brought nothing, or was the last. */
  over(): void;
  /**
   * Called some times in each window, if the connection brought something since the last time: signals that
   * to the peer, which cannot see how what it sent is read out of the systems between. Default: no sign.
   */
  sign?(): void;
}

/** How many signs the peer may get in a window: its own window is as long, and began earlier. */
const SIGNS = 4;

/** Runs from when it is made until it is over or stopped. */
export class GraceWatch {
  readonly #host: Host;
  readonly #options: GraceOptions;
  #cancelTimer: CancelTimer = () => {};
  #progress: number;
  #windows = 0;
  #signed: number; // progress as of the last check for a sign
  #stopped = false;

  /**
   * Begins the first window.
   *
   * @param host Provides the timers.
   * @param options What to go by.
   */
  constructor(host: Host, options: GraceOptions) {
    this.#host = host;
    this.#options = options;
    this.#progress = this.#signed = options.progress();
    this.#begin();
  }

  /** Ends it without calling `over`. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
  }

  #begin(): void {
    this.#wait(this.#options.sign === undefined ? 1 : SIGNS, this.#options.windowMs);
  }

  #wait(parts: number, leftMs: number): void {
    const partMs = leftMs / parts;
    this.#cancelTimer = this.#host.after(partMs, () => {
      this.#sign();
      if (parts > 1) {
        this.#wait(parts - 1, leftMs - partMs);
        return;
      }
      // The timer may be late because the event loop was blocked, and what came meanwhile is in the socket:
      // poll it first.
      this.#host.yield(() => this.#stopped || this.#judge());
    });
  }

  #sign(): void {
    const { sign, progress } = this.#options;
    if (sign === undefined) return;
    const before = this.#signed;
    this.#signed = progress();
    if (this.#signed !== before) sign();
  }

  #judge(): void {
    const { maxWindows, over, progress, isUnread } = this.#options;
    const before = this.#progress;
    this.#progress = progress();
    const unread = isUnread?.() ?? false;
    this.#windows = unread ? 0 : this.#windows + 1;
    if (unread || (this.#windows < maxWindows && this.#progress !== before)) this.#begin();
    else over();
  }
}

/**
 * Frames that may be dropped expire by timer, waiting or running, not when the queue is next visited
 * (behaviour spec §8).
 *
 * @module
 */
import { BudgetPolicy, type CancelTimer, type Host, type ReceivedSubmit } from "@nnrp/core";
import type { TurnClock } from "./clock.ts";
import { DeadlineHeap } from "./deadline_heap.ts";
import type { FramePlace } from "./frame_queue.ts";

/** Whether a frame is dropped when its budget is over. */
export function mayExpire(frame: ReceivedSubmit): boolean {
  return frame.latencyBudgetMs !== 0 && (frame.budgetPolicy & BudgetPolicy.ALLOW_DROP) !== 0;
}

/** Watches frames until they expire or have ended. */
export class ExpiryWatch {
  readonly #host: Host;
  readonly #clock: TurnClock;
  readonly #expired: (place: FramePlace) => void;
  readonly #watched = new DeadlineHeap<FramePlace>((place) => !place.watched);
  #cancelTimer: CancelTimer | null = null;
  #timerMs = Infinity; // what it is set to; −Infinity = it is over

  /**
   * @param host Provides the timers.
   * @param clock The server's time.
   * @param expired Called with each frame whose budget is over and that is watched still. Must not throw.
   */
  constructor(host: Host, clock: TurnClock, expired: (place: FramePlace) => void) {
    this.#host = host;
    this.#clock = clock;
    this.#expired = expired;
  }

  /** Watches a frame, if it may expire. */
  watch(place: FramePlace): void {
    if (!mayExpire(place.frame)) return;
    place.watched = true;
    this.#watched.push(place);
    this.#wakeAt(place.endsMs);
  }

  /** A frame has ended. Harmless for those that are not watched. */
  unwatch(place: FramePlace): void {
    if (!place.watched) return;
    place.watched = false;
    this.#watched.left();
  }

  /** Ends the timer for good. */
  stop(): void {
    this.#cancelTimer?.();
    this.#timerMs = -Infinity;
  }

  #wakeAt(endsMs: number): void {
    if (endsMs >= this.#timerMs) return;
    this.#cancelTimer?.();
    this.#timerMs = endsMs;
    const ms = Math.max(0, Math.ceil(endsMs - this.#clock.nowMs));
    this.#cancelTimer = this.#host.after(ms, () => this.#due());
  }

  #due(): void {
    this.#timerMs = Infinity;
    const nowMs = this.#clock.read();
    for (let next = this.#watched.peek(); next !== undefined; next = this.#watched.peek()) {
      if (next.endsMs > nowMs) return this.#wakeAt(next.endsMs);
      this.unwatch(next);
      this.#expired(next);
    }
  }
}

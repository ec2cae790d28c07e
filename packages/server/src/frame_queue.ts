/**
 * The waiting frames of one session, earliest deadline first; frames without a budget come after those with one, in order of
 * arrival.
 *
 * @module
 */
import { BudgetPolicy, type ReceivedSubmit } from "@nnrp/core";
import type { AnswerSink } from "./answer_sink.ts";
import type { HandlerContext } from "./handler.ts";

/** A small sorted queue. */
export class FrameQueue {
  /** Where their answers go. */
  readonly sink: AnswerSink;
  /** What handlers get beside the frame. */
  readonly context: HandlerContext;
  /** Handlers of this session that run. */
  running = 0;
  /** Whether it stands in the scheduler's row of sessions with waiting frames. */
  inRing = false;

  #frames: ReceivedSubmit[] = [];

  /**
   * Makes a FrameQueue.
   *
   * @param sink Where answers go.
   * @param context What handlers get beside the frame.
   */
  constructor(sink: AnswerSink, context: HandlerContext) {
    this.sink = sink;
    this.context = context;
  }

  /** Frames waiting. */
  get size(): number {
    return this.#frames.length;
  }

  /** The frames, next first. */
  get frames(): readonly ReceivedSubmit[] {
    return this.#frames;
  }

  /** Adds a frame at its place. */
  insert(frame: ReceivedSubmit): void {
    const frames = this.#frames;
    let at = frames.length;
    while (at > 0 && frames[at - 1].budgetEndsMs > frame.budgetEndsMs) at--;
    if (at === frames.length) frames.push(frame);
    else frames.splice(at, 0, frame);
  }

  /** Takes the next frame. */
  shift(): ReceivedSubmit | undefined {
    return this.#frames.shift();
  }

  /** Takes one frame out; whether it was there. */
  remove(frame: ReceivedSubmit): boolean {
    const at = this.#frames.indexOf(frame);
    if (at < 0) return false;
    this.#frames.splice(at, 1);
    return true;
  }

  /** Takes all frames out; how many they were. */
  clear(): number {
    const count = this.#frames.length;
    this.#frames = [];
    return count;
  }

  /** The frame of a view that came first among those that fit. */
  oldestOfView(viewId: number, fits: (frame: ReceivedSubmit) => boolean): ReceivedSubmit | undefined {
    let oldest: ReceivedSubmit | undefined;
    for (const frame of this.#frames) {
      if (frame.viewId !== viewId || !fits(frame)) continue;
      if (oldest === undefined || frame.ordinal < oldest.ordinal) oldest = frame;
    }
    return oldest;
  }

  /** Frames whose budget is over and that may be dropped. */
  dueBy(nowMs: number): ReceivedSubmit[] {
    return this.#frames.filter((f) =>
      f.budgetEndsMs <= nowMs && (f.budgetPolicy & BudgetPolicy.ALLOW_DROP) !== 0
    );
  }
}

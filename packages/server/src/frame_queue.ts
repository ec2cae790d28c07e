/**
 * The waiting frames of one session, earliest deadline first; frames without a budget come after those with
 * one, in order of arrival. No operation visits all of them: a session may have 65,535 in flight.
 *
 * @module
 */
import { BudgetPolicy, Fifo, HeaderFlags, type ReceivedSubmit } from "@nnrp/core";
import { DeadlineHeap } from "./deadline_heap.ts";
import type { AnswerSink } from "./answer_sink.ts";
import type { HandlerContext } from "./handler.ts";

/** A frame that waits, is watched, or both: what `ReceivedSubmit.place` holds. */
export interface FramePlace {
  readonly frame: ReceivedSubmit;
  /** Where it waits, or waited. */
  readonly queue: FrameQueue;
  /** When its budget ends, ms; Infinity = never. */
  readonly endsMs: number;
  /** Place in the order of arrival. */
  readonly ordinal: number;
  /** Whether it waits. */
  waiting: boolean;
  /** Whether the scheduler's timer is for it too. */
  watched: boolean;
}

/** The queue of a session. */
export class FrameQueue {
  /** Where their answers go. */
  readonly sink: AnswerSink;
  /** What handlers get beside the frame. */
  readonly context: HandlerContext;
  /** Handlers of this session that run. */
  running = 0;
  /** Whether the scheduler counts it among the sessions that have work. */
  works = false;
  /** Whether it stands in the scheduler's row of sessions with waiting frames. */
  inRing = false;

  readonly #timed = new DeadlineHeap<FramePlace>(isGone);
  readonly #others = new Fifo<FramePlace>(isGone);
  /** Per view those that may be dropped, in order of arrival; views without one are not in it. */
  readonly #droppable = new Map<number, Fifo<FramePlace>>();

  /**
   * @param sink Where answers go.
   * @param context What handlers get beside the frame.
   */
  constructor(sink: AnswerSink, context: HandlerContext) {
    this.sink = sink;
    this.context = context;
  }

  /** Frames waiting. */
  get size(): number {
    return this.#timed.size + this.#others.size;
  }

  /** Adds a frame at its place, which is also in `frame.place`. */
  insert(frame: ReceivedSubmit): FramePlace {
    const place = placeOf(this, frame, true);
    if (place.endsMs === Infinity) this.#others.push(place);
    else this.#timed.push(place);
    if (isDroppable(frame)) {
      const view = this.#droppable.get(frame.viewId) ?? new Fifo<FramePlace>(isGone);
      if (view.size === 0) this.#droppable.set(frame.viewId, view);
      view.push(place);
    }
    return place;
  }

  /** Takes the next frame. */
  shift(): FramePlace | undefined {
    const place = this.#timed.shift() ?? this.#others.shift();
    if (place !== undefined) {
      place.waiting = false;
      this.#leftView(place);
    }
    return place;
  }

  /** Takes one frame out; whether it was there. */
  remove(frame: ReceivedSubmit): boolean {
    const place = frame.place as FramePlace | null;
    if (place === null || place.queue !== this || !place.waiting) return false;
    place.waiting = false;
    if (place.endsMs === Infinity) this.#others.left();
    else this.#timed.left();
    this.#leftView(place);
    return true;
  }

  /** Takes all frames out; how many they were. */
  clear(): number {
    const count = this.size;
    while (this.shift() !== undefined);
    return count;
  }

  /** The frame of a view that came first among those that may be dropped for a newer one. */
  oldestDroppable(viewId: number): ReceivedSubmit | undefined {
    return this.#droppable.get(viewId)?.peek()?.frame;
  }

  #leftView({ frame }: FramePlace): void {
    if (!isDroppable(frame)) return;
    const view = this.#droppable.get(frame.viewId)!;
    view.left();
    if (view.size === 0) this.#droppable.delete(frame.viewId);
  }
}

/** A place for a frame, waiting or not. */
export function placeOf(queue: FrameQueue, frame: ReceivedSubmit, waiting: boolean): FramePlace {
  const { budgetEndsMs, ordinal } = frame;
  const place = { frame, queue, endsMs: budgetEndsMs, ordinal, waiting, watched: false };
  frame.place = place;
  return place;
}

function isGone(place: FramePlace): boolean {
  return !place.waiting;
}

/** Whether a newer frame may take the place of this one. */
function isDroppable(frame: ReceivedSubmit): boolean {
  const may = (frame.budgetPolicy & BudgetPolicy.ALLOW_DROP) !== 0 ||
    (frame.flags & HeaderFlags.CAN_DROP) !== 0;
  return may && (frame.flags & HeaderFlags.KEYFRAME) === 0;
}

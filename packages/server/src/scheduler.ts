/**
 * Who works when: handlers run up to `concurrency`; frames that must wait do so in a queue per session. Order of work: round
 * robin over sessions, earliest deadline first inside one, so that a greedy session starves nobody. Every frame is answered:
 * superseded, refused, expired or run (docs/architecture.md, "Deadlines", "Limits").
 *
 * @module
 */
import {
  BudgetPolicy,
  catchLater,
  ErrorCode,
  Fifo,
  judgeStart,
  NnrpProtocolError,
  type ReceivedSubmit,
  type ResultFields,
  ResultHintReason,
} from "@nnrp/core";
import type { TurnClock } from "./clock.ts";
import { Drop, type Handler, type HandlerOutput, isStream } from "./handler.ts";
import { CONCURRENCY, queuedFramesOf, RETRY_AFTER_MS, type ServeOptions } from "./options.ts";
import { DeadlineHeap } from "./deadline_heap.ts";
import { type FramePlace, FrameQueue, placeOf } from "./frame_queue.ts";
import type { ServerSession } from "./session.ts";
import { yieldToEvents } from "./yield_to_events.ts";

/**
 * Work done in one go before the event loop gets its turn, ms: reading, cancels and results must not wait for a queue. So a
 * handler that takes longer has its result sent before the next one begins.
 */
const SLICE_MS = 0.5;
/** Parts of a stream that are sent without the event loop having had its turn. */
const PARTS_PER_SLICE = 4096;
const { then } = Promise.prototype;
/** Frames started in one go between two looks at the clock. */
const FRAMES_PER_LOOK = 16;

/** Counters of a scheduler. */
export interface SchedulerStats {
  /** Handlers running. */
  running: number;
  /** Frames waiting. */
  queued: number;
  /** Frames started. */
  started: number;
  /** Frames dropped because a newer one of their view came. */
  superseded: number;
  /** Frames dropped because their budget was over. */
  expired: number;
  /** Frames refused because the queue was full. */
  busy: number;
  /** Handlers that threw. */
  handlerFailures: number;
}

/** Runs the handler of one server. */
export class Scheduler {
  /** Counters. Read only. */
  readonly stats: SchedulerStats = {
    running: 0,
    queued: 0,
    started: 0,
    superseded: 0,
    expired: 0,
    busy: 0,
    handlerFailures: 0,
  };

  readonly #handler: Handler;
  readonly #options: ServeOptions;
  readonly #clock: TurnClock;
  readonly #concurrency: number;
  readonly #maxQueued: number;
  readonly #ring = new Fifo<FrameQueue>((queue) => !queue.inRing); // sessions with waiting frames, next first
  /** Frames that expire by themselves, waiting or running. */
  readonly #watched = new DeadlineHeap<FramePlace>((place) => !place.watched);
  #sliceStartMs = 0;
  #sliceFrames = 0;
  #framesPerLook = 1;
  #yielding = false;
  readonly #pumpTask = () => {
    this.#yielding = false;
    this.#pump();
  };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerMs = Infinity;

  /**
   * Makes a Scheduler.
   *
   * @param handler Works on frames.
   * @param options Limits.
   * @param clock The server's time.
   */
  constructor(handler: Handler, options: ServeOptions, clock: TurnClock) {
    this.#handler = handler;
    this.#options = options;
    this.#clock = clock;
    this.#concurrency = options.concurrency ?? CONCURRENCY;
    this.#maxQueued = queuedFramesOf(options);
  }

  /** The queue of a new session. */
  queueFor(session: ServerSession): FrameQueue {
    return new FrameQueue(session);
  }

  /** A frame came: runs it if there is room and nobody waits, else queues it. */
  submit(queue: FrameQueue, frame: ReceivedSubmit): void {
    if (
      this.stats.running < this.#concurrency && this.#ring.size === 0 && !this.#yielding &&
      this.#maySlice() &&
      queue.running < queue.session.maxConcurrentFrames
    ) {
      this.#start(queue, frame, null);
      return;
    }
    this.#enqueue(queue, frame);
    this.#pumpSoon();
  }

  /** The frame was cancelled or its session ended: it must not be started. */
  forget(queue: FrameQueue, frame: ReceivedSubmit): void {
    if (!queue.remove(frame)) return;
    this.stats.queued--;
    this.#unwatch(frame.place as FramePlace);
  }

  /** The session ended: nothing of it is started any more. */
  close(queue: FrameQueue): void {
    for (let place = queue.shift(); place !== undefined; place = queue.shift()) {
      this.stats.queued--;
      this.#unwatch(place);
    }
    if (!queue.inRing) return;
    queue.inRing = false;
    this.#ring.left();
  }

  /** Ends the timer. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timerMs = -Infinity;
  }

  #enqueue(queue: FrameQueue, frame: ReceivedSubmit): void {
    if (queue.size >= this.#maxQueued && !this.#makeRoom(queue, frame)) return;
    if (!queue.inRing) { // it may be there without frames: they were cancelled
      queue.inRing = true;
      this.#ring.push(queue);
    }
    const place = queue.insert(frame);
    this.stats.queued++;
    this.#watch(place);
  }

  /** The queue is full: the application's answer, or the oldest droppable frame of the view goes, or the new one is refused. */
  #makeRoom(queue: FrameQueue, frame: ReceivedSubmit): boolean {
    const { session } = queue;
    let answer: ResultFields | Drop | undefined;
    try {
      answer = this.#options.whenQueueFull?.(frame, session);
      if (catchLater(answer, () => {})) {
        throw new TypeError("whenQueueFull answers at once: it cannot be async");
      }
    } catch (error) {
      this.#failed(session, frame, error);
      return false;
    }
    if (answer !== undefined) {
      this.#answer(session, frame, answer);
      return false;
    }
    const oldest = queue.oldestDroppable(frame.viewId);
    if (oldest !== undefined) {
      this.forget(queue, oldest);
      this.stats.superseded++;
      oldest.abort(new Error("superseded by a newer frame"));
      session.dropWithHint(oldest, ResultHintReason.SUPERSEDED);
      return true;
    }
    this.stats.busy++;
    session.failFrame(frame, {
      errorCode: ErrorCode.SERVER_BUSY,
      retryAfterMs: RETRY_AFTER_MS,
      diagnostic: `${queue.size} frames of this session wait already`,
    });
    return false;
  }

  /** Whether more work may be done before the event loop gets its turn. */
  #maySlice(): boolean {
    if (++this.#sliceFrames < this.#framesPerLook) return true;
    const now = performance.now();
    // Quick handlers are looked at now and then, for the clock costs as much as they do; slow ones after each frame.
    this.#framesPerLook = now - this.#sliceStartMs > SLICE_MS / 2 ? 1 : FRAMES_PER_LOOK;
    this.#sliceFrames = 0;
    if (now - this.#sliceStartMs < SLICE_MS) return true;
    // A slice that began in an earlier turn says nothing: begin anew.
    if (this.#sliceStartMs !== this.#clock.nowMs) {
      this.#sliceStartMs = this.#clock.nowMs;
      return now - this.#sliceStartMs < SLICE_MS;
    }
    return false;
  }

  #pumpSoon(): void {
    if (this.#yielding || this.#ring.size === 0 || this.stats.running >= this.#concurrency) return;
    this.#yielding = true;
    yieldToEvents(this.#pumpTask, performance.now() - this.#sliceStartMs);
  }

  /** Starts waiting frames, one session after the other, for one slice. */
  #pump(): void {
    const ring = this.#ring;
    this.#sliceStartMs = this.#clock.read();
    this.#sliceFrames = 0;
    let skipped = 0;
    while (ring.size > skipped && this.stats.running < this.#concurrency) {
      const queue = ring.shift()!;
      if (queue.running >= queue.session.maxConcurrentFrames) {
        ring.push(queue);
        skipped++;
        continue;
      }
      const place = queue.shift();
      queue.inRing = queue.size > 0;
      if (place === undefined) continue;
      if (queue.inRing) ring.push(queue);
      this.stats.queued--;
      skipped = 0;
      if (place.frame.settled) this.#unwatch(place);
      else this.#judge(place, performance.now());
      if (performance.now() - this.#sliceStartMs >= SLICE_MS) break;
    }
    if (ring.size > skipped) this.#pumpSoon();
  }

  /** Starts a frame, or drops it. Never throws: one session's failure must not keep the others' frames from being started. */
  #judge(place: FramePlace, nowMs: number): void {
    const { queue, frame, endsMs } = place;
    try {
      if (judgeStart(endsMs, frame.budgetPolicy, nowMs) === "drop") {
        this.#unwatch(place);
        this.#expire(queue.session, frame);
      } else this.#start(queue, frame, place);
    } catch (cause) {
      queue.session.crash(cause);
    }
  }

  /** @param place Of a frame that waited; null = it did not. */
  #start(queue: FrameQueue, frame: ReceivedSubmit, place: FramePlace | null): void {
    const { session } = queue;
    const stats = this.stats;
    stats.started++;
    stats.running++;
    queue.running++;
    frame.startedAtMs = Math.round(this.#clock.nowMs);
    if (place === null && mayExpire(frame)) this.#watch(place = placeOf(queue, frame, false));
    const started = place;
    let output: HandlerOutput | Promise<HandlerOutput>;
    try {
      output = this.#handler(frame, session.handlerContext);
      if (typeof (output as Promise<HandlerOutput>)?.then === "function") {
        // A foreign thenable may throw, or call back twice; a promise of the runtime does neither.
        then.call(
          Promise.resolve(output),
          (result) => this.#finish(queue, started, frame, result as HandlerOutput),
          (error) => {
            this.#failed(session, frame, error);
            this.#ended(queue, started);
          },
        );
        return;
      }
    } catch (error) {
      this.#failed(session, frame, error);
      this.#ended(queue, place);
      return;
    }
    this.#finish(queue, place, frame, output as HandlerOutput);
  }

  #finish(queue: FrameQueue, place: FramePlace | null, frame: ReceivedSubmit, output: HandlerOutput): void {
    let streams = false;
    try {
      streams = output !== null && typeof output === "object" && isStream(output);
    } catch (error) {
      this.#failed(queue.session, frame, error);
    }
    if (streams) {
      void this.#stream(queue, place, frame, output as AsyncIterable<ResultFields>);
      return;
    }
    this.#answer(queue.session, frame, output as ResultFields | Drop);
    this.#ended(queue, place);
  }

  /** Answers with what the application gave, whatever that is. Never throws. */
  #answer(session: ServerSession, frame: ReceivedSubmit, output: ResultFields | Drop): void {
    if (frame.settled) return;
    try {
      if (output instanceof Drop) session.dropWithHint(frame, output.reason);
      else session.answer(frame, output);
    } catch (error) {
      this.#failed(session, frame, error);
    }
  }

  /** Sends what an iterable yields; what it returns, if anything, is the final result. */
  async #stream(
    queue: FrameQueue,
    place: FramePlace | null,
    frame: ReceivedSubmit,
    output: AsyncIterable<ResultFields>,
  ): Promise<void> {
    const { session } = queue;
    try {
      let parts = 0;
      const iterator = output[Symbol.asyncIterator]() as AsyncIterator<ResultFields, ResultFields | void>;
      for (;;) {
        const step = await iterator.next();
        if (frame.settled) {
          if (!step.done) await iterator.return?.();
          break;
        }
        if (step.done) {
          if (step.value === undefined) session.endStream(frame);
          else session.answer(frame, step.value);
          break;
        }
        const wait = session.sendPart(frame, step.value);
        if (wait !== null) {
          await wait;
          parts = 0;
        } else if (++parts === PARTS_PER_SLICE) {
          // An iterable that never waits itself would otherwise keep cancels and closed connections from being seen.
          await new Promise<void>((done) => yieldToEvents(done));
          parts = 0;
        }
      }
    } catch (error) {
      this.#failed(session, frame, error);
    }
    this.#ended(queue, place);
  }

  #ended(queue: FrameQueue, place: FramePlace | null): void {
    if (place !== null) this.#unwatch(place);
    this.stats.running--;
    queue.running--;
    if (this.#ring.size > 0) this.#pumpSoon();
  }

  /** A handler threw: the frame fails, nothing else. Errors after a cancel are expected and not reported. Never throws. */
  #failed(session: ServerSession, frame: ReceivedSubmit, error: unknown): void {
    if (frame.settled) return;
    this.stats.handlerFailures++;
    const told = readFrameError(error);
    session.contain(() => session.failFrame(frame, told ?? HANDLER_FAILED));
    if (told === undefined) {
      session.reportFailure(
        "handler-failed",
        `the handler of frame ${frame.frameId}/${frame.viewId} failed`,
        error,
      );
    }
  }

  #expire(session: ServerSession, frame: ReceivedSubmit): void {
    this.stats.expired++;
    frame.abort(new Error("the latency budget is over"));
    session.dropWithHint(frame, ResultHintReason.BUDGET_EXCEEDED);
  }

  /** A frame that may be dropped expires by timer, waiting or running, not when somebody happens to look. */
  #watch(place: FramePlace): void {
    if (!mayExpire(place.frame)) return;
    place.watched = true;
    this.#watched.push(place);
    this.#wakeAt(place.endsMs);
  }

  #unwatch(place: FramePlace): void {
    if (!place.watched) return;
    place.watched = false;
    this.#watched.left();
  }

  #wakeAt(endsMs: number): void {
    if (endsMs >= this.#timerMs) return;
    clearTimeout(this.#timer);
    this.#timerMs = endsMs;
    const ms = Math.max(0, Math.ceil(endsMs - this.#clock.nowMs));
    this.#timer = setTimeout(() => this.#expireDue(), ms);
  }

  #expireDue(): void {
    this.#timerMs = Infinity;
    const nowMs = this.#clock.read();
    for (let next = this.#watched.peek(); next !== undefined; next = this.#watched.peek()) {
      if (next.endsMs > nowMs) return this.#wakeAt(next.endsMs);
      const { frame, queue } = next;
      this.forget(queue, frame);
      this.#unwatch(next);
      // A running handler is told to stop; the frame is answered now, its slot stays taken until the handler has ended.
      if (!frame.settled) queue.session.contain(() => this.#expire(queue.session, frame));
    }
  }
}

/** Whether a frame is dropped when its budget is over. */
function mayExpire(frame: ReceivedSubmit): boolean {
  return frame.latencyBudgetMs !== 0 && (frame.budgetPolicy & BudgetPolicy.ALLOW_DROP) !== 0;
}

type FrameError = { errorCode: number; retryAfterMs: number; diagnostic: string };

/** What a client hears of a handler that failed: nothing of its error, which may say anything. */
const HANDLER_FAILED: FrameError = {
  errorCode: ErrorCode.INTERNAL_ERROR,
  retryAfterMs: 0,
  diagnostic: "the handler failed",
};

/** A handler's own words to the client: a NnrpProtocolError that fits an ERROR packet; undefined for anything else. */
function readFrameError(error: unknown): FrameError | undefined {
  try {
    if (!(error instanceof NnrpProtocolError)) return undefined;
    const { errorCode, retryAfterMs, diagnostic } = error;
    const fits = errorCode >>> 0 === errorCode && retryAfterMs >>> 0 === retryAfterMs &&
      typeof diagnostic === "string";
    return fits ? { errorCode, retryAfterMs, diagnostic } : undefined;
  } catch {
    return undefined; // something that only looks like one
  }
}

/**
 * Who works when: handlers run up to `concurrency`; frames that must wait do so in a queue per session. Order of work: round
 * robin over sessions, earliest deadline first inside one, so that a greedy session starves nobody. Every frame is answered:
 * superseded, refused, expired or run (docs/architecture.md, "Deadlines", "Limits").
 *
 * @module
 */
import {
  BudgetPolicy,
  type CancelTimer,
  catchLater,
  ErrorCode,
  Fifo,
  type Host,
  judgeStart,
  type ReceivedSubmit,
  type ResultFields,
  ResultHintReason,
} from "@nnrp/core";
import type { AnswerSink } from "./answer_sink.ts";
import type { TurnClock } from "./clock.ts";
import { RETRY_AFTER_MS } from "./defaults.ts";
import { Drop } from "./drop.ts";
import { DeadlineHeap } from "./deadline_heap.ts";
import { type FramePlace, FrameQueue, placeOf } from "./frame_queue.ts";
import type { FrameTaker } from "./frame_taker.ts";
import { type Handler, type HandlerContext, type HandlerOutput, isStream } from "./handler.ts";
import { HANDLER_FAILED, readFrameError } from "./handler_error.ts";
import { sendStream } from "./send_stream.ts";

/**
 * Work done in one go before the event loop gets its turn, ms: reading, cancels and results must not wait for a queue. So a
 * handler that takes longer has its result sent before the next one begins.
 */
const SLICE_MS = 0.5;
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

/** Options of a {@linkcode Scheduler}. */
export interface SchedulerOptions {
  /** Handlers that run concurrently. */
  readonly concurrency: number;
  /** Frames that may wait per session. */
  readonly maxQueuedFrames: number;
  /** The application's answer to a frame that finds the queue full; undefined = it gives none. */
  readonly whenQueueFull?: (
    frame: ReceivedSubmit,
    context: HandlerContext,
  ) => ResultFields | Drop | undefined;
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
  readonly #options: SchedulerOptions;
  readonly #host: Host;
  readonly #clock: TurnClock;
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
  #cancelTimer: CancelTimer | null = null;
  #timerMs = Infinity;
  #handed: ReceivedSubmit | null = null; // what #handle takes: a closure for each frame would cost more than the call
  #handedContext: HandlerContext | null = null;

  /**
   * Makes a Scheduler.
   *
   * @param handler Works on frames.
   * @param options Limits.
   * @param host Timers, turns of the event loop, and the context in which the handler is called.
   * @param clock The server's time.
   */
  constructor(handler: Handler, options: SchedulerOptions, host: Host, clock: TurnClock) {
    this.#handler = handler;
    this.#options = options;
    this.#host = host;
    this.#clock = clock;
  }

  /**
   * Takes the frames of a new session.
   *
   * @param sink Where answers go.
   * @param context What the handler gets beside the frame.
   */
  takerFor(sink: AnswerSink, context: HandlerContext): FrameTaker {
    return new ScheduledFrames(this, new FrameQueue(sink, context));
  }

  /** A frame came: runs it if there is room and nobody waits, else queues it. */
  submit(queue: FrameQueue, frame: ReceivedSubmit): void {
    if (
      this.stats.running < this.#options.concurrency && this.#ring.size === 0 && !this.#yielding &&
      this.#maySlice() &&
      queue.running < queue.sink.maxConcurrentFrames
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

  /** A session that could not be served can be. */
  wake(): void {
    this.#pumpSoon();
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
    this.#cancelTimer?.();
    this.#timerMs = -Infinity;
  }

  #enqueue(queue: FrameQueue, frame: ReceivedSubmit): void {
    if (queue.size >= this.#options.maxQueuedFrames && !this.#makeRoom(queue, frame)) return;
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
    const { sink, context } = queue;
    const { whenQueueFull } = this.#options;
    let answer: ResultFields | Drop | undefined;
    try {
      if (whenQueueFull !== undefined) {
        answer = this.#host.runDetached(() => whenQueueFull(frame, context));
      }
      if (catchLater(answer, () => {})) {
        throw new TypeError("whenQueueFull answers at once: it cannot be async");
      }
    } catch (error) {
      this.#failed(sink, frame, error);
      return false;
    }
    if (answer !== undefined) {
      this.#answer(sink, frame, answer);
      return false;
    }
    const oldest = queue.oldestDroppable(frame.viewId);
    if (oldest !== undefined) {
      this.forget(queue, oldest);
      this.stats.superseded++;
      oldest.abort(new Error("superseded by a newer frame"));
      sink.dropWithHint(oldest, ResultHintReason.SUPERSEDED);
      return true;
    }
    this.stats.busy++;
    sink.failFrame(frame, {
      errorCode: ErrorCode.SERVER_BUSY,
      retryAfterMs: RETRY_AFTER_MS,
      diagnostic: `${queue.size} frames of this session wait already`,
    });
    return false;
  }

  /** Whether more work may be done before the event loop gets its turn. */
  #maySlice(): boolean {
    if (++this.#sliceFrames < this.#framesPerLook) return true;
    const now = this.#host.now();
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
    if (this.#yielding || this.#ring.size === 0 || this.stats.running >= this.#options.concurrency) return;
    this.#yielding = true;
    this.#host.yield(this.#pumpTask, this.#host.now() - this.#sliceStartMs);
  }

  /** Starts waiting frames, one session after the other, for one slice. */
  #pump(): void {
    const ring = this.#ring;
    this.#sliceStartMs = this.#clock.read();
    this.#sliceFrames = 0;
    let skipped = 0;
    while (ring.size > skipped && this.stats.running < this.#options.concurrency) {
      const queue = ring.shift()!;
      if (queue.running >= queue.sink.maxConcurrentFrames) {
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
      else this.#judge(place, this.#host.now());
      if (this.#host.now() - this.#sliceStartMs >= SLICE_MS) break;
    }
    if (ring.size > skipped) this.#pumpSoon();
  }

  /** Starts a frame, or drops it. Never throws: one session's failure must not keep the others' frames from being started. */
  #judge(place: FramePlace, nowMs: number): void {
    const { queue, frame, endsMs } = place;
    try {
      if (judgeStart(endsMs, frame.budgetPolicy, nowMs) === "drop") {
        this.#unwatch(place);
        this.#expire(queue.sink, frame);
      } else this.#start(queue, frame, place);
    } catch (cause) {
      queue.sink.crash(cause);
    }
  }

  /** @param place Of a frame that waited; null = it did not. */
  #start(queue: FrameQueue, frame: ReceivedSubmit, place: FramePlace | null): void {
    const { sink } = queue;
    const stats = this.stats;
    stats.started++;
    stats.running++;
    queue.running++;
    frame.startedAtMs = Math.round(this.#clock.nowMs);
    if (place === null && mayExpire(frame)) this.#watch(place = placeOf(queue, frame, false));
    const started = place;
    let output: HandlerOutput | Promise<HandlerOutput>;
    try {
      this.#handed = frame;
      this.#handedContext = queue.context;
      output = this.#host.runDetached(this.#handle);
      if (typeof (output as Promise<HandlerOutput>)?.then === "function") {
        // A foreign thenable may throw, or call back twice; a promise of the runtime does neither.
        then.call(
          Promise.resolve(output),
          (result) => this.#finish(queue, started, frame, result as HandlerOutput),
          (error) => {
            this.#failed(sink, frame, error);
            this.#ended(queue, started);
          },
        );
        return;
      }
    } catch (error) {
      this.#failed(sink, frame, error);
      this.#ended(queue, place);
      return;
    }
    this.#finish(queue, place, frame, output as HandlerOutput);
  }

  /** Calls the handler with what was handed over. */
  readonly #handle = (): HandlerOutput | Promise<HandlerOutput> => {
    const frame = this.#handed!;
    this.#handed = null; // its memory is not kept for longer than the handler wants it
    return this.#handler(frame, this.#handedContext!);
  };

  #finish(queue: FrameQueue, place: FramePlace | null, frame: ReceivedSubmit, output: HandlerOutput): void {
    let streams = false;
    try {
      streams = output !== null && typeof output === "object" && isStream(output);
    } catch (error) {
      this.#failed(queue.sink, frame, error);
    }
    if (streams) {
      this.#stream(queue, place, frame, output as AsyncIterable<ResultFields>);
      return;
    }
    this.#answer(queue.sink, frame, output as ResultFields | Drop);
    this.#ended(queue, place);
  }

  /** Answers with what the application gave, whatever that is. Never throws. */
  #answer(sink: AnswerSink, frame: ReceivedSubmit, output: ResultFields | Drop): void {
    if (frame.settled) return;
    try {
      if (output instanceof Drop) sink.dropWithHint(frame, output.reason);
      else sink.answer(frame, output);
    } catch (error) {
      this.#failed(sink, frame, error);
    }
  }

  /** The steps of an iterable, too, begin in the context in which the server was started. */
  #stream(
    queue: FrameQueue,
    place: FramePlace | null,
    frame: ReceivedSubmit,
    output: AsyncIterable<ResultFields>,
  ): void {
    const { sink } = queue;
    const sending = this.#host.runDetached(() => sendStream(this.#host, sink, frame, output));
    sending.then(() => this.#ended(queue, place), (error) => {
      this.#failed(sink, frame, error);
      this.#ended(queue, place);
    });
  }

  #ended(queue: FrameQueue, place: FramePlace | null): void {
    if (place !== null) this.#unwatch(place);
    this.stats.running--;
    queue.running--;
    if (this.#ring.size > 0) this.#pumpSoon();
  }

  /** A handler threw: the frame fails, nothing else. Errors after a cancel are expected and not reported. Never throws. */
  #failed(sink: AnswerSink, frame: ReceivedSubmit, error: unknown): void {
    if (frame.settled) return;
    this.stats.handlerFailures++;
    const told = readFrameError(error);
    sink.contain(() => sink.failFrame(frame, told ?? HANDLER_FAILED));
    if (told === undefined) {
      sink.reportFailure(
        "handler-failed",
        `the handler of frame ${frame.frameId}/${frame.viewId} failed`,
        error,
      );
    }
  }

  #expire(sink: AnswerSink, frame: ReceivedSubmit): void {
    this.stats.expired++;
    frame.abort(new Error("the latency budget is over"));
    sink.dropWithHint(frame, ResultHintReason.BUDGET_EXCEEDED);
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
    this.#cancelTimer?.();
    this.#timerMs = endsMs;
    const ms = Math.max(0, Math.ceil(endsMs - this.#clock.nowMs));
    this.#cancelTimer = this.#host.after(ms, () => this.#expireDue());
  }

  #expireDue(): void {
    this.#timerMs = Infinity;
    const nowMs = this.#clock.read();
    for (let next = this.#watched.peek(); next !== undefined; next = this.#watched.peek()) {
      if (next.endsMs > nowMs) return this.#wakeAt(next.endsMs);
      const { frame, queue: { sink } } = next;
      this.forget(next.queue, frame);
      this.#unwatch(next);
      // A running handler is told to stop; the frame is answered now, its slot stays taken until the handler has ended.
      if (!frame.settled) sink.contain(() => this.#expire(sink, frame));
    }
  }
}

/** Whether a frame is dropped when its budget is over. */
function mayExpire(frame: ReceivedSubmit): boolean {
  return frame.latencyBudgetMs !== 0 && (frame.budgetPolicy & BudgetPolicy.ALLOW_DROP) !== 0;
}

/** The frames of one session at the scheduler. */
class ScheduledFrames implements FrameTaker {
  readonly tellsCongestion = true;
  readonly #scheduler: Scheduler;
  readonly #queue: FrameQueue;

  constructor(scheduler: Scheduler, queue: FrameQueue) {
    this.#scheduler = scheduler;
    this.#queue = queue;
  }

  get size(): number {
    return this.#queue.size;
  }

  take(frame: ReceivedSubmit): void {
    this.#scheduler.submit(this.#queue, frame);
  }

  forget(frame: ReceivedSubmit): void {
    this.#scheduler.forget(this.#queue, frame);
  }

  wake(): void {
    this.#scheduler.wake();
  }

  /** What waits is still worked on. */
  drain(): void {}

  end(): void {
    this.#scheduler.close(this.#queue);
  }
}

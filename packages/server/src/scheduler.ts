/**
 * Who works when: handlers run up to `concurrency`; frames that must wait do so in a queue per session. Order
 * of work: round robin over sessions, earliest deadline first inside one, so that a greedy session does not
 * starve others. Every frame is answered: superseded, refused, expired or run (docs/architecture.md,
 * "Deadlines", "Limits").
 *
 * @module
 */
import {
  catchLater,
  ErrorCode,
  Fifo,
  type Host,
  judgeStart,
  NnrpValueError,
  type ReceivedSubmit,
  type ResultFields,
  ResultHintReason,
} from "@nnrp/core";
import type { AnswerSink } from "./answer_sink.ts";
import type { TurnClock } from "./clock.ts";
import { RETRY_AFTER_MS } from "./defaults.ts";
import type { Drop } from "./drop.ts";
import { ExpiryWatch, mayExpire } from "./expiry_watch.ts";
import { type FramePlace, FrameQueue, placeOf } from "./frame_queue.ts";
import type { FrameTaker } from "./frame_taker.ts";
import {
  type Handler,
  type HandlerContext,
  type HandlerOutput,
  isStream,
  type ResultParts,
} from "./handler.ts";
import { HandlerAnswers } from "./handler_answers.ts";
import { ResultStream } from "./result_stream.ts";

/**
 * Longest work before yielding to the event loop, ms: reading, cancels and results must not wait for a queue.
 * So a handler that takes longer has its result sent before the next one begins.
 */
const SLICE_MS = 0.5;
const { then } = Promise.prototype;
/**
 * One in so many slots, rounded down, is kept for sessions none of whose handlers run: their first frame begins at once, whatever others
 * hold. A server with fewer slots than this keeps none.
 */
const SLOTS_PER_KEPT = 9;

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

interface Arrival {
  readonly queue: FrameQueue;
  readonly frame: ReceivedSubmit;
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
  readonly #kept: number; // slots for sessions with none
  readonly #host: Host;
  readonly #clock: TurnClock;
  readonly #answers: HandlerAnswers;
  readonly #ring = new Fifo<FrameQueue>((queue) => !queue.inRing); // sessions with waiting frames, next first
  /** Frames that expire by themselves, waiting or running. */
  readonly #expiry: ExpiryWatch;
  readonly #arrivals = new Fifo<Arrival>(); // of this turn; they wait for their context only
  #arrivalsDue = false; // whether calls for them are on their way
  #sliceStartMs = 0;
  #working = 0; // sessions with handlers running or frames waiting
  #yielding = false;
  readonly #pumpTask = () => {
    this.#yielding = false;
    this.#pump();
  };
  #handed: ReceivedSubmit | null = null; // what #handle takes: a closure for each frame would cost more than the call
  #handedContext: HandlerContext | null = null;

  /**
   * @param handler Works on frames.
   * @param options Limits.
   * @param host Timers, turns of the event loop, and the context in which the handler is called.
   * @param clock The server's time.
   */
  constructor(handler: Handler, options: SchedulerOptions, host: Host, clock: TurnClock) {
    this.#handler = handler;
    this.#options = options;
    const { concurrency } = options;
    this.#kept = concurrency === Infinity ? 0 : Math.floor(concurrency / SLOTS_PER_KEPT);
    this.#host = host;
    this.#clock = clock;
    this.#answers = new HandlerAnswers(clock, this.stats);
    this.#expiry = new ExpiryWatch(host, clock, ({ frame, queue }) => {
      this.forget(queue, frame);
      // A running handler is aborted by its signal; the frame is answered now, its slot stays taken until the
      // handler has ended.
      if (!frame.settled) queue.sink.contain(() => this.#expire(queue.sink, frame));
    });
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
    if (this.#nobodyWaits) {
      this.#arrivals.push({ queue, frame });
      if (this.#arrivalsDue) return;
      this.#arrivalsDue = true;
      this.#host.eachDetached(this.#countArrivals, this.#takeArrival);
    } else this.#wait(queue, frame);
  }

  get #nobodyWaits(): boolean {
    return this.#ring.size === 0 && !this.#yielding && this.#maySlice();
  }

  readonly #countArrivals = (): number => {
    this.#arrivalsDue = false;
    return this.#arrivals.size;
  };

  /** Starts the frame that came first, or lets it wait. Runs in the server's context. */
  readonly #takeArrival = (): void => {
    const arrival = this.#arrivals.shift();
    if (arrival === undefined || arrival.frame.settled) return;
    const { queue, frame } = arrival;
    try {
      if (this.#nobodyWaits && this.#mayStart(queue)) {
        this.#start(queue, frame, null, true);
        queue.sink.frameCame();
      } else this.#wait(queue, frame);
    } catch (cause) {
      queue.sink.crash(cause);
    }
  };

  #wait(queue: FrameQueue, frame: ReceivedSubmit): void {
    this.#enqueue(queue, frame);
    this.#pumpSoon();
    queue.sink.frameCame();
  }

  /** The frame was cancelled or its session ended: it must not be started. */
  forget(queue: FrameQueue, frame: ReceivedSubmit): void {
    if (!queue.remove(frame)) return;
    this.stats.queued--;
    this.#expiry.unwatch(frame.place as FramePlace);
    this.#count(queue);
  }

  /** A session that could not be served can be. */
  wake(): void {
    this.#pumpSoon();
  }

  /** The session ended: nothing of it is started any more. */
  close(queue: FrameQueue): void {
    for (let place = queue.shift(); place !== undefined; place = queue.shift()) {
      this.stats.queued--;
      this.#expiry.unwatch(place);
    }
    this.#count(queue);
    if (!queue.inRing) return;
    queue.inRing = false;
    this.#ring.left();
  }

  /** Ends the timer. */
  stop(): void {
    this.#expiry.stop();
  }

  #enqueue(queue: FrameQueue, frame: ReceivedSubmit): void {
    if (queue.size >= this.#options.maxQueuedFrames && !this.#makeRoom(queue, frame)) return;
    if (!queue.inRing) { // it may be there without frames: they were cancelled
      queue.inRing = true;
      this.#ring.push(queue);
    }
    const place = queue.insert(frame);
    this.stats.queued++;
    this.#count(queue);
    this.#expiry.watch(place);
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
        throw new NnrpValueError("whenQueueFull answers at once: it cannot be async", {
          field: "whenQueueFull()",
          expected: "a result, a drop() or undefined",
          actual: "a promise",
        });
      }
    } catch (error) {
      this.#answers.failed(sink, frame, error);
      return false;
    }
    if (answer !== undefined) {
      this.#answers.give(sink, frame, answer);
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

  /** Whether more work may be done before yielding to the event loop. */
  #maySlice(): boolean {
    const { nowMs, turnMs } = this.#clock; // as it was when the last handler had been called
    if (nowMs - this.#sliceStartMs < SLICE_MS) return true;
    // A slice that began in an earlier turn says nothing: begin anew.
    if (this.#sliceStartMs >= turnMs) return false;
    this.#sliceStartMs = turnMs;
    return nowMs - turnMs < SLICE_MS;
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
    let skipped = 0; // in a row; bounded, for a session that is passed over has running handlers
    let shares = true;
    while (this.stats.running < this.#options.concurrency) {
      if (ring.size <= skipped) {
        // Nobody who has less than a fair share waits: what is left is for whoever does.
        if (!shares || skipped === 0) break;
        shares = false;
        skipped = 0;
      }
      const queue = ring.shift()!;
      if (!this.#mayStart(queue) || (shares && queue.running >= this.#fairShare)) {
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
      shares = true;
      if (place.frame.settled) this.#expiry.unwatch(place);
      else this.#judge(place, this.#clock.nowMs);
      this.#count(queue);
      if (this.#clock.nowMs - this.#sliceStartMs >= SLICE_MS) break;
    }
    if (ring.size > skipped) this.#pumpSoon();
  }

  /** Whether a session may have one more handler running, now. */
  #mayStart(queue: FrameQueue): boolean {
    const { concurrency } = this.#options;
    const free = concurrency - this.stats.running;
    if (queue.running === 0) return free > 0 && queue.sink.maxConcurrentFrames > 0;
    return free > this.#kept && queue.running < queue.sink.maxConcurrentFrames;
  }

  /** How many slots a session may hold while others with fewer wait. */
  get #fairShare(): number {
    return Math.ceil((this.#options.concurrency - this.#kept) / this.#working);
  }

  /** Counts the sessions that have work, after something was done to one. */
  #count(queue: FrameQueue): void {
    const works = queue.running > 0 || queue.size > 0;
    if (works === queue.works) return;
    queue.works = works;
    this.#working += works ? 1 : -1;
  }

  /** Starts a frame, or drops it. Never throws: one session's failure must not keep the others' frames from being started. */
  #judge(place: FramePlace, nowMs: number): void {
    const { queue, frame, endsMs } = place;
    try {
      if (judgeStart(endsMs, frame.budgetPolicy, nowMs) === "drop") {
        this.#expiry.unwatch(place);
        this.#expire(queue.sink, frame);
      } else this.#start(queue, frame, place, false);
    } catch (cause) {
      queue.sink.crash(cause);
    }
  }

  /**
   * @param place Of a frame that waited; null = it did not.
   * @param isDetached Whether this is the context for handlers.
   */
  #start(queue: FrameQueue, frame: ReceivedSubmit, place: FramePlace | null, isDetached: boolean): void {
    const { sink } = queue;
    const stats = this.stats;
    stats.started++;
    stats.running++;
    queue.running++;
    this.#count(queue);
    frame.startedAtMs = Math.round(this.#clock.nowMs);
    if (place === null && mayExpire(frame)) this.#expiry.watch(place = placeOf(queue, frame, false));
    const started = place;
    let output: HandlerOutput | Promise<HandlerOutput>;
    try {
      if (isDetached) output = this.#handler(frame, queue.context);
      else {
        this.#handed = frame;
        this.#handedContext = queue.context;
        output = this.#host.runDetached(this.#handle);
      }
      this.#clock.read(); // it may have worked for long
      if (typeof (output as Promise<HandlerOutput>)?.then === "function") {
        // A foreign thenable may throw, or call back twice; a promise of the runtime does neither.
        then.call(
          Promise.resolve(output),
          (result) => this.#finish(queue, started, frame, result as HandlerOutput),
          (error) => {
            this.#answers.failed(sink, frame, error);
            this.#ended(queue, started);
          },
        );
        return;
      }
    } catch (error) {
      this.#clock.read();
      this.#answers.failed(sink, frame, error);
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
      streams = isStream(output);
    } catch (error) {
      this.#answers.failed(queue.sink, frame, error);
    }
    if (streams) {
      new ResultStream(this.#host, this.#clock, queue.sink, frame, {
        answered: (result) => this.#answers.giveResult(queue.sink, frame, result),
        failed: (error) => this.#answers.failed(queue.sink, frame, error),
        ended: () => this.#ended(queue, place),
      }).begin(output as ResultParts);
      return;
    }
    this.#answers.give(queue.sink, frame, output as ResultFields | Drop);
    this.#ended(queue, place);
  }

  #ended(queue: FrameQueue, place: FramePlace | null): void {
    if (place !== null) this.#expiry.unwatch(place);
    this.stats.running--;
    queue.running--;
    this.#count(queue);
    if (this.#ring.size > 0) this.#pumpSoon();
  }

  #expire(sink: AnswerSink, frame: ReceivedSubmit): void {
    this.stats.expired++;
    frame.abort(new Error("the latency budget is over"));
    sink.dropWithHint(frame, ResultHintReason.BUDGET_EXCEEDED);
  }
}

/** The frames of one session at the scheduler. */
class ScheduledFrames implements FrameTaker {
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

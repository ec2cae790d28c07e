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
  HeaderFlags,
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
import { FrameQueue } from "./frame_queue.ts";
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
/** The slot of a running frame without a budget. */
const NO_SLOT = -1;
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
  readonly #ring: FrameQueue[] = []; // sessions with waiting frames, next first
  readonly #running: (ReceivedSubmit | null)[] = []; // those with a budget
  readonly #runningFree: number[] = [];
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
    frame.owner = queue;
    if (
      this.stats.running < this.#options.concurrency && this.#ring.length === 0 && !this.#yielding &&
      this.#maySlice() &&
      queue.running < queue.sink.maxConcurrentFrames
    ) {
      this.#start(queue, frame);
      return;
    }
    this.#enqueue(queue, frame);
    this.#pumpSoon();
  }

  /** The frame was cancelled or its session ended: it must not be started. */
  forget(queue: FrameQueue, frame: ReceivedSubmit): void {
    if (queue.remove(frame)) this.stats.queued--;
  }

  /** The session ended: nothing of it is started any more. */
  close(queue: FrameQueue): void {
    this.stats.queued -= queue.clear();
    const at = this.#ring.indexOf(queue);
    if (at >= 0) this.#ring.splice(at, 1);
    queue.inRing = false;
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
    queue.insert(frame);
    this.stats.queued++;
    this.#watch(frame);
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
    const oldest = queue.oldestOfView(frame.viewId, isDroppable);
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
    if (this.#yielding || this.#ring.length === 0 || this.stats.running >= this.#options.concurrency) return;
    this.#yielding = true;
    this.#host.yield(this.#pumpTask, this.#host.now() - this.#sliceStartMs);
  }

  /** Starts waiting frames, one session after the other, for one slice. */
  #pump(): void {
    const ring = this.#ring;
    this.#sliceStartMs = this.#clock.read();
    this.#sliceFrames = 0;
    let skipped = 0;
    while (ring.length > skipped && this.stats.running < this.#options.concurrency) {
      const queue = ring.shift()!;
      if (queue.running >= queue.sink.maxConcurrentFrames) {
        ring.push(queue);
        skipped++;
        continue;
      }
      const frame = queue.shift();
      queue.inRing = queue.size > 0;
      if (frame === undefined) continue;
      if (queue.inRing) ring.push(queue);
      this.stats.queued--;
      skipped = 0;
      if (!frame.settled) this.#judge(queue, frame, this.#host.now());
      if (this.#host.now() - this.#sliceStartMs >= SLICE_MS) break;
    }
    if (ring.length > skipped) this.#pumpSoon();
  }

  /** Starts a frame, or drops it. Never throws: one session's failure must not keep the others' frames from being started. */
  #judge(queue: FrameQueue, frame: ReceivedSubmit, nowMs: number): void {
    try {
      if (judgeStart(frame.budgetEndsMs, frame.budgetPolicy, nowMs) === "drop") {
        this.#expire(queue.sink, frame);
      } else this.#start(queue, frame);
    } catch (cause) {
      queue.sink.crash(cause);
    }
  }

  #start(queue: FrameQueue, frame: ReceivedSubmit): void {
    const { sink } = queue;
    const stats = this.stats;
    stats.started++;
    stats.running++;
    queue.running++;
    frame.startedAtMs = Math.round(this.#clock.nowMs);
    const slot = frame.latencyBudgetMs === 0 ? NO_SLOT : this.#expirySlot(frame);
    let output: HandlerOutput | Promise<HandlerOutput>;
    try {
      this.#handed = frame;
      this.#handedContext = queue.context;
      output = this.#host.runDetached(this.#handle);
      if (typeof (output as Promise<HandlerOutput>)?.then === "function") {
        // A foreign thenable may throw, or call back twice; a promise of the runtime does neither.
        then.call(
          Promise.resolve(output),
          (result) => this.#finish(queue, slot, frame, result as HandlerOutput),
          (error) => {
            this.#failed(sink, frame, error);
            this.#ended(queue, slot);
          },
        );
        return;
      }
    } catch (error) {
      this.#failed(sink, frame, error);
      this.#ended(queue, slot);
      return;
    }
    this.#finish(queue, slot, frame, output as HandlerOutput);
  }

  /** Calls the handler with what was handed over. */
  readonly #handle = (): HandlerOutput | Promise<HandlerOutput> => {
    const frame = this.#handed!;
    this.#handed = null; // its memory is not kept for longer than the handler wants it
    return this.#handler(frame, this.#handedContext!);
  };

  /** Remembers a running frame whose budget may end before its handler does. */
  #expirySlot(frame: ReceivedSubmit): number {
    const slot = this.#runningFree.pop() ?? this.#running.length;
    this.#running[slot] = frame;
    this.#watch(frame);
    return slot;
  }

  #finish(queue: FrameQueue, slot: number, frame: ReceivedSubmit, output: HandlerOutput): void {
    let streams = false;
    try {
      streams = output !== null && typeof output === "object" && isStream(output);
    } catch (error) {
      this.#failed(queue.sink, frame, error);
    }
    if (streams) {
      this.#stream(queue, slot, frame, output as AsyncIterable<ResultFields>);
      return;
    }
    this.#answer(queue.sink, frame, output as ResultFields | Drop);
    this.#ended(queue, slot);
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
  #stream(queue: FrameQueue, slot: number, frame: ReceivedSubmit, output: AsyncIterable<ResultFields>): void {
    const { sink } = queue;
    const sending = this.#host.runDetached(() => sendStream(this.#host, sink, frame, output));
    sending.then(() => this.#ended(queue, slot), (error) => {
      this.#failed(sink, frame, error);
      this.#ended(queue, slot);
    });
  }

  #ended(queue: FrameQueue, slot: number): void {
    if (slot !== NO_SLOT) {
      this.#running[slot] = null;
      this.#runningFree.push(slot);
    }
    this.stats.running--;
    queue.running--;
    if (this.#ring.length > 0) this.#pumpSoon();
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

  /** A frame that may be dropped expires by timer, not when somebody happens to look. */
  #watch(frame: ReceivedSubmit): void {
    if (frame.budgetEndsMs >= this.#timerMs || (frame.budgetPolicy & BudgetPolicy.ALLOW_DROP) === 0) return;
    this.#cancelTimer?.();
    this.#timerMs = frame.budgetEndsMs;
    const ms = Math.max(0, Math.ceil(this.#timerMs - this.#clock.nowMs));
    this.#cancelTimer = this.#host.after(ms, () => this.#expireDue());
  }

  #expireDue(): void {
    this.#timerMs = Infinity;
    const nowMs = this.#clock.read();
    for (const queue of [...this.#ring]) {
      for (const frame of queue.dueBy(nowMs)) {
        this.forget(queue, frame);
        queue.sink.contain(() => this.#expire(queue.sink, frame));
      }
      for (const frame of queue.frames) this.#watch(frame);
    }
    for (const frame of this.#running) {
      if (frame === null || frame.settled || frame.budgetEndsMs === Infinity) continue;
      if (frame.budgetEndsMs > nowMs) this.#watch(frame);
      else if (frame.budgetPolicy & BudgetPolicy.ALLOW_DROP) this.#expireRunning(frame);
    }
  }

  /** The handler is told to stop; the frame is answered now, the slot stays taken until the handler has really ended. */
  #expireRunning(frame: ReceivedSubmit): void {
    const { sink } = frame.owner as FrameQueue;
    sink.contain(() => this.#expire(sink, frame));
  }
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

  /** What waits is still worked on. */
  drain(): void {}

  end(): void {
    this.#scheduler.close(this.#queue);
  }
}

/** Whether a newer frame may take the place of this one. */
function isDroppable(frame: ReceivedSubmit): boolean {
  const may = (frame.budgetPolicy & BudgetPolicy.ALLOW_DROP) !== 0 ||
    (frame.flags & HeaderFlags.CAN_DROP) !== 0;
  return may && (frame.flags & HeaderFlags.KEYFRAME) === 0;
}

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
  HeaderFlags,
  judgeStart,
  NnrpProtocolError,
  type ReceivedSubmit,
  type ResultFields,
  ResultHintReason,
} from "@nnrp/core";
import type { TurnClock } from "./clock.ts";
import { Drop, type Handler, type HandlerOutput, isStream } from "./handler.ts";
import { CONCURRENCY, queuedFramesOf, RETRY_AFTER_MS, type ServeOptions } from "./options.ts";
import { FrameQueue } from "./frame_queue.ts";
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
      this.stats.running < this.#concurrency && this.#ring.length === 0 && !this.#yielding &&
      this.#maySlice() &&
      queue.running < queue.session.maxConcurrentFrames
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
    clearTimeout(this.#timer);
    this.#timerMs = -Infinity;
  }

  #enqueue(queue: FrameQueue, frame: ReceivedSubmit): void {
    if (queue.size >= this.#maxQueued && !this.#makeRoom(queue, frame)) return;
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
    const oldest = queue.oldestOfView(frame.viewId, isDroppable);
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
    if (this.#yielding || this.#ring.length === 0 || this.stats.running >= this.#concurrency) return;
    this.#yielding = true;
    yieldToEvents(this.#pumpTask, performance.now() - this.#sliceStartMs);
  }

  /** Starts waiting frames, one session after the other, for one slice. */
  #pump(): void {
    const ring = this.#ring;
    this.#sliceStartMs = this.#clock.read();
    this.#sliceFrames = 0;
    let skipped = 0;
    while (ring.length > skipped && this.stats.running < this.#concurrency) {
      const queue = ring.shift()!;
      if (queue.running >= queue.session.maxConcurrentFrames) {
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
      if (!frame.settled) this.#judge(queue, frame, performance.now());
      if (performance.now() - this.#sliceStartMs >= SLICE_MS) break;
    }
    if (ring.length > skipped) this.#pumpSoon();
  }

  /** Starts a frame, or drops it. Never throws: one session's failure must not keep the others' frames from being started. */
  #judge(queue: FrameQueue, frame: ReceivedSubmit, nowMs: number): void {
    try {
      if (judgeStart(frame.budgetEndsMs, frame.budgetPolicy, nowMs) === "drop") {
        this.#expire(queue.session, frame);
      } else this.#start(queue, frame);
    } catch (cause) {
      queue.session.crash(cause);
    }
  }

  #start(queue: FrameQueue, frame: ReceivedSubmit): void {
    const { session } = queue;
    const stats = this.stats;
    stats.started++;
    stats.running++;
    queue.running++;
    frame.startedAtMs = Math.round(this.#clock.nowMs);
    const slot = frame.latencyBudgetMs === 0 ? NO_SLOT : this.#expirySlot(frame);
    let output: HandlerOutput | Promise<HandlerOutput>;
    try {
      output = this.#handler(frame, session.handlerContext);
      if (typeof (output as Promise<HandlerOutput>)?.then === "function") {
        // A foreign thenable may throw, or call back twice; a promise of the runtime does neither.
        then.call(
          Promise.resolve(output),
          (result) => this.#finish(queue, slot, frame, result as HandlerOutput),
          (error) => {
            this.#failed(session, frame, error);
            this.#ended(queue, slot);
          },
        );
        return;
      }
    } catch (error) {
      this.#failed(session, frame, error);
      this.#ended(queue, slot);
      return;
    }
    this.#finish(queue, slot, frame, output as HandlerOutput);
  }

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
      this.#failed(queue.session, frame, error);
    }
    if (streams) {
      void this.#stream(queue, slot, frame, output as AsyncIterable<ResultFields>);
      return;
    }
    this.#answer(queue.session, frame, output as ResultFields | Drop);
    this.#ended(queue, slot);
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
    slot: number,
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
    this.#ended(queue, slot);
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

  /** A frame that may be dropped expires by timer, not when somebody happens to look. */
  #watch(frame: ReceivedSubmit): void {
    if (frame.budgetEndsMs >= this.#timerMs || (frame.budgetPolicy & BudgetPolicy.ALLOW_DROP) === 0) return;
    clearTimeout(this.#timer);
    this.#timerMs = frame.budgetEndsMs;
    const ms = Math.max(0, Math.ceil(this.#timerMs - this.#clock.nowMs));
    this.#timer = setTimeout(() => this.#expireDue(), ms);
  }

  #expireDue(): void {
    this.#timerMs = Infinity;
    const nowMs = this.#clock.read();
    for (const queue of [...this.#ring]) {
      for (const frame of queue.dueBy(nowMs)) {
        this.forget(queue, frame);
        queue.session.contain(() => this.#expire(queue.session, frame));
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
    const session = frame.owner as ServerSession | null;
    if (session !== null) session.contain(() => this.#expire(session, frame));
  }
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

/** Whether a newer frame may take the place of this one. */
function isDroppable(frame: ReceivedSubmit): boolean {
  const may = (frame.budgetPolicy & BudgetPolicy.ALLOW_DROP) !== 0 ||
    (frame.flags & HeaderFlags.CAN_DROP) !== 0;
  return may && (frame.flags & HeaderFlags.KEYFRAME) === 0;
}

/**
 * The answer of a handler that yields: each part goes out as it comes, as fast as the client takes them. This
 * file owns the life of the iterator: whatever ends the frame, its `return()` is called once, and its handler
 * counts as running until it has ended.
 *
 * @module
 */
import type { Host, ReceivedSubmit, ResultFields } from "@nnrp/core";
import type { AnswerSink } from "./answer_sink.ts";
import type { TurnClock } from "./clock.ts";
import type { ResultParts } from "./handler.ts";

/** Most parts of a stream that are sent before it yields to the event loop. */
const PARTS_PER_SLICE = 4096;
/** Longest time a stream runs before it yields to the event loop, ms; one part of a slow handler aside. */
const SLICE_MS = 2;
/** Most parts sent between two readings of the clock: one costs as much as a small part does. */
const PARTS_PER_LOOK = 64;

/** Notified of the outcome of a {@linkcode ResultStream}. Neither call throws. */
export interface StreamWatcher {
  /** The iterable returned the frame's final result. */
  answered(result: ResultFields): void;
  /** The iterable threw, or gave what cannot be sent. */
  failed(error: unknown): void;
  /** The iterable has ended, or will never settle. Called once, last. */
  ended(): void;
}

/** What `[Symbol.iterator]()` or `[Symbol.asyncIterator]()` gave: promises or not. */
interface PartIterator {
  next():
    | Promise<IteratorResult<ResultFields, ResultFields | void>>
    | IteratorResult<
      ResultFields,
      ResultFields | void
    >;
  return?(): unknown;
}

/** See the module. */
export class ResultStream {
  readonly #host: Host;
  readonly #clock: TurnClock;
  readonly #sink: AnswerSink;
  readonly #frame: ReceivedSubmit;
  readonly #watcher: StreamWatcher;
  #iterator: PartIterator | null = null;
  #canReturn = false;
  #stepping = false; // a next() was called and has not settled
  #left = false; // no next() any more: it has ended by itself, or its return() was called
  #ended = false;
  #parts = 0;
  #sliceStartMs = 0;
  #untilLook = 1;
  #partsPerLook = 1;

  /**
   * @param host Provides turns of the event loop, and in whose context the iterable is called.
   * @param clock The server's time.
   * @param sink Where parts go.
   * @param frame What they answer.
   * @param watcher Notified of the outcome.
   */
  constructor(host: Host, clock: TurnClock, sink: AnswerSink, frame: ReceivedSubmit, watcher: StreamWatcher) {
    this.#host = host;
    this.#clock = clock;
    this.#sink = sink;
    this.#frame = frame;
    this.#watcher = watcher;
  }

  /** Sends what an iterable yields; what it returns, if anything, is the final result. Never throws. */
  begin(output: ResultParts): void {
    this.#host.runDetached(() => this.#begin(output));
  }

  #begin(output: ResultParts): void {
    try {
      const open = (output as AsyncIterable<ResultFields>)[Symbol.asyncIterator];
      const isAsync = open !== undefined && open !== null;
      this.#iterator = isAsync ? open.call(output) : (output as Iterable<ResultFields>)[Symbol.iterator]();
      const { return: close } = this.#iterator!;
      this.#canReturn = close !== undefined && close !== null;
      // Also when the frame was settled before the handler gave its iterable: then it is not begun at all.
      if (this.#frame.settled) return this.#leave();
      void this.#frame.whenSettled().then(() => this.#leave());
      this.#sliceStartMs = this.#clock.nowMs;
      if (isAsync) void this.#pullLater();
      else this.#pull();
    } catch (error) {
      this.#broke(error);
    }
  }

  /** Steps that are promises. Never rejects. */
  async #pullLater(): Promise<void> {
    const iterator = this.#iterator!;
    while (!this.#left) {
      try {
        this.#stepping = true;
        const step = await iterator.next();
        this.#stepping = false;
        const wait = this.#hear(step);
        if (wait !== null) await wait;
      } catch (error) {
        this.#broke(error);
      }
    }
  }

  /** Steps that are there at once: no promise for each part. Never throws. */
  readonly #pull = (): void => {
    while (!this.#left) {
      try {
        this.#stepping = true;
        const step = this.#iterator!.next() as IteratorResult<ResultFields, ResultFields | void>;
        this.#stepping = false;
        const wait = this.#hear(step);
        if (wait !== null) return void wait.then(this.#pull, this.#pullOn);
      } catch (error) {
        this.#broke(error);
      }
    }
  };

  /** A part that had to wait could not be sent. Never throws. */
  readonly #pullOn = (error: unknown): void => {
    this.#broke(error);
    this.#pull();
  };

  /**
   * Sends what a step brought.
   *
   * @returns Resolves when the next one is wanted; null = now.
   * @throws NnrpValueError for a part that cannot be written.
   */
  #hear(step: IteratorResult<ResultFields, ResultFields | void>): Promise<void> | null {
    if (this.#left) this.#lastStep(step.done === true);
    else if (step.done) {
      this.#left = true;
      try {
        this.#clock.read();
        const { value } = step;
        if (value === undefined) this.#sink.endStream(this.#frame);
        else this.#watcher.answered(value);
      } catch (error) {
        this.#watcher.failed(error);
      }
      this.#end();
    } else if (this.#frame.settled) this.#leave();
    else {
      const wait = this.#sink.isFull
        ? this.#sendLater(step.value)
        : this.#sink.sendPart(this.#frame, step.value);
      if (wait === null) return this.#maySlice() ? null : this.#nextSlice();
      this.#parts = 0;
      return wait;
    }
    return null;
  }

  /** Sends a part once the client has taken what lies before it; resolves when the next one is wanted, or none is. */
  #sendLater(part: ResultFields): Promise<void> {
    return new Promise((resolve, reject) => {
      const send = () => {
        try {
          resolve(this.#sink.sendPart(this.#frame, part) ?? undefined);
        } catch (error) {
          reject(error);
        }
      };
      this.#sink.hold(this.#frame, part, send, resolve);
    });
  }

  #nextSlice(): Promise<void> {
    const workedMs = this.#clock.nowMs - this.#sliceStartMs;
    return new Promise((done) =>
      this.#host.yield(() => {
        this.#sliceStartMs = this.#clock.read();
        done();
      }, workedMs)
    );
  }

  /**
   * Whether more parts may be sent before yielding to the event loop: cancels and closed connections must be
   * seen.
   */
  #maySlice(): boolean {
    this.#parts++;
    if (--this.#untilLook > 0) return true;
    const workedMs = this.#clock.read() - this.#sliceStartMs;
    // The clock is read now and then for quick parts, each time for slow ones.
    const isQuick = workedMs * this.#partsPerLook < this.#parts * SLICE_MS / 4;
    this.#partsPerLook = isQuick ? Math.min(PARTS_PER_LOOK, this.#partsPerLook * 2) : 1;
    this.#untilLook = this.#partsPerLook;
    if (workedMs < SLICE_MS && this.#parts < PARTS_PER_SLICE) return true;
    this.#parts = 0;
    return false;
  }

  /** A step threw, which ends an iterator, or what it gave cannot be sent. */
  #broke(error: unknown): void {
    const hasEnded = this.#stepping;
    this.#stepping = false;
    if (this.#left) return this.#lastStep(hasEnded);
    this.#watcher.failed(error);
    if (hasEnded) {
      this.#left = true;
      this.#end();
    } else this.#leave();
  }

  /** A step came to its end after the stream was left. */
  #lastStep(hasEnded: boolean): void {
    if (hasEnded || !this.#canReturn) this.#end();
  }

  /**
   * The frame has ended: calls the iterator's `return()` once and immediately, also while a step of it is
   * pending. Its slot is free when it has ended. What a `return()` throws is not reported, for its frame has
   * been answered; one that never resolves works on, as far as anybody can tell.
   */
  #leave(): void {
    if (this.#left) return;
    this.#left = true;
    const end = () => this.#end();
    const iterator = this.#iterator;
    if (iterator === null || !this.#canReturn) {
      if (!this.#stepping) end();
      return;
    }
    try {
      Promise.resolve(this.#host.runDetached(() => iterator.return!())).then(end, end);
    } catch {
      end();
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#iterator = null;
    this.#watcher.ended();
  }
}

/**
 * The results of one frame as they come: an async iterable written by hand over a ring, since nested generators and
 * ReadableStreams cost several times as much per token (docs/architecture.md, "Speed").
 *
 * @module
 */
import { Fifo, HeaderFlags, type NnrpError, NnrpLimitError, type Result } from "@nnrp/core";
import { PullIterator } from "@nnrp/runtime";
import { MAX_STREAM_BYTES, MAX_STREAM_RESULTS } from "./defaults.ts";
import { BaseWaiter, type FrameOwner } from "./frame_waiters.ts";

const PULL_PENDING = 1;
const PULL_BATCH = 2;

const DONE: IteratorResult<never, void> = { value: undefined, done: true };

/**
 * What `submitStream()` returns: iterate it once. It yields each part and the final result, but not an empty end; a
 * RESULT_DROP is yielded as such; an ERROR for the frame is thrown. Leaving the loop early cancels the frame, and ends steps that wait.
 */
export interface ResultStream extends AsyncIterable<Result> {
  /** The parts, one at a time. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Result>;
  /** The parts as they came together: all that are there, at least one. For tokens, twice as fast as one at a time. */
  batches(): AsyncIterable<Result[]>;
  /** The token chunks as text; characters that were cut between chunks come whole. */
  text(): AsyncGenerator<string, void, undefined>;
}

/** A step that waits. */
interface Step {
  readonly resolve: (step: IteratorResult<unknown, void>) => void;
  readonly reject: (error: NnrpError) => void;
}

/** How a {@linkcode StreamWaiter} is read. */
class StreamSteps<T> implements AsyncIterableIterator<T> {
  /** The next part, or batch. Any number of calls may wait. */
  readonly next: () => Promise<IteratorResult<T>>;
  readonly #leave: () => void;

  constructor(next: () => Promise<IteratorResult<T>>, leave: () => void) {
    this.next = next;
    this.#leave = leave;
  }

  /** Leaves: steps that wait are done. */
  return(): Promise<IteratorResult<T>> {
    this.#leave();
    return Promise.resolve(DONE);
  }

  /** Leaves, and rejects with the error. */
  throw(error: unknown): Promise<IteratorResult<T>> {
    this.#leave();
    return Promise.reject(error);
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Leaves. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

/** Who waits for the frame of a {@linkcode ResultStream}. */
export class StreamWaiter extends BaseWaiter implements ResultStream {
  readonly #maxResults: number;
  readonly #maxBytes: number;
  #ring: (Result | undefined)[] = [];
  #head = 0;
  #count = 0;
  #bytes = 0;
  #done = false;
  #error: NnrpError | null = null;
  #waiting = 0;
  // The step that is served next. Others wait behind it only where somebody calls next() without awaiting it.
  #resolve: Step["resolve"] | null = null;
  #reject: Step["reject"] | null = null;
  #behind: Fifo<Step> | null = null;
  #taken = false;
  #began = false;

  /**
   * @param owner The session.
   * @param maxResults Parts that may wait.
   * @param maxBytes Bytes of parts that may wait.
   */
  constructor(
    owner: FrameOwner,
    maxResults: number = MAX_STREAM_RESULTS,
    maxBytes: number = MAX_STREAM_BYTES,
  ) {
    super(owner, true);
    this.#maxResults = maxResults;
    this.#maxBytes = maxBytes;
  }

  /** The parts, one at a time. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Result> {
    return this.#steps<Result>(PULL_PENDING);
  }

  /** See ResultStream. */
  batches(): AsyncIterable<Result[]> {
    return { [Symbol.asyncIterator]: () => this.#steps<Result[]>(PULL_BATCH) };
  }

  #steps<T>(pull: number): StreamSteps<T> {
    if (this.#taken) throw new TypeError("a ResultStream can be iterated once; keep the results you need");
    this.#taken = true;
    return new StreamSteps<T>(() => this.#next(pull) as Promise<IteratorResult<T>>, () => this.#leave());
  }

  /** See ResultStream. */
  text(): AsyncGenerator<string, void, undefined> {
    const decoder = new TextDecoder();
    let steps: StreamSteps<Result[]>;
    let isRead = false;
    return new PullIterator<string>({
      begin: () => void (steps = this.#steps(PULL_BATCH)),
      next: async (signal) => {
        while (!isRead && !signal.aborted) {
          const { value: batch, done } = await steps.next();
          let text = "";
          if (done) {
            isRead = true;
            if (!signal.aborted) text = decoder.decode();
          } else {
            for (const result of batch) {
              for (const chunk of result.tokenChunks) text += decoder.decode(chunk, { stream: true });
            }
          }
          if (text !== "") return { value: text, done: false };
        }
        return DONE;
      },
      end: () => void steps.return(),
    });
  }

  /** Parts that came were handed out, or will be: such a stream cannot begin again. */
  override startsOver(): boolean {
    return !this.#began;
  }

  /** The engine delivers a part. */
  result(result: Result, final: boolean): void {
    this.#began = true;
    if (this.late || this.#done) return;
    const empty = final && result.isEmpty && (result.flags & HeaderFlags.EOS) !== 0;
    if (!empty) {
      if (this.#count >= this.#maxResults || this.#bytes + result.byteLength > this.#maxBytes) {
        this.#overflow();
        return;
      }
      this.#push(result);
    }
    if (final) {
      this.#done = true;
      this.settle();
    }
    if (this.#waiting !== 0) this.#wake();
  }

  /** The engine reports a failure: thrown after what was received is read. */
  failed(error: NnrpError): void {
    if (this.#done) return;
    this.#done = true;
    this.settle();
    this.#error = error;
    if (this.#waiting !== 0) this.#wake();
  }

  #overflow(): void {
    const error = new NnrpLimitError(
      "maxStreamResults",
      `frame ${this.frameId}: ${this.#count} parts (${this.#bytes} bytes) wait to be read; read faster, or raise ` +
        "maxStreamResults and maxStreamBytes",
    );
    this.failed(error);
    this.owner.giveUp(this);
  }

  #push(result: Result): void {
    if (this.#count === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#count) & (this.#ring.length - 1)] = result;
    this.#count++;
    this.#bytes += result.byteLength;
  }

  #shift(): Result {
    const at = this.#head;
    const result = this.#ring[at]!;
    this.#ring[at] = undefined;
    this.#head = (at + 1) & (this.#ring.length - 1);
    this.#count--;
    this.#bytes -= result.byteLength;
    return result;
  }

  #grow(): void {
    const old = this.#ring;
    const ring: (Result | undefined)[] = new Array(Math.max(8, old.length * 2)).fill(undefined);
    for (let i = 0; i < this.#count; i++) ring[i] = old[(this.#head + i) & (old.length - 1)];
    this.#ring = ring;
    this.#head = 0;
  }

  #next(pull: number): Promise<IteratorResult<unknown>> {
    if (this.#resolve !== null) return this.#queue();
    if (this.#count > 0) return Promise.resolve({ value: this.#take(pull), done: false });
    if (this.#error !== null) {
      const error = this.#error;
      this.#error = null;
      return Promise.reject(error);
    }
    if (this.#done) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#waiting = pull;
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  #queue(): Promise<IteratorResult<unknown>> {
    return new Promise((resolve, reject) => {
      const behind = this.#behind ??= new Fifo<Step>();
      behind.push({ resolve, reject });
    });
  }

  #take(pull: number): Result | Result[] {
    if (pull === PULL_PENDING) return this.#shift();
    const batch: Result[] = new Array(this.#count);
    for (let i = 0; i < batch.length; i++) batch[i] = this.#shift();
    return batch;
  }

  #wake(): void {
    const pull = this.#waiting;
    // A batch is handed over at the end of the turn, when all that came together is there.
    if (pull === PULL_BATCH && !this.#done) {
      queueMicrotask(() => this.#handOver());
      this.#waiting = 0;
      return;
    }
    this.#handOver(pull);
  }

  #handOver(pull: number = PULL_BATCH): void {
    const resolve = this.#resolve;
    if (resolve === null) return;
    this.#waiting = 0;
    this.#resolve = null;
    if (this.#count > 0) resolve({ value: this.#take(pull), done: false });
    else if (this.#error !== null) {
      this.#reject!(this.#error);
      this.#error = null;
    } else resolve(DONE);
    if (this.#behind !== null) this.#serveNext(pull);
  }

  /** The step that waits behind the one just served is next. */
  #serveNext(pull: number): void {
    const step = this.#behind!.shift();
    if (step === undefined) return;
    if (this.#done && this.#count === 0 && this.#error === null) return this.#doneRest(step);
    this.#waiting = pull;
    this.#resolve = step.resolve;
    this.#reject = step.reject;
    if (this.#count > 0 || this.#done) this.#wake();
  }

  /** There is nothing for the steps that wait, beginning with this one. */
  #doneRest(first: Pick<Step, "resolve">): void {
    first.resolve(DONE);
    if (this.#behind === null) return;
    for (const { resolve } of this.#behind.clear()) resolve(DONE);
  }

  /** The caller left the loop: the frame is not wanted any more. */
  #leave(): void {
    if (!this.#done) {
      this.#done = true;
      this.owner.giveUp(this);
      this.settle();
    }
    this.#error = null;
    this.#ring = [];
    this.#head = this.#count = this.#bytes = 0;
    const resolve = this.#resolve;
    this.#waiting = 0;
    this.#resolve = null;
    if (resolve !== null) this.#doneRest({ resolve });
  }
}

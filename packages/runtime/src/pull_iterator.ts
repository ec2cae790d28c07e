/**
 * An async iterator over things that are asked for one at a time. Unlike a generator, it can be left while a step waits: `return()`
 * ends that step instead of waiting behind it.
 *
 * @module
 */
import { Fifo } from "@nnrp/core";

/** Where the items come from. */
export interface PullSource<T> {
  /** Called before the first step; what it throws is thrown by that step, which is the last. */
  begin?(): void;
  /**
   * The next item, or the end. Not called again before it has settled. Once its signal is aborted it settles soon: it rejects, or
   * gives the item that it has taken already, which would be lost otherwise.
   */
  next(signal: AbortSignal): Promise<IteratorResult<T, void>>;
  /** Called once if it has begun: at the end, after an error, or when it is left (behind the abort of the signal). */
  end?(): void;
}

/** One call of `next()` that waits. */
interface Step<T> {
  readonly resolve: (result: IteratorResult<T, void>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE: IteratorResult<never, void> = Object.freeze({ value: undefined, done: true });

/** See the module. Any number of steps may wait; they are served one after the other, in the order of their calls. */
export class PullIterator<T> implements AsyncGenerator<T, void, undefined> {
  readonly #source: PullSource<T>;
  readonly #left = new AbortController();
  readonly #steps = new Fifo<Step<T>>();
  #stage: "new" | "begun" | "over" = "new";

  /**
   * Asks the source for nothing before the first step.
   *
   * @param source Where the items come from.
   */
  constructor(source: PullSource<T>) {
    this.#source = source;
  }

  /** The next item. */
  next(): Promise<IteratorResult<T, void>> {
    return new Promise((resolve, reject) => {
      this.#steps.push({ resolve, reject });
      if (this.#steps.size === 1) this.#pull();
    });
  }

  /** Leaves: steps that wait are done. */
  return(): Promise<IteratorResult<T, void>> {
    this.#end();
    return Promise.resolve(DONE);
  }

  /** Leaves, and rejects with the error. */
  throw(error: unknown): Promise<IteratorResult<T, void>> {
    this.#end();
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

  /** Asks the source on behalf of the first step that waits. */
  #pull(): void {
    try {
      if (this.#stage === "new") {
        this.#stage = "over"; // unless it can begin
        this.#source.begin?.();
        this.#stage = "begun";
      }
      if (this.#stage === "over") return this.#doneRest();
      this.#source.next(this.#left.signal).then(
        (result) => this.#took(result),
        (error) => this.#failed(error),
      );
    } catch (error) {
      this.#failed(error);
    }
  }

  #took(result: IteratorResult<T, void>): void {
    if (result.done) this.#end();
    this.#steps.shift()!.resolve(result);
    if (this.#steps.size > 0) this.#pull();
  }

  #failed(error: unknown): void {
    const wasLeft = this.#left.signal.aborted;
    this.#end();
    const step = this.#steps.shift()!;
    if (wasLeft) step.resolve(DONE);
    else step.reject(error);
    this.#doneRest();
  }

  #doneRest(): void {
    for (const { resolve } of this.#steps.clear()) resolve(DONE);
  }

  #end(): void {
    const begun = this.#stage === "begun";
    this.#stage = "over";
    if (!begun) return;
    this.#left.abort(new Error("the loop was left"));
    this.#source.end?.();
  }
}

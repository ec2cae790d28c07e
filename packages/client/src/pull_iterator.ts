/**
 * An async iterator over things that are asked for one at a time. Unlike a generator, it can be left while a step waits: `return()`
 * ends that step instead of waiting behind it.
 *
 * @module
 */

/** Where the items come from. */
export interface PullSource<T> {
  /** Called before the first step; what it throws is thrown by that step, which is the last. */
  begin?(): void;
  /** The next item, or the end. Rejects soon after its signal is aborted. */
  next(signal: AbortSignal): Promise<IteratorResult<T, void>>;
  /** Called once if it has begun: at the end, after an error, or when it is left. */
  end?(): void;
}

const DONE: IteratorResult<never, void> = { value: undefined, done: true };

/** See the module. Steps may overlap; they are served in order. */
export class PullIterator<T> implements AsyncGenerator<T, void, undefined> {
  readonly #source: PullSource<T>;
  readonly #left = new AbortController();
  #stage: "new" | "begun" | "over" = "new";

  /**
   * Makes a PullIterator.
   *
   * @param source Where the items come from.
   */
  constructor(source: PullSource<T>) {
    this.#source = source;
  }

  /** The next item. */
  async next(): Promise<IteratorResult<T, void>> {
    if (this.#stage === "new") {
      this.#stage = "over"; // unless it can begin
      this.#source.begin?.();
      this.#stage = "begun";
    }
    if (this.#stage === "over") return DONE;
    try {
      const step = await this.#source.next(this.#left.signal);
      if (step.done) this.#end();
      return step;
    } catch (error) {
      if (this.#left.signal.aborted) return DONE;
      this.#end();
      throw error;
    }
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

  #end(): void {
    const begun = this.#stage === "begun";
    this.#stage = "over";
    if (!begun) return;
    this.#left.abort(new Error("the loop was left"));
    this.#source.end?.();
  }
}

/**
 * Results in the order of their frames, whatever the order in which they came (behaviour spec §15, "FrameResultBuffer"). Not
 * tied to a connection; views are not told apart.
 *
 * @module
 */

/** Longest time a timer takes, ms: 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Options of waiting in a {@linkcode FrameResultBuffer}. */
export interface FrameWaitOptions {
  /** How long to wait, ms. Default: as long as it takes. */
  readonly timeoutMs?: number;
  /** Ends the wait: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Collects results by frame id and hands them out in ascending order. */
export class FrameResultBuffer<Packet> {
  readonly #packets = new Map<number, Packet>();
  readonly #order: number[] = []; // frame ids, the smallest last
  readonly #waiting = new Set<() => void>();

  /** Number of results that wait to be taken. */
  get size(): number {
    return this.#packets.size;
  }

  /**
   * Takes in a result and wakes whoever waits; a second one for the same frame replaces the first.
   *
   * @param frameId Frame that it answers.
   * @param packet The result.
   */
  add(frameId: number, packet: Packet): void {
    if (!this.#packets.has(frameId)) this.#order.splice(this.#position(frameId), 0, frameId);
    this.#packets.set(frameId, packet);
    for (const wake of this.#waiting) wake();
  }

  /** The smallest frame id here; null if there is none. */
  peekNextFrameId(): number | null {
    return this.#order.at(-1) ?? null;
  }

  /**
   * Takes out the result with the smallest frame id.
   *
   * @param expectedFrameId Takes it only if this is its frame.
   * @returns null if there is none, or another one comes first; nothing is taken then.
   */
  popNext(expectedFrameId?: number): Packet | null {
    const frameId = this.peekNextFrameId();
    if (frameId === null || (expectedFrameId !== undefined && expectedFrameId !== frameId)) return null;
    return this.popFrame(frameId);
  }

  /**
   * Takes out the result of a frame.
   *
   * @param frameId The frame.
   * @returns null if it is not here.
   */
  popFrame(frameId: number): Packet | null {
    if (!this.#packets.has(frameId)) return null;
    const packet = this.#packets.get(frameId)!;
    this.#packets.delete(frameId);
    this.#order.splice(this.#position(frameId), 1);
    return packet;
  }

  /**
   * Waits for the result of a frame and takes it out.
   *
   * @param frameId The frame.
   * @param options How long to wait.
   * @returns null if it did not come in time.
   */
  waitForFrame(frameId: number, options: FrameWaitOptions = {}): Promise<Packet | null> {
    return this.#wait(() => this.popFrame(frameId), options);
  }

  /**
   * Waits for any result and takes out the one with the smallest frame id.
   *
   * @param options How long to wait.
   * @returns null if none came in time.
   */
  waitForNext(options: FrameWaitOptions = {}): Promise<Packet | null> {
    return this.#wait(() => this.popNext(), options);
  }

  /** Tries now and after every {@linkcode FrameResultBuffer.add}. */
  #wait(take: () => Packet | null, { timeoutMs, signal }: FrameWaitOptions): Promise<Packet | null> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const found = take();
      if (found !== null || (timeoutMs !== undefined && timeoutMs <= 0)) {
        resolve(found);
        return;
      }
      const done = () => {
        this.#waiting.delete(retry);
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      };
      const retry = () => {
        const packet = take();
        if (packet === null) return;
        done();
        resolve(packet);
      };
      const abort = () => {
        done();
        reject(signal!.reason);
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => {
        done();
        resolve(null);
      }, Math.min(timeoutMs, MAX_TIMER_MS));
      this.#waiting.add(retry);
      signal?.addEventListener("abort", abort);
    });
  }

  /** Where a frame stands in the order, or would stand. */
  #position(frameId: number): number {
    let low = 0;
    for (let high = this.#order.length; low < high;) {
      const middle = (low + high) >>> 1;
      if (this.#order[middle] > frameId) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

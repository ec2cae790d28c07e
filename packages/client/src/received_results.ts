/**
 * Results of frames that were submitted without waiting, and who takes them: single calls, one loop, or one router (behaviour spec
 * §8.4).
 *
 * @module
 */
import {
  type ClientEngine,
  type Host,
  type NnrpError,
  NnrpStateError,
  NnrpTimeoutError,
  type Result,
} from "@nnrp/core";
import { PullIterator, waitFor, type WaitOptions } from "@nnrp/runtime";
import { FailedFrame } from "./failed_frame.ts";
import { InboxWaiter } from "./frame_waiters.ts";
import { Inbox, type InboxLimits } from "./inbox.ts";
import type { ReceiveOptions } from "./session_types.ts";

/** The results of one session. */
export class ReceivedResults {
  /** Where they are kept. */
  readonly inbox: Inbox;

  readonly #host: Host;
  readonly #engine: ClientEngine;
  #consumer: "results" | "router" | null = null;
  #inOrder = false;

  /**
   * @param host Provides the timers.
   * @param engine Notified of waits that time out.
   * @param limits Bounds.
   */
  constructor(host: Host, engine: ClientEngine, limits: InboxLimits) {
    this.#host = host;
    this.#engine = engine;
    this.inbox = new Inbox(limits);
  }

  /** See ClientSession.receiveResult. */
  receive(options: ReceiveOptions): Promise<Result> {
    if (this.#consumer !== null && options.frameId === undefined) {
      return Promise.reject(
        new NnrpStateError(`results go to ${this.#consumer === "router" ? "a ResultRouter" : "results()"}`),
      );
    }
    return this.take(options);
  }

  /** As {@linkcode ReceivedResults.receive}, for the one who consumes the results. */
  take(options: ReceiveOptions): Promise<Result> {
    const { frameId, viewId = 0 } = options;
    const what = frameId === undefined ? "the next result" : `the answer to frame ${frameId}/${viewId}`;
    return waitFor<Result>(
      this.#host,
      options,
      (ms) => {
        // Frames of submit() have a wait of their own, which this one does not end.
        if (frameId !== undefined && this.#engine.waiterOf(frameId, viewId) instanceof InboxWaiter) {
          this.#engine.timeOut(frameId, viewId);
        }
        return new NnrpTimeoutError(what, ms);
      },
      (resolve, reject) =>
        frameId === undefined
          ? this.inbox.receiveAny({ result: resolve, failed: reject, ended: reject })
          : this.inbox.receive(frameId, viewId, { result: resolve, failed: reject, ended: reject }),
    );
  }

  /** See ClientSession.discardFrame. */
  discard(frameId: number, viewId: number): void {
    const waiter = this.#engine.waiterOf(frameId, viewId);
    if (waiter instanceof InboxWaiter) waiter.forgotten = true;
    this.#engine.discard(frameId, viewId);
    this.inbox.discard(frameId, viewId);
  }

  /** See ClientSession.results: it becomes the consumer with its first step. */
  iterate(): AsyncGenerator<Result | FailedFrame, void, undefined> {
    return new PullIterator<Result | FailedFrame>({
      begin: () => this.consume("results"),
      next: (signal) => this.#takeAny({ signal }),
      end: () => this.release(),
    });
  }

  /** What becomes of the next frame, whichever it is; rejects with what made the session fail, if something did. */
  #takeAny(options: WaitOptions): Promise<IteratorResult<Result | FailedFrame, void>> {
    return waitFor<IteratorResult<Result | FailedFrame, void>>(
      this.#host,
      options,
      (ms) => new NnrpTimeoutError("the next result", ms),
      (resolve, reject) =>
        this.inbox.receiveAny({
          result: (value) => resolve({ value, done: false }),
          failed: (error, frameId, viewId) =>
            resolve({ value: new FailedFrame(frameId, viewId, error), done: false }),
          ended: (error) => this.#inOrder ? resolve({ value: undefined, done: true }) : reject(error),
        }),
    );
  }

  /**
   * Claims all results for one consumer.
   *
   * @throws NnrpStateError if they have a consumer already.
   */
  consume(who: "results" | "router"): void {
    if (this.#consumer !== null) {
      throw new NnrpStateError("the results of this session have a consumer already");
    }
    this.#consumer = who;
  }

  /** Releases the claim of {@linkcode ReceivedResults.consume}. */
  release(): void {
    this.#consumer = null;
  }

  /**
   * The session is over: what is kept can still be received.
   *
   * @param error What everybody gets who waits, or asks when nothing is kept any more.
   * @param inOrder Whether one of the sides closed it: that ends a loop, and is no failure.
   */
  end(error: NnrpError, inOrder: boolean): void {
    this.#inOrder = inOrder;
    this.inbox.end(error);
  }
}

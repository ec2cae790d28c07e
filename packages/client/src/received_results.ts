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
import { waitFor } from "@nnrp/runtime";
import { InboxWaiter } from "./frame_waiters.ts";
import { Inbox, type InboxLimits } from "./inbox.ts";
import { PullIterator } from "./pull_iterator.ts";
import type { ReceiveOptions } from "./session_types.ts";

/** The results of one session. */
export class ReceivedResults {
  /** Where they are kept. */
  readonly inbox: Inbox;

  readonly #host: Host;
  readonly #engine: ClientEngine;
  #consumer: "results" | "router" | null = null;
  #ended: NnrpError | null = null;

  /**
   * Makes ReceivedResults.
   *
   * @param host Whose timers to use.
   * @param engine Is told of waits that time out.
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
          ? this.inbox.receiveAny({ resolve, reject })
          : this.inbox.receive(frameId, viewId, { resolve, reject }),
    );
  }

  /** See ClientSession.results: it becomes the consumer with its first step. */
  iterate(): AsyncGenerator<Result, void, undefined> {
    return new PullIterator<Result>({
      begin: () => this.consume("results"),
      next: async (signal) => {
        try {
          return { value: await this.take({ signal }), done: false };
        } catch (error) {
          if (this.#ended !== null && error === this.#ended) return { value: undefined, done: true };
          throw error;
        }
      },
      end: () => this.release(),
    });
  }

  /**
   * Takes all results.
   *
   * @throws NnrpStateError if they have a consumer already.
   */
  consume(who: "results" | "router"): void {
    if (this.#consumer !== null) {
      throw new NnrpStateError("the results of this session have a consumer already");
    }
    this.#consumer = who;
  }

  /** Nobody takes all results any more. */
  release(): void {
    this.#consumer = null;
  }

  /** The session is over: what is kept can still be received, everybody who waits fails with this error. */
  end(error: NnrpError): void {
    this.#ended = error;
    this.inbox.end(error);
  }
}

/**
 * Hands results to those who wait for their frame, whatever order they come in (behaviour spec §8.4). Memory is bounded: see
 * `maxUnclaimedResults`.
 *
 * @module
 */
import { NnrpRouterClosedError, type Result } from "@nnrp/core";
import type { FrameKey, ReceiveOptions, SubmitOptions } from "./session_types.ts";
import type { FrameRequest } from "./frame_request.ts";
import type { ReceivedResults } from "./received_results.ts";
import type { Submitter } from "./submitter.ts";
import { withSignals } from "./time_limit.ts";

/** A view on one session, made by `manageResults()`: submit here, receive by frame there. */
export interface ResultRouter extends AsyncDisposable {
  /** Results that nobody claimed and that made room for newer ones. */
  readonly droppedUnclaimed: number;
  /** As `submitNowait()` of the session; rejects with NnrpRouterClosedError once the router is closed. */
  sendSubmit(request: FrameRequest, options?: SubmitOptions): Promise<FrameKey>;
  /**
   * The next result of a frame; one that came before is kept for this call. A time-out loses nothing: the late result goes to
   * the next call.
   *
   * @throws NnrpRouterClosedError once the router is closed, NnrpTimeoutError, or what ended the frame or session.
   */
  receive(frameId: number, viewId?: number, options?: ReceiveOptions): Promise<Result>;
  /** Stops: all who wait get NnrpRouterClosedError. The session goes on. */
  close(): void;
}

/** See {@linkcode ResultRouter}. */
export class SessionResultRouter implements ResultRouter {
  readonly #submitter: Submitter;
  readonly #results: ReceivedResults;
  readonly #abort = new AbortController();

  /**
   * @param submitter Takes frames.
   * @param results Gives their results.
   * @throws NnrpStateError if the results have a consumer already.
   */
  constructor(submitter: Submitter, results: ReceivedResults) {
    results.consume("router");
    this.#submitter = submitter;
    this.#results = results;
  }

  /** See ResultRouter. */
  async sendSubmit(request: FrameRequest, options?: SubmitOptions): Promise<FrameKey> {
    this.#demandOpen();
    return await this.#submitter.submitNowait(request, options);
  }

  /** See ResultRouter. */
  async receive(frameId: number, viewId = 0, options: ReceiveOptions = {}): Promise<Result> {
    this.#demandOpen();
    const { signal, ...rest } = options;
    const receive = (at: AbortSignal) => this.#results.take({ ...rest, frameId, viewId, signal: at });
    if (signal === undefined) return await receive(this.#abort.signal);
    const either = new AbortController();
    return await withSignals([signal, this.#abort.signal], either, () => receive(either.signal));
  }

  /** See ResultRouter. */
  get droppedUnclaimed(): number {
    return this.#results.inbox.droppedUnclaimed;
  }

  /** See ResultRouter. */
  close(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(closed());
    this.#results.release();
  }

  /** Same as {@linkcode SessionResultRouter.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #demandOpen(): void {
    if (this.#abort.signal.aborted) throw closed();
  }
}

function closed(): NnrpRouterClosedError {
  return new NnrpRouterClosedError("current result router is closed");
}

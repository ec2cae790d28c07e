/**
 * Hands results to those who wait for their frame, whatever order they come in (behaviour spec §8.4). Memory is bounded: see
 * `maxUnclaimedResults`.
 *
 * @module
 */
import { NnrpRouterClosedError, type Result } from "@nnrp/core";
import type { ClientSession } from "./session.ts";
import type { FrameKey, ReceiveOptions, SubmitOptions } from "./session_types.ts";
import type { FrameRequest } from "./frame_request.ts";
import { withSignals } from "./time_limit.ts";

/** A view on one session: submit here, receive by frame there. */
export class ResultRouter {
  readonly #session: ClientSession;
  readonly #abort = new AbortController();
  readonly #release: () => void;

  /** Made by {@linkcode ClientSession.manageResults}. */
  constructor(session: ClientSession, release: () => void) {
    this.#session = session;
    this.#release = release;
  }

  /** As {@linkcode ClientSession.submitNowait}. */
  async sendSubmit(request: FrameRequest, options?: SubmitOptions): Promise<FrameKey> {
    this.#demandOpen();
    return await this.#session.submitNowait(request, options);
  }

  /**
   * The next result of a frame; one that came before is kept for this call. A time-out loses nothing: the late result goes to
   * the next call.
   *
   * @throws NnrpRouterClosedError once the router is closed, NnrpTimeoutError, or what ended the frame or session.
   */
  async receive(frameId: number, viewId = 0, options: ReceiveOptions = {}): Promise<Result> {
    this.#demandOpen();
    const { signal, ...rest } = options;
    const receive = (at: AbortSignal) =>
      this.#session.receiveRouted({ ...rest, frameId, viewId, signal: at });
    if (signal === undefined) return await receive(this.#abort.signal);
    const either = new AbortController();
    return await withSignals([signal, this.#abort.signal], either, () => receive(either.signal));
  }

  /** Results that nobody claimed and that made room for newer ones. */
  get droppedUnclaimed(): number {
    return this.#session.stats.droppedUnclaimed;
  }

  /** Stops: all who wait get NnrpRouterClosedError. The session goes on. */
  close(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(closed());
    this.#release();
  }

  /** Same as {@linkcode ResultRouter.close}. */
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

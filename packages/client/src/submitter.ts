/**
 * Frames on their way out: sent at once where a slot, credit and room in the send buffer are free, else in a line until they are, the
 * caller changes its mind, or their time is over (behaviour spec §8.1, §14.1).
 *
 * @module
 */
import {
  type Carrier,
  type ClientEngine,
  expiryOf,
  type FrameWaiter,
  type Host,
  NnrpCancelledError,
  type NnrpError,
  NnrpLimitError,
  type Result,
  SessionState,
} from "@nnrp/core";
import { MAX_SEND_BUFFER_BYTES, MAX_WAITING_SUBMITS } from "./defaults.ts";
import { checkFrameId, completeRequest, type FrameRequest } from "./frame_request.ts";
import {
  type FrameOwner,
  heedSignal,
  InboxWaiter,
  type PendingFrame,
  PromiseWaiter,
} from "./frame_waiters.ts";
import type { Inbox } from "./inbox.ts";
import { KeptRequest } from "./kept_request.ts";
import { type ResultStream, StreamWaiter } from "./result_stream.ts";
import type { SessionOptions } from "./session_options.ts";
import type { FrameKey, SubmitOptions } from "./session_types.ts";
import { WaitingLine } from "./waiting_line.ts";

/** What the submitter of a session needs from it. */
export interface SubmitterOwner {
  /** Provides the clock. */
  readonly host: Host;
  /** Writes frames; knows whether one may be submitted. */
  readonly engine: ClientEngine;
  /** Takes the results of frames without a waiter. */
  readonly inbox: Inbox;
  /** Whether a lost connection is being replaced: frames wait for the next one. */
  readonly searching: boolean;
  /** How often a frame in flight whose connection is lost is sent anew; 0 = never. */
  readonly maxResubmits: number;
  /** The error of a submit to a session that is not active. */
  refusal(): NnrpError;
  /**
   * Makes a call whose only caller would be the runtime: what it throws ends the session, not the process.
   */
  contain(call: () => void): void;
  /** A wait ends at this time, ms of the host's clock. */
  demand(deadlineMs: number): void;
}

/** The frames of one session that are not in flight yet. */
export class Submitter implements FrameOwner {
  readonly #owner: SubmitterOwner;
  readonly #engine: ClientEngine;
  readonly #options: SessionOptions;
  readonly #line: WaitingLine<PendingFrame>;
  readonly #maxSendBuffer: number;
  #carrier: Carrier;
  #draining: Carrier | null = null; // whose send buffer is waited for
  #paused = false;

  /**
   * @param owner The session.
   * @param carrier Its connection.
   * @param options Bounds, and what to do without a slot.
   */
  constructor(owner: SubmitterOwner, carrier: Carrier, options: SessionOptions) {
    this.#owner = owner;
    this.#engine = owner.engine;
    this.#carrier = carrier;
    this.#options = options;
    this.#line = new WaitingLine(options.maxWaitingSubmits ?? MAX_WAITING_SUBMITS);
    this.#maxSendBuffer = options.maxSendBufferBytes ?? MAX_SEND_BUFFER_BYTES;
  }

  /** Frames that wait. */
  get waiting(): number {
    return this.#line.size;
  }

  /** When the first of them times out, ms; Infinity = never. */
  get nextDeadlineMs(): number {
    return this.#line.nextDeadlineMs;
  }

  /** See ClientSession.submit. */
  submit(request: FrameRequest, options: SubmitOptions | undefined): Promise<Result> {
    const promise = new Promise<Result>(capture);
    const until = options === undefined ? undefined : options.until;
    const waiter = new PromiseWaiter(
      capturedResolve,
      capturedReject,
      until === "eos",
      this,
      until === "first",
    );
    this.#begin(request, waiter, options);
    return promise;
  }

  /** See ClientSession.submitNowait. */
  async submitNowait(request: FrameRequest, options: SubmitOptions | undefined): Promise<FrameKey> {
    let released: Promise<void> | null = null;
    const key = await new Promise<FrameKey>((resolve, reject) => {
      const { inbox } = this.#owner;
      const waiter: InboxWaiter = new InboxWaiter(this, inbox, options?.until === "eos", (error) => {
        if (error !== null) return reject(error);
        released = this.#carrier.released(); // now: the session may have moved when the caller is notified
        resolve({ frameId: waiter.frameId, viewId: waiter.viewId });
      });
      this.#begin(request, waiter, options);
    });
    if (released !== null) await released;
    return key;
  }

  /** See ClientSession.submitStream. */
  submitStream(request: FrameRequest, options: SubmitOptions | undefined): ResultStream {
    const { maxStreamResults, maxStreamBytes } = this.#options;
    const stream = new StreamWaiter(this, maxStreamResults, maxStreamBytes);
    this.#begin(request, stream, options);
    return stream;
  }

  #begin(request: FrameRequest, waiter: PendingFrame, options: SubmitOptions | undefined): void {
    try {
      if (options !== undefined || request.deadlineMs !== undefined) {
        this.#setLimits(request, waiter, options);
      }
      if (this.#owner.maxResubmits > 0) waiter.resend = new KeptRequest(request);
      if (this.#line.size === 0 && this.#engine.canSubmit() && this.#hasRoom()) this.#send(request, waiter);
      else this.#wait(waiter.resend ?? new KeptRequest(request), waiter);
    } catch (error) {
      waiter.failed(error as NnrpError);
    }
  }

  #hasRoom(): boolean {
    return this.#carrier.bufferedBytes < this.#maxSendBuffer;
  }

  /** Hands the frame to the engine. */
  #send(request: FrameRequest, waiter: PendingFrame): void {
    if (request.frameId !== undefined) checkFrameId(request.frameId);
    this.#engine.submit(completeRequest(request), request.frameId, waiter);
    if (waiter instanceof InboxWaiter) {
      waiter.onSubmitted!(null);
      waiter.onSubmitted = null;
    }
    if (waiter.deadlineMs !== 0) this.#owner.demand(waiter.deadlineMs);
  }

  #setLimits(request: FrameRequest, waiter: PendingFrame, options: SubmitOptions | undefined): void {
    const { timeoutMs, signal } = options ?? {};
    if (signal?.aborted) throw cancelledUnsent(signal.reason);
    if (timeoutMs !== undefined || request.deadlineMs !== undefined) {
      const { host } = this.#owner;
      const now = host.now();
      const expiry = request.deadlineMs === undefined
        ? Infinity
        : expiryOf(request.deadlineMs, host.wallNow(), now);
      const endsMs = Math.min(now + (timeoutMs ?? Infinity), expiry);
      if (endsMs !== Infinity) {
        waiter.deadlineMs = Math.max(1, Math.ceil(endsMs));
        waiter.timeoutMs = Math.round(endsMs - now);
      }
    }
    if (signal !== undefined) heedSignal(waiter, signal);
  }

  #wait(request: KeptRequest, waiter: PendingFrame): void {
    const engine = this.#engine;
    if (engine.state !== SessionState.ACTIVE && !this.#owner.searching) throw this.#owner.refusal();
    if (this.#options.whenFull === "reject") {
      throw new NnrpLimitError(
        "whenFull",
        `no slot is free: ${engine.framesInFlight} of ${engine.limit} frames are in flight`,
      );
    }
    this.#line.push(request, waiter);
    if (engine.canSubmit()) this.#awaitRoom();
    else engine.wantSlot();
    if (waiter.deadlineMs !== 0) this.#owner.demand(waiter.deadlineMs);
  }

  /** Goes on once the send buffer is empty; one wait, however many frames want it. */
  #awaitRoom(): void {
    const carrier = this.#carrier;
    if (this.#draining === carrier) return;
    this.#draining = carrier;
    void carrier.drained().then(() => {
      if (this.#draining !== carrier) return; // the session has moved
      this.#draining = null;
      this.#owner.contain(() => this.admit());
    });
  }

  /** Sends frames that wait as far as slots and send buffer reach. */
  admit(): void {
    const engine = this.#engine;
    const line = this.#line;
    if (engine.state !== SessionState.ACTIVE) return;
    while (line.size > 0 && engine.canSubmit()) {
      if (!this.#hasRoom()) return this.#awaitRoom();
      const { request, waiter } = line.shift()!;
      if (waiter.signal !== null && waiter.signal.aborted) { // its listener was not called yet
        this.#endUnsent(waiter, "cancelled", cancelledUnsent(waiter.signal.reason));
        continue;
      }
      try {
        this.#send(request.demand(), waiter);
      } catch (error) {
        this.#endUnsent(waiter, "failed", error as NnrpError);
      }
    }
    if (line.size > 0) engine.wantSlot();
  }

  /** See FrameOwner. */
  giveUp(waiter: PendingFrame, cause?: unknown): void {
    const { frameId, viewId } = waiter;
    this.#owner.contain(() => {
      if (this.#line.remove(waiter)) this.#endUnsent(waiter, "cancelled", cancelledUnsent(cause));
      else if (this.#engine.waiterOf(frameId, viewId) === waiter) this.#engine.cancel(frameId, viewId, cause);
    });
  }

  /** Frames in flight lost their path: each is submitted anew, or fails. */
  lost(waiters: readonly FrameWaiter[], error: NnrpError): void {
    for (const waiter of waiters) {
      if (!this.#resubmit(waiter as PendingFrame, 1)) this.#engine.failLost(waiter, error);
    }
    this.admit();
  }

  /** The server refused a frame because it leaves, and has begun nothing of it: it is submitted anew, or fails. */
  unbegun(waiter: FrameWaiter, error: NnrpError): void {
    if (!this.#resubmit(waiter as PendingFrame, 0)) this.#engine.failLost(waiter, error);
    this.admit();
  }

  /** @param retries 1 = the frame may have been what broke the connection: it is not tried for ever. */
  #resubmit(waiter: PendingFrame, retries: number): boolean {
    // A session that is ending sends nothing anew, and nobody would end what waits for that.
    if (this.#engine.state !== SessionState.ACTIVE) return false;
    if (waiter.late || waiter.resend === null || !waiter.startsOver()) return false;
    waiter.resend.retries += retries;
    if (waiter.resend.retries > this.#owner.maxResubmits) return false;
    try {
      this.#line.push(waiter.resend.again(waiter.frameId), waiter);
    } catch {
      return false;
    }
    this.#engine.wantSlot();
    return true;
  }

  /** The session goes on over this carrier, with credit that may be new. */
  carrierChanged(carrier: Carrier): void {
    this.#carrier = carrier;
    this.#draining = null;
    if (this.#paused) this.#engine.credit.pause();
    if (this.#line.size > 0) this.#engine.wantSlot();
  }

  /** Ends waits whose time is over. */
  expire(nowMs: number): void {
    for (const waiter of this.#line.expire(nowMs)) {
      this.#engine.endLost(waiter, "timedOut");
      waiter.timedOut();
    }
  }

  /** Nothing is sent any more: all who wait fail. */
  end(error: NnrpError): void {
    for (const waiter of this.#line.clear()) this.#endUnsent(waiter, "failed", error);
  }

  /** Ends a frame of the line. One that had been sent before, on a path that was lost, is in the counters. */
  #endUnsent(waiter: PendingFrame, why: "failed" | "cancelled", error: NnrpError): void {
    this.#engine.endLost(waiter, why);
    waiter.failed(error);
  }

  /** Holds frames back, whatever the server allows. */
  pause(): void {
    this.#paused = true;
    this.#engine.credit.pause();
  }

  /** Undoes {@linkcode Submitter.pause}. */
  resume(): void {
    this.#paused = false;
    this.#engine.credit.resume();
    this.admit();
  }
}

// The functions of the promise being made: an executor without a closure of its own saves one allocation per submit.
let capturedResolve: (result: Result) => void;
let capturedReject: (error: NnrpError) => void;

function capture(resolve: (result: Result) => void, reject: (error: NnrpError) => void): void {
  capturedResolve = resolve;
  capturedReject = reject;
}

function cancelledUnsent(cause: unknown): NnrpCancelledError {
  return new NnrpCancelledError("the frame was cancelled before it was sent", { cause });
}

/**
 * Who waits for a frame: the promise of `submit()`, or the inbox for frames of `submitNowait()`. These objects are what the
 * engine keeps in its table, so a frame costs one of them and no closure.
 *
 * @module
 */
import { type FrameWaiter, type NnrpError, NnrpLimitError, NnrpTimeoutError, type Result } from "@nnrp/core";
import { type AbortListener, listenForAbort, stopListening } from "@nnrp/runtime";
import { MAX_PARTS, MAX_PARTS_BYTES } from "./defaults.ts";
import type { KeptRequest } from "./kept_request.ts";
import type { Inbox } from "./inbox.ts";
import type { LinePlace, LineWaiter } from "./waiting_line.ts";

/** What a waiter may ask of its session. */
export interface FrameOwner {
  /** Cancels a frame, wherever it is on its way. */
  giveUp(frame: PendingFrame, cause?: unknown): void;
}

/** A frame that somebody waits for, with what the session keeps beside it. */
export interface PendingFrame extends FrameWaiter, LineWaiter, AbortListener {
  /** When the wait ends, whole ms of the session's clock; 0 = never. */
  deadlineMs: number;
  /** The caller's limit for the message, ms. */
  timeoutMs: number;
  /** Aborts the wait; null = no signal, or the frame has stopped listening to it. */
  signal: AbortSignal | null;
  /** What to submit anew if the frame's path is lost; null = the frame fails then. */
  resend: KeptRequest | null;
  /** Forgets parts that came; false if they were handed out already. */
  startsOver(): boolean;
}

/** Fields that waiters have. */
export abstract class BaseWaiter implements PendingFrame {
  /** Frame id, once submitted. */
  frameId = 0;
  /** View id, once submitted. */
  viewId = 0;
  /** When the wait ends, whole ms of the session's clock; 0 = never. Whole, since V8 allocates a box for a fraction. */
  deadlineMs = 0;
  /** The caller's limit for the message, ms. */
  timeoutMs = 0;
  /** Timed out already. */
  late = false;
  /** See FrameWaiter. */
  heapAt = -1;
  /** See FrameWaiter. */
  readonly untilEos: boolean;
  protected readonly owner: FrameOwner;
  /** See PendingFrame. */
  signal: AbortSignal | null = null;
  /** See LineWaiter. */
  place: LinePlace | null = null;
  /** See PendingFrame. */
  resend: KeptRequest | null = null;

  /**
   * @param owner The session.
   * @param untilEos Whether a PARTIAL without EOS is only a part, whatever was agreed.
   */
  constructor(owner: FrameOwner, untilEos: boolean) {
    this.owner = owner;
    this.untilEos = untilEos;
  }

  /** A result came. */
  abstract result(result: Result, final: boolean): void;
  /** The frame failed. */
  abstract failed(error: NnrpError): void;

  /** See PendingFrame: by default what came is with somebody else. */
  startsOver(): boolean {
    return false;
  }

  /** The deadline passed. */
  timedOut(): void {
    this.failed(timeoutOf(this));
  }

  /** See AbortListener. */
  aborted(reason: unknown): void {
    this.owner.giveUp(this, reason);
  }

  /** Stops listening to the caller's signal. */
  protected settle(): void {
    if (this.signal !== null) releaseSignal(this);
  }
}

/** Lets a signal, not aborted yet, end the wait for a frame. */
export function heedSignal(frame: PendingFrame, signal: AbortSignal): void {
  frame.signal = signal;
  listenForAbort(signal, frame);
}

function releaseSignal(frame: PendingFrame): void {
  stopListening(frame.signal!, frame);
  frame.signal = null;
}

function timeoutOf({ frameId, viewId, timeoutMs }: PendingFrame): NnrpTimeoutError {
  return new NnrpTimeoutError(`the answer to frame ${frameId}/${viewId}`, timeoutMs);
}

/**
 * The promise of `submit()`. It repeats the fields of {@linkcode BaseWaiter} instead of inheriting them: one is made per
 * frame, and a derived class costs V8 a second constructor call.
 */
export class PromiseWaiter implements PendingFrame {
  /** See BaseWaiter. */
  frameId = 0;
  /** See BaseWaiter. */
  viewId = 0;
  /** See BaseWaiter. */
  deadlineMs = 0;
  /** See BaseWaiter. */
  timeoutMs = 0;
  /** See BaseWaiter. */
  late = false;
  /** See BaseWaiter. */
  heapAt = -1;
  /** See BaseWaiter. */
  readonly untilEos: boolean;
  /** See BaseWaiter. */
  signal: AbortSignal | null = null;
  /** See BaseWaiter. */
  place: LinePlace | null = null;
  /** See BaseWaiter. */
  resend: KeptRequest | null = null;

  readonly #resolve: (result: Result) => void;
  readonly #reject: (error: NnrpError) => void;
  readonly #owner: FrameOwner;
  readonly #first: boolean;
  #parts: { list: Result[]; bytes: number } | null = null;

  /**
   * @param resolve Of the promise.
   * @param reject Of the promise.
   * @param untilEos Whether a PARTIAL without EOS is only a part.
   * @param owner The session.
   * @param first Whether the first part is enough and the rest is to be cancelled.
   */
  constructor(
    resolve: (result: Result) => void,
    reject: (error: NnrpError) => void,
    untilEos: boolean,
    owner: FrameOwner,
    first: boolean,
  ) {
    this.untilEos = untilEos;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#owner = owner;
    this.#first = first;
  }

  /** Parts are nobody's yet. */
  startsOver(): boolean {
    this.#parts = null;
    return true;
  }

  /** Gathers parts; the final result settles the promise. */
  result(result: Result, final: boolean): void {
    if (this.late) return;
    if (final || this.#first) {
      if (this.signal !== null) releaseSignal(this);
      this.#resolve(this.#parts === null ? result : result.after(this.#parts.list));
      if (!final) this.#owner.giveUp(this);
      return;
    }
    const parts = this.#parts ??= { list: [], bytes: 0 };
    parts.list.push(result);
    parts.bytes += result.byteLength;
    if (parts.list.length >= MAX_PARTS || parts.bytes > MAX_PARTS_BYTES) {
      this.failed(
        new NnrpLimitError(
          "submit",
          `frame ${this.frameId} has too many parts for one result; use submitStream()`,
        ),
      );
      this.#owner.giveUp(this);
    }
  }

  /** Rejects the promise. */
  failed(error: NnrpError): void {
    if (this.signal !== null) releaseSignal(this);
    this.#parts = null;
    this.#reject(error);
  }

  /** The deadline passed. */
  timedOut(): void {
    this.failed(timeoutOf(this));
  }

  /** See AbortListener. */
  aborted(reason: unknown): void {
    this.#owner.giveUp(this, reason);
  }
}

/** A frame of `submitNowait()`: its results go to the session's inbox. */
export class InboxWaiter extends BaseWaiter {
  readonly #inbox: Inbox;
  /** Called once when the frame was written (null) or could not be. */
  onSubmitted: ((error: NnrpError | null) => void) | null;
  /**
   * Set when its frame is about to be discarded: then only waiters for this frame are notified of its end.
   */
  forgotten = false;

  /**
   * @param owner The session.
   * @param inbox Where results go.
   * @param untilEos Whether a PARTIAL without EOS is only a part.
   * @param onSubmitted Called once when the frame was written (null) or could not be.
   */
  constructor(
    owner: FrameOwner,
    inbox: Inbox,
    untilEos: boolean,
    onSubmitted: (error: NnrpError | null) => void,
  ) {
    super(owner, untilEos);
    this.#inbox = inbox;
    this.onSubmitted = onSubmitted;
  }

  /** Puts it into the inbox, late ones too. */
  result(result: Result, final: boolean): void {
    if (final) this.settle();
    this.#inbox.deliver(this.frameId, this.viewId, result);
  }

  /** Rejects the submit if it was not written yet, else whoever receives this frame. */
  failed(error: NnrpError): void {
    this.settle();
    if (this.onSubmitted !== null) {
      this.onSubmitted(error);
      this.onSubmitted = null;
    } else if (this.forgotten) this.#inbox.failOnly(this.frameId, this.viewId, error);
    else this.#inbox.deliver(this.frameId, this.viewId, error);
  }
}

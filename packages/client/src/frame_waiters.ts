/**
 * Who waits for a frame: the promise of `submit()`, or the inbox for frames of `submitNowait()`. These objects are what the
 * engine keeps in its table, so a frame costs one of them and no closure.
 *
 * @module
 */
import { type FrameWaiter, type NnrpError, NnrpLimitError, NnrpTimeoutError, type Result } from "@nnrp/core";
import type { Inbox } from "./inbox.ts";

/** What a waiter may ask of its session. */
export interface FrameOwner {
  /** Takes a frame back. */
  cancelFrame(frameId: number, viewId?: number): void;
}

/** Most parts that `submit()` puts together into one result; a longer stream wants `submitStream()`. */
export const MAX_PARTS = 65536;
/** Most bytes of such parts. */
export const MAX_PARTS_BYTES = 64 * 1024 * 1024;

/** Fields that all waiters have; the class makes their shape one. */
export abstract class BaseWaiter implements FrameWaiter {
  /** Frame id, once submitted. */
  frameId = 0;
  /** View id, once submitted. */
  viewId = 0;
  /** When the wait ends, ms of the session's clock. */
  deadlineMs = Infinity;
  /** The caller's limit, for the message. */
  timeoutMs = Infinity;
  /** Timed out already. */
  late = false;
  /** See FrameWaiter. */
  readonly untilEos: boolean;
  /** Aborts the wait; null = no signal. */
  signal: AbortSignal | null = null;
  /** The listener on the signal. */
  onAbort: (() => void) | null = null;

  /** @param untilEos Whether a PARTIAL without EOS is only a part, whatever was agreed. */
  constructor(untilEos: boolean) {
    this.untilEos = untilEos;
  }

  /** A result came. */
  abstract result(result: Result, final: boolean): void;
  /** The frame failed. */
  abstract failed(error: NnrpError): void;

  /** The deadline passed. */
  timedOut(): void {
    this.failed(new NnrpTimeoutError(`the answer to frame ${this.frameId}/${this.viewId}`, this.timeoutMs));
  }

  /** Lets go of the caller's signal. */
  protected settle(): void {
    if (this.onAbort === null) return;
    this.signal!.removeEventListener("abort", this.onAbort);
    this.onAbort = null;
  }
}

/** The promise of `submit()`. */
export class PromiseWaiter extends BaseWaiter {
  readonly #resolve: (result: Result) => void;
  readonly #reject: (error: NnrpError) => void;
  readonly #first: FrameOwner | null;
  #parts: Result[] | null = null;
  #partsBytes = 0;

  /**
   * @param resolve Of the promise.
   * @param reject Of the promise.
   * @param untilEos Whether a PARTIAL without EOS is only a part.
   * @param first The session, if the first part is enough and the rest is to be cancelled.
   */
  constructor(
    resolve: (result: Result) => void,
    reject: (error: NnrpError) => void,
    untilEos: boolean,
    first: FrameOwner | null,
  ) {
    super(untilEos);
    this.#resolve = resolve;
    this.#reject = reject;
    this.#first = first;
  }

  /** Gathers parts; the final result settles the promise. */
  result(result: Result, final: boolean): void {
    if (this.late) return;
    if (final || this.#first !== null) {
      this.settle();
      this.#resolve(this.#parts === null ? result : result.after(this.#parts));
      if (!final) this.#first!.cancelFrame(this.frameId, this.viewId);
      return;
    }
    (this.#parts ??= []).push(result);
    this.#partsBytes += result.byteLength;
    if (this.#parts.length >= MAX_PARTS || this.#partsBytes > MAX_PARTS_BYTES) {
      this.failed(
        new NnrpLimitError("submit", `frame ${this.frameId} has too many parts for one result; use submitStream()`),
      );
      this.late = true;
    }
  }

  /** Rejects the promise. */
  failed(error: NnrpError): void {
    this.settle();
    this.#parts = null;
    this.#reject(error);
  }
}

/** A frame of `submitNowait()`: its results go to the session's inbox. */
export class InboxWaiter extends BaseWaiter {
  readonly #inbox: Inbox;
  /** Called once when the frame was written (null) or could not be. */
  onSubmitted: ((error: NnrpError | null) => void) | null;

  /**
   * @param inbox Where results go.
   * @param untilEos Whether a PARTIAL without EOS is only a part.
   * @param onSubmitted Called once when the frame was written (null) or could not be.
   */
  constructor(inbox: Inbox, untilEos: boolean, onSubmitted: (error: NnrpError | null) => void) {
    super(untilEos);
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
    } else this.#inbox.deliver(this.frameId, this.viewId, error);
  }
}

/**
 * Where answers to frames go: all that the scheduler sees of a session.
 *
 * @module
 */
import type { ErrorFields, ReceivedSubmit, ResultFields } from "@nnrp/core";
import type { ServerLogEvent } from "./log_event.ts";

/** Sends the answers to the frames of one client. */
export interface AnswerSink {
  /**
   * How many of the session's handlers may run concurrently now: the credit of its client; none while it does
   * not read its answers.
   */
  readonly maxConcurrentFrames: number;
  /** A frame was started, or waits: tells the client if its queue fills. */
  frameCame(): void;
  /**
   * Whether results and parts must wait ({@linkcode AnswerSink.hold}): the client has so much to take that it gets nothing new. Drops,
   * errors and the ends of streams are short and do not.
   */
  readonly isFull: boolean;
  /**
   * Keeps an answer until the client has taken what lies before it.
   *
   * @param frame What it answers.
   * @param answer The answer, for the memory account.
   * @param send Sends it; called once, when its turn has come. What it throws ends the session.
   * @param left Called instead if the frame ends otherwise.
   */
  hold(frame: ReceivedSubmit, answer: ResultFields, send: () => void, left?: () => void): void;
  /**
   * Sends a final result. False if the frame is settled or the session over: nothing was sent.
   *
   * @param frame What it answers.
   * @param result The result.
   * @param readyMs When the handler gave it, ms of the server's clock: the times in it end there. Default: now.
   * @throws NnrpValueError if it cannot be written; the frame stays in flight.
   */
  answer(frame: ReceivedSubmit, result: ResultFields, readyMs?: number): boolean;
  /**
   * Sends a part of a stream: PARTIAL, not final.
   *
   * @returns Resolves when more may be sent; null = at once.
   * @throws NnrpValueError if it cannot be written; the frame stays in flight.
   */
  sendPart(frame: ReceivedSubmit, part: ResultFields): Promise<void> | null;
  /** Ends a stream of parts. False if the frame is settled. */
  endStream(frame: ReceivedSubmit): boolean;
  /** Ends a frame by ERROR, frame scope. False if it is settled. */
  failFrame(frame: ReceivedSubmit, fields: Omit<ErrorFields, "errorScope">): boolean;
  /** Drops a frame and, with a reason, sends it in a RESULT_HINT too. */
  dropWithHint(frame: ReceivedSubmit, reason: number | undefined): void;
  /** Makes a call whose only caller would be the runtime: what it throws ends this client's session only. */
  contain(call: () => void): void;
  /** Something failed that should not: this client's session ends. Never throws. */
  crash(cause: unknown): void;
  /** Reports a failure to the log. Never throws. */
  reportFailure(type: ServerLogEvent["type"], message: string, error: unknown): void;
}

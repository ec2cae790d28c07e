/**
 * What becomes of a handler's answer: it is sent, or waits for a client that has too much to take, or fails
 * its frame.
 *
 * @module
 */
import type { ReceivedSubmit, ResultFields } from "@nnrp/core";
import type { AnswerSink } from "./answer_sink.ts";
import type { TurnClock } from "./clock.ts";
import { Drop } from "./drop.ts";
import { HANDLER_FAILED, readFrameError } from "./handler_error.ts";

/** The answers of all handlers of a server. */
export class HandlerAnswers {
  readonly #clock: TurnClock;
  readonly #counts: { handlerFailures: number };

  /**
   * @param clock The server's time.
   * @param counts Where failures are counted.
   */
  constructor(clock: TurnClock, counts: { handlerFailures: number }) {
    this.#clock = clock;
    this.#counts = counts;
  }

  /** Answers with what the handler returned, whatever that is. Never throws. */
  give(sink: AnswerSink, frame: ReceivedSubmit, output: ResultFields | Drop): void {
    if (!(output instanceof Drop)) return this.giveResult(sink, frame, output);
    if (frame.settled) return;
    try {
      sink.dropWithHint(frame, output.reason);
    } catch (error) {
      this.failed(sink, frame, error);
    }
  }

  /** Sends a final result once there is room for it. Never throws. */
  giveResult(sink: AnswerSink, frame: ReceivedSubmit, result: ResultFields): void {
    if (frame.settled) return;
    try {
      if (sink.isFull) this.#answerLater(sink, frame, result);
      else sink.answer(frame, result);
    } catch (error) {
      this.failed(sink, frame, error);
    }
  }

  #answerLater(sink: AnswerSink, frame: ReceivedSubmit, result: ResultFields): void {
    const { nowMs } = this.#clock;
    sink.hold(frame, result, () => {
      try {
        sink.answer(frame, result, nowMs);
      } catch (error) {
        this.failed(sink, frame, error);
      }
    });
  }

  /** A handler threw: the frame fails, nothing else. Errors after a cancel are expected and not reported. Never throws. */
  failed(sink: AnswerSink, frame: ReceivedSubmit, error: unknown): void {
    if (frame.settled) return;
    this.#counts.handlerFailures++;
    const told = readFrameError(error);
    sink.contain(() => sink.failFrame(frame, told ?? HANDLER_FAILED));
    if (told === undefined) {
      sink.reportFailure(
        "handler-failed",
        `the handler of frame ${frame.frameId}/${frame.viewId} failed`,
        error,
      );
    }
  }
}

/**
 * What becomes of what a handler gave: it is sent, or waits for a client that has too much to take, or fails its frame.
 *
 * @module
 */
import { catchLater, NnrpValueError, type ReceivedSubmit, type ResultFields } from "@nnrp/core";
import type { AnswerSink } from "./answer_sink.ts";
import type { TurnClock } from "./clock.ts";
import { Drop } from "./drop.ts";
import { HANDLER_FAILED, readFrameError } from "./handler_error.ts";

/** The answers of all handlers of a server. */
export class HandlerAnswers {
  readonly #clock: TurnClock;
  readonly #counts: { handlerFailures: number };

  /**
   * Makes a HandlerAnswers.
   *
   * @param clock The server's time.
   * @param counts Where failures are counted.
   */
  constructor(clock: TurnClock, counts: { handlerFailures: number }) {
    this.#clock = clock;
    this.#counts = counts;
  }

  /** Answers with what the application gave, whatever that is. Never throws. */
  give(sink: AnswerSink, frame: ReceivedSubmit, output: ResultFields | Drop): void {
    if (frame.settled) return;
    try {
      if (output instanceof Drop) sink.dropWithHint(frame, output.reason);
      else if (sink.isFull) this.#answerLater(sink, frame, output);
      else sink.answer(frame, output);
    } catch (error) {
      this.failed(sink, frame, error);
    }
  }

  /**
   * Answers with what `whenQueueFull` gives, if anything. Never throws.
   *
   * @param sink Where answers go.
   * @param frame What found the queue full.
   * @param ask Asks the application.
   * @returns Whether the frame is answered by it, or has failed.
   */
  giveAtOnce(sink: AnswerSink, frame: ReceivedSubmit, ask: () => ResultFields | Drop | undefined): boolean {
    let answer: ResultFields | Drop | undefined;
    try {
      answer = ask();
      if (catchLater(answer, () => {})) {
        throw new NnrpValueError("whenQueueFull answers at once: it cannot be async", {
          field: "whenQueueFull()",
          expected: "a result, a drop() or undefined",
          actual: "a promise",
        });
      }
    } catch (error) {
      this.failed(sink, frame, error);
      return true;
    }
    if (answer === undefined) return false;
    this.give(sink, frame, answer);
    return true;
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

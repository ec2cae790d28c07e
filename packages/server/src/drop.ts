/**
 * The answer of a handler that has none (behaviour spec §8.6).
 *
 * @module
 */
import { NnrpValueError, ResultHintReason } from "@nnrp/core";

/** The news that a frame gets no result. Made by {@linkcode drop}. */
export class Drop {
  /** ResultHintReason sent to the client; undefined = no hint. */
  readonly reason: ResultHintReason | undefined;

  /**
   * {@linkcode drop} is the short way.
   *
   * @param reason ResultHintReason to tell the client.
   * @throws NnrpValueError if there is no such reason.
   */
  constructor(reason?: ResultHintReason) {
    if (reason !== undefined && !Object.values(ResultHintReason).includes(reason)) {
      throw new NnrpValueError("is no reason of a hint", {
        field: "reason",
        expected: "a ResultHintReason",
        actual: String(reason),
      });
    }
    this.reason = reason;
  }
}

/**
 * Answers a frame with RESULT_DROP.
 *
 * @param reason Why, as a RESULT_HINT beside it; without it no RESULT_HINT is sent.
 * @throws NnrpValueError if there is no such reason.
 */
export function drop(reason?: ResultHintReason): Drop {
  return new Drop(reason);
}

/**
 * The answer of a handler that yields: each part goes out as it comes, as fast as the client takes them.
 *
 * @module
 */
import type { Host, ReceivedSubmit, ResultFields } from "@nnrp/core";
import type { AnswerSink } from "./answer_sink.ts";

/** Parts of a stream that are sent without the event loop having had its turn. */
const PARTS_PER_SLICE = 4096;

/**
 * Sends what an iterable yields; what it returns, if anything, is the final result.
 *
 * @param host Whose turns of the event loop to use.
 * @param sink Where parts go.
 * @param frame What they answer.
 * @param output What the handler gave.
 * @throws What the iterable throws, and NnrpValueError for a part that cannot be written; the frame is in flight still.
 */
export async function sendStream(
  host: Host,
  sink: AnswerSink,
  frame: ReceivedSubmit,
  output: AsyncIterable<ResultFields>,
): Promise<void> {
  let parts = 0;
  const iterator = output[Symbol.asyncIterator]() as AsyncIterator<ResultFields, ResultFields | void>;
  for (;;) {
    const step = await iterator.next();
    if (frame.settled) {
      if (!step.done) await iterator.return?.();
      return;
    }
    if (step.done) {
      if (step.value === undefined) sink.endStream(frame);
      else sink.answer(frame, step.value);
      return;
    }
    const wait = sink.sendPart(frame, step.value);
    if (wait !== null) {
      await wait;
      parts = 0;
    } else if (++parts === PARTS_PER_SLICE) {
      // An iterable that never waits itself would otherwise keep cancels and closed connections from being seen.
      await new Promise<void>((done) => host.yield(done));
      parts = 0;
    }
  }
}

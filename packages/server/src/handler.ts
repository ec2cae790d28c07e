/**
 * What a handler receives and returns: one frame in; a result, a stream of results or a drop out (behaviour
 * spec §8.6, §14.2).
 *
 * @module
 */
import type { ReceivedSubmit, ResultFields } from "@nnrp/core";
import type { Drop } from "./drop.ts";
import type { ServerSession } from "./session.ts";

/** What a handler knows besides the frame. One object per session. */
export interface HandlerContext {
  /** The frame's session. */
  readonly session: ServerSession;
  /** What `authValidator` gave for this client; undefined without one. */
  readonly principal: unknown;
}

/**
 * Results that go out one by one as PARTIAL; one that the iterator *returns* is the final one. An array, a generator or any other plain
 * iterable needs no promise per part: its parts are sent in slices, between which the event loop has its turn. The next part is
 * asked for when the client took enough of those before (`maxStreamAheadBytes`) and, after a part with payloads of 32 KiB or more, when
 * its memory is not needed any more: a generator may fill one buffer again for each part.
 *
 * When nobody wants more (the client cancelled or left, the budget of a droppable frame is over, a part could not be sent), the iterator's
 * `return()` is called, once and at once, so that the `finally` of a generator runs. The handler counts as running until it has ended.
 */
export type ResultParts =
  | AsyncIterable<ResultFields>
  | AsyncGenerator<ResultFields, ResultFields | void, undefined>
  | Iterable<ResultFields>
  | Generator<ResultFields, ResultFields | void, undefined>;

/** The answer to a frame: a result; several ({@linkcode ResultParts}), one after the other; or {@linkcode drop}. */
export type HandlerOutput = ResultFields | Drop | ResultParts;

/**
 * Works on one frame. It may observe `frame.signal` to stop early: when the client cancels, the connection
 * goes, or the budget of a droppable frame is over. What it throws becomes `ERROR(INTERNAL_ERROR)` for this
 * frame only; a NnrpProtocolError keeps its code and words. Payloads of 32 KiB or more are sent from where
 * they lie: a handler that uses their memory again waits for `frame.released`.
 */
export type Handler = (
  frame: ReceivedSubmit,
  context: HandlerContext,
) => HandlerOutput | Promise<HandlerOutput>;

/** Whether a handler's output is a stream. Bytes are not, though they can be iterated. */
export function isStream(output: HandlerOutput): output is ResultParts {
  if (output === null || typeof output !== "object" || ArrayBuffer.isView(output)) return false;
  const { [Symbol.asyncIterator]: later, [Symbol.iterator]: now } = output as
    & AsyncIterable<ResultFields>
    & Iterable<ResultFields>;
  return typeof later === "function" || typeof now === "function";
}

/**
 * What a handler gets and gives: one frame in; a result, a stream of results or a drop out (behaviour spec §8.6, §14.2).
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
 * The answer to a frame: a result; an iterable whose results go out one by one as PARTIAL (one that it *returns* is the final
 * one); or {@linkcode drop}.
 */
export type HandlerOutput =
  | ResultFields
  | Drop
  | AsyncIterable<ResultFields>
  | AsyncGenerator<ResultFields, ResultFields | void, undefined>;

/**
 * Works on one frame. It may look at `frame.signal` to stop early: when the client cancels, the connection goes, or the
 * budget of a droppable frame is over. What it throws becomes `ERROR(INTERNAL_ERROR)` for this frame only; a
 * NnrpProtocolError keeps its code and words.
 */
export type Handler = (
  frame: ReceivedSubmit,
  context: HandlerContext,
) => HandlerOutput | Promise<HandlerOutput>;

/** Whether a handler's output is a stream. */
export function isStream(output: HandlerOutput): output is AsyncIterable<ResultFields> {
  return typeof (output as AsyncIterable<ResultFields>)[Symbol.asyncIterator] === "function";
}

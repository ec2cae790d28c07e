/**
 * The ERROR for a frame whose handler threw.
 *
 * @module
 */
import { ErrorCode, NnrpProtocolError } from "@nnrp/core";

/** Fields of the ERROR. */
export type FrameError = { errorCode: number; retryAfterMs: number; diagnostic: string };

/** Sent for a handler that failed: nothing of its error, which may hold secrets. */
export const HANDLER_FAILED: FrameError = {
  errorCode: ErrorCode.INTERNAL_ERROR,
  retryAfterMs: 0,
  diagnostic: "the handler failed",
};

/**
 * A handler's own error for the client: a NnrpProtocolError that fits an ERROR packet; undefined for anything
 * else.
 */
export function readFrameError(error: unknown): FrameError | undefined {
  try {
    if (!(error instanceof NnrpProtocolError)) return undefined;
    const { errorCode, retryAfterMs, diagnostic } = error;
    const fits = errorCode >>> 0 === errorCode && retryAfterMs >>> 0 === retryAfterMs &&
      typeof diagnostic === "string";
    return fits ? { errorCode, retryAfterMs, diagnostic } : undefined;
  } catch {
    return undefined; // something that only looks like one
  }
}

/**
 * A frame that failed, as the loop over `results()` hands it out.
 *
 * @module
 */
import type { NnrpError } from "@nnrp/core";
import type { FrameKey } from "./session_types.ts";

/**
 * What `results()` gives for a frame without result: the frame has ended, the loop goes on. Distinguished
 * from a {@linkcode Result} by `error`, which is null there.
 */
export class FailedFrame implements FrameKey {
  /** The frame that failed. */
  readonly frameId: number;
  /** View of that frame. */
  readonly viewId: number;
  /**
   * Why: NnrpProtocolError for an ERROR about this frame, NnrpTimeoutError (its late result may still come, as an item of its own),
   * NnrpCancelledError, NnrpLimitError or NnrpWireError for a result that cannot be taken, or what ended the session.
   */
  readonly error: NnrpError;
  /** Always true: no more results of this frame are expected. */
  readonly isFinal = true;

  /**
   * A frame that failed, with its reason.
   *
   * @param frameId The frame.
   * @param viewId Its view.
   * @param error Why it failed.
   */
  constructor(frameId: number, viewId: number, error: NnrpError) {
    this.frameId = frameId;
    this.viewId = viewId;
    this.error = error;
  }

  /** One line for debugging. */
  toString(): string {
    return `FailedFrame ${this.frameId}/${this.viewId} ${this.error.name}: ${this.error.message}`;
  }

  /** Representation for Deno's `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** Representation for Node's `console.log`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

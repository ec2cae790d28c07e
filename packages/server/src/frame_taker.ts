/**
 * Who works on the frames of a session: the scheduler, or the application that receives them itself.
 *
 * @module
 */
import type { NnrpError, ReceivedSubmit } from "@nnrp/core";

/** Takes the frames of one session. */
export interface FrameTaker {
  /** Frames that wait. */
  readonly size: number;
  /** A frame came. */
  take(frame: ReceivedSubmit): void;
  /** A frame was settled before anybody worked on it. Harmless for others. */
  forget(frame: ReceivedSubmit): void;
  /** The client reads its answers again: what waits may be started. */
  wake(): void;
  /** The session drains: no more frames come, those that came may still be worked on. */
  drain(): void;
  /** The session is over. */
  end(error: NnrpError): void;
}

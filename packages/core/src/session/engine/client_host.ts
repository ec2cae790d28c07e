/**
 * What a client engine calls, and its options.
 *
 * @module
 */
import type { NnrpError } from "../../errors.ts";
import type { FlowControlMode } from "../flow/credit.ts";
import type { AcceptedHello } from "../handshake/negotiation.ts";
import type {
  EngineHost,
  ErrorEvent,
  FlowUpdateEvent,
  FrameWaiter,
  ResultHintEvent,
  SessionEnd,
} from "./engine_host.ts";
import type { SessionLinkOptions } from "./session_link.ts";

/** What a client engine calls. */
export interface ClientHost extends EngineHost {
  /** The server accepted the hello. */
  opened(ack: AcceptedHello): void;
  /** The server refused the hello, or its answer makes no sense; the session is closed. */
  refused(error: NnrpError): void;
  /** A frame ended or credit came: a waiting submit may go now. */
  admitted(): void;
  /** A RESULT_HINT came. */
  hint(event: ResultHintEvent): void;
  /** A FLOW_UPDATE, applied or not. */
  flow(event: FlowUpdateEvent): void;
  /**
   * The path of a `resumable` session was lost: it waits for a new one (`moveTo`, `restart`) or for
   * `giveUp`.
   *
   * @param end How the path was lost.
   * @param lost Frames that were in flight on it, those whose wait is over included. Each is submitted anew under another id, or
   *   ended by `ClientEngine.failLost`.
   */
  suspended?(end: SessionEnd, lost: readonly FrameWaiter[]): void;
  /**
   * A server that had asked to come back, and is left as soon as its last answer is there, did not begin a frame
   * that was on its way to it then. Without this method such frames fail.
   *
   * @param waiter It is submitted anew under another id, or ended by `ClientEngine.failLost`.
   * @param error What the server said.
   */
  unbegun?(waiter: FrameWaiter, error: NnrpError): void;
  /**
   * The server reports that the path which the last move left broke before all of it was read: which of the
   * frames submitted there arrived is unknown. Not reported as {@linkcode EngineHost.error}.
   */
  pathBroken?(event: ErrorEvent): void;
}

/** Options of a ClientEngine. */
export interface ClientEngineOptions extends SessionLinkOptions {
  /** Whether the server's FLOW_UPDATEs bind. Default `"auto"`. */
  readonly flowControl?: FlowControlMode;
  /** Most frames in flight, whatever the server allows. Default: what the server allows. */
  readonly maxInFlight?: number;
  /** Whether the server's max_concurrent_frames is ignored. Default false. */
  readonly ignoreMaxConcurrentFrames?: boolean;
}

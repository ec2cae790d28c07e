/**
 * What engines call and who waits for what. Engines own every rule; hosts (client, server, tests) own promises, timers and
 * sockets.
 *
 * @module
 */
import type { NnrpError, NnrpInternalError, NnrpProtocolError } from "../../errors.ts";
import type { FlowUpdateMetadata } from "../../wire/metadata/flow_update.ts";
import type { ResultHintMetadata } from "../../wire/metadata/result_hint.ts";
import type { ComeBackWish } from "../control/close_exchange.ts";
import type { Result } from "../frames/result.ts";

/** How a session ended. */
export interface SessionEnd {
  /** `"close"`: CLOSE by either side; `"error"`: a fatal ERROR or a fault; `"lost"`: the carrier just ended. */
  readonly kind: "close" | "error" | "lost";
  /** Whether this side began it. */
  readonly local: boolean;
  /**
   * The reason given in CLOSE, the diagnostic of an ERROR, or the carrier's description; of a peer's text at
   * most 1 KiB, as they came.
   */
  readonly reason: string;
  /** What went wrong, if something did. */
  readonly error?: NnrpError;
  /** The server asked to come back (0xF004). */
  readonly comeBack?: ComeBackWish;
}

/** Who waits for a frame's results. The engine keeps this very object in its table of frames. */
export interface FrameWaiter {
  /** Frame id; set by the engine when the frame was submitted. */
  frameId: number;
  /** View id; set likewise. */
  viewId: number;
  /** When the wait is over, whole ms of the host's clock; 0 = never. */
  deadlineMs: number;
  /** The wait timed out: the slot is free, the key is kept for the late result (behaviour spec §8.1). */
  late: boolean;
  /** Place among the deadlines; −1 = none. Owned by the engine. */
  heapAt: number;
  /** Whether a PARTIAL without EOS is not final although the peer did not agree to it (behaviour spec §8.6). */
  readonly untilEos: boolean;
  /** A result came; `final`: the last one, the frame is settled. */
  result(result: Result, final: boolean): void;
  /** The deadline passed; the slot is free, a late result may still come. */
  timedOut(): void;
  /** The frame ended without result. */
  failed(error: NnrpError): void;
}

/** Who waits for one answer on the control path. */
export interface ReplyWaiter<T> {
  /** The answer. */
  resolve(value: T): void;
  /** There will be none. */
  reject(error: NnrpError): void;
}

/** A RESULT_HINT as it came. */
export interface ResultHintEvent {
  /** Metadata of the packet. */
  readonly metadata: ResultHintMetadata;
  /** Frame it refers to; 0 = the whole session. */
  readonly frameId: number;
  /** Trace id of the packet, u64. */
  readonly traceId: bigint;
}

/** A FLOW_UPDATE as it came. */
export interface FlowUpdateEvent {
  /** Metadata of the packet. */
  readonly metadata: FlowUpdateMetadata;
  /** Whether it was applied: false for old epochs, scope OPERATION and manual flow control. */
  readonly applied: boolean;
  /** Trace id of the packet, u64. */
  readonly traceId: bigint;
}

/** An ERROR as it came. */
export interface ErrorEvent {
  /** The ERROR as an error value. */
  readonly error: NnrpProtocolError;
  /** Trace id of the packet, u64. */
  readonly traceId: bigint;
}

/** What both engines call. */
export interface EngineHost {
  /** The peer sent CLOSE or a fatal ERROR, or a fault was found: the session drains. Called once. */
  draining(end: SessionEnd): void;
  /** Nothing is left to do: the carrier can be closed. `fatal`: an ERROR was just written, let it arrive. */
  finished(end: SessionEnd, fatal: boolean): void;
  /** An ERROR that no waiter stands for (or a frame's, after its waiter was notified). */
  error(event: ErrorEvent): void;
  /**
   * Something failed here that should not: a line in the log. What it happened in has ended, or ends right
   * after the call, and the peer receives INTERNAL_ERROR.
   */
  failure?(error: NnrpInternalError): void;
}

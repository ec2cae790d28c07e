/**
 * What calls of a session take and give, beside frames and results.
 *
 * @module
 */
import type { ResultHintMetadata, ServerFrameCounts } from "@nnrp/core";

/**
 * Where a session is in its life: frames flow; CLOSE was sent and nothing new begins; over; its connection is
 * lost and its client may come back.
 */
export type ServerSessionState = "active" | "draining" | "closed" | "suspended";

/** Fields of a RESULT_HINT to send; what is left out is NONE. */
export interface HintFields extends Partial<ResultHintMetadata> {
  /** Frame it refers to; 0 (default) = the whole session. */
  readonly frameId?: number;
  /** Trace id, u64. Default 0. */
  readonly traceId?: bigint;
}

/** Options of {@linkcode ServerSession.sendResult}. */
export interface SendOptions {
  /** View of the frame, where it is given by its id. Default 0. */
  readonly viewId?: number;
  /** Whether the frame ends with this result. Default true; false for parts of a stream. */
  readonly final?: boolean;
}

/** Options of {@linkcode ServerSession.close}. */
export interface SessionCloseOptions {
  /** Reason sent to the client. */
  readonly reason?: string;
  /** Longest wait for frames in flight and for the client to close, ms, any length. Default 2,000. */
  readonly drainMs?: number;
  /**
   * Asks a client with `reconnect` to come back after so many ms, u32 (extension 0xF004; others are not asked). Default: not at all,
   * the session has ended for good.
   */
  readonly retryAfterMs?: number;
}

/** Counters of a session, as they are now. */
export interface ServerSessionStats extends Readonly<ServerFrameCounts> {
  /** Frames received and not settled. */
  readonly inFlight: number;
  /** Frames waiting for a handler or a receiver. */
  readonly queued: number;
  /** Pings received. */
  readonly pings: number;
  /** FLOW_UPDATEs received. */
  readonly flowUpdatesReceived: number;
  /** ERRORs sent. */
  readonly errorsSent: number;
  /** Control packets with malformed metadata or in the wrong place. */
  readonly badControls: number;
  /** Smoothed round trip of pings, ms; undefined before the first. */
  readonly rttMs: number | undefined;
  /** Bytes handed to the runtime. */
  readonly sentBytes: number;
  /** Bytes received. */
  readonly receivedBytes: number;
  /** Bytes waiting to be sent. */
  readonly bufferedBytes: number;
}

/**
 * What calls of a session take and give, beside frames and results.
 *
 * @module
 */
import type { ClientFrameCounts } from "@nnrp/core";
import type { DialOrigin } from "./dial_origin.ts";
import type { SessionOptions } from "./session_options.ts";
import type { WaitOptions } from "@nnrp/runtime";

/**
 * Where a session is in its life: the handshake is under way; frames flow; CLOSE was sent and nothing new
 * begins; over; a lost connection is being replaced.
 */
export type ClientSessionState = "opening" | "active" | "draining" | "closed" | "reconnecting";

/** A frame by its numbers. */
export interface FrameKey {
  /** Frame id, u32. */
  readonly frameId: number;
  /** View id, u16. */
  readonly viewId: number;
}

/** Options of a submit. */
export interface SubmitOptions {
  /** Longest wait for the answer, ms. Default: none. After it the slot is free and a late result is counted. */
  readonly timeoutMs?: number;
  /** Cancels the frame: FRAME_CANCEL goes out, the call rejects with NnrpCancelledError. */
  readonly signal?: AbortSignal;
  /**
   * `"final"` (default): resolves when the frame is settled; `"first"`: with the first part, cancelling the rest; `"eos"`: a
   * PARTIAL without EOS counts as a part even if the server did not agree to streamed results.
   */
  readonly until?: "final" | "first" | "eos";
}

/** Which result to receive. */
export interface ReceiveOptions extends WaitOptions {
  /** Only results of this frame. Default: any. */
  readonly frameId?: number;
  /** View of that frame. Default 0. */
  readonly viewId?: number;
}

/**
 * Counters of a session, as they are now. Always: `submitted` = `complete` + `partial` + `staleReuse` + `degraded` + `dropped` + `failed`
 * + `cancelled` + `discarded` + `inFlight` + `lateDue` + `resubmitting`.
 */
export interface ClientStats extends Readonly<ClientFrameCounts> {
  /** Frames that hold a slot. */
  readonly inFlight: number;
  /** Most frames that may hold one; Infinity = no limit. */
  readonly limit: number;
  /** Frames whose wait timed out and whose answer may still come: they hold their id, no slot. */
  readonly lateDue: number;
  /** Frames that lost their connection and wait to be sent anew; they are among `waiting`. */
  readonly resubmitting: number;
  /** Submits waiting for a slot. */
  readonly waiting: number;
  /** Whether submitting is paused, here or by the server. */
  readonly paused: boolean;
  /** Results kept for `receiveResult()`. */
  readonly unclaimed: number;
  /** Results that nobody claimed and that made room. */
  readonly droppedUnclaimed: number;
  /** Hints that nobody read and that made room. */
  readonly droppedHints: number;
  /** Smoothed round trip of pings, ms; undefined before the first. */
  readonly rttMs: number | undefined;
  /** Bytes handed to the runtime. */
  readonly sentBytes: number;
  /** Bytes received. */
  readonly receivedBytes: number;
  /** Bytes waiting to be sent. */
  readonly bufferedBytes: number;
  /** ERRORs sent. */
  readonly errorsSent: number;
  /** Times the session moved to another connection. */
  readonly moves: number;
  /** Lost connections that were replaced. */
  readonly reconnects: number;
}

/** What {@linkcode ClientSession.open} takes beside the session's options. */
export interface OpenOptions extends SessionOptions, WaitOptions {
  /**
   * Longest wait for the server's answer to the first hello, ms; credentials that are asked for do not count. Default: what is left of
   * `timeoutMs`.
   */
  readonly answerTimeoutMs?: number;
  /** How the carrier was reached; needed to reconnect, and to move without naming a host. */
  readonly origin?: DialOrigin;
}

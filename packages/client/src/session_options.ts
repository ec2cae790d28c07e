/**
 * Options of a client session. The defaults are in defaults.ts.
 *
 * @module
 */
import type {
  ClientHelloOptions,
  ClientProfile,
  ControlExtensionEntry,
  FlowControlMode,
  Host,
} from "@nnrp/core";
import type { AuthBlock, AuthSource } from "./credentials.ts";
import type { InboxLimits } from "./inbox.ts";

/** A log event; nothing is logged unless `log` is given. */
export interface LogEvent {
  /** Kind of event, a stable name for programs. */
  readonly type: string;
  /** Human-readable description: one line, fit to be shown even where it quotes the server. */
  readonly message: string;
  /** Session it happened in; 0 = none yet. */
  readonly sessionId: number;
  /** The error, if one caused it. */
  readonly error?: unknown;
}

/** Options of a client session on a carrier that is open already. */
export interface SessionOptions extends InboxLimits {
  /**
   * Sent to the server's `authValidator`: bytes, or text as UTF-8. A function is asked before each hello (the first, and each that
   * begins a new session after a loss) and before a move to a server without tokens, so that credentials may age. What it throws is
   * the cause of the NnrpCredentialError that this try ends with.
   */
  readonly auth?: AuthBlock | AuthSource;
  /** Requested model (extension 0xF003). */
  readonly model?: string;
  /** Capabilities that the client offers in its hello. */
  readonly profile?: ClientProfile;
  /** Requested session id, u32. Default 0: any. */
  readonly requestedSessionId?: number;
  /** Transport policy in the hello (0x0101). Default: not sent. */
  readonly transportPolicy?: ClientHelloOptions["transportPolicy"];
  /** Whether to ask for a token that lets the session move and come back (behaviour spec §11). Default true. */
  readonly migrationToken?: boolean;
  /** Further control extensions of the hello. */
  readonly controlExtensions?: readonly ControlExtensionEntry[];
  /**
   * `"auto"` (default): the server's FLOW_UPDATEs apply backpressure to submits; `"manual"`: they are only
   * reported.
   */
  readonly flowControl?: FlowControlMode;
  /** Most frames in flight. Default: what the server allows. */
  readonly maxInFlight?: number;
  /** Whether to ignore the server's max_concurrent_frames. Default false. */
  readonly ignoreMaxConcurrentFrames?: boolean;
  /** What to do when no slot is free: `"wait"` (default) or `"reject"` with NnrpLimitError. */
  readonly whenFull?: "wait" | "reject";
  /** Submits that may wait for a slot. Default 65,536. */
  readonly maxWaitingSubmits?: number;
  /** Bytes that may wait to be sent before submits wait. Default 8 MiB. */
  readonly maxSendBufferBytes?: number;
  /** Send stall: a server that accepts no bytes for this long is given up, ms. Default 10,000. */
  readonly sendStallMs?: number;
  /** Parts that may wait in one `submitStream`. Default 4,096. */
  readonly maxStreamResults?: number;
  /** Bytes of parts that may wait in one `submitStream`. Default 8 MiB. */
  readonly maxStreamBytes?: number;
  /** Hints, flow updates and errors kept for a reader, of each kind. Default 256. */
  readonly maxEventsKept?: number;
  /** Keep-alive: a PING after this long without outgoing traffic, ms; 0 = never. Default 5,000. */
  readonly keepAliveMs?: number;
  /** The session is lost when nothing was received for this long, ms; 0 = never. Default 120,000. */
  readonly idleTimeoutMs?: number;
  /**
   * How long a server that answers pings may leave one unanswered and send nothing else, ms; 0 = for ever. Default 15,000. Servers
   * that never answered one and speak none of our extensions (rc2's) have `idleTimeoutMs`.
   */
  readonly pongTimeoutMs?: number;
  /** Unanswered pings in a row after which the session is lost, ≥ 1. Default 2. */
  readonly maxMissedPongs?: number;
  /** Provides time, timers and random numbers. Default: the machine. */
  readonly runtime?: Host;
  /** Called for each log event. Default: nothing is logged. */
  readonly log?: (event: LogEvent) => void;
}

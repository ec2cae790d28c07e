/**
 * Options of a server, with their defaults and the reason for each.
 *
 * @module
 */
import type {
  CarrierBinding,
  ClientHelloContext,
  ClientHelloMetadata,
  ControlExtensionEntry,
  PatchRefusal,
  PatchRequest,
  PeerIdentity,
  ReceivedSubmit,
  ResultFields,
  ServerCapabilities,
} from "@nnrp/core";
import type { Drop } from "./handler.ts";
import type { ServerSession } from "./session.ts";

/** Total time from accept to the hello's acceptance, ms; a byte now and then does not extend it. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Connections at once. */
export const MAX_CONNECTIONS = 10_000;
/** Connections that are still shaking hands. */
export const MAX_HANDSHAKES = 1024;
/** Connections beyond the two numbers above that are told so; each holds its socket for about a second. */
export const MAX_FAREWELLS = 64;
/** Frames in flight per session before frames queue. */
export const MAX_CONCURRENT_FRAMES = 64;
/** Hard limit of frames in flight, as a multiple of the soft one. */
export const HARD_LIMIT_FACTOR = 4;
/** Frames that may wait per session. */
export const MAX_QUEUED_FRAMES = 64;
/** Frames that may wait per session: at least as many as its client was told it may have in flight, for they can come at once. */
export function queuedFramesOf({ maxQueuedFrames, profile }: ServeOptions): number {
  return maxQueuedFrames ??
    Math.max(MAX_QUEUED_FRAMES, profile?.maxConcurrentFrames ?? MAX_CONCURRENT_FRAMES);
}
/** Handlers running at once. */
export const CONCURRENCY = 64;
/** Bytes received and not yet answered, per session. */
export const MAX_SESSION_BYTES = 64 * 1024 * 1024;
/** Bytes received and not yet answered, whole server. */
export const MAX_SERVER_BYTES = 1024 * 1024 * 1024;
/** Bytes that may wait to be sent per session before a stream of results waits: a few system calls ahead is enough. */
export const MAX_STREAM_AHEAD_BYTES = 1024 * 1024;
/** Bytes that may wait to be sent per session before nothing more is read of it. */
export const MAX_SEND_BUFFER_BYTES = 8 * 1024 * 1024;
/** A client that takes nothing for this long is cut, ms. */
export const SEND_STALL_MS = 10_000;
/** How long `close()` of the server waits for frames in flight, ms. */
export const DRAIN_MS = 20_000;
/** What refused clients are told about when to come back, ms. */
export const RETRY_AFTER_MS = 1000;

/** Failures told to the log per second: enough to see what fails, however often one client makes it fail. */
export const MAX_FAILURES_LOGGED_PER_SECOND = 32;

/** How long an old path is still read after a move, ms (behaviour spec §11). */
export const GRACE_WINDOW_MS = 1000;
/** How long a session whose connection was lost waits for its client, ms. */
export const RESUME_WINDOW_MS = 60_000;
/** Sessions that may wait for their clients; the one that has waited longest makes room. */
export const MAX_SUSPENDED_SESSIONS = 1024;

/** What a server offers and how much of it. */
export interface ServerProfile extends Omit<ServerCapabilities, "knownExtensionTypes"> {
  /** Frames in flight per session that are told to the client; more queue. Default 64. */
  readonly maxConcurrentFrames?: number;
  /** Frames in flight per session beyond which `LIMIT_EXCEEDED`. Default 4 × `maxConcurrentFrames`. */
  readonly maxInFlightFrames?: number;
  /** Sections of a frame. Default 16. */
  readonly maxSections?: number;
  /** Largest object in the cache, bytes. Default `maxCacheBytes`. */
  readonly maxCacheObjectBytes?: number;
  /** Model named in the handshake. Default none. */
  readonly modelName?: string;
}

/** What `authValidator` judges. */
export interface AuthRequest {
  /** Bytes the client sent; empty if none. */
  readonly authBlock: Uint8Array;
  /** The client's address. */
  readonly remote: string;
  /** TransportId of the connection. */
  readonly transport: number;
  /** Who the client proved to be by a certificate; undefined without one. */
  readonly peerIdentity?: PeerIdentity;
  /** Model the client wishes; undefined if it did not say. */
  readonly model: string | undefined;
  /** The whole hello. */
  readonly hello: ClientHelloContext;
  /**
   * Undefined for a hello. Otherwise the session wants to move here, or to come back after a loss: `remote`, `transport` and
   * `peerIdentity` are those of the new connection, everything else is as in its hello. It moves only if the verdict names the
   * same principal. A validator of passwords that are good once must not take them again here, but say
   * `{ principal: move.session.principal }` if that client is still welcome and `move.withToken` is true.
   */
  readonly move?: MoveQuestion;
}

/** A session that wants to move, as `authValidator` sees it (behaviour spec §11). */
export interface MoveQuestion {
  /** The session, on the connection that it leaves or lost. */
  readonly session: ServerSession;
  /** Whether its token was shown. If not, the auth block of its hello was, or a certificate of the same holder. */
  readonly withToken: boolean;
}

/** The verdict on a client: true, or a principal for handlers to see; false, or how to refuse. */
export type AuthVerdict =
  | boolean
  | {
    /** Who it is, as handlers see it. */
    readonly principal: unknown;
  }
  | {
    /** `"error"`: ERROR AUTH_FAILED; `"ack"`: SERVER_HELLO_ACK with auth_status 1; `"close"`: without a word. */
    readonly refuse: "error" | "ack" | "close";
    /** Words for the client. */
    readonly diagnostic?: string;
  };

/**
 * Judges a client during its handshake, and again when its session moves to another connection ({@linkcode AuthRequest.move}). The
 * signal aborts when the handshake's time is over or the client is gone. What it throws is a refusal.
 */
export type AuthValidator = (request: AuthRequest, signal: AbortSignal) => AuthVerdict | Promise<AuthVerdict>;

/** What a log may know of a client's hello. The auth block, tokens and unknown extensions stay out of it. */
export interface LoggedHello {
  /** Numbers of the hello: versions, capabilities, wishes, and the lengths of what is not told here. */
  readonly metadata: ClientHelloMetadata;
  /** Model the client wishes (extension 0xF003), fit to be shown; undefined if it did not say. rc2's way is the auth block. */
  readonly model: string | undefined;
  /** Types of its control extensions, in their order. */
  readonly extensionTypes: readonly number[];
  /** Flags of the packet's header. */
  readonly headerFlags: number;
}

/** Something worth a line in a log. */
export interface ServerLogEvent {
  /** What happened, for programs. */
  readonly type:
    | "session-start"
    | "session-end"
    | "handshake-refused"
    | "auth-refused"
    | "handler-failed"
    | "internal-failure"
    | "connection-refused"
    | "session-suspended"
    | "session-moved"
    | "migration-refused";
  /** What happened, for people: one line, fit to be shown even where it quotes the client. */
  readonly message: string;
  /** Client's address. */
  readonly remote: string;
  /** Name of the carrier. */
  readonly carrier: string;
  /** Session it happened in; 0 = none. */
  readonly sessionId: number;
  /** What the client said in its hello, where there was one, without what proves who it is. */
  readonly hello?: LoggedHello;
  /** The error, if one caused it. */
  readonly error?: unknown;
}

/** How sessions move, and come back after a loss. */
export interface MigrationOptions {
  /** Whether sessions may move at all. Default true; false also gives out no tokens. */
  readonly enabled?: boolean;
  /** Whether only clients with a token may move; rc2's have none. Default false. */
  readonly requireToken?: boolean;
  /**
   * Whether a session without token also moves where no `authValidator` names its client: for whoever shows the auth block of its
   * hello, or comes from the same host if that was empty. Neither is a secret everywhere, so this is for closed networks. Default
   * false. Must not be true together with `requireToken`.
   */
  readonly allowWithoutToken?: boolean;
  /**
   * Whether two principals that `authValidator` named are the same client, so that its session may move: the one at the hello,
   * the one now. Anything but true refuses. Default: the same value or object, or plain objects, arrays and byte strings of the
   * same content; give one if principals are objects of classes or hold what changes, as a time of login.
   */
  readonly samePrincipal?: (before: unknown, now: unknown) => boolean;
  /** How long an old path is still read, ms. Default 1,000. */
  readonly graceWindowMs?: number;
  /**
   * How long a session whose connection was lost waits for its client, ms; 0 = not at all. Default 60,000. Its frames are
   * cancelled at once, its cache and settings are kept.
   */
  readonly resumeWindowMs?: number;
  /** Sessions that may wait so at once. Default 1,024. */
  readonly maxSuspendedSessions?: number;
}

/** Options of a server. */
export interface ServerOptions {
  /** Port to listen on with TCP, if `listen` is left out. Default 4433; 0 = any free one. */
  readonly port?: number;
  /** Host to listen on with TCP, if `listen` is left out. Default `"127.0.0.1"`. */
  readonly host?: string;
  /** Carriers to listen on. Default: TCP on `host` and `port`. */
  readonly listen?: readonly CarrierBinding[];
  /** What the server offers. */
  readonly profile?: ServerProfile;
  /** Judges clients. Default: everybody is welcome. */
  readonly authValidator?: AuthValidator;
  /** Chooses session ids; 0 or an id in use = the server's own choice. Default: the client's wish. */
  readonly sessionId?: (hello: ClientHelloContext) => number;
  /** Whether and how sessions move to other connections (behaviour spec §11). */
  readonly migration?: MigrationOptions;
  /** Control extensions to add to the answer. */
  readonly controlExtensions?: readonly ControlExtensionEntry[];
  /** Extension types the application understands, so that critical ones are not refused. */
  readonly knownExtensionTypes?: readonly number[];
  /** Judges patches after the built-in checks. */
  readonly patchPolicy?: (patch: PatchRequest, session: ServerSession) => PatchRefusal | undefined;
  /** Patches per second before RATE_LIMITED. Default 16. */
  readonly maxPatchesPerSecond?: number;
  /** Whether CACHE_INVALIDATE is answered by CACHE_ACK. Default false, like rc2. */
  readonly acknowledgeInvalidate?: boolean;
  /** Whether probes are answered. Default true. */
  readonly answerProbes?: boolean;
  /** Total time of a handshake, ms. Default 10,000. */
  readonly handshakeTimeoutMs?: number;
  /** A PING after so long without outgoing traffic, ms; 0 = never. Default 5,000. */
  readonly keepAliveMs?: number;
  /** A session is lost when nothing came for so long, ms; 0 = never. Default 120,000. */
  readonly idleTimeoutMs?: number;
  /** Connections at once. Default 10,000. */
  readonly maxConnections?: number;
  /** Connections that are still shaking hands. Default 1,024. */
  readonly maxHandshakes?: number;
  /**
   * Connections beyond `maxConnections` or `maxHandshakes` that are told so at once (LIMIT_EXCEEDED with a time to come back), for
   * which their sockets stay about a second; more are closed without a word. Default 64; 0 = none is told.
   */
  readonly maxFarewells?: number;
  /** Bytes received and not yet answered, per session; reading pauses beyond. Default 64 MiB. */
  readonly maxSessionBytes?: number;
  /** Bytes received and not yet answered, whole server; reading pauses beyond. Default 1 GiB. */
  readonly maxServerBytes?: number;
  /** Bytes that may wait to be sent per session before a stream of results waits. Default 1 MiB. */
  readonly maxStreamAheadBytes?: number;
  /** Bytes that may wait to be sent per session; beyond, nothing more is read of it until they are sent. Default 8 MiB. */
  readonly maxSendBufferBytes?: number;
  /** A client that takes nothing for so long is cut, ms. Default 10,000. */
  readonly sendStallMs?: number;
  /** Called for what is worth a log line. Default: silent. What it throws is ignored. */
  readonly log?: (event: ServerLogEvent) => void;
  /**
   * Failures of callbacks and handlers, and of the library itself, that are told to `log` per second, and at once; the next one
   * after that says how many were left out ({@linkcode ServerStats.failuresUntold}). Default 32.
   */
  readonly maxFailuresLoggedPerSecond?: number;
}

/** Options of `serve()`. */
export interface ServeOptions extends ServerOptions {
  /** Handlers running at once, whole server. Default 64; 1 for a model that fills the machine. */
  readonly concurrency?: number;
  /** Frames that may wait per session. Default 64, or `profile.maxConcurrentFrames` if that is more. */
  readonly maxQueuedFrames?: number;
  /**
   * Answers a frame that finds the queue full, before anything is superseded or refused: a stale or degraded result, a drop,
   * or undefined for the built-in policy (supersede the oldest droppable frame of the view, else SERVER_BUSY).
   */
  readonly whenQueueFull?: (frame: ReceivedSubmit, session: ServerSession) => ResultFields | Drop | undefined;
}

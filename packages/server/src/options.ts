/**
 * Options of a server. Their defaults are in defaults.ts.
 *
 * @module
 */
import type {
  CarrierBinding,
  ClientHelloContext,
  ControlExtensionEntry,
  Host,
  PatchRefusal,
  PatchRequest,
  ReceivedSubmit,
  ResultFields,
  ServerCapabilities,
} from "@nnrp/core";
import type { AuthValidator } from "./auth.ts";
import type { Drop } from "./drop.ts";
import type { ServerLogEvent } from "./log_event.ts";
import type { ServerSession } from "./session.ts";

/** What a server offers and how much of it. */
export interface ServerProfile extends Omit<ServerCapabilities, "knownExtensionTypes"> {
  /** Credit: frames in flight per session that the client is granted; more queue. Default 64. */
  readonly maxConcurrentFrames?: number;
  /** Frames in flight per session beyond which `LIMIT_EXCEEDED`. Default 4 × `maxConcurrentFrames`. */
  readonly maxInFlightFrames?: number;
  /** Most tensor sections of a frame. Default 16. */
  readonly maxSections?: number;
  /** Largest object in the cache, bytes. Default `maxCacheBytes`. */
  readonly maxCacheObjectBytes?: number;
  /** Model named in SERVER_HELLO_ACK. Default none. */
  readonly modelName?: string;
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
  /** How long an old path is still read, ms, any length. Default 1,000. */
  readonly graceWindowMs?: number;
  /**
   * How long a session whose connection was lost waits for its client, ms, any length; 0 = not at all. Default 60,000. Its frames are
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
  /**
   * What the server and its connections take time, timers and random numbers from; its `runDetached` is the asynchronous context in
   * which handlers and all other callbacks are called. Default: the machine, and the context of the call of `serve()` or `bind()`.
   */
  readonly runtime?: Host;
  /** What the server offers. */
  readonly profile?: ServerProfile;
  /** Authenticates clients during the handshake. Default: every client is accepted. */
  readonly authValidator?: AuthValidator;
  /**
   * Chooses session ids, u32; 0 or an id in use = the server's own choice. Default: the id that the client
   * requests.
   */
  readonly sessionId?: (hello: ClientHelloContext) => number;
  /** Whether and how sessions move to other connections (behaviour spec §11). */
  readonly migration?: MigrationOptions;
  /** Control extensions to add to the answer. */
  readonly controlExtensions?: readonly ControlExtensionEntry[];
  /** Extension types the application understands, so that critical ones are not refused. */
  readonly knownExtensionTypes?: readonly number[];
  /** Judges SESSION_PATCHes after the built-in checks. */
  readonly patchPolicy?: (patch: PatchRequest, session: ServerSession) => PatchRefusal | undefined;
  /** Patches per second before RATE_LIMITED. Default 16. */
  readonly maxPatchesPerSecond?: number;
  /** Whether CACHE_INVALIDATE is answered by CACHE_ACK. Default false, like rc2. */
  readonly acknowledgeInvalidate?: boolean;
  /** Whether TRANSPORT_PROBEs are answered. Default true. */
  readonly answerProbes?: boolean;
  /** Total time of a handshake, ms, any length. Default 10,000. */
  readonly handshakeTimeoutMs?: number;
  /** Keep-alive: a PING after this long without outgoing traffic, ms; 0 = never. Default 5,000. */
  readonly keepAliveMs?: number;
  /** A session is lost when nothing was received for this long, ms; 0 = never. Default 120,000. */
  readonly idleTimeoutMs?: number;
  /** Most connections at once. Default 10,000. */
  readonly maxConnections?: number;
  /** Handshakes that may run concurrently. Default 1,024. */
  readonly maxHandshakes?: number;
  /**
   * Connections beyond `maxConnections` or `maxHandshakes` that may be refused by ERROR at the same time
   * (LIMIT_EXCEEDED with a retry time), for which their sockets stay open about a second; further ones are
   * closed silently. Default 64; 0 = all are closed silently.
   */
  readonly maxFarewells?: number;
  /**
   * Bytes received and not yet answered, per session, objects that its frames keep alive included; reading pauses beyond. Default
   * 64 MiB.
   */
  readonly maxSessionBytes?: number;
  /**
   * Bytes that all clients together make the server hold: received, in part or whole, not sent yet, cached, kept for clients that
   * are away ({@linkcode ServerStats.memory}). Beyond, sessions that wait for their clients end, the longest first; then reading
   * pauses. Caches of connected clients take half of it at most. Default 1 GiB.
   */
  readonly maxServerBytes?: number;
  /**
   * Longest time that reading pauses (backpressure) because the session, or the server, holds too much, ms,
   * any length. After it control packets are read again, and frames for which there is still no room are
   * answered SERVER_BUSY. Default 1,000.
   */
  readonly maxPauseMs?: number;
  /** Bytes that may wait to be sent per session before a stream of results waits. Default 1 MiB. */
  readonly maxStreamAheadBytes?: number;
  /**
   * Bytes that may wait to be sent per session, and one result more; beyond, reading pauses, no handler of
   * the session is started, and what running ones answer waits (accounted for in {@linkcode
   * ServerStats.memory}) until they are sent. Default 8 MiB.
   */
  readonly maxSendBufferBytes?: number;
  /**
   * Send stall: a client that accepts no bytes for this long is disconnected, ms; Infinity = never. Default
   * 10,000.
   */
  readonly sendStallMs?: number;
  /** Called for each log event. Default: nothing is logged. What it throws is ignored. */
  readonly log?: (event: ServerLogEvent) => void;
  /**
   * Failures of callbacks and handlers, and of the library itself, that are passed to `log` per second, and
   * in one burst; the next one after that carries the number left out ({@linkcode
   * ServerStats.failuresUntold}). Default 32.
   */
  readonly maxFailuresLoggedPerSecond?: number;
}

/** Options of `serve()`. */
export interface ServeOptions extends ServerOptions {
  /**
   * Handlers that run concurrently, whole server. Default 72; 1 for a model that fills the machine. Sessions
   * share them: while others wait, a session gets no more than its part of them, and one in nine (none below
   * 9) is kept for sessions none of whose handlers run, so that with the defaults one session alone may have
   * 64 and the first frame of another begins at once.
   */
  readonly concurrency?: number;
  /** Frames that may wait per session. Default 64, or `profile.maxConcurrentFrames` if that is more. */
  readonly maxQueuedFrames?: number;
  /**
   * Answers a frame that finds the queue full, before anything is superseded or refused: a stale or degraded result, a drop,
   * or undefined for the built-in policy (supersede the oldest droppable frame of the view, else SERVER_BUSY).
   */
  readonly whenQueueFull?: (frame: ReceivedSubmit, session: ServerSession) => ResultFields | Drop | undefined;
}

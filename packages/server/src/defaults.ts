/**
 * Every default and bound of the server, with the reason where it is not plain (docs/architecture.md, "Limits"). Those of a handshake
 * are core's, which carriers share.
 *
 * @module
 */

/** Most connections at once. */
export const MAX_CONNECTIONS = 10_000;
/** Connections beyond the limits that are refused by ERROR; each holds its socket for about a second. */
export const MAX_FAREWELLS = 64;
/** Retry time sent to refused clients, ms. */
export const RETRY_AFTER_MS = 1000;

/** Frames in flight per session before frames queue. */
export const MAX_CONCURRENT_FRAMES = 64;
/** Hard limit of frames in flight, as a multiple of the soft one. */
export const HARD_LIMIT_FACTOR = 4;
/**
 * Frames that may wait per session; at least the credit that its client was granted, for they can come at
 * once.
 */
export const MAX_QUEUED_FRAMES = 64;
/**
 * Handlers that run concurrently: the credit of one client, and the slots that are reserved for sessions with
 * none (scheduler.ts).
 */
export const CONCURRENCY = 72;

/** Bytes received and not yet answered, per session. */
export const MAX_SESSION_BYTES: number = 64 * 1024 * 1024;
/** Bytes received and not yet answered, whole server. */
export const MAX_SERVER_BYTES: number = 1024 * 1024 * 1024;
/** Bytes that may wait to be sent per session before a stream of results waits: a few system calls ahead is enough. */
export const MAX_STREAM_AHEAD_BYTES: number = 1024 * 1024;
/** Bytes that may wait to be sent per session before nothing more is read of it. */
export const MAX_SEND_BUFFER_BYTES: number = 8 * 1024 * 1024;
/**
 * Longest time that reading of a session pauses (backpressure), ms: its client can neither cancel nor close.
 */
export const MAX_PAUSE_MS = 1000;
/**
 * Pauses longer than this are announced to the client, ms: shorter ones are frequent and over before a
 * FLOW_UPDATE arrives.
 */
export const ANNOUNCE_PAUSE_MS = 100;
/**
 * Refusals and other control packets that may pile up for a client that does not take its answers before it
 * is not read at all, bytes.
 */
export const MAX_REFUSAL_BYTES: number = 256 * 1024;
/** Send stall: a client that accepts no bytes for this long is disconnected, ms. */
export const SEND_STALL_MS = 10_000;
/**
 * Longest time between two ticks of a session, ms: one that stopped reading for the server's sake notices
 * room within it.
 */
export const MAX_TICK_MS = 5000;

/** Failures logged per second: enough to see what fails, however often one client makes it fail. */
export const MAX_FAILURES_LOGGED_PER_SECOND = 32;

/** How long an old path is still read after a move, ms (behaviour spec §11). */
export const GRACE_WINDOW_MS = 1000;
/** A path without a pong after this long, ms, has a client that answers none: its age says nothing about its round trips. */
export const UNMEASURED_MS = 10_000;
/** An old path that carries something in each grace window gets this many of them. */
export const MAX_GRACE_WINDOWS = 10;
/** Longest silence of a client on its new path, ms: this project's client pings at once. */
export const PROOF_MS = 5000;
/** How long a session whose connection was lost waits for its client, ms. */
export const RESUME_WINDOW_MS = 60_000;
/** Sessions that may wait for their clients; the one that has waited longest makes room. */
export const MAX_SUSPENDED_SESSIONS = 1024;

/** How long a ping of the application waits for its pong, ms. */
export const PING_TIMEOUT_MS = 10_000;
/** How long `close()` of a session waits for its client, ms. */
export const CLOSE_DRAIN_MS = 2000;
/** How long `close()` of the server takes at most, ms. */
export const DRAIN_MS = 20_000;
/** How long a client with nothing in flight has to close first, before this side ends its sending, ms. */
export const CLOSE_GRACE_MS = 500;

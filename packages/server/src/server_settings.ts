/**
 * The options of a server with all defaults filled in, checked once.
 *
 * @module
 */
import {
  HANDSHAKE_TIMEOUT_MS,
  MAX_CONCURRENT_HANDSHAKES,
  NnrpValueError,
  type ServerEngineOptions,
} from "@nnrp/core";
import {
  CONCURRENCY,
  GRACE_WINDOW_MS,
  HARD_LIMIT_FACTOR,
  MAX_CONCURRENT_FRAMES,
  MAX_CONNECTIONS,
  MAX_FAILURES_LOGGED_PER_SECOND,
  MAX_FAREWELLS,
  MAX_PAUSE_MS,
  MAX_QUEUED_FRAMES,
  MAX_SEND_BUFFER_BYTES,
  MAX_SERVER_BYTES,
  MAX_SESSION_BYTES,
  MAX_STREAM_AHEAD_BYTES,
  MAX_SUSPENDED_SESSIONS,
  RESUME_WINDOW_MS,
  SEND_STALL_MS,
} from "./defaults.ts";
import { checkNumbers } from "./option_checks.ts";
import type { ServeOptions } from "./options.ts";
import type { HandshakeLimits, SessionLimits } from "./session_limits.ts";

/** Bounds and choices of one server. */
export interface ServerSettings extends SessionLimits, HandshakeLimits {
  /** Most connections at once. */
  readonly maxConnections: number;
  /** Handshakes that run concurrently. */
  readonly maxHandshakes: number;
  /** Connections beyond the limits that are refused by ERROR instead of just being closed. */
  readonly maxFarewells: number;
  /** Bytes that all sessions together may hold. */
  readonly maxServerBytes: number;
  /** Handlers that run concurrently. */
  readonly concurrency: number;
  /** Failures logged per second. */
  readonly maxFailuresLoggedPerSecond: number;
  /** Whether sessions move, and tokens are given out. */
  readonly moves: boolean;
  /** Sessions that may wait for their clients; 0 = none waits. */
  readonly maxSuspendedSessions: number;
}

/**
 * Fills in the defaults.
 *
 * @throws NnrpValueError if a number is out of its range, or two options contradict each other.
 */
export function settingsOf(options: ServeOptions): ServerSettings {
  checkNumbers(options);
  const { profile = {}, migration = {} } = options;
  const { requireToken = false, allowWithoutToken = false } = migration;
  if (requireToken && allowWithoutToken) {
    throw new NnrpValueError("contradicts migration.requireToken", {
      field: "migration.allowWithoutToken",
      expected: "at most one of the two true",
      actual: "both",
    });
  }
  const maxConcurrentFrames = profile.maxConcurrentFrames ?? MAX_CONCURRENT_FRAMES;
  const resumeWindowMs = migration.resumeWindowMs ?? RESUME_WINDOW_MS;
  return {
    maxConnections: options.maxConnections ?? MAX_CONNECTIONS,
    maxHandshakes: options.maxHandshakes ?? MAX_CONCURRENT_HANDSHAKES,
    maxFarewells: options.maxFarewells ?? MAX_FAREWELLS,
    maxServerBytes: options.maxServerBytes ?? MAX_SERVER_BYTES,
    concurrency: options.concurrency ?? CONCURRENCY,
    maxFailuresLoggedPerSecond: options.maxFailuresLoggedPerSecond ?? MAX_FAILURES_LOGGED_PER_SECOND,
    moves: migration.enabled ?? true,
    maxSuspendedSessions: resumeWindowMs > 0 ? migration.maxSuspendedSessions ?? MAX_SUSPENDED_SESSIONS : 0,
    maxConcurrentFrames,
    maxQueuedFrames: options.maxQueuedFrames ?? Math.max(MAX_QUEUED_FRAMES, maxConcurrentFrames),
    maxSessionBytes: options.maxSessionBytes ?? MAX_SESSION_BYTES,
    maxStreamAheadBytes: options.maxStreamAheadBytes ?? MAX_STREAM_AHEAD_BYTES,
    maxSendBufferBytes: options.maxSendBufferBytes ?? MAX_SEND_BUFFER_BYTES,
    maxPauseMs: options.maxPauseMs ?? MAX_PAUSE_MS,
    sendStallMs: options.sendStallMs ?? SEND_STALL_MS,
    graceWindowMs: migration.graceWindowMs ?? GRACE_WINDOW_MS,
    resumeWindowMs,
    handshakeTimeoutMs: options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
    handshake: {
      keepAliveMs: options.keepAliveMs,
      idleTimeoutMs: options.idleTimeoutMs,
      maxBodyBytes: profile.maxBodyBytes,
      answerProbes: options.answerProbes,
    },
    engine: engineOptions(options, maxConcurrentFrames),
  };
}

function engineOptions(options: ServeOptions, maxConcurrentFrames: number): ServerEngineOptions {
  const { profile = {} } = options;
  return {
    maxInFlightFrames: profile.maxInFlightFrames ?? maxConcurrentFrames * HARD_LIMIT_FACTOR,
    maxSections: profile.maxSections,
    cache: { maxObjectBytes: profile.maxCacheObjectBytes },
    acknowledgeInvalidate: options.acknowledgeInvalidate,
    answerProbes: options.answerProbes,
    maxPatchesPerSecond: options.maxPatchesPerSecond,
  };
}

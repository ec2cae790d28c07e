/**
 * What a server allows each of its sessions, with all defaults filled in.
 *
 * @module
 */
import type { ServerEngineOptions, ServerHandshakeOptions } from "@nnrp/core";
import type { GateLimits } from "./read_gate.ts";
import type { PathLimits } from "./server_paths.ts";

/** Bounds of one connection until it has a session. */
export interface HandshakeLimits {
  /** Longest time from the connection to the hello's acceptance, ms; a byte now and then does not extend it. */
  readonly handshakeTimeoutMs: number;
  /** What the engine of a handshake is told. */
  readonly handshake: ServerHandshakeOptions;
  /** A client that takes nothing for this long is cut, ms. */
  readonly sendStallMs: number;
}

/** Bounds of one session. */
export interface SessionLimits extends GateLimits, PathLimits {
  /** Frames in flight that are told to the client. */
  readonly maxConcurrentFrames: number;
  /** Frames that may wait. */
  readonly maxQueuedFrames: number;
  /** Bytes that may wait to be sent before a stream of results waits. */
  readonly maxStreamAheadBytes: number;
  /** A client that takes nothing for this long is cut, ms. */
  readonly sendStallMs: number;
  /** What the engine of a session is told; the patch policy aside, which is the session's own. */
  readonly engine: ServerEngineOptions;
}

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
  /** Options of the engine of a handshake. */
  readonly handshake: ServerHandshakeOptions;
  /** Send stall: a client that accepts no bytes for this long is disconnected, ms. */
  readonly sendStallMs: number;
}

/** Bounds of one session. */
export interface SessionLimits extends GateLimits, PathLimits {
  /** Credit: frames in flight that the client is granted. */
  readonly maxConcurrentFrames: number;
  /** Frames that may wait. */
  readonly maxQueuedFrames: number;
  /** Bytes that may wait to be sent before a stream of results waits. */
  readonly maxStreamAheadBytes: number;
  /** Send stall: a client that accepts no bytes for this long is disconnected, ms. */
  readonly sendStallMs: number;
  /** Options of the engine of a session; the patch policy aside, which is the session's own. */
  readonly engine: ServerEngineOptions;
}

/**
 * What all sessions of a server share.
 *
 * @module
 */
import type { Host, SessionEnd } from "@nnrp/core";
import type { TurnClock } from "./clock.ts";
import type { ServerLog } from "./server_log.ts";
import type { ServerMemory } from "./server_memory.ts";
import type { SessionLimits } from "./session_limits.ts";

/** The server as its sessions see it. */
export interface SessionEnvironment {
  /** Time, timers, random numbers, and the context in which the application is called. */
  readonly host: Host;
  /** The server's time. */
  readonly clock: TurnClock;
  /** The server's log. */
  readonly log: ServerLog;
  /** What all sessions hold. */
  readonly memory: ServerMemory;
  /** What each may hold. */
  readonly limits: SessionLimits;
}

/** What a session tells its server. */
export interface SessionOwner {
  /** It lost its connection and waits for its client. */
  suspended(end: SessionEnd): void;
  /** It is over. */
  closed(end: SessionEnd): void;
}

/**
 * What a session asks of its server.
 *
 * @module
 */
import type { ClientHelloContext, MigrateRequest, SessionEnd } from "@nnrp/core";
import type { TurnClock } from "./clock.ts";
import type { ServeOptions } from "./options.ts";
import type { Scheduler } from "./scheduler.ts";
import type { ServerLog } from "./server_log.ts";
import type { ServerSession } from "./session.ts";

/** The server as its sessions see it. */
export interface SessionOwner {
  /** The server's options. */
  readonly options: ServeOptions;
  /** The server's log. */
  readonly log: ServerLog;
  /** The server's time. */
  readonly clock: TurnClock;
  /** Runs the handler; null for servers whose application receives frames itself. */
  readonly scheduler: Scheduler | null;
  /** Soft limit of frames in flight per session. */
  readonly maxConcurrentFrames: number;
  /** Hard limit of frames in flight per session. */
  readonly maxInFlightFrames: number;
  /** Frames that may wait per session. */
  readonly maxQueuedFrames: number;
  /** A hello came. */
  hello(session: ServerSession, context: ClientHelloContext): void;
  /** A connection asks to carry a session. */
  migrate(session: ServerSession, request: MigrateRequest): void;
  /** The session lost its connection, and waits for its client. */
  suspended(session: ServerSession, end: SessionEnd): void;
  /** The session takes no new frames. */
  sessionDraining(session: ServerSession): void;
  /** The session is over. */
  sessionClosed(session: ServerSession, end: SessionEnd): void;
  /** A session holds so many bytes more (or fewer) than before; whether all sessions together hold too many. */
  account(bytes: number): boolean;
}

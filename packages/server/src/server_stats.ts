/**
 * What a server tells about itself.
 *
 * @module
 */
import type { SchedulerStats } from "./scheduler.ts";

/** Where a server listens. */
export interface ServerAddress {
  /** Name of the carrier. */
  readonly name: string;
  /** Host name or address it is bound to. */
  readonly host: string;
  /** Port it is bound to. */
  readonly port: number;
}

/** Bytes that clients make a server hold, by reason. */
export interface ServerMemoryStats {
  /** Read buffers in which frames lie that are not answered. */
  readonly received: number;
  /** Packets of which only a part has come, as far as carriers can tell. */
  readonly partial: number;
  /** Objects that are in no cache any more, but that frames in flight refer to. */
  readonly resolved: number;
  /** Results and control packets that clients have not taken yet. */
  readonly unsent: number;
  /** Caches of sessions with a connection. */
  readonly cached: number;
  /** What sessions keep that wait for their clients. */
  readonly suspended: number;
  /** All of it. */
  readonly total: number;
}

/** Counters of a server, as they are now. */
export interface ServerStats extends Readonly<SchedulerStats> {
  /** Connections accepted. */
  readonly connections: number;
  /** Connections refused because there were too many. */
  readonly refusedConnections: number;
  /** Of those, the ones that were closed silently, because `maxFarewells` others were being refused. */
  readonly cutConnections: number;
  /** Refused connections that stay open for a moment so that their ERROR arrives; not among `open`. */
  readonly farewells: number;
  /** Connections that are open now. */
  readonly open: number;
  /** Sessions that are open now. */
  readonly sessions: number;
  /** Sessions that ever began. */
  readonly sessionsStarted: number;
  /** Handshakes that were refused or ran out of time. */
  readonly handshakesRefused: number;
  /** Of those, the ones that `authValidator` refused. */
  readonly authRefused: number;
  /** Bytes of frames in flight. */
  readonly bytesInFlight: number;
  /** Bytes held, by reason; bounded by `maxServerBytes`. */
  readonly memory: ServerMemoryStats;
  /** Sessions that moved to another connection, returns after a loss among them. */
  readonly migrated: number;
  /** Moves that were refused. */
  readonly migrationsRefused: number;
  /** Sessions that lost their connection and wait for their client. */
  readonly suspended: number;
  /** Probes answered on connections that are closed. */
  readonly probes: number;
  /** Probes refused on connections that are closed. */
  readonly probesRefused: number;
  /** Failures that were not logged; see `maxFailuresLoggedPerSecond`. */
  readonly failuresUntold: number;
}

/** Counters of work where there is no handler. */
export const NO_WORK: SchedulerStats = {
  running: 0,
  queued: 0,
  started: 0,
  superseded: 0,
  expired: 0,
  busy: 0,
  handlerFailures: 0,
};

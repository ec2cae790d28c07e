/**
 * What has arrived at one end of a connection: tells whether somebody who gave its peer up could have
 * noticed.
 *
 * @module
 */

/** What an end of a connection has got, and not read. Numbers of the system, not of the program. */
export interface Arrivals {
  /** Bytes that lie in the end's system and were not read by its program. */
  readonly unreadBytes: number;
  /** Bytes that ever arrived. */
  readonly arrivedBytes: number;
  /** When the last ones did, ms of virtual time; when the connection was made, if none has. */
  readonly lastArrivalMs: number;
}

/** An end of a connection that is gone. */
export interface ConnectionEnd extends Arrivals {
  /** Whose end it was. */
  readonly side: "client" | "server";
  /** When, ms of virtual time. */
  readonly atMs: number;
  /**
   * `"itself"`: its owner closed it; `"network"`: it was cut; `"peer"`: the other end closed; `"killed"`: its
   * host was.
   */
  readonly by: "itself" | "network" | "peer" | "killed";
}

/** Counts for one end. */
export class ArrivalCount implements Arrivals {
  /** See {@linkcode Arrivals}. */
  unreadBytes = 0;
  /** See {@linkcode Arrivals}. */
  arrivedBytes = 0;
  /** See {@linkcode Arrivals}. */
  lastArrivalMs: number;

  /** @param nowMs When the connection is made, ms of virtual time. */
  constructor(nowMs: number) {
    this.lastArrivalMs = nowMs;
  }

  /** Bytes came to the end's system. */
  arrived(bytes: number, nowMs: number): void {
    if (bytes === 0) return;
    this.unreadBytes += bytes;
    this.arrivedBytes += bytes;
    this.lastArrivalMs = nowMs;
  }

  /** Its program read some, or will never. */
  read(bytes: number): void {
    this.unreadBytes -= bytes;
  }
}

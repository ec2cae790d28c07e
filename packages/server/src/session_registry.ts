/**
 * The sessions of a server: their ids, which of them have a connection, and which wait for their client, in the order of their losses
 * (behaviour spec §6.2, §11).
 *
 * @module
 */
import { type Host, NnrpValueError } from "@nnrp/core";
import type { LiveSession } from "./live_session.ts";

/** See the module. */
export class SessionRegistry {
  /** Sessions that ever began. */
  started = 0;

  readonly #host: Host;
  readonly #maxSuspended: number;
  readonly #byId = new Map<number, LiveSession>();
  readonly #connected = new Set<LiveSession>(); // those that end on an old connection included
  readonly #suspended = new Set<LiveSession>();
  #closing = false;

  /**
   * @param host Draws ids.
   * @param maxSuspended Sessions that may wait for their clients; 0 = a lost connection ends its session.
   */
  constructor(host: Host, maxSuspended: number) {
    this.#host = host;
    this.#maxSuspended = maxSuspended;
  }

  /** Sessions, suspended ones included. */
  get size(): number {
    return this.#byId.size;
  }

  /** Connections that carry sessions. */
  get connections(): number {
    return this.#connected.size;
  }

  /** Sessions that wait for their clients. */
  get suspended(): number {
    return this.#suspended.size;
  }

  /** Sessions, suspended ones included. */
  all(): LiveSession[] {
    return [...this.#byId.values()];
  }

  /** Sessions with a connection, those that end on an old one included. */
  connected(): LiveSession[] {
    return [...this.#connected];
  }

  /** A sum over all sessions, those that end on an old connection included. */
  sum(of: (live: LiveSession) => number): number {
    let sum = 0;
    for (const live of this.#connected) sum += of(live);
    for (const live of this.#suspended) sum += of(live);
    return sum;
  }

  /** The session with an id. */
  get(sessionId: number): LiveSession | undefined {
    return this.#byId.get(sessionId);
  }

  /**
   * The wished id, or a fresh one if it is 0 or in use.
   *
   * @throws NnrpValueError if it is no id.
   */
  freeId(wished: number): number {
    if (wished >>> 0 !== wished) {
      throw new NnrpValueError("is no session id", {
        field: "sessionId",
        expected: "0 to 4294967295",
        actual: String(wished),
      });
    }
    if (wished !== 0 && !this.#byId.has(wished)) return wished;
    for (;;) {
      // Random: who may take a session without token has to know its id, and counting up would tell it.
      const bytes = this.#host.randomBytes(4);
      const id = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      if (id !== 0 && !this.#byId.has(id)) return id;
    }
  }

  /** A session began, or goes on in the place of another with its id. */
  enter(live: LiveSession): void {
    this.#byId.set(live.core.engine.sessionId, live);
    this.#connected.add(live);
  }

  /** Somebody has the session now: from here on it is worth waiting for its client. */
  taken(live: LiveSession): void {
    live.core.resumable = !this.#closing && this.#maxSuspended > 0;
  }

  /** The session has a connection again, or another one. */
  reconnected(live: LiveSession): void {
    this.#suspended.delete(live);
    this.#connected.add(live);
  }

  /** A session lost its connection, and is kept for its client; the one that has waited longest makes room. */
  suspend(live: LiveSession): void {
    if (this.#suspended.size >= this.#maxSuspended) {
      for (const oldest of this.#suspended) {
        oldest.core.paths.forget("too many sessions wait for their clients");
        break;
      }
    }
    this.#suspended.add(live);
    this.#connected.delete(live);
  }

  /** Ends the one that has waited longest for its client of those that hold memory; false if there is none. */
  relieve(): boolean {
    for (const { core } of this.#suspended) {
      if (core.reading.memory.account.held === 0) continue;
      core.paths.forget("the server needs the memory of sessions that wait for their clients");
      return true;
    }
    return false;
  }

  /** A session is over. Whether it was the one of its id, and not one whose client has gone on elsewhere. */
  remove(live: LiveSession): boolean {
    this.#connected.delete(live);
    this.#suspended.delete(live);
    const { sessionId } = live.core.engine;
    return this.#byId.get(sessionId) === live && this.#byId.delete(sessionId);
  }

  /** The server closes: a session that loses its connection is over. */
  stop(): void {
    this.#closing = true;
    for (const { core } of this.#byId.values()) core.resumable = false;
  }

  /** Ends the sessions that wait for their clients. */
  forgetSuspended(reason: string): void {
    for (const { core } of [...this.#suspended]) core.paths.forget(reason);
  }
}

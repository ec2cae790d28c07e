/**
 * Handshakes in progress: they run concurrently, so that a slow one delays no other, up to a limit. A
 * connection beyond it is refused with LIMIT_EXCEEDED (behaviour spec §6).
 *
 * @module
 */
import {
  type Carrier,
  type ClientHelloContext,
  ErrorCode,
  type MigrateRequest,
  NnrpConnectionClosedError,
  type NnrpError,
  NnrpInternalError,
  type SessionEnd,
} from "@nnrp/core";
import { CLOSE_GRACE_MS, RETRY_AFTER_MS } from "./defaults.ts";
import { IncomingConnection, type IncomingOwner } from "./incoming_connection.ts";
import type { SessionEnvironment } from "./session_environment.ts";
import type { HandshakeLimits } from "./session_limits.ts";

/** How many connections there may be. */
export interface HandshakeCounts extends HandshakeLimits {
  /** Connections at once, those of sessions included. */
  readonly maxConnections: number;
  /** Handshakes that run concurrently. */
  readonly maxHandshakes: number;
  /** Connections beyond the limits that are refused by ERROR instead of just being closed. */
  readonly maxFarewells: number;
}

/** Who answers hellos and moves. */
export interface HandshakesOwner {
  /** Connections that carry sessions. */
  readonly sessionConnections: number;
  /** See IncomingOwner. */
  hello(connection: IncomingConnection, context: ClientHelloContext): void;
  /** See IncomingOwner. */
  migrate(connection: IncomingConnection, request: MigrateRequest): void;
}

/** See the module. */
export class Handshakes implements IncomingOwner {
  /** Counters. Read only, but for `authRefused`. */
  readonly counts = {
    connections: 0,
    refusedConnections: 0,
    cutConnections: 0,
    handshakesRefused: 0,
    authRefused: 0,
    probes: 0,
    probesRefused: 0,
  };

  readonly #environment: SessionEnvironment;
  readonly #owner: HandshakesOwner;
  readonly #limits: HandshakeCounts;
  readonly #underWay = new Set<IncomingConnection>();
  readonly #farewells = new Set<IncomingConnection>(); // refused; their ERROR is being delivered
  #closed = false;

  /**
   * @param environment What all connections of the server share.
   * @param owner Answers hellos and moves.
   * @param limits How many there may be, and their bounds.
   */
  constructor(environment: SessionEnvironment, owner: HandshakesOwner, limits: HandshakeCounts) {
    this.#environment = environment;
    this.#owner = owner;
    this.#limits = limits;
  }

  /** Connections in the handshake. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /** Refused connections that stay open for a moment so that their ERROR arrives. */
  get farewells(): number {
    return this.#farewells.size;
  }

  /** Whether a connection is still in the handshake. */
  has(connection: IncomingConnection): boolean {
    return this.#underWay.has(connection);
  }

  /** A connection came. */
  connected(carrier: Carrier): void {
    this.counts.connections++;
    const { maxConnections, maxHandshakes } = this.#limits;
    const open = this.#underWay.size + this.#owner.sessionConnections;
    if (open >= maxConnections || this.#underWay.size >= maxHandshakes || this.#closed) {
      this.#turnAway(carrier);
      return;
    }
    const connection = this.#make(carrier);
    this.#underWay.add(connection);
    connection.contain(() => connection.shakeHands());
  }

  /** A connection that failed before it was handed over: TLS, an HTTP upgrade or QUIC's handshake failed. */
  carrierRefused(carrier: string, remote: string, error: NnrpError): void {
    this.counts.handshakesRefused++;
    const failed = error instanceof NnrpInternalError;
    const type = failed ? "internal-failure" : "handshake-refused";
    const event = { type, message: error.message, remote, carrier, sessionId: 0, error } as const;
    if (failed) this.#environment.log.tellFailure(event);
    else this.#environment.log.tell(event);
  }

  /** The handshake is over: the connection carries a session. */
  done(connection: IncomingConnection): void {
    this.#underWay.delete(connection);
  }

  /** See HandshakesOwner. */
  hello(connection: IncomingConnection, context: ClientHelloContext): void {
    this.#owner.hello(connection, context);
  }

  /** See HandshakesOwner. */
  migrate(connection: IncomingConnection, request: MigrateRequest): void {
    this.#owner.migrate(connection, request);
  }

  /** See IncomingOwner. */
  ended(connection: IncomingConnection, end: SessionEnd): void {
    this.countProbes(connection);
    this.#farewells.delete(connection);
    if (!this.#underWay.delete(connection)) return;
    // A client that just went away was not refused.
    if (connection.reported || end.kind === "error") this.counts.handshakesRefused++;
    const isTold = connection.reported || end.error instanceof NnrpInternalError;
    if (!isTold && end.kind === "error") connection.report("handshake-refused", end.reason, end.error);
    connection.stopAsking(new NnrpConnectionClosedError("server", "the connection is closed"));
  }

  /** The connection is closed, or carries a session that counts for itself. */
  countProbes({ engine }: IncomingConnection): void {
    this.counts.probes += engine.probes.probes;
    this.counts.probesRefused += engine.probes.probesRefused;
  }

  /** No new ones begin from now on. */
  stop(): void {
    this.#closed = true;
  }

  /** Refuses all; resolves when all connections are gone. */
  async close(drainMs: number, reason: string): Promise<void> {
    this.stop();
    for (const connection of this.#underWay) connection.refuse(ErrorCode.SERVER_BUSY, reason, RETRY_AFTER_MS);
    for (const connection of this.#farewells) connection.cut(reason);
    const all = [...this.#underWay, ...this.#farewells];
    const cancelCut = this.#environment.host.after(Math.min(drainMs, CLOSE_GRACE_MS), () => {
      for (const connection of all) connection.contain(() => connection.cut(reason));
    });
    await Promise.all(all.map((connection) => connection.closed));
    cancelCut();
  }

  #make(carrier: Carrier): IncomingConnection {
    return new IncomingConnection(this.#environment, this, carrier, this.#limits);
  }

  /**
   * A connection beyond the limit. It gets an ERROR, for which its socket stays open for a moment; when many
   * come at once, as in a flood, the rest are closed silently, so that they hold no resources.
   */
  #turnAway(carrier: Carrier): void {
    this.counts.refusedConnections++;
    const why = "too many connections";
    if (this.#farewells.size >= this.#limits.maxFarewells) {
      this.counts.cutConnections++;
      const { remote, name } = carrier;
      this.#environment.log.tell({
        type: "connection-refused",
        message: why,
        remote,
        carrier: name,
        sessionId: 0,
      });
      void carrier.close({ code: ErrorCode.LIMIT_EXCEEDED, reason: why, graceful: false });
      return;
    }
    const connection = this.#make(carrier);
    this.#farewells.add(connection);
    connection.contain(() => {
      connection.start();
      connection.report("connection-refused", why);
      connection.refuse(ErrorCode.LIMIT_EXCEEDED, `${why}; try again later`, RETRY_AFTER_MS);
    });
  }
}

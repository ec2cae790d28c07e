/**
 * A connection asks to carry a session that began on another one (behaviour spec §11). Everything is judged anew whenever time has
 * passed: whatever was true before may not be so any more.
 *
 * @module
 */
import {
  type Host,
  MigrateAcceptCode,
  type MigrateRequest,
  MIGRATION_TOKEN_SIZE,
  type SessionEstate,
  type SessionPath,
  type TakenConnection,
} from "@nnrp/core";
import { type Admission, judgeMove, movedAdmission, moveRequest, type MoveVerdict } from "./admission.ts";
import type { Handshakes } from "./handshakes.ts";
import type { IncomingConnection } from "./incoming_connection.ts";
import type { LiveSession } from "./live_session.ts";
import type { MigrationOptions } from "./options.ts";
import type { SessionRegistry } from "./session_registry.ts";
import { askValidator } from "./verdict.ts";

/** What the moves of sessions need from their server. */
export interface MovesOwner {
  /** Draws tokens, and the context in which the application is called. */
  readonly host: Host;
  /** The rules. */
  readonly migration: MigrationOptions;
  /** Whether sessions move, now. */
  readonly moves: boolean;
  /** Handshakes in progress. */
  readonly handshakes: Handshakes;
  /** The sessions. */
  readonly registry: SessionRegistry;
  /** Makes the session of a client without token on its new connection. */
  makeFrom(
    live: LiveSession,
    taken: TakenConnection,
    path: SessionPath,
    admission: Admission,
    estate: SessionEstate,
  ): LiveSession;
  /** That session begins. */
  movedIn(live: LiveSession): void;
}

/** See the module. */
export class SessionMoves {
  /** Counters. Read only. */
  readonly counts = { migrated: 0, migrationsRefused: 0 };

  readonly #owner: MovesOwner;

  /** @param owner The server. */
  constructor(owner: MovesOwner) {
    this.#owner = owner;
  }

  /**
   * Answers a SESSION_MIGRATE, now or when the validator has spoken and no earlier move is under way.
   *
   * @param arrival The connection it came on.
   * @param request What came.
   * @param verdict What the validator said about it; null = it was not asked yet.
   */
  receive(arrival: IncomingConnection, request: MigrateRequest, verdict: MoveVerdict | null = null): void {
    const { migration, moves, registry } = this.#owner;
    if (!moves) {
      this.#refuse(arrival, request, MigrateAcceptCode.POLICY, "sessions do not move, or not now");
      return;
    }
    const live = registry.get(request.sessionId);
    const judgement = this.#owner.host.runDetached(() =>
      judgeMove(request, arrival.carrier, live, verdict, migration)
    );
    if (judgement.verdict === "refused") {
      const failure = verdict !== null && !verdict.judged.accepted ? verdict.judged.error : undefined;
      this.#refuse(arrival, request, judgement.code, judgement.why, judgement.error ?? failure);
      return;
    }
    if (live!.core.tokens !== null) live!.core.tokenShown();
    // The path of the move before has not been read to its end: this move comes after it.
    const again = () => this.#waits(arrival) && this.receive(arrival, request, verdict);
    if (live!.core.paths.afterMove(() => arrival.contain(again))) return;
    if (judgement.verdict === "ask") {
      this.#ask(arrival, request, live!).catch((cause) => arrival.crash(cause));
    } else this.#move(arrival, request, live!);
  }

  /** Whether a connection still waits for its SESSION_MIGRATE to be answered. */
  #waits(arrival: IncomingConnection): boolean {
    return this.#owner.handshakes.has(arrival) && arrival.awaitsHello;
  }

  /** Asks the validator whether the client may go on; bounded by the time of the new connection's handshake. */
  async #ask(arrival: IncomingConnection, request: MigrateRequest, live: LiveSession): Promise<void> {
    const { admission, core, session } = live;
    const asked = moveRequest(admission, arrival.carrier, session, core.tokens !== null);
    const { host } = this.#owner;
    const judged = await askValidator(host, admission.validator!, asked, arrival.askingSignal());
    if (this.#waits(arrival)) this.receive(arrival, request, { admission, judged });
  }

  #refuse(
    arrival: IncomingConnection,
    request: MigrateRequest,
    code: number,
    why: string,
    error?: unknown,
  ): void {
    this.counts.migrationsRefused++;
    arrival.report("migration-refused", `session ${request.sessionId} does not move here: ${why}`, error);
    arrival.refuseMove(request, code);
  }

  #move(arrival: IncomingConnection, request: MigrateRequest, live: LiveSession): void {
    const { handshakes, registry, host } = this.#owner;
    const { core } = live;
    const from = core.carrier.name;
    const admission = movedAdmission(live.admission, arrival.carrier);
    const taken = arrival.take();
    if (taken === null) return;
    this.counts.migrated++;
    handshakes.done(arrival);
    let moved = live;
    if (core.tokens !== null) {
      handshakes.countProbes(arrival);
      live.admission = admission;
      registry.reconnected(live);
      core.contain(() => core.moveTo(taken.path, request, host.randomBytes(MIGRATION_TOKEN_SIZE)));
    } else {
      const estate = core.engine.leave("the session goes on over another connection");
      moved = this.#owner.makeFrom(live, taken.taken, taken.path, admission, estate);
      registry.enter(moved);
      moved.core.contain(() => moved.core.startMoved(request, core.paths.graceMs));
      core.contain(() => core.retire());
      this.#owner.movedIn(moved);
      moved.core.contain(() => moved.core.paths.release());
    }
    const { sessionId } = moved.core.engine;
    moved.core.report(
      "session-moved",
      `session ${sessionId} moved from ${from} to ${moved.core.carrier.name}`,
    );
  }
}

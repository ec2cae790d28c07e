/**
 * A move that the application asked for, from dialling to the server's answer (behaviour spec §11).
 *
 * @module
 */
import { NnrpStateError, SessionState } from "@nnrp/core";
import { MIGRATE_TIMEOUT_MS } from "./defaults.ts";
import type { MigrateOptions, MoveOutcome } from "./migration.ts";
import { dialForMove } from "./migration_target.ts";
import type { SessionCore } from "./session_core.ts";

/** A token says whose session it is. */
const NO_PROOF = new Uint8Array(0);

/** Moves one session, one move at a time. */
export class SessionMover {
  readonly #core: SessionCore;
  #isDialling = false;

  /** @param core The session. */
  constructor(core: SessionCore) {
    this.#core = core;
  }

  /** See ClientSession.migrate. */
  async move(options: MigrateOptions): Promise<MoveOutcome> {
    this.#demandMovable();
    if (this.#isDialling || this.#core.paths.moving) {
      throw new NnrpStateError("cannot migrate: the session is moving already");
    }
    this.#isDialling = true;
    try {
      return await this.#move(options);
    } finally {
      this.#isDialling = false;
    }
  }

  #demandMovable(): void {
    const { engine, paths, state } = this.#core;
    if (engine.state !== SessionState.ACTIVE || paths.searching) {
      throw new NnrpStateError(`cannot migrate: the session is ${state}`);
    }
  }

  async #move(options: MigrateOptions): Promise<MoveOutcome> {
    const core = this.#core;
    const { host, paths, carrier: previous } = core;
    const endsMs = host.now() + (options.timeoutMs ?? MIGRATE_TIMEOUT_MS);
    const present = {
      runtime: host,
      origin: core.origin,
      transport: previous.transport,
      carrierName: previous.name,
    };
    const proof = paths.hasToken
      ? NO_PROOF
      : await core.askProof({ signal: options.signal, timeoutMs: endsMs - host.now() });
    const carrier = await dialForMove(present, paths.hasToken, options);
    try {
      this.#demandMovable(); // much may have happened while it was dialled
    } catch (error) {
      void carrier.close({ graceful: false });
      throw error;
    }
    const limits = () => ({ signal: options.signal, timeoutMs: Math.max(1, endsMs - host.now()) });
    const lastResult = options.lastResultFrameId ?? core.engine.lastResultFrameId;
    const { ack } = await paths.join(carrier, lastResult, proof, limits());
    const accepted = ack.acceptCode === 0;
    const what = accepted
      ? `moved from ${previous.name} to ${carrier.name}`
      : `the server refused to move to ${carrier.name}`;
    core.report(accepted ? "migrated" : "migration-refused", what);
    return {
      status: accepted ? "success" : "failed",
      accepted,
      previousTransportId: previous.transport,
      currentTransportId: core.carrier.transport,
      previousCarrier: previous.name,
      currentCarrier: core.carrier.name,
      ackMetadata: ack,
      resumeFromFrameId: Number(ack.resumeFromFrameId),
    };
  }
}

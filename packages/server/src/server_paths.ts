/**
 * The connections of a session over its life: the one in use, the one it leaves, and none while its client is away (behaviour spec
 * §11). The order of packets between two paths is SessionPath's; this file decides when one ends.
 *
 * @module
 */
import {
  type CancelTimer,
  type Carrier,
  type CloseInfo,
  ErrorCode,
  ErrorScope,
  type Host,
  type MigrateRequest,
  type NnrpError,
  NnrpInternalError,
  type PathHost,
  type ServerEngine,
  type SessionEnd,
  type SessionPath,
} from "@nnrp/core";
import { GraceWatch, graceWindow } from "@nnrp/runtime";
import type { TurnClock } from "./clock.ts";
import { MAX_GRACE_WINDOWS, PROOF_MS, UNMEASURED_MS } from "./defaults.ts";

/** How long paths and their absence last. */
export interface PathLimits {
  /** How long an old path is still read after a move at least, ms. */
  readonly graceWindowMs: number;
  /** How long a session whose connection was lost waits for its client, ms. */
  readonly resumeWindowMs: number;
}

/** What the paths of a session need from it. */
export interface PathsOwner {
  /** Whose timers to use; what they call is contained. */
  readonly host: Host;
  /** The server's time. */
  readonly clock: TurnClock;
  /** The engine that all paths serve. */
  readonly engine: ServerEngine;
  /** Whether nothing is read now, because too much waits. */
  readonly readingPaused: boolean;
  /** A batch of packets was handled. */
  turned(): void;
  /** The session is on another connection, which is read. */
  carrierChanged(): void;
  /** The client finished sending on the path in use. */
  clientEnded(): void;
  /** The path in use is gone, and so is what it led from. */
  pathLost(info: CloseInfo): void;
  /** The session is over without a path. */
  over(): void;
  /** Reports a failure to the log. Never throws. */
  reportFailure(type: "internal-failure", message: string, error: unknown): void;
}

/** A path that the session leaves: what the client still sends there is read. */
interface Leaving {
  readonly path: SessionPath;
  /** Trace id of the SESSION_MIGRATE. */
  readonly traceId: bigint;
  readonly grace: GraceWatch;
}

/** The client is away. */
interface Suspension {
  readonly end: SessionEnd;
  readonly cancelTimer: CancelTimer;
}

/** See the module. */
export class ServerPaths implements PathHost {
  /** Where packets go. */
  readonly engine: ServerEngine;

  readonly #owner: PathsOwner;
  readonly #limits: PathLimits;
  #path: SessionPath; // in use, or lost
  #pathMs: number; // since when
  #leaving: Leaving | null = null;
  #suspension: Suspension | null = null;
  #moved = false;
  /** Whether a SESSION_MIGRATE came with the right token, whatever became of it. */
  tokenWasShown = false;
  #cancelProof: CancelTimer | null = null;
  #afterMove: (() => void)[] = []; // what waits for the old path to be gone

  /**
   * @param owner The session.
   * @param path Its first connection, started.
   * @param limits How long paths last.
   */
  constructor(owner: PathsOwner, path: SessionPath, limits: PathLimits) {
    this.#owner = owner;
    this.#limits = limits;
    this.engine = owner.engine;
    this.#path = path;
    path.proven = false; // the hello does not prove that the client receives its answer
    this.#pathMs = owner.clock.nowMs;
    path.handOver(this);
  }

  /** The connection in use, or the one that was lost. */
  get carrier(): Carrier {
    return this.#path.carrier;
  }

  /** Whether packets of the connection in use are being handled: {@linkcode PathsOwner.turned} follows. */
  get inBatch(): boolean {
    return this.#path.inBatch;
  }

  /**
   * Whether the client sent anything since the session began, or showed its token elsewhere: it knows that
   * there is one.
   */
  get isTakenUp(): boolean {
    return this.#path.proven || this.#moved || this.tokenWasShown;
  }

  /**
   * Whether the client may never have learned of the last move: the path it led to is gone and brought no
   * packet.
   */
  get unheard(): boolean {
    return this.#moved && !this.#path.proven && (this.engine.suspended || this.#path.closedInfo !== null);
  }

  /** Stops reading on all paths. */
  pauseReading(): void {
    this.#path.carrier.pause();
    this.#leaving?.path.carrier.pause();
  }

  /** Resumes reading. */
  resumeReading(): void {
    if (!this.#path.holds) this.#path.carrier.resume();
    this.#leaving?.path.carrier.resume();
  }

  /** Gives the engine what the first path kept and everything to come. */
  release(): void {
    this.#path.release();
  }

  /**
   * Goes on over another connection, for clients with a token: what is in flight is answered there.
   *
   * @param path The connection.
   * @param request The SESSION_MIGRATE that came on it.
   * @param token The next token.
   */
  moveTo(path: SessionPath, request: MigrateRequest, token: Uint8Array): void {
    const { engine } = this;
    const resumed = engine.suspended;
    const old = this.#path;
    const graceMs = this.graceMs;
    this.leave(false);
    this.#suspension?.cancelTimer();
    this.#suspension = null;
    this.#path = path;
    this.#pathMs = this.#owner.clock.nowMs;
    this.#moved = true;
    path.proven = false;
    path.handOver(this);
    this.#owner.carrierChanged();
    const { nowMs } = this.#owner.clock;
    engine.moveTo(path.carrier, nowMs);
    engine.acceptMigration(request, graceMs, token, nowMs);
    if (resumed || old.closedInfo !== null || old.ended) {
      void old.carrier.close();
      path.release();
    } else {
      path.hold();
      this.#leaving = { path: old, traceId: request.traceId, grace: this.#watchGrace(old.carrier, graceMs) };
      old.carrier.resume();
      old.carrier.endSending();
    }
    this.#watchProof(path, graceMs);
  }

  /** How long the path in use is still read, and may bring nothing, once the session moves off it, ms. */
  get graceMs(): number {
    // Before the first pong: the client has learned of the path and asked for the next since, which took a
    // round trip or more.
    const sinceMs = this.#owner.clock.nowMs - this.#pathMs;
    const { roundTripMs = sinceMs < UNMEASURED_MS ? sinceMs : undefined } = this.#path.carrier;
    return graceWindow(this.#limits.graceWindowMs, roundTripMs);
  }

  /** An old path that still carries something, large frames say, or that is not read because too much waits already, gets more time. */
  #watchGrace(carrier: Carrier, windowMs: number): GraceWatch {
    let wasPaused = false; // when the last window ended
    return new GraceWatch(this.#owner.host, {
      windowMs,
      maxWindows: MAX_GRACE_WINDOWS,
      progress: () => carrier.receivedBytes + carrier.sentBytes,
      isUnread: () => {
        const paused = this.#owner.readingPaused;
        const unread = paused || wasPaused;
        wasPaused = paused;
        return unread;
      },
      over: () => this.#cutOldPath("it did not end in time"),
    });
  }

  /** The old path is gone before all of it was read: only the client knows what it had sent there. */
  #cutOldPath(why: string): void {
    const { traceId } = this.#leaving!;
    if (traceId !== 0n && !this.engine.suspended) {
      this.engine.sendError({
        errorCode: ErrorCode.INVALID_STATE,
        errorScope: ErrorScope.SESSION,
        traceId,
        diagnostic: `the old path was lost before it was read to its end: ${why}`,
      });
    }
    this.leave(false);
  }

  /** A client that sends nothing on its new path did not learn of it: its token opens the session again. */
  #watchProof(path: SessionPath, graceMs: number): void {
    this.#cancelProof?.();
    this.#cancelProof = this.#owner.host.after(PROOF_MS + graceMs, () => {
      if (path.holds) this.#watchProof(path, graceMs); // not read yet
      else if (path === this.#path && !path.proven) {
        void path.carrier.close({ graceful: false, reason: "nothing came after the move" });
      }
    });
  }

  /** Calls back once no old path is being left any more; false, and no call, if none is. */
  afterMove(call: () => void): boolean {
    if (this.#leaving !== null) this.#afterMove.push(call);
    return this.#leaving !== null;
  }

  /** The old path, if there is one, has ended (`clean`), or its time is over. */
  leave(clean: boolean): void {
    const leaving = this.#leaving;
    if (leaving === null) return;
    this.#leaving = null;
    leaving.grace.stop();
    void leaving.path.carrier.close({ graceful: clean });
    if (this.#path.holds) {
      this.engine.pathBegins(this.#owner.clock.nowMs); // pongs that were held are no measurement of it
      this.#path.release();
      if (this.#owner.readingPaused) this.#path.carrier.pause(); // releasing reads on
    }
    const calls = this.#afterMove;
    this.#afterMove = [];
    for (const call of calls) call();
  }

  /** The connection is lost, the session waits for its client. */
  suspend(end: SessionEnd): void {
    const { carrier } = this.#path;
    this.#cancelProof?.();
    const { resumeWindowMs } = this.#limits;
    const cancelTimer = this.#owner.host.after(
      resumeWindowMs,
      () => this.forget("its client did not come back"),
    );
    this.#suspension = { end, cancelTimer };
    this.leave(false); // a move that waited for it may bring the client back at once
    void carrier.close({ graceful: false });
  }

  /** Ends a session that waits for its client; harmless for others. */
  forget(why: string): void {
    const suspension = this.#suspension;
    if (suspension === null) return;
    this.#suspension = null;
    suspension.cancelTimer();
    const { end } = suspension;
    this.engine.giveUp({ ...end, reason: `${end.reason || end.kind}; ${why}` });
    this.#owner.over();
  }

  /** The session is over: nothing is waited for any more. */
  stop(): void {
    this.#cancelProof?.();
    this.leave(false);
  }

  /** See PathHost. */
  readClock(): number {
    return this.#owner.clock.read();
  }

  /** See PathHost. */
  turned(): void {
    this.#owner.turned();
  }

  /** See PathHost. */
  pathFault(path: SessionPath, error: NnrpError): void {
    if (path === this.#path) this.engine.fault(error);
    else if (error instanceof NnrpInternalError) {
      this.#owner.reportFailure("internal-failure", error.message, error);
    }
  }

  /** See PathHost. */
  pathEnded(path: SessionPath): void {
    if (path === this.#leaving?.path) this.leave(true);
    if (path === this.#path) this.#owner.clientEnded();
  }

  /** See PathHost. */
  pathClosed(path: SessionPath, info: CloseInfo): void {
    if (path === this.#leaving?.path) this.#cutOldPath(info.reason || "connection lost");
    if (path !== this.#path) return;
    // A client that never learned of its move is on the old path still, and may have sent CLOSE there.
    const lost = () => path === this.#path && this.#owner.pathLost(info);
    if (!this.afterMove(lost)) this.#owner.pathLost(info);
  }
}

/**
 * The connections of a session over its life: the one in use, the one it moves to, the one it leaves, and none after a loss
 * (behaviour spec §11). The order of packets between two paths is SessionPath's; this file decides when one ends. The stages are in
 * path_state.ts, the search for a new connection in path_search.ts.
 *
 * @module
 */
import {
  type Carrier,
  type ClientEngine,
  type CloseInfo,
  type ErrorEvent,
  type FrameWaiter,
  type Host,
  type MigrateAnswer,
  NnrpConnectionClosedError,
  type NnrpError,
  NnrpInternalError,
  NnrpProtocolError,
  NnrpStateError,
  NnrpTimeoutError,
  type PathHost,
  type SessionEnd,
  SessionPath,
  signOn,
  wordsOf,
} from "@nnrp/core";
import { GraceWatch, graceWindow, waitFor, type WaitOptions } from "@nnrp/runtime";
import { MAX_GRACE_WINDOWS, MIN_GRACE_MS } from "./defaults.ts";
import { OldPaths } from "./old_paths.ts";
import { isRefusal } from "./passing_failures.ts";
import { type ComeBack, type Searcher, searchForPath } from "./path_search.ts";
import { isAnswered, isDue, type PathState, type Search } from "./path_state.ts";
import { ReadingRest } from "./reading_rest.ts";

/** What the paths of a session need from it. */
export interface PathsOwner {
  /** Provides clock, timers and random numbers. */
  readonly host: Host;
  /** The engine that all paths serve. */
  readonly engine: ClientEngine;
  /** A batch of packets was handled. */
  turned(): void;
  /** The session is on this carrier from now on. */
  carrierChanged(carrier: Carrier): void;
  /** Sends CLIENT_HELLO on the session's carrier, a fresh one, and waits for the answer. */
  sayHello(options: WaitOptions): Promise<void>;
  /** Frames that were in flight lost their path. */
  lost(waiters: readonly FrameWaiter[], error: NnrpError): void;
  /** The last path is gone: the session is over. */
  over(end?: SessionEnd): void;
  /** Something failed: the session ends. Never throws. */
  crash(cause: unknown): void;
  /** Reports a log event. */
  report(type: string, message: string, error?: unknown): void;
}

/** See the module. */
export class SessionPaths implements PathHost, Searcher {
  /** Where packets go. */
  readonly engine: ClientEngine;
  /** Moves so far. */
  moves = 0;
  /** Times a lost connection was replaced. */
  reconnects = 0;

  readonly #owner: PathsOwner;
  readonly #old: OldPaths;
  #state: PathState;
  #comeBack: ComeBack | null; // null = a lost connection is not replaced, or not any more
  #token: Uint8Array | null = null;
  readonly #rest: ReadingRest;

  /**
   * @param owner The session.
   * @param carrier Its first connection.
   * @param comeBack How to get a connection again after a loss; null = not at all.
   */
  constructor(owner: PathsOwner, carrier: Carrier, comeBack: ComeBack | null) {
    this.#owner = owner;
    this.#old = new OldPaths(owner.host);
    this.engine = owner.engine;
    this.#rest = new ReadingRest(owner.host, owner.engine);
    this.#comeBack = comeBack;
    this.engine.resumable = comeBack !== null;
    this.#state = { kind: "opening", path: new SessionPath(carrier, this) };
  }

  /** Starts reading the first path. */
  start(): void {
    this.#state.path.start();
  }

  /** Whether a lost connection is being replaced. */
  get searching(): boolean {
    const { kind } = this.#state;
    return kind === "searching" || kind === "reopening";
  }

  /** Whether the session sends a new hello: what the engine reports meanwhile is about that try only. */
  get reopening(): boolean {
    return this.#state.kind === "reopening";
  }

  /** Whether a move is under way. */
  get moving(): boolean {
    const { kind } = this.#state;
    return kind === "joining" || kind === "leaving";
  }

  /** Whether the server gave a token: the session may move to any path then. */
  get hasToken(): boolean {
    return this.#token !== null;
  }

  /** The handshake is done: its token opens the next path. A server keeps a session after a loss once it was taken up. */
  opened(): void {
    this.#token = this.engine.accepted!.migrationToken;
    if (this.#comeBack !== null && this.#token !== null) this.engine.showPath(this.readClock());
    if (this.#state.kind === "opening") this.#state = { kind: "steady", path: this.#state.path };
  }

  /** See PathHost. */
  readClock(): number {
    return this.#owner.host.now();
  }

  /** See PathHost. */
  turned(): void {
    this.#owner.turned();
    this.#rest.look(this.#state.path);
    const state = this.#state;
    if (state.kind === "leaving" && state.leaving.answersHere && isAnswered(state.leaving, this.engine)) {
      this.#left(true);
    }
  }

  /**
   * Asks the server to go on over this connection.
   *
   * @param carrier Connected, not started. Closed if the answer is no.
   * @param lastResultFrameId Told to the server.
   * @param authBlock Proof for servers without tokens.
   * @returns The answer; if it is yes the session is on the new path already.
   */
  async join(
    carrier: Carrier,
    lastResultFrameId: number,
    authBlock: Uint8Array,
    options: WaitOptions,
  ): Promise<MigrateAnswer> {
    const exchange = this.engine.beginMove(carrier);
    let askedMs = 0;
    try {
      const answer = await waitFor<MigrateAnswer>(
        this.#owner.host,
        options,
        (ms) => new NnrpTimeoutError("the SESSION_MIGRATE_ACK", ms),
        (resolve, reject) => {
          const fail = (error: unknown) => {
            if (this.#endJoining(path)) reject(error); // an answer that comes from now on is too late
          };
          const path = new SessionPath(carrier, this, (cursor) => {
            if (this.#joining?.path !== path) return;
            try {
              const answer = exchange.receive(cursor);
              if (answer === undefined) return;
              this.#endJoining(path);
              if (answer.ack.acceptCode === 0) {
                this.#moveTo(path, answer, exchange.traceId, this.readClock() - askedMs);
              }
              resolve(answer);
            } catch (error) {
              fail(error);
            }
          });
          const oldTransportId = this.#state.path.carrier.transport;
          this.#beginJoining(path, fail);
          path.start();
          askedMs = this.readClock();
          exchange.ask(
            {
              oldTransportId,
              newTransportId: carrier.transport,
              lastResultFrameId: BigInt(lastResultFrameId),
            },
            this.#token ?? authBlock,
            askedMs,
          );
          return () => void this.#endJoining(path);
        },
      );
      if (answer.ack.acceptCode !== 0) void carrier.close();
      return answer;
    } catch (error) {
      void carrier.close({ graceful: false });
      throw error;
    } finally {
      if (this.#joining?.path.carrier === carrier) this.#endJoining(this.#joining.path);
      if (this.#state.path.carrier !== carrier) this.#catchUp();
    }
  }

  get #joining() {
    const state = this.#state;
    return state.kind === "joining" || state.kind === "searching" ? state.joining : null;
  }

  #beginJoining(path: SessionPath, reject: (error: unknown) => void): void {
    const state = this.#state;
    const joining = { path, reject };
    if (state.kind === "steady") this.#state = { kind: "joining", path: state.path, joining };
    else if (state.kind === "searching") this.#state = { ...state, joining };
    else throw new NnrpStateError(`cannot move: the session's path is ${state.kind}`);
  }

  /** A path asks no more; false if it did not. */
  #endJoining(path: SessionPath): boolean {
    const state = this.#state;
    if (this.#joining?.path !== path) return false;
    if (state.kind === "searching") this.#state = { ...state, joining: null };
    else this.#state = { kind: "steady", path: state.path };
    return true;
  }

  /** The present path ended while a move was tried, and the move came to nothing. */
  #catchUp(): void {
    const { kind, path } = this.#state;
    if ((kind !== "steady" && kind !== "leaving") || this.engine.suspended) return;
    if (path.closedInfo !== null) this.pathClosed(path, path.closedInfo);
    else if (path.ended) this.pathEnded(path);
  }

  #moveTo(path: SessionPath, { ack, nextToken }: MigrateAnswer, traceId: bigint, tookMs: number): void {
    const { engine } = this;
    const before = this.#state;
    const waiters = engine.waiters();
    this.#old.moved();
    this.moves++;
    engine.moveTo(path.carrier, this.readClock(), traceId);
    engine.pathBegins(this.readClock(), tookMs);
    this.#owner.carrierChanged(path.carrier);
    const answersHere = this.#token === null;
    if (!answersHere) {
      this.#token = nextToken.length === this.#token!.length ? nextToken : null;
      engine.showPath(this.readClock());
    }
    if (before.kind === "searching") {
      engine.cancelLost(before.search.lost);
      this.#found(path, "the session goes on over a new connection");
      path.release();
      return;
    }
    const old = before.path;
    const grace = new GraceWatch(this.#owner.host, {
      windowMs: graceWindow(Math.max(MIN_GRACE_MS, ack.graceWindowMs), old.carrier.roundTripMs),
      maxWindows: MAX_GRACE_WINDOWS,
      progress: () => old.carrier.receivedBytes,
      over: () => this.#left(false),
      sign: answersHere ? undefined : () => signOn(old.carrier, engine.sessionId),
    });
    this.#state = { kind: "leaving", path, leaving: { path: old, waiters, ended: 0, answersHere, grace } };
    if (answersHere) {
      // Beyond the last id there is no greater one: ids begin anew.
      if (ack.resumeFromFrameId <= 0xffffffffn) engine.resumeFrom(Number(ack.resumeFromFrameId));
      path.release();
    } else path.hold();
    // This side ends the old path only when the server has: then it, having seen both ends, can close without
    // losing anything. A path that is closed on this side has not sent all that was submitted there.
    const now = this.#state;
    if (now.kind !== "leaving") return; // the new path had ended already
    if (old.closedInfo !== null || old.ended) this.#left(old.closedInfo === null);
    else if (answersHere && isAnswered(now.leaving, engine)) this.#left(true);
  }

  /** The old path has ended, or its time is over. */
  #left(clean: boolean): void {
    const state = this.#state;
    if (state.kind !== "leaving") return;
    const { path, waiters, answersHere, grace } = state.leaving;
    this.#state = { kind: "steady", path: state.path };
    grace.stop();
    if (clean) this.#old.retire(path.carrier);
    else void path.carrier.close({ graceful: false });
    if (answersHere) this.engine.dropUnanswered(waiters);
    else {
      if (clean) {
        this.engine.oldPathEnded();
        this.#old.expect(waiters.filter((waiter) => isDue(waiter, this.engine)));
      } else this.#losePath(waiters, path.carrier.name, path.closedInfo?.reason || "it did not end in time");
      const { carrier } = state.path;
      this.engine.pathBegins(this.readClock(), carrier.roundTripMs); // pongs that were held do not measure it
      state.path.release();
    }
    this.#owner.turned();
  }

  #losePath(waiters: readonly FrameWaiter[], carrier: string, why: string): void {
    this.#owner.report("path-lost", `the old path was lost during a move: ${why}`);
    const text = `the frame was on its way when its path was lost (${why})`;
    const error = new NnrpConnectionClosedError(carrier, text);
    this.#owner.lost(this.engine.losePath(waiters, error), error);
  }

  /** The path that the last move left broke before the server had read all of it. This side cannot see that. */
  pathBroken({ error }: ErrorEvent): void {
    const waiters = this.#old.broke();
    if (waiters !== null) this.#losePath(waiters, "session", error.diagnostic);
  }

  /** See PathHost. */
  pathFault(path: SessionPath, error: NnrpError): void {
    if (path === this.#joining?.path) this.#joining.reject(error);
    else if (this.#carries(path)) this.engine.fault(error);
    else if (error instanceof NnrpInternalError) this.#owner.report("internal-failure", error.message, error);
  }

  /** See PathHost. */
  pathEnded(path: SessionPath): void {
    const state = this.#state;
    if (path === this.#joining?.path) this.#joining.reject(gone(path));
    else if (state.kind === "leaving" && path === state.leaving.path) this.#left(true);
    else if (this.#carries(path) && !this.#mayMoveOff()) this.engine.peerEnded();
  }

  /** See PathHost. */
  pathClosed(path: SessionPath, info: CloseInfo): void {
    const state = this.#state;
    if (path === this.#joining?.path) this.#joining.reject(gone(path));
    else if (state.kind === "leaving" && path === state.leaving.path) this.#left(false);
    else if (this.#carries(path) && !this.#mayMoveOff()) {
      this.engine.carrierClosed(info);
      if (this.engine.suspended || this.reopening) return;
      this.#letGo();
      this.#old.close();
      this.#state = { kind: "over", path };
      this.#rest.stop();
      this.#owner.over();
    }
  }

  /** Whether a path carries the session; events of a lost one are ignored. */
  #carries(path: SessionPath): boolean {
    const state = this.#state;
    return path === state.path && state.kind !== "searching" && state.kind !== "over";
  }

  /**
   * Whether a move is asked for that does not need the present path: its end is handled when the answer is
   * there.
   */
  #mayMoveOff(): boolean {
    return this.#state.kind === "joining" && this.#token !== null;
  }

  /** The session lost its path: looks for a new one. See ClientHost. */
  suspended(end: SessionEnd, frames: readonly FrameWaiter[]): void {
    const lost = frames.map(({ frameId, viewId }) => ({ frameId, viewId }));
    const search: Search = { abort: new AbortController(), lost };
    const why = end.comeBack === undefined
      ? `connection lost: ${end.reason || end.kind}`
      : `the server asks to come back${end.reason === "" ? "" : `: ${end.reason}`}`;
    if (end.comeBack !== undefined) this.#token = null; // the session is over there
    this.#joining?.reject(new NnrpConnectionClosedError("session", why));
    this.#letGo(false);
    const { path } = this.#state;
    void path.carrier.close({ graceful: false });
    this.#old.forget();
    this.#old.close();
    this.#state = { kind: "searching", path, search, joining: null };
    this.#owner.report("connection-lost", why, end.error);
    this.#owner.lost(frames, end.error ?? new NnrpConnectionClosedError("session", why));
    this.#seek(this.#comeBack!, end, search.abort.signal).catch((cause) => this.#owner.crash(cause));
  }

  async #seek(comeBack: ComeBack, end: SessionEnd, signal: AbortSignal): Promise<void> {
    const afterMs = end.comeBack?.retryAfterMs ?? 0;
    const outcome = await searchForPath(this.#owner.host, comeBack, this, signal, afterMs);
    if (outcome.found) this.#owner.turned();
    else if (!signal.aborted) {
      const failure = outcome.failure ?? end.error ?? end.reason;
      const reason = `connection lost, and not found again: ${wordsOf(failure)}`;
      const error = new NnrpConnectionClosedError("session", reason, { cause: failure });
      this.abandon({ ...end, reason, error });
    }
  }

  /** See Searcher. */
  tryFailed(attempt: number, error: unknown): void {
    this.#owner.report("reconnect-failed", `try ${attempt} to reconnect failed: ${wordsOf(error)}`, error);
  }

  /** The session has a path again: what happens to it from now on is no part of the search. */
  #found(path: SessionPath, what: string): void {
    this.#state = { kind: "steady", path };
    this.reconnects++;
    this.#owner.report("reconnected", what);
  }

  /** See Searcher. */
  async reopen(carrier: Carrier, limits: WaitOptions): Promise<void> {
    const before = this.#state;
    if (before.kind !== "searching") throw new NnrpStateError("the search is over");
    const { search } = before;
    const path = new SessionPath(carrier, this);
    const now: PathState = this.#state = { kind: "reopening", path, search };
    this.engine.resumable = false; // a try that fails is not the loss of the session
    try {
      this.engine.restart(carrier, this.readClock());
      this.#owner.carrierChanged(carrier);
      path.start();
      await this.#owner.sayHello(limits);
      if (path.closedInfo !== null || path.ended) throw gone(path);
      this.opened();
      this.#found(path, "a new session began: the server forgot the old one");
    } catch (error) {
      void carrier.close({ graceful: false });
      if (this.#state === now) {
        this.engine.park();
        this.#state = { kind: "searching", path, search, joining: null };
      }
      throw error;
    } finally {
      this.engine.resumable = this.#comeBack !== null;
    }
  }

  /** See Searcher. */
  async resume(carrier: Carrier, limits: WaitOptions): Promise<boolean> {
    try {
      if ((await this.join(carrier, 0, NOTHING, limits)).ack.acceptCode === 0) return true;
    } catch (error) {
      // A server that knows no moves answers with ERROR; whether it accepts this client is answered to a
      // hello.
      if (!(error instanceof NnrpProtocolError && isRefusal(error))) throw error;
    }
    this.#token = null;
    return false;
  }

  /** Ends a session whose path is lost. */
  abandon(end: SessionEnd): void {
    const state = this.#state;
    if (state.kind === "searching" || state.kind === "reopening") {
      state.search.abort.abort(new NnrpConnectionClosedError("session", end.reason));
    }
    this.#giveUpPaths();
    this.#state = { kind: "over", path: state.path };
    this.engine.giveUp(end);
    this.#owner.over(end);
  }

  /** The session is to end: no new path is looked for; a move that the server has agreed to still comes to its end. */
  ending(): void {
    this.#giveUpPaths();
    this.#joining?.reject(new NnrpConnectionClosedError("session", "the session is closing"));
  }

  /** The session has ended: closes the paths that are left. */
  ended(): void {
    this.ending();
    this.#letGo();
    this.#old.close();
  }

  /** No new path is looked for any more. */
  #giveUpPaths(): void {
    this.#comeBack = null;
    this.engine.resumable = false;
  }

  /** The path that the session leaves has ended. */
  #letGo(graceful = true): void {
    const state = this.#state;
    if (state.kind !== "leaving") return;
    const { grace, path } = state.leaving;
    this.#state = { kind: "steady", path: state.path };
    grace.stop();
    void path.carrier.close({ graceful });
  }
}

const NOTHING = new Uint8Array(0);

function gone(path: SessionPath): NnrpConnectionClosedError {
  const why = path.closedInfo?.reason || "the server finished sending";
  return new NnrpConnectionClosedError(
    path.carrier.name,
    `the new connection ended before the server answered: ${why}`,
  );
}

/**
 * The connections of a session over its life: the one in use, the one it moves to, the one it leaves, and the search for a new
 * one after a loss (behaviour spec §11). The order of packets between two paths is SessionPath's; this file decides when one ends.
 *
 * @module
 */
import {
  type CancelTimer,
  type Carrier,
  type ClientEngine,
  type CloseInfo,
  encodePacket,
  type ErrorEvent,
  type FrameWaiter,
  type Host,
  MessageType,
  NnrpConnectionClosedError,
  type NnrpError,
  NnrpProtocolError,
  NnrpTimeoutError,
  PacketCursor,
  type PathHost,
  type SessionEnd,
  SessionPath,
} from "@nnrp/core";
import { waitFor, type WaitOptions } from "@nnrp/runtime";
import { askToMigrate, type MigrateAnswer, readMigrateAnswer } from "./migration.ts";
import { RECONNECT_ATTEMPTS, reconnectDelay, type ReconnectOptions } from "./reconnect.ts";
import { sleep, withinTime } from "./time_limit.ts";

/** What a session lends to its paths. */
export interface PathsOwner {
  /** Whose clock, timers and random numbers to use. */
  readonly host: Host;
  /** The engine that all paths serve. */
  readonly engine: ClientEngine;
  /** A batch of packets was handled. */
  turned(): void;
  /** The session is on this carrier from now on. */
  carrierChanged(carrier: Carrier): void;
  /** Says hello on the session's carrier, a fresh one, and waits for the answer. */
  sayHello(options: WaitOptions): Promise<void>;
  /** The last path is gone: the session is over. */
  over(info: CloseInfo, end?: SessionEnd): void;
  /** Something worth a line in the log. */
  report(type: string, message: string, error?: unknown): void;
}

/** How to get a connection again. */
export interface ComeBack extends ReconnectOptions {
  /** Opens a connection as the first one was opened. */
  dial(signal: AbortSignal): Promise<Carrier>;
  /** Whether a token may travel on a connection that `dial` opened. */
  isPrivate(carrier: Carrier): boolean;
  /** Longest time of each step of a try (connecting, the server's answer), ms. */
  readonly timeoutMs: number;
}

/** A path that the session leaves: what it still owes is read from it. */
interface Leaving {
  readonly path: SessionPath;
  /** Frames that were in flight on it. */
  readonly waiters: readonly FrameWaiter[];
  /** Whether the server has no tokens: then their results come on the old path. */
  readonly answersHere: boolean;
  /** When the grace window began, ms. */
  readonly sinceMs: number;
  /** Ends the grace window. */
  cancelTimer: CancelTimer;
}

/** A path that asks to carry the session. */
interface Joining {
  readonly path: SessionPath;
  readonly reject: (error: unknown) => void;
}

/** See the module. */
export class SessionPaths implements PathHost {
  /** Where packets go. */
  readonly engine: ClientEngine;
  /** Moves so far. */
  moves = 0;
  /** Times a lost connection was replaced. */
  reconnects = 0;
  /** Whether the session says hello anew: what the engine tells meanwhile is about that try only. */
  reopening = false;

  readonly #owner: PathsOwner;
  readonly #comeBack: ComeBack | null;
  #path: SessionPath;
  #leaving: Leaving | null = null;
  #joining: Joining | null = null;
  /** The last move, and the frames that were on the old path and are due still; null = nothing may be missing any more. */
  #lastMove: { readonly traceId: bigint; waiters: readonly FrameWaiter[] | null } | null = null;
  readonly #retired = new Set<Carrier>(); // old paths that still have something to send
  #search: AbortController | null = null;
  #lostFrames: { frameId: number; viewId: number }[] = [];
  #token: Uint8Array | null = null;
  #ending = false;

  /**
   * Makes SessionPaths.
   *
   * @param owner The session.
   * @param carrier Its first connection.
   * @param comeBack How to get a connection again after a loss; null = not at all.
   */
  constructor(owner: PathsOwner, carrier: Carrier, comeBack: ComeBack | null) {
    this.#owner = owner;
    this.engine = owner.engine;
    this.#comeBack = comeBack;
    this.#path = new SessionPath(carrier, this);
  }

  /** Starts reading the first path. */
  start(): void {
    this.#path.start();
  }

  /** Whether a lost connection is being replaced. */
  get searching(): boolean {
    return this.#search !== null;
  }

  /** Whether a move is under way. */
  get moving(): boolean {
    return this.#joining !== null || this.#leaving !== null;
  }

  /** Whether the server gave a token: the session may move to any path then. */
  get hasToken(): boolean {
    return this.#token !== null;
  }

  /** The handshake is done: its token opens the next path. */
  opened(): void {
    this.#token = this.engine.accepted!.migrationToken;
  }

  /** See PathHost. */
  readClock(): number {
    return this.#owner.host.now();
  }

  /** See PathHost. */
  turned(): void {
    this.#owner.turned();
    const leaving = this.#leaving;
    if (leaving !== null && leaving.answersHere && this.#isAnswered(leaving)) this.#left(true);
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
    const { sessionId } = this.engine;
    const current = this.#path.carrier;
    try {
      const answer = await waitFor<MigrateAnswer>(
        this.#owner.host,
        options,
        (ms) => new NnrpTimeoutError("the SESSION_MIGRATE_ACK", ms),
        (resolve, reject) => {
          const path = new SessionPath(carrier, this, (cursor) => {
            if (this.#joining?.path !== path) return;
            try {
              const answer = readMigrateAnswer(cursor, carrier, sessionId);
              if (answer === undefined) return;
              this.#joining = null;
              if (answer.ack.acceptCode === 0) this.#moveTo(path, answer, traceId);
              resolve(answer);
            } catch (error) {
              this.#joining?.reject(error);
            }
          });
          const traceId = this.engine.moveTraceId();
          this.#joining = {
            path,
            reject: (error) => {
              if (this.#joining?.path === path) this.#joining = null; // an answer that comes from now on is too late
              reject(error);
            },
          };
          path.start();
          askToMigrate(
            carrier,
            sessionId,
            {
              oldTransportId: current.transport,
              newTransportId: carrier.transport,
              lastResultFrameId: BigInt(lastResultFrameId),
              clientMigrateTsUs: BigInt(Math.round(this.#owner.host.now() * 1000)),
            },
            this.#token ?? authBlock,
            traceId,
          );
          return () => {
            if (this.#joining?.path === path) this.#joining = null;
          };
        },
      );
      if (answer.ack.acceptCode !== 0) void carrier.close();
      return answer;
    } catch (error) {
      void carrier.close({ graceful: false });
      throw error;
    } finally {
      if (this.#joining?.path.carrier === carrier) this.#joining = null;
      this.#catchUp();
    }
  }

  /** The present path ended while a move was tried, and the move came to nothing. */
  #catchUp(): void {
    const path = this.#path;
    if (this.#joining !== null || this.engine.suspended || this.#search !== null) return;
    if (path.closedInfo !== null) this.pathClosed(path, path.closedInfo);
    else if (path.ended) this.pathEnded(path);
  }

  #moveTo(path: SessionPath, { ack, nextToken }: MigrateAnswer, traceId: bigint): void {
    const { engine } = this;
    const old = this.#path;
    const resumed = engine.suspended;
    const waiters = engine.waiters();
    if (this.#leaving !== null) this.#left(false);
    this.#path = path;
    this.#lastMove = { traceId, waiters: null };
    this.moves++;
    engine.moveTo(path.carrier, this.#owner.host.now());
    this.#owner.carrierChanged(path.carrier);
    const answersHere = this.#token === null;
    if (answersHere) {
      engine.resumeFrom(Number(ack.resumeFromFrameId & 0xffffffffn));
      path.release();
    } else {
      this.#token = nextToken.length === this.#token!.length ? nextToken : null;
      engine.showPath();
      if (resumed) {
        engine.cancelLost(this.#lostFrames);
        this.#lostFrames = [];
        this.#found("the session goes on over a new connection");
        path.release();
        return;
      }
      path.hold();
    }
    const graceMs = Math.max(MIN_GRACE_MS, ack.graceWindowMs);
    const { receivedBytes } = old.carrier;
    this.#leaving = {
      path: old,
      waiters,
      answersHere,
      sinceMs: this.#owner.host.now(),
      cancelTimer: this.#owner.host.after(graceMs, () => this.#graceOver(graceMs, receivedBytes)),
    };
    // This side ends the old path only when the server has: then it, having seen both ends, can let go without losing anything.
    // A path that is closed on this side has not sent all that was submitted there.
    if (old.closedInfo !== null || old.ended) this.#left(old.closedInfo === null);
    else if (answersHere && this.#isAnswered(this.#leaving)) this.#left(true);
  }

  #isAnswered({ waiters }: Leaving): boolean {
    return !waiters.some((w) => this.#isDue(w));
  }

  #isDue(waiter: FrameWaiter): boolean {
    return this.engine.waiterOf(waiter.frameId, waiter.viewId) === waiter;
  }

  /** The old path had its time; one that still brings something, a large result say, gets some more. */
  #graceOver(graceMs: number, receivedBytes: number): void {
    const leaving = this.#leaving!;
    const now = leaving.path.carrier.receivedBytes;
    const isOld = this.#owner.host.now() - leaving.sinceMs >= graceMs * MAX_GRACE_WINDOWS;
    if (isOld || now === receivedBytes) this.#left(false);
    else leaving.cancelTimer = this.#owner.host.after(graceMs, () => this.#graceOver(graceMs, now));
  }

  /** The old path has nothing to say any more, or its time is over. */
  #left(clean: boolean): void {
    const leaving = this.#leaving;
    if (leaving === null) return;
    this.#leaving = null;
    leaving.cancelTimer();
    const { path, waiters, answersHere } = leaving;
    if (clean) this.#retire(path.carrier);
    else void path.carrier.close({ graceful: false });
    if (answersHere) this.#drop(waiters);
    else {
      if (clean) this.#lastMove!.waiters = waiters.filter((w) => this.#isDue(w));
      else this.#losePath(waiters, path.carrier.name, path.closedInfo?.reason || "it did not end in time");
      this.#path.release();
    }
    this.#owner.turned();
  }

  /** Closes an old path that the server has ended, once all that was submitted there is sent, however long the server takes. */
  #retire(carrier: Carrier): void {
    carrier.endSending();
    this.#retired.add(carrier);
    void carrier.drained().then(() => {
      this.#retired.delete(carrier);
      return carrier.close();
    });
  }

  #losePath(waiters: readonly FrameWaiter[], carrier: string, why: string): void {
    this.#owner.report("path-lost", `the old path was lost during a move: ${why}`);
    const text = `the frame was on its way when its path was lost (${why})`;
    this.engine.losePath(waiters, new NnrpConnectionClosedError(carrier, text));
  }

  /**
   * An ERROR of the server, not fatal. With the trace id of the last move it says that the old path broke before the server had
   * read all of it. This side cannot see that, and nobody knows which of its frames arrived.
   *
   * @returns Whether it was about a move.
   */
  heardError({ error, traceId }: ErrorEvent): boolean {
    const last = this.#lastMove;
    if (last === null || last.traceId !== traceId) return false;
    const { waiters } = last;
    last.waiters = null;
    this.#closeRetired();
    if (waiters !== null) this.#losePath(waiters, "session", error.diagnostic);
    return true;
  }

  /** The session is over: the path that it leaves has nothing to say any more. */
  #letGo(): void {
    const leaving = this.#leaving;
    if (leaving === null) return;
    this.#leaving = null;
    leaving.cancelTimer();
    void leaving.path.carrier.close();
  }

  #closeRetired(): void {
    for (const carrier of this.#retired) void carrier.close();
  }

  /** Frames of the old path that its server never answered end as dropped (behaviour spec §11). */
  #drop(waiters: readonly FrameWaiter[]): void {
    for (const waiter of waiters) {
      const { frameId, viewId } = waiter;
      if (!this.#isDue(waiter)) continue;
      const header = { msgType: MessageType.RESULT_DROP, sessionId: this.engine.sessionId, frameId, viewId };
      const packet = encodePacket({
        header: { ...BLANK_HEADER, ...header },
        metadata: NOTHING,
        body: NOTHING,
      });
      this.engine.receive(new PacketCursor(packet), "result");
    }
  }

  /** See PathHost. */
  pathFault(path: SessionPath, error: NnrpError): void {
    if (path === this.#joining?.path) this.#joining.reject(error);
    else if (path === this.#path) this.engine.fault(error);
  }

  /** See PathHost. */
  pathEnded(path: SessionPath): void {
    if (path === this.#joining?.path) this.#joining.reject(gone(path));
    else if (path === this.#leaving?.path) this.#left(true);
    else if (path === this.#path && !(this.#joining !== null && this.#token !== null)) {
      if (this.#search !== null && !this.reopening) return;
      this.engine.peerEnded();
    }
  }

  /** See PathHost. */
  pathClosed(path: SessionPath, info: CloseInfo): void {
    if (path === this.#joining?.path) this.#joining.reject(gone(path));
    else if (path === this.#leaving?.path) this.#left(false);
    else if (path === this.#path && !(this.#joining !== null && this.#token !== null && !this.#ending)) {
      if (this.#search !== null && !this.reopening) return; // the search knows
      this.engine.carrierClosed(info);
      if (this.engine.suspended || this.reopening) return;
      this.#letGo();
      this.#closeRetired();
      this.#owner.over(info);
    }
  }

  /** The engine lost its path: whether the session waits for a new one. See EngineHost. */
  suspend(end: SessionEnd): boolean {
    if (this.#comeBack === null || this.#ending || this.reopening) return false;
    this.#lostFrames = this.engine.waiters().map(({ frameId, viewId }) => ({ frameId, viewId }));
    this.#joining?.reject(
      new NnrpConnectionClosedError("session", `connection lost: ${end.reason || end.kind}`),
    );
    void this.#path.carrier.close({ graceful: false });
    this.#lastMove = null;
    this.#closeRetired();
    const search = this.#search = new AbortController();
    const leaving = this.#leaving;
    this.#leaving = null;
    if (leaving !== null) {
      leaving.cancelTimer();
      void leaving.path.carrier.close({ graceful: false });
    }
    this.#owner.report("connection-lost", `connection lost: ${end.reason || end.kind}`, end.error);
    void this.#seek(this.#comeBack, end, search);
    return true;
  }

  async #seek(comeBack: ComeBack, end: SessionEnd, search: AbortController): Promise<void> {
    const { signal } = search;
    const { host } = this.#owner;
    const { maxAttempts = RECONNECT_ATTEMPTS } = comeBack;
    let failure: unknown = end.error ?? end.reason;
    for (let attempt = 0; attempt < maxAttempts && !signal.aborted; attempt++) {
      try {
        await sleep(host, reconnectDelay(attempt, comeBack, host.random()), signal);
        await this.#tryAgain(comeBack, signal);
        this.#owner.turned();
        return;
      } catch (error) {
        if (signal.aborted) return;
        failure = error;
        this.#owner.report(
          "reconnect-failed",
          `try ${attempt + 1} to reconnect failed: ${message(error)}`,
          error,
        );
        if (error instanceof NnrpProtocolError && error.retryAfterMs === 0 && isRefusal(error)) break;
      }
    }
    if (signal.aborted) return;
    this.#search = null;
    const reason = `connection lost, and not found again: ${message(failure)}`;
    this.abandon({
      ...end,
      reason,
      error: new NnrpConnectionClosedError("session", reason, { cause: failure }),
    });
  }

  /** The session has a path again: what happens to it from now on is no part of the search. */
  #found(what: string): void {
    this.#search = null;
    this.reconnects++;
    this.#owner.report("reconnected", what);
  }

  /** One try: the old session, else a new one. */
  async #tryAgain(comeBack: ComeBack, signal: AbortSignal): Promise<void> {
    const limits = { signal, timeoutMs: comeBack.timeoutMs };
    let carrier = await this.#dial(comeBack, signal);
    if (this.#token !== null && comeBack.isPrivate(carrier)) {
      if (await this.#resume(carrier, limits)) return;
      this.#token = null;
      carrier = await this.#dial(comeBack, signal);
    }
    this.reopening = true;
    try {
      const path = this.#path = new SessionPath(carrier, this);
      this.engine.restart(carrier, this.#owner.host.now());
      this.#owner.carrierChanged(carrier);
      path.start();
      await this.#owner.sayHello(limits);
      if (path.closedInfo !== null || path.ended) throw gone(path);
      this.#lostFrames = [];
      this.opened();
      this.#found("a new session began: the server forgot the old one");
    } catch (error) {
      void carrier.close({ graceful: false });
      if (!signal.aborted) this.engine.park();
      throw error;
    } finally {
      this.reopening = false;
    }
  }

  /** Asks for the old session; false if the server does not have it any more. */
  async #resume(carrier: Carrier, limits: WaitOptions): Promise<boolean> {
    try {
      return (await this.join(carrier, 0, NOTHING, limits)).ack.acceptCode === 0;
    } catch (error) {
      // A server that knows no moves says so by ERROR; whether it takes this client is said to a hello.
      if (error instanceof NnrpProtocolError && isRefusal(error)) return false;
      throw error;
    }
  }

  async #dial(comeBack: ComeBack, signal: AbortSignal): Promise<Carrier> {
    const carrier = await withinTime(
      this.#owner.host,
      { timeoutMs: comeBack.timeoutMs, signal },
      (ms) => new NnrpTimeoutError("the connection", ms),
      (at) => comeBack.dial(at),
    );
    if (!signal.aborted) return carrier;
    void carrier.close({ graceful: false }); // the session was closed meanwhile
    throw signal.reason;
  }

  /** Ends a session whose path is lost. */
  abandon(end: SessionEnd): void {
    this.#search?.abort(new NnrpConnectionClosedError("session", end.reason));
    this.#search = null;
    this.#ending = true;
    this.reopening = false; // what the engine tells now is about the session
    this.engine.giveUp(end);
    this.#owner.over({ code: 0, reason: end.reason, local: end.local, error: end.error }, end);
  }

  /** The session is to end: no new path is looked for; a move that the server has agreed to still comes to its end. */
  ending(): void {
    this.#ending = true;
    this.#joining?.reject(new NnrpConnectionClosedError("session", "the session is closing"));
  }

  /** The session has ended: what it leaves goes. */
  ended(): void {
    this.ending();
    this.#letGo();
    this.#closeRetired();
  }
}

/** A move gets at least this long, whatever the server says, ms. */
const MIN_GRACE_MS = 50;
/** An old path that brings something in each grace window gets this many of them. */
const MAX_GRACE_WINDOWS = 10;
const NOTHING = new Uint8Array(0);
const BLANK_HEADER = {
  versionMajor: 1,
  wireFormat: 0,
  headerLen: 40,
  flags: 0,
  metaLen: 0,
  bodyLen: 0,
  routeId: 0,
  traceId: 0n,
};

function gone(path: SessionPath): NnrpConnectionClosedError {
  const why = path.closedInfo?.reason || "the server finished sending";
  return new NnrpConnectionClosedError(
    path.carrier.name,
    `the new connection ended before the server answered: ${why}`,
  );
}

/** Whether a server that says this will say it again. */
function isRefusal(error: NnrpProtocolError): boolean {
  return error.fatal && error.codeName !== "SERVER_BUSY" && error.codeName !== "LIMIT_EXCEEDED";
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

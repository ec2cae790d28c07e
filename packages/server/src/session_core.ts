/**
 * How the parts of a session meet: what the engine tells goes to the part it concerns, answers go to the engine, and here it is
 * decided when the session drains and is over. ServerSession is what applications see of it.
 *
 * @module
 */
import {
  type AgreedHandshake,
  callBack,
  type Carrier,
  type ClientHelloContext,
  type CloseInfo,
  type EffectiveSettings,
  ErrorCode,
  type ErrorEvent,
  type ErrorFields,
  ErrorScope,
  type FlowUpdateEvent,
  type Host,
  type IncomingSubmit,
  internalErrorOf,
  LAST_WORDS_MS,
  type MigrateRequest,
  MigrationTokens,
  NnrpConnectionClosedError,
  type NnrpInternalError,
  type NnrpValueError,
  type ReceivedSubmit,
  ServerEngine,
  type ServerHost,
  type SessionEnd,
  type SessionEstate,
  type SessionPath,
  SessionState,
  type TakenConnection,
} from "@nnrp/core";
import { confirmStall, containTimers, SessionTimer, StallWatch, type Timed } from "@nnrp/runtime";
import type { TurnClock } from "./clock.ts";
import { closeInOrder, type ShutDownSession } from "./closing.ts";
import { MAX_TICK_MS, RETRY_AFTER_MS } from "./defaults.ts";
import type { FrameTaker } from "./frame_taker.ts";
import { IdleWaits } from "./idle_waits.ts";
import type { ServerLogEvent } from "./log_event.ts";
import { type PathsOwner, ServerPaths } from "./server_paths.ts";
import { type AnsweringSession, SessionAnswers } from "./session_answers.ts";
import type { SessionBeginning } from "./session_beginning.ts";
import type { SessionEnvironment, SessionOwner } from "./session_environment.ts";
import { type ReadSession, SessionReading } from "./session_reading.ts";
import { type SessionListeners, SessionReports } from "./session_reports.ts";
import { SESSION_STATES } from "./session_states.ts";
import type { ServerSessionState, SessionCloseOptions } from "./session_types.ts";

/** The parts of one session. */
export class SessionCore
  implements ServerHost, AnsweringSession, PathsOwner, ReadSession, ShutDownSession, Timed {
  /** Time, timers, random numbers; what its timers call is contained. */
  readonly host: Host;
  /** The server's time. */
  readonly clock: TurnClock;
  /** The rules. */
  readonly engine: ServerEngine;
  /** Connections. */
  readonly paths: ServerPaths;
  /** What it answers. */
  readonly answers: SessionAnswers;
  /** The client's hello. */
  readonly hello: ClientHelloContext;
  /** Model named in the handshake. */
  readonly modelName: string;
  /** Tokens for moves; null for clients that got none. */
  readonly tokens: MigrationTokens | null;
  /** Whether it is read, and what it holds. */
  readonly reading: SessionReading;
  /** Who the client is, as the validator said last. */
  principal: unknown;
  /** Callbacks that the application set. */
  listeners: SessionListeners = { flowUpdate: null, patch: null, error: null };
  /** Resolves when the session is over, never rejects. */
  readonly closed: Promise<SessionEnd>;

  readonly #environment: SessionEnvironment;
  readonly #owner: SessionOwner;
  readonly #reports: SessionReports;
  readonly #timer: SessionTimer;
  readonly #stall: StallWatch;
  #taker: FrameTaker | null = null; // since the session was begun
  #resolveClosed: (end: SessionEnd) => void = () => {};
  #end: SessionEnd | null = null;
  #isOver = false;
  #closing = false;
  #mayBeKept = false; // after a loss, once its client has taken it up
  #clientEnded = false;
  readonly #idleWaits = new IdleWaits();

  /**
   * Makes a SessionCore; {@linkcode SessionCore.begin} begins its work.
   *
   * @param environment What all sessions of the server share.
   * @param owner The server.
   * @param connection The hello was agreed, or the connection was taken for a session that began elsewhere.
   * @param beginning Path, hello, and what the handshake brought.
   * @param estate With a taken connection: what the session takes along.
   */
  constructor(
    environment: SessionEnvironment,
    owner: SessionOwner,
    connection: AgreedHandshake | TakenConnection,
    beginning: SessionBeginning,
    estate?: SessionEstate,
  ) {
    const { limits, clock, memory } = environment;
    const { token, judgePatch } = beginning;
    this.#environment = environment;
    this.#owner = owner;
    this.host = containTimers(environment.host, (call) => this.contain(call));
    this.clock = clock;
    this.hello = beginning.hello;
    this.modelName = beginning.modelName;
    this.principal = beginning.principal;
    this.tokens = token === undefined ? null : new MigrationTokens(token);
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    this.#reports = new SessionReports(this, environment.log);
    const patchPolicy = judgePatch ?? undefined;
    this.engine = new ServerEngine(connection, this, { ...limits.engine, patchPolicy }, estate);
    this.answers = new SessionAnswers(this, limits);
    this.paths = new ServerPaths(this, beginning.path, limits);
    this.reading = new SessionReading(this, limits, memory);
    this.#stall = new StallWatch(limits.sendStallMs);
    this.#timer = new SessionTimer(this.host, this, Math.min(MAX_TICK_MS, this.#stall.intervalMs), clock);
  }

  /** The work begins; frames go to `taker`. */
  begin(taker: FrameTaker): void {
    this.#taker = taker;
    this.#timer.set();
  }

  /** Takes what came behind the hello, and reads on. */
  start(): void {
    this.engine.start(this.clock.nowMs);
    this.reading.gate.look();
    if (!this.reading.gate.isClosed) this.paths.resumeReading();
  }

  /** Answers the SESSION_MIGRATE that brought the session here from another engine, which still answers for `graceMs`. */
  startMoved(request: MigrateRequest, graceMs: number): void {
    this.engine.acceptMigration(request, graceMs, NO_TOKEN, this.clock.nowMs);
  }

  /** Goes on over another connection; see {@linkcode ServerPaths.moveTo}. */
  moveTo(path: SessionPath, request: MigrateRequest, token: Uint8Array): void {
    this.answers.moving();
    this.paths.moveTo(path, request, token);
    this.tokens!.rotate(token, request.proof);
    this.answers.sendHeld();
    this.reading.gate.look();
    this.#timer.set();
  }

  /** The session goes on elsewhere, in another engine: what is in flight here is answered on the old path, within the grace window. */
  retire(): void {
    const cancelTimer = this.host.after(this.paths.graceMs, () => void this.carrier.close());
    void this.closed.then(cancelTimer);
    this.idle().then(() => this.sent()).then(() => this.carrier.close()).catch((cause) => this.crash(cause));
  }

  /** The connection in use, or the one that was lost. */
  get carrier(): Carrier {
    return this.paths.carrier;
  }

  /** Where the session is in its life. */
  get state(): ServerSessionState {
    return this.engine.suspended ? "suspended" : SESSION_STATES[this.engine.state];
  }

  /** Whether a client with a token may come back after a loss: the server can keep the session, and somebody has it. */
  set resumable(resumable: boolean) {
    this.#mayBeKept = resumable && !this.#closing && this.tokens !== null;
    this.#keepIfTakenUp();
  }

  /**
   * A client that gave up while the answer to its hello was on its way will not come back: a session on which
   * it never sent anything is not kept. One that knows of it and lost its connection before it sent anything
   * has no state here, and begins anew.
   */
  #keepIfTakenUp(): void {
    this.engine.resumable = this.#mayBeKept && this.paths.isTakenUp;
  }

  /** The client showed its token on another connection. */
  tokenShown(): void {
    this.paths.tokenWasShown = true;
    this.#keepIfTakenUp();
  }

  /** From now on a loss of the connection ends the session. */
  #keepNoMore(): void {
    this.#closing = true;
    this.resumable = false;
  }

  /** Frames that wait for a handler or a receiver. */
  get queued(): number {
    return this.#taker!.size;
  }

  /** Whether something can be sent to the client. */
  get canSend(): boolean {
    return !this.#isOver && !this.engine.suspended && this.engine.state !== SessionState.CLOSED;
  }

  // Closing

  /** Ends the session in order. */
  async close(options: SessionCloseOptions): Promise<void> {
    this.#keepNoMore();
    this.paths.forget(options.reason || "closed by the server");
    if (!this.#isOver) await closeInOrder(this, options);
    await this.closed;
  }

  /** Closes the connection at once, without CLOSE. */
  abort(reason: string): void {
    this.#keepNoMore();
    this.paths.forget(reason);
    this.paths.leave(false);
    void this.carrier.close({ graceful: false, reason });
  }

  /** Ends the session by ERROR. */
  refuse(errorCode: number, diagnostic: string): void {
    this.engine.sendError({ errorCode, errorScope: ErrorScope.CONNECTION, fatal: true, diagnostic });
  }

  /** See ClosingSession. */
  get stallMs(): number {
    return this.#environment.limits.sendStallMs;
  }

  /** Resolves when no frame is in flight or the session is over. */
  idle(): Promise<void> {
    return this.engine.framesInFlight === 0 || this.#isOver ? Promise.resolve() : this.#idleWaits.wait();
  }

  /** Resolves when the runtime accepted everything that was sent so far, or never will. */
  sent(): Promise<void> {
    return this.carrier.drained();
  }

  /**
   * This side sent CLOSE, and the client has ended its sending: nothing is left to wait for once its frames
   * are answered.
   */
  #closeIfDone(): void {
    if (!this.#closing || !this.#clientEnded || this.engine.framesInFlight > 0) return;
    void this.carrier.close({ stallMs: this.stallMs });
  }

  // Notifying the application

  /** Writes a line to the server's log. Never throws. */
  report(type: ServerLogEvent["type"], message: string, error?: unknown): void {
    this.#reports.report(type, message, error);
  }

  /** The same for a failure of a callback or of the library: rate limited as the log asks. */
  reportFailure(type: ServerLogEvent["type"], message: string, error: unknown): void {
    this.#reports.reportFailure(type, message, error);
  }

  /** For calls whose only caller would be the runtime, which would end the process for what they throw. */
  contain(call: () => void): void {
    try {
      call();
    } catch (cause) {
      this.crash(cause);
    }
  }

  /** Something failed here: a line in the log, INTERNAL_ERROR to the client, and this session ends; nothing else does. Never throws. */
  crash(cause: unknown): void {
    const error = internalErrorOf(cause, "the session cannot go on");
    const { suspended } = this.engine;
    this.engine.crash(error);
    this.#end ??= { kind: "error", local: true, reason: error.message, error };
    callBack(() => this.paths.leave(false), () => {});
    // A carrier whose last call failed does not report its end.
    const over = () => callBack(() => this.over(), () => {});
    if (suspended) over();
    else callBack(() => this.carrier.close({ endDelayMs: LAST_WORDS_MS }).then(over), over);
  }

  // Events of the engine

  /** A frame ended. */
  settled(): void {
    const { engine } = this;
    const { framesInFlight } = engine;
    const { gate } = this.reading;
    // Handlers that answer at once leave nothing in flight after each packet: the end of the batch checks for
    // all of them.
    const isIdle = framesInFlight === 0 && !this.paths.inBatch;
    if (isIdle || gate.isWatching || gate.isUnserved) gate.look();
    this.answers.frameEnded();
    if (framesInFlight > 0) return;
    this.#idleWaits.end();
    engine.turn();
    this.#closeIfDone();
  }

  /** See AnsweringSession. */
  answersHeld(): void {
    this.reading.gate.look();
  }

  /** See ServerHost. */
  submit(frame: ReceivedSubmit): void {
    frame.sender = this.answers;
    this.#taker!.take(frame);
  }

  /** See ServerHost. */
  refuses({ bodyBytes }: IncomingSubmit): Omit<ErrorFields, "errorScope"> | null {
    const diagnostic = this.reading.gate.refuses(bodyBytes);
    return diagnostic === null
      ? null
      : { errorCode: ErrorCode.SERVER_BUSY, retryAfterMs: RETRY_AFTER_MS, diagnostic };
  }

  /** See ServerHost. */
  cancelled(frame: ReceivedSubmit): void {
    this.#taker!.forget(frame);
    this.settled();
  }

  /** See ServerHost. */
  unsent(frameId: number, viewId: number, error: NnrpValueError): void {
    this.reportFailure("handler-failed", `the answer to frame ${frameId}/${viewId} could not be sent`, error);
    this.settled();
  }

  /** See ServerHost. */
  flow(event: FlowUpdateEvent): void {
    this.#reports.tell(this.listeners.flowUpdate, event);
  }

  /** See ServerHost. */
  patched(settings: EffectiveSettings): void {
    this.#reports.tell(this.listeners.patch, settings);
  }

  /** See ServerHost. */
  error(event: ErrorEvent): void {
    this.#reports.tell(this.listeners.error, event);
  }

  /** See ServerHost. */
  failure(error: NnrpInternalError): void {
    this.reportFailure("internal-failure", error.message, error);
  }

  /** See ServerHost. */
  draining(end: SessionEnd): void {
    this.#end = end;
    this.#taker!.drain();
  }

  /** See ServerHost. An application that closes the session itself keeps the carrier open while the client is there. */
  finished(end: SessionEnd, fatal: boolean): void {
    if (this.#closing && !this.#clientEnded && this.engine.state !== SessionState.CLOSED) return;
    this.paths.leave(false);
    const isGone = end.kind === "lost" && end.local;
    if (isGone) void this.carrier.close({ graceful: false }); // no peer is left for an orderly end
    else if (fatal) void this.carrier.close({ endDelayMs: LAST_WORDS_MS });
    // A client that sent CLOSE itself need not end its streams, as the reference's does not: no longer wait
    // for that.
    else void this.carrier.close(this.#closing ? { stallMs: this.stallMs } : {});
  }

  /** See ServerHost. */
  suspended(end: SessionEnd): void {
    this.#owner.suspended(end);
    this.paths.suspend(end);
    this.reading.gate.suspend();
  }

  // PathsOwner: what becomes of connections

  /** See PathsOwner. */
  get readingPaused(): boolean {
    return this.reading.gate.isClosed;
  }

  /** See PathsOwner. */
  turned(): void {
    if (this.#mayBeKept && !this.engine.resumable) this.#keepIfTakenUp();
    const { gate } = this.reading;
    gate.look();
    const { restMs } = this.engine;
    if (restMs > 0) gate.rest(restMs);
    this.demandTimer();
  }

  /** See ReadSession. */
  demandTimer(): void {
    this.#timer.demand(this.engine.nextDeadlineMs);
  }

  /** See PathsOwner. */
  carrierChanged(): void {
    this.#clientEnded = false;
    this.reading.gate.connectionChanged();
    this.#stall.restart();
  }

  /** See PathsOwner. */
  clientEnded(): void {
    this.#clientEnded = true;
    this.#keepIfTakenUp();
    this.engine.peerEnded();
    this.#closeIfDone();
  }

  /** See PathsOwner. */
  pathLost(info: CloseInfo): void {
    if (this.#isOver) return;
    this.#keepIfTakenUp();
    this.engine.carrierClosed(info);
    if (!this.engine.suspended) this.over();
  }

  /** See PathsOwner. */
  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer.stop();
    this.paths.stop();
    this.reading.memory.close();
    this.reading.gate.end();
    this.answers.end();
    const end = this.#end!;
    const why = `session closed${end.reason ? `: ${end.reason}` : ""}`;
    this.#taker!.end(end.error ?? new NnrpConnectionClosedError(this.carrier.name, why));
    this.settled();
    this.#owner.closed(end);
    this.#resolveClosed(end);
  }

  /** See ReadSession. */
  served(): void {
    this.#taker!.wake();
  }

  // Timed: what is due

  /** See Timed. */
  get nextDeadlineMs(): number {
    return this.engine.nextDeadlineMs;
  }

  /** See Timed. */
  get nextVerdictMs(): number {
    return this.engine.nextVerdictMs;
  }

  /** See Timed. */
  tick(nowMs: number): void {
    const gate = this.reading.gate;
    // Silence of a client that is not read is this side's; one that waits for it to read may not be able to take anything either.
    if (gate.isClosed) this.engine.keepAlive.received(nowMs);
    if (gate.excusesClient) this.#stall.restart();
    this.engine.tick(nowMs);
    this.answers.sendHeld();
    gate.look();
    if (this.queued > 0 && !gate.isUnserved) this.served();
    const { carrier } = this;
    const isStalled = () => carrier === this.carrier && !this.engine.suspended && this.#isStalled(carrier);
    const cut = () => this.abort(`the client took nothing for ${this.stallMs} ms`);
    confirmStall(this.host, isStalled, cut);
  }

  #isStalled({ bufferedBytes, sentBytes }: Carrier): boolean {
    return this.#stall.look(this.clock.read(), bufferedBytes, sentBytes);
  }
}

const NO_TOKEN = new Uint8Array(0);

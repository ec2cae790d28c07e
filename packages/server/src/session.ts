/**
 * One client's session on a server: frames in, results out, and the control path (behaviour spec §14.2). The rules are the
 * engine's; this file owns the timer, the waiting receivers and the bounds on memory.
 *
 * @module
 */
import {
  type AgreedHandshake,
  callBack,
  type Carrier,
  type ClientHelloContext,
  type CloseInfo,
  CongestionWatch,
  type EffectiveSettings,
  ErrorCode,
  type ErrorEvent,
  type ErrorFields,
  ErrorScope,
  type FlowUpdateEvent,
  type FlowUpdateFields,
  flowUpdateOf,
  LAST_WORDS_MS,
  type MigrateRequest,
  type MigrationTokens,
  newFrameCounts,
  NnrpConnectionClosedError,
  type NnrpError,
  NnrpInternalError,
  NnrpStateError,
  NnrpTimeoutError,
  type PatchRefusal,
  type PatchRequest,
  type PathHost,
  type PeerIdentity,
  ReceivedSubmit,
  type ResultFields,
  ResultHintBudgetPolicy,
  ResultHintCongestionState,
  ResultHintReason,
  ServerEngine,
  ServerHandshake,
  type ServerHelloAckMetadata,
  type SessionEnd,
  type SessionEngine,
  type SessionEstate,
  SessionPatchRejectReason,
  SessionPath,
  stateName,
  type TakenConnection,
} from "@nnrp/core";
import type { HandlerContext } from "./handler.ts";
import {
  GRACE_WINDOW_MS,
  MAX_SEND_BUFFER_BYTES,
  MAX_SESSION_BYTES,
  MAX_STREAM_AHEAD_BYTES,
  RESUME_WINDOW_MS,
  SEND_STALL_MS,
  type ServerLogEvent,
} from "./options.ts";
import type { LogFacts } from "./log_event.ts";
import type { SessionOwner } from "./session_owner.ts";
import type { FrameQueue } from "./frame_queue.ts";
import type { HintFields, SendOptions, ServerSessionStats, WaitOptions } from "./session_types.ts";
import { readRefusal } from "./patch_verdict.ts";
import { SubmitInbox } from "./submit_inbox.ts";
import { yieldToEvents } from "./yield_to_events.ts";

/** A path that the session leaves: what the client still says there is read. */
interface Leaving {
  readonly path: SessionPath;
  /** Trace id of the SESSION_MIGRATE. */
  readonly traceId: bigint;
  /** Grace windows that are over and brought something. */
  windows: number;
  /** Whether too much waited, so that it was not read, when the last one ended. */
  wasPaused: boolean;
  /** Ends the grace window. */
  timer: ReturnType<typeof setTimeout>;
}

/** A session with a client. */
export class ServerSession {
  /** Resolves when the session is over, never rejects. */
  readonly closed: Promise<SessionEnd>;
  /** What handlers get beside the frame. */
  readonly handlerContext: HandlerContext;
  /** Frames in flight that are told to the client; a scheduler runs no more handlers of this session at once. */
  readonly maxConcurrentFrames: number;
  /** What `authValidator` gave; undefined without one. */
  principal: unknown;
  /** Tokens for moves; null for clients that asked for none. */
  tokens: MigrationTokens | null = null;

  readonly #owner: SessionOwner;
  #carrier: Carrier;
  #path: SessionPath;
  #leaving: Leaving | null = null;
  #settledMoves: (() => void)[] = []; // what waits for the old path to be gone
  #proofTimer: ReturnType<typeof setTimeout> | undefined;
  #moved = false;
  #suspendTimer: ReturnType<typeof setTimeout> | undefined;
  #suspendedEnd: SessionEnd | null = null;
  readonly #handshake: ServerHandshake;
  #begun: ServerEngine | null = null; // since the hello was accepted
  readonly #queue: FrameQueue | null;
  readonly #inbox: SubmitInbox | null;
  readonly #congestion = new CongestionWatch();
  #hello: ClientHelloContext | null = null;
  #modelName = "";
  #resolveClosed: (end: SessionEnd) => void = () => {};
  #end: SessionEnd | null = null;
  #carrierClosed = false;
  #paused = false;
  #accountedBytes = 0; // of this session in the server's sum
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerMs = Infinity;
  #stallBytes = -1;
  #stallSinceMs = 0;
  readonly #stallMs: number;
  #awaitsSending = false; // reading is to go on once what waits to be sent has left
  #settledWaiters: (() => void)[] = [];
  #closing = false;
  #clientEnded = false;

  /** Made by the server for each connection. */
  constructor(owner: SessionOwner, carrier: Carrier) {
    const { options } = owner;
    this.#owner = owner;
    this.#carrier = carrier;
    this.maxConcurrentFrames = owner.maxConcurrentFrames;
    this.#stallMs = options.sendStallMs ?? SEND_STALL_MS;
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    this.#queue = owner.scheduler?.queueFor(this) ?? null;
    this.#inbox = owner.scheduler === null ? new SubmitInbox() : null;
    this.handlerContext = new SessionContext(this);
    this.#handshake = new ServerHandshake(carrier, {
      hello: (context) => this.#helloCame(context),
      migrate: (request) => {
        this.#path.hold(); // what comes behind it is for the session that the answer gives the path to
        this.#owner.migrate(this, request);
      },
      error: (event) => this.#tell(this.onError, event),
      failure: (error) => this.reportFailure("internal-failure", error.message, error),
      ended: ({ end, lastWords }) => {
        this.#draining(end);
        this.#finished(lastWords);
      },
    }, {
      keepAliveMs: options.keepAliveMs,
      idleTimeoutMs: options.idleTimeoutMs,
      maxBodyBytes: options.profile?.maxBodyBytes,
      answerProbes: options.answerProbes,
    });
    this.#path = new SessionPath(carrier, this.#pathHost());
  }

  /** The session begins on its connection. */
  #begin(begin: AgreedHandshake | TakenConnection, estate?: SessionEstate): void {
    const { options, maxInFlightFrames } = this.#owner;
    const profile = options.profile ?? {};
    this.#begun = new ServerEngine(begin, {
      submit: (frame) => this.#submit(frame),
      cancelled: (frame) => this.#cancelled(frame),
      flow: (event) => this.#tell(this.onFlowUpdate, event),
      patched: (settings) => this.#tell(this.onPatch, settings),
      error: (event) => this.#tell(this.onError, event),
      failure: (error) => this.reportFailure("internal-failure", error.message, error),
      draining: (end) => this.#draining(end),
      finished: (_end, fatal) => this.#finished(fatal),
      suspended: (end) => this.#suspended(end),
    }, {
      maxInFlightFrames,
      maxSections: profile.maxSections,
      cache: { maxObjectBytes: profile.maxCacheObjectBytes },
      acknowledgeInvalidate: options.acknowledgeInvalidate,
      answerProbes: options.answerProbes,
      maxPatchesPerSecond: options.maxPatchesPerSecond,
      patchPolicy: options.patchPolicy && ((patch) => this.#judgePatch(patch)),
    }, estate);
    this.#path.handOver(this.#pathHost());
  }

  get #engine(): ServerEngine {
    return this.#begun!;
  }

  /** The engine at work. */
  get #current(): SessionEngine {
    return this.#begun ?? this.#handshake;
  }

  /** Nothing is left to say. An application that closes the session itself keeps the carrier open while the client is there. */
  #finished(lastWords: boolean): void {
    if (this.#closing && !this.#clientEnded && this.state !== "closed") return;
    this.#leave(false);
    void this.#carrier.close({ endDelayMs: lastWords ? LAST_WORDS_MS : 0 });
  }

  /** Whether a client with a token may come back after a loss: the server can keep the session, and somebody has it. */
  set resumable(resumable: boolean) {
    this.#engine.resumable = resumable && !this.#closing && this.tokens !== null;
  }

  #pathHost(): PathHost {
    const { clock } = this.#owner;
    const engine = this.#current;
    return {
      engine,
      readClock: () => clock.read(),
      turned: () => {
        this.#boundMemory();
        if (engine.nextDeadlineMs < this.#timerMs) this.#arm();
      },
      pathFault: (path, error) => {
        if (path === this.#path) engine.fault(error);
        else if (error instanceof NnrpInternalError) {
          this.reportFailure("internal-failure", error.message, error);
        }
      },
      pathEnded: (path) => this.#pathEnded(path),
      pathClosed: (path, info) => this.#pathClosed(path, info),
    };
  }

  /** Called for each FLOW_UPDATE of the client. */
  onFlowUpdate: ((event: FlowUpdateEvent) => void) | null = null;
  /** Called when SESSION_PATCH changed something. */
  onPatch: ((settings: EffectiveSettings) => void) | null = null;
  /** Called for each ERROR of the client that does not end the session. */
  onError: ((event: ErrorEvent) => void) | null = null;

  /** The session's id; 0 before the handshake. */
  get sessionId(): number {
    return this.#current.sessionId;
  }
  /** The client's hello. */
  get hello(): ClientHelloContext {
    return this.#hello!;
  }
  /** Model named in the handshake. */
  get modelName(): string {
    return this.#modelName;
  }
  /** TransportId of the carrier. */
  get transport(): number {
    return this.#carrier.transport;
  }
  /** Name of the carrier, for example `"tcp"`. */
  get carrierName(): string {
    return this.#carrier.name;
  }
  /** Who the client proved to be by a certificate; undefined without one. */
  get peerIdentity(): PeerIdentity | undefined {
    return this.#carrier.peerIdentity;
  }
  /** The client's address. */
  get remote(): string {
    return this.#carrier.remote;
  }
  /** `"active"`, `"draining"`, `"closed"`, or `"suspended"` while a lost connection may be replaced by the client. */
  get state(): string {
    return this.#current.suspended ? "suspended" : stateName(this.#current.state);
  }
  /** Values of SESSION_PATCH in force. */
  get settings(): EffectiveSettings {
    return this.#engine.settings!;
  }

  /** Bytes of frames received and not settled. */
  get bytesInFlight(): number {
    return this.#begun === null ? 0 : this.#begun.counts.bytesInFlight;
  }

  /** Counters as they are now. */
  get stats(): ServerSessionStats {
    const engine = this.#current;
    const { sentBytes, receivedBytes, bufferedBytes } = this.#carrier;
    return {
      ...(this.#begun?.counts ?? newFrameCounts(this.#handshake.probes)),
      inFlight: engine.framesInFlight,
      queued: this.#queue?.size ?? this.#inbox!.size,
      pings: engine.pingsReceived,
      flowUpdatesReceived: engine.flowUpdatesReceived,
      errorsSent: engine.errorsSent,
      badControls: engine.badControls,
      rttMs: engine.keepAlive.smoothedRttMs,
      sentBytes,
      receivedBytes,
      bufferedBytes,
    };
  }

  /** Starts reading; called by the server. */
  start(): void {
    this.#handshake.opened(this.#owner.clock.read());
    this.#path.start();
    this.#arm();
  }

  #pathEnded(path: SessionPath): void {
    if (path === this.#leaving?.path) this.#leave(true);
    if (path !== this.#path) return;
    this.#clientEnded = true;
    this.#current.peerEnded();
    this.#closeIfDone();
  }

  #pathClosed(path: SessionPath, info: CloseInfo): void {
    if (path === this.#leaving?.path) this.#cutOldPath(info.reason || "connection lost");
    if (path !== this.#path || this.#carrierClosed) return;
    // A client that never heard of its move is on the old path still, and may have said CLOSE there.
    if (!this.afterMove(() => path === this.#path && this.#onCarrierClosed(info))) {
      this.#onCarrierClosed(info);
    }
  }

  /**
   * Whether the client may never have heard of the last move: the path it led to is gone and brought no packet.
   */
  get unheard(): boolean {
    return this.#moved && !this.#path.proven && (this.#current.suspended || this.#path.closedInfo !== null);
  }

  /** Refuses a SESSION_MIGRATE that came on this connection. */
  refuseMigration(request: MigrateRequest, acceptCode: number): void {
    this.#handshake.refuseMove(request, acceptCode, this.#owner.clock.nowMs);
    this.#path.release();
  }

  /** Gives the connection away: it carries another session from now on. This one never was. */
  surrender(): SessionPath {
    this.#handshake.take();
    this.#carrierClosed = true;
    clearTimeout(this.#timer);
    this.#timerMs = -Infinity;
    if (this.#queue !== null) this.#owner.scheduler!.close(this.#queue);
    this.#resolveClosed({ kind: "close", local: true, reason: "the connection carries another session" });
    return this.#path;
  }

  /**
   * Goes on over another connection, for clients with a token: what is in flight is answered there.
   *
   * @param path The connection.
   * @param request The SESSION_MIGRATE that came on it.
   * @param token The next token.
   */
  moveTo(path: SessionPath, request: MigrateRequest, token: Uint8Array): void {
    const engine = this.#engine;
    const resumed = engine.suspended;
    const old = this.#path;
    this.#leave(false);
    clearTimeout(this.#suspendTimer);
    this.#suspendedEnd = null;
    this.#path = path;
    this.#carrier = path.carrier;
    this.#moved = true;
    this.#clientEnded = false;
    this.#paused = this.#awaitsSending = false;
    this.#stallBytes = -1;
    path.proven = false;
    path.handOver(this.#pathHost());
    const nowMs = this.#owner.clock.nowMs;
    engine.moveTo(path.carrier, nowMs);
    const graceMs = this.#owner.options.migration?.graceWindowMs ?? GRACE_WINDOW_MS;
    engine.acceptMigration(request, graceMs, token, nowMs);
    this.tokens!.rotate(token, request.proof);
    if (resumed || old.closedInfo !== null || old.ended) {
      void old.carrier.close();
      path.release();
    } else {
      path.hold();
      const bytes = old.carrier.receivedBytes + old.carrier.sentBytes;
      const timer = this.#later(graceMs, () => this.#graceOver(graceMs, bytes));
      this.#leaving = { path: old, traceId: request.traceId, windows: 0, wasPaused: this.#paused, timer };
      old.carrier.resume();
      old.carrier.endSending();
    }
    this.#watchProof(path, graceMs);
    this.#boundMemory();
    this.#arm();
  }

  /**
   * The old path had its time. One that still carries something, large frames say, or that is not read because too much waits
   * already, gets some more.
   */
  #graceOver(graceMs: number, bytesBefore: number): void {
    const leaving = this.#leaving!;
    const { receivedBytes, sentBytes } = leaving.path.carrier;
    const bytes = receivedBytes + sentBytes;
    // Time in which this side did not want to read is not the client's.
    const unread = this.#paused || leaving.wasPaused;
    leaving.wasPaused = this.#paused;
    leaving.windows = unread ? 0 : leaving.windows + 1;
    if (!unread && (leaving.windows >= MAX_GRACE_WINDOWS || bytes === bytesBefore)) {
      this.#cutOldPath("it did not end in time");
    } else leaving.timer = this.#later(graceMs, () => this.#graceOver(graceMs, bytes));
  }

  /** The old path is gone before all of it was read: only the client knows what it had sent there. */
  #cutOldPath(why: string): void {
    const { traceId } = this.#leaving!;
    if (traceId !== 0n && this.#canSend) {
      this.#engine.sendError({
        errorCode: ErrorCode.INVALID_STATE,
        errorScope: ErrorScope.SESSION,
        traceId,
        diagnostic: `the old path was lost before it was read to its end: ${why}`,
      });
    }
    this.#leave(false);
  }

  /** Calls back once no old path is being left any more; false, and no call, if none is. */
  afterMove(call: () => void): boolean {
    if (this.#leaving !== null) this.#settledMoves.push(call);
    return this.#leaving !== null;
  }

  /** A client that never says a word on its new path did not hear of it: its token opens the session again. */
  #watchProof(path: SessionPath, graceMs: number): void {
    clearTimeout(this.#proofTimer);
    this.#proofTimer = this.#later(PROOF_MS + graceMs, () => {
      if (path.holds) this.#watchProof(path, graceMs); // not read yet
      else if (path === this.#path && !path.proven) {
        void path.carrier.close({ graceful: false, reason: "nothing came after the move" });
      }
    });
  }

  /** The old path has nothing to say any more, or its time is over. */
  #leave(clean: boolean): void {
    const leaving = this.#leaving;
    if (leaving === null) return;
    this.#leaving = null;
    clearTimeout(leaving.timer);
    void leaving.path.carrier.close({ graceful: clean });
    if (this.#path.holds) {
      this.#path.release();
      if (this.#paused) this.#carrier.pause(); // releasing reads on
    }
    const calls = this.#settledMoves;
    this.#settledMoves = [];
    for (const call of calls) call();
  }

  /**
   * Goes on where another session stood, for clients without token: same id, cache and settings; the other one answers what it
   * has on the old path.
   */
  adopt(other: ServerSession, request: MigrateRequest): void {
    this.principal = other.principal;
    this.#hello = other.#hello;
    this.#modelName = other.#modelName;
    this.onFlowUpdate = other.onFlowUpdate;
    this.onPatch = other.onPatch;
    this.onError = other.onError;
    const taken = this.#handshake.take();
    if (taken === null) return;
    this.#begin(taken, other.#engine.leave("the session goes on over another connection"));
    const graceMs = this.#owner.options.migration?.graceWindowMs ?? GRACE_WINDOW_MS;
    this.#engine.acceptMigration(request, graceMs, NO_TOKEN, this.#owner.clock.nowMs);
    other.#retire(graceMs);
    this.#path.release();
  }

  #retire(graceMs: number): void {
    const timer = this.#later(graceMs, () => void this.#carrier.close());
    void this.closed.then(() => clearTimeout(timer));
    this.idle().then(() => this.sent()).then(() => this.#carrier.close()).catch((cause) => this.crash(cause));
  }

  /** The connection is lost: the session waits for its client. */
  #suspended(end: SessionEnd): void {
    this.#owner.suspended(this, end);
    this.#suspendedEnd = end;
    clearTimeout(this.#proofTimer);
    this.#leave(false);
    void this.#carrier.close({ graceful: false });
    const windowMs = this.#owner.options.migration?.resumeWindowMs ?? RESUME_WINDOW_MS;
    this.#suspendTimer = this.#later(windowMs, () => this.forget("its client did not come back"));
  }

  /** Ends a session that waits for its client. */
  forget(why: string): void {
    const end = this.#suspendedEnd;
    if (end === null) return;
    this.#suspendedEnd = null;
    clearTimeout(this.#suspendTimer);
    this.#engine.giveUp({ ...end, reason: `${end.reason || end.kind}; ${why}` });
    this.#over();
  }

  /** The server took the client in. */
  accept(ack: ServerHelloAckMetadata, body: Uint8Array, modelName: string, principal: unknown): void {
    this.principal = principal;
    this.#modelName = modelName;
    const agreed = this.#handshake.agree(ack, body);
    if (agreed === null) return;
    this.#begin(agreed);
    this.#engine.start(this.#owner.clock.nowMs);
    this.#carrier.resume();
  }

  /** The server refuses the client by ERROR. */
  refuse(errorCode: number, diagnostic: string, retryAfterMs = 0): void {
    const errorScope = ErrorScope.CONNECTION;
    this.#current.sendError({ errorCode, errorScope, fatal: true, diagnostic, retryAfterMs });
  }

  /** The server refuses the client by an ack. */
  refuseByAck(ack: ServerHelloAckMetadata): void {
    this.#handshake.refuseByAck(ack);
  }

  /** Closes the connection at once, without a word. */
  abort(reason: string): void {
    this.#closing = true;
    this.#current.resumable = false;
    this.forget(reason);
    this.#leave(false);
    void this.#carrier.close({ graceful: false, reason });
  }

  /**
   * The next frame, for servers without a handler.
   *
   * @throws NnrpTimeoutError, NnrpConnectionClosedError once the session is over, NnrpStateError if a handler gets the frames.
   */
  receiveSubmit(options: WaitOptions = {}): Promise<ReceivedSubmit> {
    if (this.#inbox === null) {
      return Promise.reject(new NnrpStateError("the frames of this server go to its handler"));
    }
    return this.#inbox.receive(options, (ms) => new NnrpTimeoutError("the next frame", ms));
  }

  /** All frames until the session ends, for servers without a handler. */
  async *submits(): AsyncGenerator<ReceivedSubmit, void, undefined> {
    if (this.#inbox === null) throw new NnrpStateError("the frames of this server go to its handler");
    for (;;) {
      const frame = await this.#inbox.next();
      if (frame === null) return;
      yield frame;
    }
  }

  /**
   * Answers a frame.
   *
   * @param target The frame, or its id.
   * @param result The result; class, flags and coverage that are left out follow from the rest.
   * @returns False if the frame is settled (cancelled, expired) or the session over: nothing was sent. Resolves when the
   *   session no longer needs the result's bytes.
   * @throws NnrpValueError if the result cannot be written; the frame stays in flight.
   */
  async sendResult(
    target: ReceivedSubmit | number,
    result: ResultFields = {},
    options: SendOptions = {},
  ): Promise<boolean> {
    const frame = this.#frame(target, options.viewId);
    if (frame === undefined || !this.#send(frame, result, options.final ?? true)) return false;
    this.#settled();
    const released = this.#carrier.released();
    if (released !== null) await released;
    return true;
  }

  /**
   * Answers a frame with RESULT_DROP.
   *
   * @returns False if the frame is settled or the session over.
   */
  sendResultDrop(
    target: ReceivedSubmit | number,
    options: { viewId?: number; flags?: number } = {},
  ): boolean {
    const frame = this.#frame(target, options.viewId);
    const sent = frame !== undefined && this.#engine.sendDrop(frame, options.flags);
    if (sent) this.#settled();
    return sent;
  }

  /** Ends a stream of parts that were sent with `final: false`. False if the frame is settled. */
  endStream(target: ReceivedSubmit | number, viewId = 0): boolean {
    const frame = this.#frame(target, viewId);
    const sent = frame !== undefined && this.#engine.endStream(frame, Math.round(this.#owner.clock.nowMs));
    if (sent) this.#settled();
    return sent;
  }

  /** Forgets a frame without a word: the client waits for ever, so this is for tests and relays. */
  discardFrame(target: ReceivedSubmit | number, viewId = 0): void {
    const frame = this.#frame(target, viewId);
    if (frame === undefined) return;
    this.#engine.discard(frame);
    this.#settled();
  }

  get #canSend(): boolean {
    return !this.#carrierClosed && !this.#current.suspended && this.state !== "closed";
  }

  /** Sends RESULT_HINT. False if the session is over, or has no connection now. */
  sendResultHint(fields: HintFields): boolean {
    if (!this.#canSend) return false;
    this.#engine.sendHint({
      appliedBudgetPolicy: fields.appliedBudgetPolicy ?? ResultHintBudgetPolicy.NONE,
      congestionState: fields.congestionState ?? ResultHintCongestionState.NONE,
      reason: fields.reason ?? ResultHintReason.NONE,
      retryAfterMs: fields.retryAfterMs ?? 0,
    }, { frameId: fields.frameId, traceId: fields.traceId });
    return true;
  }

  /** Sends FLOW_UPDATE. False if the session is over, or has no connection now. */
  sendFlowUpdate(fields: FlowUpdateFields): boolean {
    if (!this.#canSend) return false;
    this.#engine.sendFlowUpdate(flowUpdateOf(fields));
    return true;
  }

  /**
   * Sends ERROR. With a frame it ends that frame; a fatal one ends the session.
   *
   * @returns False if the frame is settled or the session over.
   */
  sendError(
    fields: Omit<ErrorFields, "errorScope"> & { errorScope?: number; frame?: ReceivedSubmit },
  ): boolean {
    const { frame, ...rest } = fields;
    if (frame !== undefined) return this.failFrame(frame, rest);
    if (!this.#canSend) return false;
    this.#current.sendError({ ...rest, errorScope: rest.errorScope ?? ErrorScope.SESSION });
    return true;
  }

  /** Ends a frame by ERROR, frame scope. False if it is settled. */
  failFrame(frame: ReceivedSubmit, fields: Omit<ErrorFields, "errorScope">): boolean {
    const sent = this.#engine.failFrame(frame, fields);
    if (sent) this.#settled();
    return sent;
  }

  /** Drops a frame and, with a reason, says so in a RESULT_HINT too. */
  dropWithHint(frame: ReceivedSubmit, reason: number | undefined): void {
    if (!this.#engine.sendDrop(frame)) return;
    if (reason !== undefined) {
      this.#engine.sendHint({
        appliedBudgetPolicy: ResultHintBudgetPolicy.DROP,
        congestionState: this.#congestion.state,
        reason,
        retryAfterMs: 0,
      }, { frameId: frame.frameId, viewId: frame.viewId, traceId: frame.traceId });
    }
    this.#settled();
  }

  /** A handler's result. */
  answer(frame: ReceivedSubmit, result: ResultFields): void {
    if (this.#send(frame, result, true)) this.#settled();
  }

  /** A part of a handler's stream: PARTIAL, not final. Resolves when more may be sent; null = at once. */
  sendPart(frame: ReceivedSubmit, part: ResultFields): Promise<void> | null {
    this.#engine.sendPart(frame, part);
    const { bufferedBytes } = this.#carrier;
    // A carrier that keeps nothing cannot send any more: let the event loop see its end instead of pulling on.
    if (bufferedBytes === 0) return new Promise<void>((done) => yieldToEvents(done));
    const max = this.#owner.options.maxStreamAheadBytes ?? MAX_STREAM_AHEAD_BYTES;
    return bufferedBytes < max ? null : this.#carrier.drained();
  }

  /** Measures the round trip, ms. Rejects with NnrpTimeoutError (default 10 s) or when the session ends. */
  ping(options: { timeoutMs?: number } = {}): Promise<number> {
    const { timeoutMs = 10_000 } = options;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new NnrpTimeoutError("the PONG", timeoutMs)), timeoutMs);
      const settle = <T>(call: (value: T) => void) => (value: T) => {
        clearTimeout(timer);
        call(value);
      };
      try {
        this.#engine.ping(
          { resolve: settle(resolve), reject: settle<NnrpError>(reject) },
          this.#owner.clock.nowMs,
        );
      } catch (error) {
        settle(reject)(error);
      }
    });
  }

  /**
   * Ends the session in order: says CLOSE, lets frames in flight be answered, closes when the client does or after `drainMs`
   * (default 2,000).
   */
  async close(options: { reason?: string; drainMs?: number } = {}): Promise<void> {
    this.#closing = true;
    this.#current.resumable = false;
    this.forget(options.reason || "closed by the server");
    if (!this.#carrierClosed) {
      this.#current.close(options.reason ?? "");
      let timer: ReturnType<typeof setTimeout> | undefined;
      const timeUp = new Promise<void>((done) => timer = setTimeout(done, options.drainMs ?? 2000));
      await Promise.race([timeUp, this.closed]);
      clearTimeout(timer);
      await this.#carrier.close();
    }
    await this.closed;
  }

  /** Same as {@linkcode ServerSession.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Resolves when no frame is in flight or the session is over. */
  idle(): Promise<void> {
    if (this.#current.framesInFlight === 0 || this.#carrierClosed) return Promise.resolve();
    return new Promise((done) => this.#settledWaiters.push(done));
  }

  /** Resolves when the runtime took everything that was sent so far, or never will. */
  sent(): Promise<void> {
    return this.#carrier.drained();
  }

  /** Says a line in the server's log. Never throws. */
  report(type: ServerLogEvent["type"], message: string, error?: unknown): void {
    this.#owner.log.tell(this.#event(type, message, error));
  }

  /** The same for a failure of a callback or of the library: not more often than the log wants to hear. */
  reportFailure(type: ServerLogEvent["type"], message: string, error: unknown): void {
    this.#owner.log.tellFailure(this.#event(type, message, error));
  }

  #event(type: ServerLogEvent["type"], message: string, error: unknown): LogFacts {
    return {
      type,
      message,
      remote: this.remote,
      carrier: this.carrierName,
      sessionId: this.sessionId,
      hello: this.#hello ?? undefined,
      error,
    };
  }

  /** For calls that nothing stands behind but the runtime, which would end the process for what they throw. */
  contain(call: () => void): void {
    try {
      call();
    } catch (cause) {
      this.crash(cause);
    }
  }

  /** Something failed here: a line in the log, INTERNAL_ERROR to the client, and this session ends; nothing else does. Never throws. */
  crash(cause: unknown): void {
    const error = cause instanceof NnrpInternalError
      ? cause
      : new NnrpInternalError("the session cannot go on", { cause });
    const { suspended } = this.#engine;
    this.#engine.crash(error);
    this.#end ??= { kind: "error", local: true, reason: error.message, error };
    callBack(() => this.#leave(false), () => {});
    // A carrier that was never started, or whose last call failed, tells nobody of its end.
    const over = () => callBack(() => this.#over(), () => {});
    if (suspended) over();
    else callBack(() => this.#carrier.close({ endDelayMs: LAST_WORDS_MS }).then(over), over);
  }

  #later(ms: number, call: () => void): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.contain(call), ms);
  }

  /** What a person debugging wants to see. */
  toString(): string {
    const { inFlight, submits } = this.stats;
    return `ServerSession ${this.sessionId} ${this.state} on ${this.carrierName} with ${this.remote}, ` +
      `${inFlight} of ${submits} frames in flight`;
  }

  /** For Deno's `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** For Node's `console.log`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  #frame(target: ReceivedSubmit | number, viewId = 0): ReceivedSubmit | undefined {
    return target instanceof ReceivedSubmit ? target : this.#engine.frame(target, viewId);
  }

  #send(frame: ReceivedSubmit, result: ResultFields, final: boolean): boolean {
    const engine = this.#engine;
    if (!final) return engine.sendPart(frame, result);
    return engine.sendResult(frame, result, true, Math.round(this.#owner.clock.nowMs));
  }

  #helloCame(context: ClientHelloContext): void {
    this.#hello = context;
    this.#carrier.pause();
    this.#owner.hello(this, context);
  }

  #submit(frame: ReceivedSubmit): void {
    frame.owner = this;
    if (this.#queue === null) this.#inbox!.push(frame);
    else {
      this.#owner.scheduler!.submit(this.#queue, frame);
      if (this.#queue.size > 0 || this.#congestion.state !== 0) this.#adviseCongestion();
    }
  }

  #cancelled(frame: ReceivedSubmit): void {
    if (this.#queue === null) this.#inbox!.remove(frame);
    else this.#owner.scheduler!.forget(this.#queue, frame);
    this.#settled();
  }

  /** Calls the application back; what it throws, or an async one rejects with, ends nothing. */
  #tell<T>(callback: ((value: T) => void) | null, value: T): void {
    if (callback === null) return;
    callBack(
      () => callback(value),
      (error) => this.reportFailure("handler-failed", "a callback of the session failed", error),
    );
  }

  /** Asks the application about a patch; a failure refuses it. */
  #judgePatch(patch: PatchRequest): PatchRefusal | undefined {
    try {
      return readRefusal(this.#owner.options.patchPolicy!(patch, this));
    } catch (error) {
      this.reportFailure("handler-failed", "the patch policy failed", error);
      return { rejectReason: SessionPatchRejectReason.UNSUPPORTED_STRATEGY };
    }
  }

  /** This side said CLOSE, and the client has finished: nothing is left to wait for once its frames are answered. */
  #closeIfDone(): void {
    if (this.#closing && this.#clientEnded && this.#current.framesInFlight === 0) void this.#carrier.close();
  }

  /** Tells the client when its queue fills or empties. */
  #adviseCongestion(): void {
    const state = this.#congestion.observe(this.#queue!.size, this.#owner.maxQueuedFrames);
    if (state === undefined) return;
    const saturated = state === ResultHintCongestionState.SATURATED;
    this.sendResultHint({
      congestionState: state,
      reason: saturated ? ResultHintReason.QUEUE_FULL : ResultHintReason.NONE,
    });
  }

  /** A frame ended. */
  #settled(): void {
    const engine = this.#current;
    if (this.#paused || engine.framesInFlight === 0) this.#boundMemory();
    // A client that was told to slow down may submit nothing more until it hears that it can go on.
    if (this.#congestion.isTold && this.state !== "closed") this.#adviseCongestion();
    if (engine.framesInFlight === 0) {
      if (this.#settledWaiters.length > 0) {
        const waiters = this.#settledWaiters;
        this.#settledWaiters = [];
        for (const done of waiters) done();
      }
      engine.turn();
      this.#closeIfDone();
    }
  }

  /** Stops reading while too many bytes wait for an answer, or too many answers for the client to take them. */
  #boundMemory(): void {
    const { maxSessionBytes = MAX_SESSION_BYTES, maxSendBufferBytes = MAX_SEND_BUFFER_BYTES } =
      this.#owner.options;
    const bytes = this.bytesInFlight;
    const overServer = this.#owner.account(bytes - this.#accountedBytes);
    this.#accountedBytes = bytes;
    const unsent = this.#carrier.bufferedBytes > maxSendBufferBytes;
    if (unsent && !this.#awaitsSending) {
      this.#awaitsSending = true;
      this.#carrier.drained().then(() => {
        this.#awaitsSending = false;
        if (!this.#carrierClosed) this.#boundMemory();
      }).catch((cause) => this.crash(cause));
    }
    const over = overServer || unsent || bytes > maxSessionBytes;
    if (over && !this.#paused) {
      this.#paused = true;
      this.#carrier.pause();
      this.#leaving?.path.carrier.pause();
    } else if (!over && this.#paused) {
      this.#paused = false;
      if (!this.#path.holds) this.#carrier.resume();
      this.#leaving?.path.carrier.resume();
    }
  }

  #draining(end: SessionEnd): void {
    this.#end = end;
    this.#inbox?.drain();
    this.#owner.sessionDraining(this);
  }

  #onCarrierClosed(info: CloseInfo): void {
    this.#current.carrierClosed(info);
    if (this.#current.suspended) return;
    this.#leave(false);
    this.#over();
  }

  #over(): void {
    if (this.#carrierClosed) return;
    this.#carrierClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#proofTimer);
    this.#timerMs = -Infinity;
    const end = this.#end!;
    this.#inbox?.end(
      end.error ??
        new NnrpConnectionClosedError(
          this.carrierName,
          `session closed${end.reason ? `: ${end.reason}` : ""}`,
        ),
    );
    if (this.#queue !== null) this.#owner.scheduler!.close(this.#queue);
    this.#settled();
    this.#owner.sessionClosed(this, end);
    this.#resolveClosed(end);
  }

  #arm(): void {
    if (this.#carrierClosed) return;
    clearTimeout(this.#timer);
    const now = this.#owner.clock.nowMs;
    const next = Math.min(this.#current.nextDeadlineMs, now + Math.min(MAX_TICK_MS, this.#stallMs / 2));
    this.#timerMs = next;
    this.#timer = this.#later(Math.max(1, Math.ceil(next - now)), () => this.#tick());
  }

  #tick(): void {
    this.#timerMs = Infinity;
    const now = this.#owner.clock.read();
    this.#current.tick(now);
    if (this.#paused) this.#boundMemory();
    const { bufferedBytes, sentBytes } = this.#carrier;
    if (bufferedBytes === 0 || sentBytes !== this.#stallBytes) {
      this.#stallBytes = sentBytes;
      this.#stallSinceMs = now;
    } else if (now - this.#stallSinceMs >= this.#stallMs) {
      this.abort(`the client took nothing for ${this.#stallMs} ms`);
    }
    this.#arm();
  }
}

/** The session as handlers see it; the principal is known only after the handshake. */
class SessionContext implements HandlerContext {
  readonly session: ServerSession;

  constructor(session: ServerSession) {
    this.session = session;
  }

  get principal(): unknown {
    return this.session.principal;
  }
}

const NO_TOKEN = new Uint8Array(0);
/** Longest silence of a client on its new path, ms: ours pings at once. */
const PROOF_MS = 5000;
/** An old path that carries something in each grace window gets this many of them. */
const MAX_GRACE_WINDOWS = 10;
/** Longest time between two looks at a session, ms. */
const MAX_TICK_MS = 5000;

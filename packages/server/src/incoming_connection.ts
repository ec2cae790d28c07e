/**
 * A connection until it is agreed, refused, or taken by a session that moves: the handshake's engine, its time limit, and what the
 * client sends meanwhile (behaviour spec §6, §11).
 *
 * @module
 */
import {
  type AgreedHandshake,
  callBack,
  type Carrier,
  type ClientHelloContext,
  type CloseInfo,
  containedAbort,
  ErrorCode,
  type FailedHandshake,
  type Host,
  internalErrorOf,
  LAST_WORDS_MS,
  type MigrateRequest,
  type NnrpError,
  type NnrpInternalError,
  NnrpTimeoutError,
  type PathHost,
  ServerHandshake,
  type ServerHandshakeHost,
  type ServerHelloAckMetadata,
  type SessionEnd,
  SessionPath,
  SessionState,
  type TakenConnection,
} from "@nnrp/core";
import { confirmStall, containTimers, SessionTimer, StallWatch, type Timed } from "@nnrp/runtime";
import type { TurnClock } from "./clock.ts";
import { MAX_TICK_MS } from "./defaults.ts";
import type { ServerLogEvent } from "./log_event.ts";
import type { SessionEnvironment } from "./session_environment.ts";
import type { HandshakeLimits } from "./session_limits.ts";

/** What a connection tells its server. */
export interface IncomingOwner {
  /** A hello came; nothing more is read until it is answered. */
  hello(connection: IncomingConnection, context: ClientHelloContext): void;
  /** A session asks to move here; nothing more is read until that is answered. */
  migrate(connection: IncomingConnection, request: MigrateRequest): void;
  /** It is gone without a session. Called once, not after an agreement or a move. */
  ended(connection: IncomingConnection, end: SessionEnd): void;
}

/** See the module. */
export class IncomingConnection implements ServerHandshakeHost, PathHost, Timed {
  /** The rules. */
  readonly engine: ServerHandshake;
  /** The connection. */
  readonly carrier: Carrier;
  /** Whether the refusal was logged. */
  reported = false;
  /** Resolves when it is gone or carries a session, never rejects. */
  readonly closed: Promise<void>;

  readonly #owner: IncomingOwner;
  readonly #environment: Pick<SessionEnvironment, "clock" | "log">;
  readonly #clock: TurnClock;
  readonly #path: SessionPath;
  readonly #timer: SessionTimer;
  readonly #host: Host;
  readonly #stall: StallWatch;
  readonly #limits: HandshakeLimits;
  #deadlineMs = Infinity; // of the handshake
  #asking: AbortController | null = null; // ends the validator's work
  #hello: ClientHelloContext | null = null;
  #end: SessionEnd | null = null;
  #isOver = false;
  #resolveClosed: () => void = () => {};

  /**
   * Makes an IncomingConnection; {@linkcode IncomingConnection.start} starts it.
   *
   * @param environment What all connections of the server share.
   * @param owner The server.
   * @param carrier The connection, not started.
   * @param limits Its bounds.
   */
  constructor(
    environment: Pick<SessionEnvironment, "host" | "clock" | "log">,
    owner: IncomingOwner,
    carrier: Carrier,
    limits: HandshakeLimits,
  ) {
    this.#environment = environment;
    this.#owner = owner;
    this.#limits = limits;
    this.carrier = carrier;
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    const clock = this.#clock = environment.clock;
    this.engine = new ServerHandshake(carrier, this, limits.handshake);
    this.#path = new SessionPath(carrier, this);
    const stall = this.#stall = new StallWatch(limits.sendStallMs);
    const host = this.#host = containTimers(environment.host, (call) => this.contain(call));
    this.#timer = new SessionTimer(host, this, Math.min(MAX_TICK_MS, stall.intervalMs), clock);
  }

  /** Starts reading, without limiting the time: for connections that are refused at once. */
  start(): void {
    this.engine.opened(this.#clock.read());
    this.#path.start();
    this.#timer.set();
  }

  /** Starts reading and the time of the handshake. */
  shakeHands(): void {
    this.#deadlineMs = this.#clock.read() + this.#limits.handshakeTimeoutMs;
    this.start();
  }

  /** Whether nothing was received yet but a SESSION_MIGRATE that waits for its answer. */
  get awaitsHello(): boolean {
    return !this.#isOver && this.engine.state === SessionState.INIT;
  }

  /** Whether the hello waits for its answer. */
  get awaitsVerdict(): boolean {
    return !this.#isOver && this.engine.state === SessionState.NEGOTIATING;
  }

  /** A signal for whoever judges the client: it aborts when the time is over or the client is gone. */
  askingSignal(): AbortSignal {
    const failed = (error: unknown) =>
      this.reportFailure("auth-refused", "a listener on the signal of the auth validator failed", error);
    return (this.#asking = containedAbort(failed)).signal;
  }

  /** Ends the work of whoever judges the client. */
  stopAsking(reason: NnrpError): void {
    this.#asking?.abort(reason);
  }

  /** Refuses the client by ERROR. */
  refuse(errorCode: number, diagnostic: string, retryAfterMs = 0): void {
    this.engine.refuseHello(errorCode, diagnostic, retryAfterMs);
  }

  /** Refuses the client by an ack. */
  refuseByAck(ack: ServerHelloAckMetadata): void {
    this.engine.refuseByAck(ack);
  }

  /** Closes the connection at once, without CLOSE. */
  cut(reason: string): void {
    void this.carrier.close({ graceful: false, reason });
  }

  /**
   * Accepts the hello.
   *
   * @param ack The SERVER_HELLO_ACK.
   * @param body Its body.
   * @returns What a session begins with, and the path, which is the session's from now on; null if the connection has ended.
   * @throws NnrpValueError if the ack cannot be written; the hello can still be refused.
   */
  agree(
    ack: ServerHelloAckMetadata,
    body: Uint8Array,
  ): { readonly agreed: AgreedHandshake; readonly path: SessionPath } | null {
    const agreed = this.engine.agree(ack, body);
    return agreed === null ? null : { agreed, path: this.#surrender() };
  }

  /**
   * Gives the connection to a session that moves.
   *
   * @returns It and its path, which holds what came behind the SESSION_MIGRATE; null if the connection has ended.
   */
  take(): { readonly taken: TakenConnection; readonly path: SessionPath } | null {
    const taken = this.engine.take();
    return taken === null ? null : { taken, path: this.#surrender() };
  }

  /** Refuses a SESSION_MIGRATE; the client may still send a hello. */
  refuseMove(request: MigrateRequest, acceptCode: number): void {
    this.engine.refuseMove(request, acceptCode, this.#clock.nowMs);
    this.#path.release();
  }

  #surrender(): SessionPath {
    this.#isOver = true;
    this.#timer.stop();
    this.#resolveClosed();
    return this.#path;
  }

  /** Writes a line to the server's log. Never throws. */
  report(type: ServerLogEvent["type"], message: string, error?: unknown): void {
    this.#environment.log.tell(this.#facts(type, message, error));
  }

  /** The same for a failure of a callback or of the library: rate limited as the log asks. */
  reportFailure(type: ServerLogEvent["type"], message: string, error: unknown): void {
    this.#environment.log.tellFailure(this.#facts(type, message, error));
  }

  #facts(type: ServerLogEvent["type"], message: string, error: unknown) {
    const { remote, name } = this.carrier;
    const { sessionId } = this.engine;
    return { type, message, remote, carrier: name, sessionId, hello: this.#hello ?? undefined, error };
  }

  /** For calls whose only caller would be the runtime, which would end the process for what they throw. */
  contain(call: () => void): void {
    try {
      call();
    } catch (cause) {
      this.crash(cause);
    }
  }

  /** Something failed here: a line in the log, INTERNAL_ERROR to the client, and this connection ends; nothing else does. Never throws. */
  crash(cause: unknown): void {
    const error = internalErrorOf(cause, "the handshake cannot go on");
    this.engine.crash(error);
    this.#end ??= { kind: "error", local: true, reason: error.message, error };
    // A carrier that was never started, or whose last call failed, does not report its end.
    const over = () => callBack(() => this.#over(), () => {});
    callBack(() => this.carrier.close({ endDelayMs: LAST_WORDS_MS }).then(over), over);
  }

  // ServerHandshakeHost

  /** See ServerHandshakeHost. */
  hello(context: ClientHelloContext): void {
    this.#hello = context;
    this.carrier.pause();
    this.#owner.hello(this, context);
  }

  /** See ServerHandshakeHost. */
  migrate(request: MigrateRequest): void {
    this.#path.hold(); // what comes behind it is for the session that the answer gives the path to
    this.#owner.migrate(this, request);
  }

  /** See ServerHandshakeHost. */
  ended({ end, lastWords }: FailedHandshake): void {
    this.#end = end;
    void this.carrier.close({ endDelayMs: lastWords ? LAST_WORDS_MS : 0 });
  }

  /** See ServerHandshakeHost. */
  failure(error: NnrpInternalError): void {
    this.reportFailure("internal-failure", error.message, error);
  }

  // PathHost

  /** See PathHost. */
  readClock(): number {
    return this.#clock.read();
  }

  /** See PathHost. */
  turned(): void {
    this.#timer.demand(this.nextDeadlineMs);
  }

  /** See PathHost. */
  pathFault(_path: SessionPath, error: NnrpError): void {
    this.engine.fault(error);
  }

  /** See PathHost. */
  pathEnded(): void {
    this.engine.peerEnded();
  }

  /** See PathHost. */
  pathClosed(_path: SessionPath, info: CloseInfo): void {
    if (this.#isOver) return;
    this.engine.carrierClosed(info);
    this.#over();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer.stop();
    this.#owner.ended(this, this.#end!);
    this.#resolveClosed();
  }

  // Timed

  /** See Timed. */
  get nextDeadlineMs(): number {
    return Math.min(this.engine.nextDeadlineMs, this.#deadlineMs);
  }

  /** See Timed. */
  get nextVerdictMs(): number {
    return Math.min(this.engine.nextVerdictMs, this.#deadlineMs);
  }

  /** See Timed. */
  tick(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) this.#timeUp();
    if (this.awaitsVerdict) this.engine.keepAlive.received(nowMs); // it is not read until the verdict
    this.engine.tick(nowMs);
    const cut = () => this.cut(`the client took nothing for ${this.#limits.sendStallMs} ms`);
    confirmStall(this.#host, () => this.#isStalled(), cut);
  }

  #isStalled(): boolean {
    const { bufferedBytes, sentBytes } = this.carrier;
    return this.#stall.look(this.#clock.read(), bufferedBytes, sentBytes);
  }

  #timeUp(): void {
    this.#deadlineMs = Infinity;
    if (this.engine.outcome !== null) return; // it was refused, and its ERROR is still being delivered
    this.reported = true;
    const error = new NnrpTimeoutError("the handshake", this.#limits.handshakeTimeoutMs);
    this.stopAsking(error);
    this.refuse(ErrorCode.INVALID_STATE, error.message);
    this.report("handshake-refused", error.message, error);
  }
}

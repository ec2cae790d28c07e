/**
 * How the parts of a session meet: the engine's events go to the part they concern, and here it is decided when the session opens,
 * drains and is over. ClientSession is what applications see of it.
 *
 * @module
 */
import { checkNumbers } from "./option_checks.ts";
import {
  type AcceptedHello,
  buildClientHello,
  callBack,
  type Carrier,
  ClientEngine,
  type ErrorEvent,
  fitToShow,
  type FlowUpdateEvent,
  type FrameWaiter,
  type Host,
  internalErrorOf,
  LAST_WORDS_MS,
  NnrpConnectionClosedError,
  type NnrpError,
  NnrpStateError,
  NnrpTimeoutError,
  type ResultHintEvent,
  type SessionEnd,
  SessionState,
} from "@nnrp/core";
import {
  confirmStall,
  containTimers,
  SessionTimer,
  StallWatch,
  systemHost,
  waitFor,
  type WaitOptions,
} from "@nnrp/runtime";
import { askAuth, type AuthBlock } from "./credentials.ts";
import { closeInOrder, type CloseOptions } from "./closing.ts";
import { ControlRequests } from "./control_requests.ts";
import { MAX_EVENTS_KEPT, SEND_STALL_MS } from "./defaults.ts";
import type { DialOrigin } from "./dial_origin.ts";
import { maxResubmitsOf } from "./reconnect.ts";
import { EventFeed } from "./event_feed.ts";
import type { ComeBack } from "./path_search.ts";
import { ReceivedResults } from "./received_results.ts";
import { SessionPaths } from "./session_paths.ts";
import type { ClientSessionState, OpenOptions } from "./session_types.ts";
import { Submitter } from "./submitter.ts";

/** How long a hello may take. */
type HelloLimits = WaitOptions & Pick<OpenOptions, "answerTimeoutMs">;

/** The parts of one session. */
export class SessionCore {
  /** Time, timers, random numbers. */
  readonly host: Host;
  /** The rules. */
  readonly engine: ClientEngine;
  /** Connections. */
  readonly paths: SessionPaths;
  /** Frames on their way out. */
  readonly submitter: Submitter;
  /** Results that wait for a reader. */
  readonly results: ReceivedResults;
  /** Requests on the control path. */
  readonly requests: ControlRequests;
  /** RESULT_HINTs. */
  readonly hints: EventFeed<ResultHintEvent>;
  /** FLOW_UPDATEs. */
  readonly flows: EventFeed<FlowUpdateEvent>;
  /** ERRORs that did not end the session. */
  readonly errors: EventFeed<ErrorEvent>;
  /** As the session was opened. */
  readonly options: OpenOptions;
  /** Resolves when the session is over, never rejects. */
  readonly closed: Promise<SessionEnd>;
  /** The connection in use. */
  carrier: Carrier;
  /** What the server agreed to last; null before. */
  agreed: AcceptedHello | null = null;

  readonly #timer: SessionTimer;
  readonly #stall: StallWatch;
  #opening: { resolve: () => void; reject: (error: NnrpError) => void } | null = null;
  #resolveClosed: (end: SessionEnd) => void = () => {};
  #end: SessionEnd | null = null;
  #endError: NnrpError | null = null;
  #isOver = false;
  #helloMs = 0; // when the last hello was sent
  #look: () => void = nothing; // of a session that closes

  /**
   * Makes a SessionCore; {@linkcode SessionCore.open} opens it.
   *
   * @param carrier A connection, not started.
   * @param options Options of the session.
   * @throws NnrpValueError if no hello can be made of the options.
   */
  constructor(carrier: Carrier, options: OpenOptions) {
    checkNumbers(options);
    const host = this.host = containTimers(options.runtime ?? systemHost(), (call) => this.contain(call));
    const { maxEventsKept = MAX_EVENTS_KEPT, sendStallMs = SEND_STALL_MS } = options;
    this.carrier = carrier;
    this.options = options;
    if (typeof options.auth !== "function") this.#hello(options.auth); // refuses what cannot be encoded
    this.hints = new EventFeed(host, maxEventsKept);
    this.flows = new EventFeed(host, maxEventsKept);
    this.errors = new EventFeed(host, maxEventsKept);
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    const engine = this.engine = this.#makeEngine();
    this.requests = new ControlRequests(host, engine, () => this.#timer.demand(engine.nextDeadlineMs));
    this.results = new ReceivedResults(host, engine, options);
    const stall = this.#stall = new StallWatch(sendStallMs);
    const paths = this.paths = this.#makePaths();
    const submitter = this.submitter = new Submitter(
      {
        host,
        engine,
        inbox: this.results.inbox,
        maxResubmits: maxResubmitsOf(this.origin?.reconnect),
        get searching(): boolean {
          return paths.searching;
        },
        refusal: () => this.#end?.error ?? new NnrpStateError(`cannot submit: the session is ${this.state}`),
        contain: (call) => this.contain(call),
        demand: (deadlineMs) => this.#timer.demand(deadlineMs),
      },
      carrier,
      options,
    );
    this.#timer = new SessionTimer(host, {
      get nextDeadlineMs(): number {
        return Math.min(engine.nextDeadlineMs, submitter.nextDeadlineMs);
      },
      get nextVerdictMs(): number {
        return Math.min(engine.nextVerdictMs, engine.nextWaitMs, submitter.nextDeadlineMs);
      },
      tick: (nowMs) => {
        engine.tick(nowMs);
        submitter.expire(nowMs);
        this.#look();
        const { carrier } = this;
        const isStalled = () => carrier === this.carrier && this.#isStalled(carrier);
        const reason = `the server took nothing for ${sendStallMs} ms`;
        confirmStall(host, isStalled, () => void carrier.close({ graceful: false, reason }));
      },
    }, stall.intervalMs);
  }

  #isStalled({ bufferedBytes, sentBytes, receivedBytes }: Carrier): boolean {
    return this.#stall.look(this.host.now(), bufferedBytes, sentBytes + receivedBytes);
  }

  #makeEngine(): ClientEngine {
    const { host } = this;
    return new ClientEngine(this.carrier, {
      opened: (accepted) => {
        this.agreed = accepted;
        const nowMs = host.now();
        this.engine.pathBegins(nowMs, nowMs - this.#helloMs);
        if (this.paths.reopening) {
          this.requests.repeat((error) => this.report("settings-lost", error.message, error));
        }
        this.#opening?.resolve();
      },
      refused: (error) => this.#opening?.reject(error),
      admitted: () => this.submitter.admit(),
      hint: (event) => this.hints.push(event),
      flow: (event) => this.flows.push(event),
      error: (event) => this.errors.push(event),
      pathBroken: (event) => this.paths.pathBroken(event),
      failure: (error) => this.report("internal-failure", error.message, error),
      draining: (end) => this.#draining(end),
      finished: (end, fatal) => {
        if (!this.paths.reopening) this.paths.ended();
        const isGone = end.kind === "lost" && end.local; // then there is no peer for an orderly end
        void this.carrier.close({ graceful: !isGone, endDelayMs: fatal ? LAST_WORDS_MS : 0 });
      },
      unbegun: (waiter, error) => this.submitter.unbegun(waiter, error),
      suspended: (end, lost) => this.paths.suspended(end, lost),
    }, this.options);
  }

  #makePaths(): SessionPaths {
    const { host, engine } = this;
    const owner = {
      host,
      engine,
      turned: () => {
        this.#timer.demand(engine.nextDeadlineMs);
        this.#look();
      },
      carrierChanged: (next: Carrier) => this.#carrierChanged(next),
      sayHello: (limits: WaitOptions) => this.#sayHello(limits),
      lost: (waiters: readonly FrameWaiter[], error: NnrpError) => this.submitter.lost(waiters, error),
      over: (end?: SessionEnd) => this.#over(end),
      crash: (cause: unknown) => this.crash(cause),
      report: (type: string, message: string, error?: unknown) => this.report(type, message, error),
    };
    return new SessionPaths(owner, this.carrier, comeBackOf(this.origin));
  }

  /** Where and how the server was dialled; null if the session was opened on a carrier that was connected already. */
  get origin(): DialOrigin | null {
    return this.options.origin ?? null;
  }

  /** What proves to a server without tokens whose session this is. */
  async askProof(limits: WaitOptions): Promise<Uint8Array> {
    const { body, metadata } = this.#hello(await askAuth(this.host, this.options.auth, limits));
    return body.subarray(body.length - metadata.authBytes);
  }

  #hello(auth: AuthBlock | undefined): ReturnType<typeof buildClientHello> {
    // A token is not asked for where anybody could read it.
    const isOpen = this.origin?.isPrivate(this.carrier) === false;
    return buildClientHello({ ...this.options, auth, ...(isOpen && { migrationToken: false }) });
  }

  /** The session's id; 0 before the first handshake. */
  get sessionId(): number {
    return this.engine.sessionId || (this.agreed?.metadata.sessionId ?? 0);
  }

  /** Where the session is in its life. */
  get state(): ClientSessionState {
    return this.paths.searching ? "reconnecting" : STATES[this.engine.state];
  }

  /** The error that calls on an ended session reject with. */
  get errorOfEnd(): NnrpError {
    const reason = this.#end?.reason;
    return this.#endError ??= this.#end?.error ??
      new NnrpConnectionClosedError(this.carrier.name, `session closed${reason ? `: ${reason}` : ""}`);
  }

  /** Starts the connection and runs the handshake. */
  async open(limits: HelloLimits): Promise<void> {
    this.engine.opened(this.host.now());
    this.paths.start();
    this.#timer.set();
    await this.#sayHello(limits);
    this.paths.opened();
    const { unverified, remote } = this.carrier;
    if (unverified) {
      this.report("unverified", `the certificate of ${remote} was not verified: anybody may be there`);
    }
  }

  /** Sends CLIENT_HELLO on the present carrier and waits for the server's answer. */
  async #sayHello(limits: HelloLimits): Promise<void> {
    const { timeoutMs = Infinity, answerTimeoutMs = Infinity, signal } = limits;
    const endsMs = this.host.now() + timeoutMs;
    const { metadata, body } = this.#hello(await askAuth(this.host, this.options.auth, limits));
    if (this.engine.state !== SessionState.INIT) {
      const why = "the connection ended while a credential was asked for";
      throw new NnrpConnectionClosedError(this.carrier.name, why);
    }
    const leftMs = Math.max(1, endsMs - this.host.now());
    const left = { signal, timeoutMs: Math.min(leftMs, answerTimeoutMs) };
    const onTimeout = () => new NnrpTimeoutError("the handshake", Math.min(timeoutMs, answerTimeoutMs));
    try {
      await waitFor<void>(this.host, left, onTimeout, (resolve, reject) => {
        this.#opening = { resolve, reject };
        this.#helloMs = this.host.now();
        this.engine.hello(metadata, body);
        return () => {};
      });
    } finally {
      this.#opening = null;
    }
  }

  /** Ends the session in order. */
  async close(options: CloseOptions): Promise<void> {
    this.paths.ending();
    if (this.paths.searching) {
      const reason = options.reason ?? "closed while reconnecting";
      this.paths.abandon({ kind: "close", local: true, reason });
    } else if (!this.#isOver) await closeInOrder(this, options);
    await this.closed;
  }

  /** See ClosingSession. */
  watch(look: () => void): () => void {
    this.#look = look;
    return () => this.#look = nothing;
  }

  /** Reports a log event; a log that throws or rejects must not end what it reports on. */
  report(type: string, message: string, error?: unknown): void {
    const event = { type, message: fitToShow(message), sessionId: this.sessionId, error };
    callBack(() => this.options.log?.(event), () => {});
  }

  /** For calls whose only caller would be the runtime, which would end the process for what they throw. */
  contain(call: () => void): void {
    try {
      call();
    } catch (cause) {
      this.crash(cause);
    }
  }

  /** Something failed here: a line in the log, INTERNAL_ERROR to the server, and the session ends; nothing else does. Never throws. */
  crash(cause: unknown): void {
    const error = internalErrorOf(cause, "the session cannot go on");
    const { suspended } = this.engine;
    this.engine.crash(error);
    this.#end ??= { kind: "error", local: true, reason: error.message, error };
    callBack(() => this.paths.ended(), () => {});
    // A carrier whose last call failed does not report its end.
    const over = () => callBack(() => this.#over(), () => {});
    if (suspended) over();
    else callBack(() => this.carrier.close({ endDelayMs: LAST_WORDS_MS }).then(over), over);
  }

  /** The session goes on over this carrier. */
  #carrierChanged(carrier: Carrier): void {
    this.carrier = carrier;
    this.#stall.restart();
    this.submitter.carrierChanged(carrier);
    this.#timer.set();
  }

  #draining(end: SessionEnd): void {
    if (this.paths.reopening) return;
    this.#end = end;
    this.submitter.end(this.errorOfEnd);
    this.report("draining", `session is ending: ${end.reason || end.kind}`, end.error);
  }

  /** The last connection is gone. */
  #over(end?: SessionEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer.stop();
    if (end !== undefined && this.#end === null) this.#draining(end);
    this.results.end(this.errorOfEnd, this.#end!.kind === "close");
    this.hints.end();
    this.flows.end();
    this.errors.end();
    this.#resolveClosed(this.#end!);
  }
}

const STATES: Readonly<Record<SessionState, ClientSessionState>> = {
  [SessionState.INIT]: "opening",
  [SessionState.NEGOTIATING]: "opening",
  [SessionState.ACTIVE]: "active",
  [SessionState.DRAINING]: "draining",
  [SessionState.CLOSED]: "closed",
};

function nothing(): void {}

function comeBackOf(origin: DialOrigin | null): ComeBack | null {
  if (origin === null || origin.reconnect === null) return null;
  return {
    ...origin.reconnect,
    timeoutMs: origin.timeoutMs,
    dial: (signal) => origin.connect(signal),
    isPrivate: (carrier) => origin.isPrivate(carrier),
  };
}

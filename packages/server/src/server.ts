/**
 * A server: listens on its carriers, shakes hands with each connection in its own time, and owns the sessions (behaviour spec
 * §6, §14.2).
 *
 * @module
 */
import {
  buildHelloAck,
  type Carrier,
  type CarrierBinding,
  type CarrierListener,
  catchLater,
  type ClientHelloContext,
  ErrorCode,
  type HelloAgreement,
  judgeHello,
  MigrateAcceptCode,
  type MigrateRequest,
  MIGRATION_TOKEN_SIZE,
  MigrationTokens,
  NnrpConnectionClosedError,
  type NnrpError,
  NnrpInternalError,
  NnrpStateError,
  NnrpTimeoutError,
  NnrpValueError,
  type SessionEnd,
} from "@nnrp/core";
import { type Admission, judgeMove, movedAdmission, moveRequest, type MoveVerdict } from "./admission.ts";
import { TurnClock } from "./clock.ts";
import type { Handler } from "./handler.ts";
import {
  type AuthRequest,
  type AuthValidator,
  DRAIN_MS,
  HANDSHAKE_TIMEOUT_MS,
  HARD_LIMIT_FACTOR,
  MAX_CONCURRENT_FRAMES,
  MAX_CONNECTIONS,
  MAX_FAREWELLS,
  MAX_HANDSHAKES,
  MAX_SERVER_BYTES,
  MAX_SUSPENDED_SESSIONS,
  queuedFramesOf,
  RESUME_WINDOW_MS,
  RETRY_AFTER_MS,
  type ServeOptions,
} from "./options.ts";
import { Scheduler, type SchedulerStats } from "./scheduler.ts";
import { ServerLog } from "./server_log.ts";
import { ServerSession } from "./session.ts";
import type { SessionOwner } from "./session_owner.ts";
import type { WaitOptions } from "./session_types.ts";
import { type Judged, readVerdict, REFUSED } from "./verdict.ts";

/** Where a server listens. */
export interface ServerAddress {
  /** Name of the carrier. */
  readonly name: string;
  /** Bound host. */
  readonly host: string;
  /** Bound port. */
  readonly port: number;
}

/** Counters of a server, as they are now. */
export interface ServerStats extends Readonly<SchedulerStats> {
  /** Connections accepted. */
  readonly connections: number;
  /** Connections refused because there were too many. */
  readonly refusedConnections: number;
  /** Of those, the ones that were closed without a word, because `maxFarewells` others were being told. */
  readonly cutConnections: number;
  /** Refused connections that are open a moment longer so that they can be told; not among `open`. */
  readonly farewells: number;
  /** Connections that are open now. */
  readonly open: number;
  /** Sessions that are open now. */
  readonly sessions: number;
  /** Sessions that ever began. */
  readonly sessionsStarted: number;
  /** Handshakes that were refused or ran out of time. */
  readonly handshakesRefused: number;
  /** Of those, the ones that `authValidator` refused. */
  readonly authRefused: number;
  /** Bytes of frames in flight. */
  readonly bytesInFlight: number;
  /** Sessions that moved to another connection, returns after a loss among them. */
  readonly migrated: number;
  /** Moves that were refused. */
  readonly migrationsRefused: number;
  /** Sessions that lost their connection and wait for their client. */
  readonly suspended: number;
  /** Probes answered on connections that are closed. */
  readonly probes: number;
  /** Probes refused on connections that are closed. */
  readonly probesRefused: number;
  /** Failures that the log was not told of; see `maxFailuresLoggedPerSecond`. */
  readonly failuresUntold: number;
}

interface Handshake {
  readonly timer: ReturnType<typeof setTimeout>;
  /** Ends the validator's work; made when there is a validator to ask, about a hello or about a move. */
  abort: AbortController | null;
  /** Whether the log was told why it was refused. */
  reported: boolean;
}

/** A server that listens. Made by `serve()` or {@linkcode NnrpServer.bind}. */
export class NnrpServer {
  readonly #options: ServeOptions;
  readonly #clock = new TurnClock();
  readonly #log: ServerLog;
  readonly #scheduler: Scheduler | null;
  readonly #owner: SessionOwner;
  readonly #connections = new Set<ServerSession>();
  readonly #farewells = new Set<ServerSession>(); // refused, still being told so
  readonly #handshakes = new Map<ServerSession, Handshake>();
  readonly #sessions = new Map<number, ServerSession>();
  #listeners: CarrierListener[] = [];
  #ready: ServerSession[] = []; // accepted, not handed out yet
  readonly #admissions = new WeakMap<ServerSession, Admission>(); // of sessions that began
  #acceptors: { take: (session: ServerSession) => void; end: (error: NnrpError) => void }[] = [];
  #bytesInFlight = 0;
  #closing: Promise<void> | null = null;
  #counts = {
    connections: 0,
    refusedConnections: 0,
    cutConnections: 0,
    sessionsStarted: 0,
    handshakesRefused: 0,
    authRefused: 0,
    migrated: 0,
    migrationsRefused: 0,
    probes: 0,
    probesRefused: 0,
  };
  readonly #suspended = new Set<ServerSession>(); // in the order of their losses
  #authValidator: AuthValidator | undefined;

  private constructor(options: ServeOptions, handler: Handler | null) {
    const { requireToken = false, allowWithoutToken = false } = options.migration ?? {};
    if (requireToken && allowWithoutToken) {
      throw new NnrpValueError("contradicts migration.requireToken", {
        field: "migration.allowWithoutToken",
        expected: "at most one of the two true",
        actual: "both",
      });
    }
    this.#options = options;
    this.#log = new ServerLog(options);
    this.#authValidator = options.authValidator;
    this.#scheduler = handler === null ? null : new Scheduler(handler, options, this.#clock);
    const soft = options.profile?.maxConcurrentFrames ?? MAX_CONCURRENT_FRAMES;
    this.#owner = {
      options,
      log: this.#log,
      clock: this.#clock,
      scheduler: this.#scheduler,
      maxConcurrentFrames: soft,
      maxInFlightFrames: options.profile?.maxInFlightFrames ?? soft * HARD_LIMIT_FACTOR,
      maxQueuedFrames: queuedFramesOf(options),
      hello: (session, context) => void this.#hello(session, context).catch((cause) => session.crash(cause)),
      migrate: (session, request) => this.#migrate(session, request),
      suspended: (session, end) => this.#sessionSuspended(session, end),
      sessionDraining: () => {},
      sessionClosed: (session, end) => this.#closed(session, end),
      account: (bytes) => (this.#bytesInFlight += bytes) > (options.maxServerBytes ?? MAX_SERVER_BYTES),
    };
  }

  /**
   * Listens; the application takes sessions with `accept()` or `for await` and frames with `receiveSubmit()`.
   *
   * @throws NnrpTransportError if a port is taken or not allowed.
   */
  static bind(options: ServeOptions = {}): Promise<NnrpServer> {
    return NnrpServer.start(options, null);
  }

  /** Listens with a handler, or without; `serve()` and {@linkcode NnrpServer.bind} are the ways to call it. */
  static async start(options: ServeOptions, handler: Handler | null): Promise<NnrpServer> {
    const server = new NnrpServer(options, handler);
    const bindings = options.listen ?? [await defaultBinding(options)];
    try {
      for (const binding of bindings) {
        server.#listeners.push(
          await binding.listen((carrier) => server.#connected(carrier), {
            handshakeTimeoutMs: options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
            maxHandshakes: options.maxHandshakes ?? MAX_HANDSHAKES,
            failed: (remote, error) => server.#carrierRefused(binding.name, remote, error),
          }),
        );
      }
    } catch (error) {
      await server.close({ drainMs: 0 });
      throw error;
    }
    return server;
  }

  /** Where the server listens, in the order of `listen`. */
  get addresses(): readonly ServerAddress[] {
    return this.#listeners.map(({ name, host, port }) => ({ name, host, port }));
  }

  /** Port of the first listener. */
  get port(): number {
    return this.#listeners[0].port;
  }

  /** Open sessions. */
  get sessions(): readonly ServerSession[] {
    return [...this.#sessions.values()];
  }

  /** Counters as they are now. */
  get stats(): ServerStats {
    const idle: SchedulerStats = {
      running: 0,
      queued: 0,
      started: 0,
      superseded: 0,
      expired: 0,
      busy: 0,
      handlerFailures: 0,
    };
    return {
      ...(this.#scheduler?.stats ?? idle),
      ...this.#counts,
      farewells: this.#farewells.size,
      open: this.#connections.size,
      sessions: this.#sessions.size,
      suspended: this.#suspended.size,
      bytesInFlight: this.#bytesInFlight,
      failuresUntold: this.#log.untold,
    };
  }

  /**
   * The next session, for servers without a handler. Sessions are shaken hands with side by side; a slow one delays nobody.
   *
   * @throws NnrpTimeoutError, NnrpConnectionClosedError once the server is closed.
   */
  accept(options: WaitOptions = {}): Promise<ServerSession> {
    if (this.#scheduler !== null) {
      return Promise.reject(new NnrpStateError("the sessions of this server go to its handler"));
    }
    const ready = this.#ready.shift();
    if (ready !== undefined) {
      this.#taken(ready);
      return Promise.resolve(ready);
    }
    if (this.#closing !== null) return Promise.reject(serverClosed());
    const { timeoutMs, signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        const at = this.#acceptors.indexOf(acceptor);
        if (at >= 0) this.#acceptors.splice(at, 1);
      };
      const end = (error: unknown) => {
        settle();
        reject(error);
      };
      const onAbort = () => end(signal!.reason);
      const acceptor = {
        take: (session: ServerSession) => {
          settle();
          resolve(session);
        },
        end,
      };
      const timer = timeoutMs === undefined || timeoutMs === Infinity
        ? undefined
        : setTimeout(() => end(new NnrpTimeoutError("the next session", timeoutMs)), timeoutMs);
      signal?.addEventListener("abort", onAbort);
      this.#acceptors.push(acceptor);
    });
  }

  /**
   * As {@linkcode NnrpServer.accept}, judging clients with this validator from now on. Sessions that began before it was named
   * are judged before they are handed out; refused ones are closed by ERROR AUTH_FAILED.
   */
  async acceptWithAuth(validator: AuthValidator, options: WaitOptions = {}): Promise<ServerSession> {
    this.#authValidator = validator;
    for (;;) {
      const session = await this.accept(options);
      const admission = this.#admissions.get(session)!;
      if (admission.validator === validator) return session;
      const gone = new AbortController();
      void session.closed.then(() => gone.abort(serverClosed()));
      const judged = await this.#judge(validator, admission.request, gone.signal);
      if (judged.accepted) {
        session.principal = judged.principal;
        // As things are now: the session may have moved while the validator thought.
        const { request, peerIdentity } = this.#admissions.get(session)!;
        this.#admissions.set(session, { validator, request, principal: judged.principal, peerIdentity });
        return session;
      }
      this.#counts.authRefused++;
      this.#reportRefused(session, judged);
      session.refuse(ErrorCode.AUTH_FAILED, judged.diagnostic);
    }
  }

  /** Sessions as they come, until the server is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ServerSession, void, undefined> {
    for (;;) {
      let session: ServerSession;
      try {
        session = await this.accept();
      } catch (error) {
        if (error instanceof NnrpConnectionClosedError) return;
        throw error;
      }
      yield session;
    }
  }

  /**
   * Stops listening, says CLOSE to every session, lets frames in flight be answered (at most `drainMs`, default 20,000), and
   * closes what is left.
   */
  close(options: { drainMs?: number; reason?: string } = {}): Promise<void> {
    return this.#closing ??= this.#close(
      options.drainMs ?? DRAIN_MS,
      options.reason ?? "server is shutting down",
    );
  }

  async #close(drainMs: number, reason: string): Promise<void> {
    for (const session of this.#sessions.values()) session.resumable = false;
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    for (const acceptor of [...this.#acceptors]) acceptor.end(serverClosed());
    for (const session of [...this.#suspended]) session.forget(reason);
    for (const session of this.#handshakes.keys()) {
      session.refuse(ErrorCode.SERVER_BUSY, reason, RETRY_AFTER_MS);
    }
    for (const session of this.#farewells) session.abort(reason);
    await Promise.all([
      ...[...this.#farewells].map((session) => session.closed),
      ...[...this.#connections].map((session) => this.#closeSession(session, drainMs, reason)),
    ]);
    this.#scheduler?.stop();
  }

  /** A session with nothing in flight goes at once, after the client had a moment to close first. */
  async #closeSession(session: ServerSession, drainMs: number, reason: string): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeUp = new Promise<void>((done) => timer = setTimeout(done, drainMs));
    const closed = session.close({ reason, drainMs });
    await Promise.race([session.idle().then(() => session.sent()), timeUp]);
    clearTimeout(timer);
    const grace = setTimeout(() => session.abort(reason), Math.min(drainMs, CLOSE_GRACE_MS));
    await closed;
    clearTimeout(grace);
  }

  /** Same as {@linkcode NnrpServer.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A connection that never came to be one: TLS, an HTTP upgrade or QUIC's handshake failed. */
  #carrierRefused(carrier: string, remote: string, error: NnrpError): void {
    this.#counts.handshakesRefused++;
    const failed = error instanceof NnrpInternalError;
    const type = failed ? "internal-failure" : "handshake-refused";
    const event = { type, message: error.message, remote, carrier, sessionId: 0, error } as const;
    if (failed) this.#log.tellFailure(event);
    else this.#log.tell(event);
  }

  #connected(carrier: Carrier): void {
    this.#counts.connections++;
    const { maxConnections = MAX_CONNECTIONS, maxHandshakes = MAX_HANDSHAKES } = this.#options;
    const full = this.#connections.size >= maxConnections || this.#handshakes.size >= maxHandshakes;
    if (full || this.#closing !== null) {
      this.#turnAway(carrier);
      return;
    }
    const session = new ServerSession(this.#owner, carrier);
    this.#connections.add(session);
    const ms = this.#options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
    const handshake: Handshake = {
      abort: null,
      reported: false,
      timer: setTimeout(() => {
        handshake.reported = true;
        const error = new NnrpTimeoutError("the handshake", ms);
        handshake.abort?.abort(error);
        session.contain(() => session.refuse(ErrorCode.INVALID_STATE, error.message));
        session.report("handshake-refused", error.message, error);
      }, ms),
    };
    this.#handshakes.set(session, handshake);
    session.contain(() => session.start());
  }

  /**
   * One connection too many. It is told so, which takes a moment in which its socket stays; when many come at once, as in a flood,
   * the rest go without a word, so that they hold nothing here.
   */
  #turnAway(carrier: Carrier): void {
    this.#counts.refusedConnections++;
    const why = "too many connections";
    if (this.#farewells.size >= (this.#options.maxFarewells ?? MAX_FAREWELLS)) {
      this.#counts.cutConnections++;
      const { remote, name } = carrier;
      this.#log.tell({ type: "connection-refused", message: why, remote, carrier: name, sessionId: 0 });
      void carrier.close({ code: ErrorCode.LIMIT_EXCEEDED, reason: why, graceful: false });
      return;
    }
    const session = new ServerSession(this.#owner, carrier);
    this.#farewells.add(session);
    session.contain(() => {
      session.start();
      session.report("connection-refused", why);
      session.refuse(ErrorCode.LIMIT_EXCEEDED, `${why}; try again later`, RETRY_AFTER_MS);
    });
  }

  async #hello(session: ServerSession, context: ClientHelloContext): Promise<void> {
    const profile = this.#options.profile ?? {};
    const outcome = judgeHello(
      {
        versionMajor: context.packet.header.versionMajor,
        metadata: context.metadata,
        controlExtensions: context.controlExtensions,
      },
      {
        ...profile,
        maxConcurrentFrames: this.#owner.maxConcurrentFrames,
        knownExtensionTypes: this.#options.knownExtensionTypes,
      },
    );
    const handshake = this.#handshakes.get(session);
    if (!outcome.accepted) {
      if (handshake !== undefined) handshake.reported = true;
      session.report("handshake-refused", outcome.diagnostic);
      session.refuse(outcome.errorCode, outcome.diagnostic);
      return;
    }
    const validator = this.#authValidator;
    const request: AuthRequest = {
      authBlock: context.authBlock,
      remote: session.remote,
      transport: session.transport,
      peerIdentity: session.peerIdentity,
      model: outcome.requestedModel,
      hello: context,
    };
    const judged = validator === undefined
      ? ADMITTED
      : await this.#judge(validator, request, (handshake!.abort = new AbortController()).signal);
    if (session.state !== "negotiating") return; // timed out or gone meanwhile
    if (!judged.accepted) {
      this.#refuseAuth(session, outcome, judged);
      return;
    }
    try {
      this.#accept(session, context, outcome, judged.principal);
    } catch (error) {
      if (handshake !== undefined) handshake.reported = true;
      session.reportFailure(
        "handshake-refused",
        "the server's options make no valid SERVER_HELLO_ACK",
        error,
      );
      session.refuse(ErrorCode.INTERNAL_ERROR, "the server cannot accept sessions");
      return;
    }
    const now: string = session.state; // it may have ended with the first packet
    if (now === "closed") return;
    const { peerIdentity } = request;
    this.#admit(session, { validator, request, principal: judged.principal, peerIdentity });
  }

  /** Asks the validator; a failure is a refusal. */
  async #judge(
    validator: AuthValidator,
    request: AuthRequest,
    signal: AbortSignal,
  ): Promise<Judged> {
    try {
      return readVerdict(await validator(request, signal));
    } catch (error) {
      return { ...REFUSED, error: error ?? new Error("it threw nothing") };
    }
  }

  /** Says in the log that the validator let nobody in; failures of its own are bounded in rate. */
  #reportRefused(session: ServerSession, { diagnostic, error }: Judged & { accepted: false }): void {
    if (error === undefined) session.report("auth-refused", diagnostic);
    else session.reportFailure("auth-refused", "the auth validator failed", error);
  }

  #refuseAuth(
    session: ServerSession,
    agreement: HelloAgreement,
    judged: Judged & { accepted: false },
  ): void {
    const { refuse, diagnostic } = judged;
    this.#counts.authRefused++;
    const handshake = this.#handshakes.get(session);
    if (handshake !== undefined) handshake.reported = true;
    this.#reportRefused(session, judged);
    if (refuse === "close") session.abort(diagnostic);
    else if (refuse === "ack") {
      session.refuseByAck(
        buildHelloAck(agreement, { sessionId: 0, activeTransportId: session.transport }).metadata,
      );
    } else session.refuse(ErrorCode.AUTH_FAILED, diagnostic);
  }

  #accept(
    session: ServerSession,
    context: ClientHelloContext,
    agreement: HelloAgreement,
    principal: unknown,
  ): void {
    const chosen = this.#options.sessionId?.(context);
    catchLater(chosen, () => {}); // an async one is refused below
    const wished = chosen ?? agreement.requestedSessionId;
    const sessionId = this.#freeId(wished);
    const modelName = this.#options.profile?.modelName ?? "";
    const token = agreement.wantsMigrationToken && (this.#options.migration?.enabled ?? true)
      ? newToken()
      : undefined;
    if (token !== undefined) session.tokens = new MigrationTokens(token);
    const ack = buildHelloAck(agreement, {
      sessionId,
      activeTransportId: session.transport,
      migrationToken: token,
      modelName,
      controlExtensions: this.#options.controlExtensions,
    });
    try {
      session.accept(ack.metadata, ack.body, modelName, principal);
    } catch (cause) {
      if (cause instanceof NnrpValueError) throw cause; // the options, again
      session.crash(cause);
    }
  }

  /** The session has begun: enters it, and hands it to whoever waits for one. */
  #admit(session: ServerSession, admission: Admission): void {
    const { sessionId } = session;
    this.#endHandshake(session);
    this.#sessions.set(sessionId, session);
    this.#counts.sessionsStarted++;
    session.report("session-start", `session ${sessionId} with ${session.remote}`);
    this.#admissions.set(session, admission);
    if (this.#scheduler === null) this.#handOut(session);
    else this.#taken(session);
  }

  #handOut(session: ServerSession): void {
    const acceptor = this.#acceptors.shift();
    if (acceptor !== undefined) {
      this.#taken(session);
      acceptor.take(session);
    } else this.#ready.push(session);
  }

  /**
   * A connection asks to carry a session that began on another one (behaviour spec §11). Everything is judged anew whenever time
   * has passed: whatever was true before may not be so any more.
   *
   * @param verdict What the validator said about it; null = it was not asked yet.
   */
  #migrate(shell: ServerSession, request: MigrateRequest, verdict: MoveVerdict | null = null): void {
    const { migration = {} } = this.#options;
    if (migration.enabled === false || this.#closing !== null) {
      this.#refuseMove(shell, request, MigrateAcceptCode.POLICY, "sessions do not move, or not now");
      return;
    }
    const session = this.#sessions.get(request.sessionId);
    const admission = session && this.#admissions.get(session);
    const judgement = judgeMove(request, shell, session, admission, verdict, migration);
    if (judgement.verdict === "refused") {
      const failure = verdict !== null && !verdict.judged.accepted ? verdict.judged.error : undefined;
      this.#refuseMove(shell, request, judgement.code, judgement.why, judgement.error ?? failure);
      return;
    }
    // The path of the move before has not been read to its end: this move comes after it.
    const again = () => this.#mayMove(shell) && this.#migrate(shell, request, verdict);
    if (session!.afterMove(() => shell.contain(again))) return;
    if (judgement.verdict === "ask") void this.#askAgain(shell, request, session!, admission!);
    else this.#move(shell, request, session!, admission!);
  }

  /** Whether a connection still waits for its SESSION_MIGRATE to be answered. */
  #mayMove(shell: ServerSession): boolean {
    return this.#handshakes.has(shell) && shell.state === "init";
  }

  /** Asks the validator whether the client may go on; bounded by the time of the new connection's handshake. */
  async #askAgain(
    shell: ServerSession,
    request: MigrateRequest,
    session: ServerSession,
    admission: Admission,
  ): Promise<void> {
    const { signal } = this.#handshakes.get(shell)!.abort = new AbortController();
    const asked = moveRequest(admission, shell, session);
    const judged = await this.#judge(admission.validator!, asked, signal);
    if (this.#mayMove(shell)) this.#migrate(shell, request, { admission, judged });
  }

  #refuseMove(
    shell: ServerSession,
    request: MigrateRequest,
    code: number,
    why: string,
    error?: unknown,
  ): void {
    this.#counts.migrationsRefused++;
    shell.report("migration-refused", `session ${request.sessionId} does not move here: ${why}`, error);
    shell.refuseMigration(request, code);
  }

  #move(shell: ServerSession, request: MigrateRequest, session: ServerSession, admission: Admission): void {
    this.#counts.migrated++;
    const from = session.carrierName;
    const moved = movedAdmission(admission, shell);
    this.#endHandshake(shell);
    if (session.tokens !== null) {
      this.#connections.delete(shell);
      this.#connections.add(session);
      this.#suspended.delete(session);
      this.#admissions.set(session, moved);
      session.moveTo(shell.surrender(), request, newToken());
    } else {
      this.#sessions.set(request.sessionId, shell);
      this.#admissions.set(shell, moved);
      shell.adopt(session, request);
      if (this.#scheduler === null) this.#handOut(shell);
    }
    const now = this.#sessions.get(request.sessionId);
    now?.report("session-moved", `session ${request.sessionId} moved from ${from} to ${now.carrierName}`);
  }

  /** Somebody has the session now: from here on it is worth waiting for its client. */
  #taken(session: ServerSession): void {
    const { resumeWindowMs = RESUME_WINDOW_MS, maxSuspendedSessions = MAX_SUSPENDED_SESSIONS } =
      this.#options.migration ?? {};
    session.resumable = this.#closing === null && resumeWindowMs > 0 && maxSuspendedSessions > 0;
  }

  /** A session lost its connection, and is kept for its client. */
  #sessionSuspended(session: ServerSession, end: SessionEnd): void {
    const { maxSuspendedSessions = MAX_SUSPENDED_SESSIONS } = this.#options.migration ?? {};
    if (this.#suspended.size >= maxSuspendedSessions) {
      for (const oldest of this.#suspended) {
        oldest.forget("too many sessions wait for their clients");
        break;
      }
    }
    this.#suspended.add(session);
    this.#connections.delete(session);
    session.report(
      "session-suspended",
      `session ${session.sessionId} lost its connection: ${end.reason || end.kind}`,
    );
  }

  /** The wished id, or a fresh one if it is 0 or in use. */
  #freeId(wished: number): number {
    if (wished >>> 0 !== wished) {
      throw new NnrpValueError("is no session id", {
        field: "sessionId",
        expected: "0 to 4294967295",
        actual: String(wished),
      });
    }
    if (wished !== 0 && !this.#sessions.has(wished)) return wished;
    for (;;) {
      // Random: who may take a session without token has to know its id, and counting up would tell it.
      const [id] = crypto.getRandomValues(new Uint32Array(1));
      if (id !== 0 && !this.#sessions.has(id)) return id;
    }
  }

  #endHandshake(session: ServerSession): Handshake | undefined {
    const handshake = this.#handshakes.get(session);
    if (handshake === undefined) return undefined;
    clearTimeout(handshake.timer);
    this.#handshakes.delete(session);
    return handshake;
  }

  #closed(session: ServerSession, end: SessionEnd): void {
    this.#connections.delete(session);
    this.#farewells.delete(session);
    this.#suspended.delete(session);
    const { probes, probesRefused } = session.stats;
    this.#counts.probes += probes;
    this.#counts.probesRefused += probesRefused;
    const handshake = this.#endHandshake(session);
    if (handshake !== undefined) {
      // A client that just went away was not refused.
      if (handshake.reported || end.kind === "error") this.#counts.handshakesRefused++;
      const isTold = handshake.reported || end.error instanceof NnrpInternalError;
      if (!isTold && end.kind === "error") {
        session.report("handshake-refused", end.reason, end.error);
      }
      handshake.abort?.abort(serverClosed());
    }
    const { sessionId } = session;
    if (sessionId !== 0 && this.#sessions.get(sessionId) === session) {
      this.#sessions.delete(sessionId);
      session.report("session-end", `session ${sessionId} ended: ${end.reason || end.kind}`, end.error);
    }
    const at = this.#ready.indexOf(session);
    if (at >= 0) this.#ready.splice(at, 1);
  }
}

/** How long a closing server waits for an idle client to close first, ms. */
const CLOSE_GRACE_MS = 500;

/** Without a validator everybody is welcome. */
const ADMITTED: Judged = { accepted: true, principal: undefined };

function newToken(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(MIGRATION_TOKEN_SIZE));
}

async function defaultBinding(options: ServeOptions): Promise<CarrierBinding> {
  const { tcp } = await import("@nnrp/tcp");
  return tcp({ host: options.host, port: options.port });
}

function serverClosed(): NnrpConnectionClosedError {
  return new NnrpConnectionClosedError("server", "the server is closed");
}

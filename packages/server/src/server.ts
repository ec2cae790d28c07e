/**
 * A server: listens on its carriers, and puts together the handshakes, the registry of sessions, and what
 * works on their frames (behaviour spec §6, §14.2).
 *
 * @module
 */
import {
  type Carrier,
  type CarrierBinding,
  type CarrierListener,
  containedAbort,
  ErrorCode,
  type Host,
  MemoryKind,
  NnrpConnectionClosedError,
  NnrpStateError,
  type SessionEnd,
} from "@nnrp/core";
import { PullIterator, systemHost, type WaitOptions } from "@nnrp/runtime";
import { AcceptQueue } from "./accept_queue.ts";
import type { AuthValidator } from "./auth.ts";
import { TurnClock } from "./clock.ts";
import { closeForShutdown } from "./closing.ts";
import { DRAIN_MS, RETRY_AFTER_MS } from "./defaults.ts";
import type { Handler } from "./handler.ts";
import { Handshakes } from "./handshakes.ts";
import { type Guest, HelloReception } from "./hello_reception.ts";
import { LiveSession, type SessionKeeper, type SessionMakings } from "./live_session.ts";
import type { ServeOptions } from "./options.ts";
import { Scheduler } from "./scheduler.ts";
import { ServerLog } from "./server_log.ts";
import { ServerMemory } from "./server_memory.ts";
import { type ServerSettings, settingsOf } from "./server_settings.ts";
import { NO_WORK, type ServerAddress, type ServerMemoryStats, type ServerStats } from "./server_stats.ts";
import type { ServerSession } from "./session.ts";
import { SessionMoves } from "./session_moves.ts";
import { SessionRegistry } from "./session_registry.ts";
import { askValidator } from "./verdict.ts";

/** Options of {@linkcode NnrpServer.close}. */
export interface ServerCloseOptions {
  /** Longest wait for frames in flight and for their results to arrive, ms, any length. Default 20,000. */
  readonly drainMs?: number;
  /** Reason sent to the clients. Default `"server is shutting down"`. */
  readonly reason?: string;
  /**
   * When clients with `reconnect` are asked to come back, to this server's successor, ms, u32 (extension 0xF004); null = not at
   * all: this is the end of their sessions. Default 1,000.
   */
  readonly retryAfterMs?: number | null;
}

let make: (options: ServeOptions, handler: Handler | null) => Promise<NnrpServer>;

/** A server that listens. Made by `serve()` or {@linkcode NnrpServer.bind}. */
export class NnrpServer {
  readonly #host: Host;
  readonly #options: ServeOptions;
  readonly #settings: ServerSettings;
  readonly #log: ServerLog;
  readonly #memory: ServerMemory;
  readonly #scheduler: Scheduler | null;
  readonly #registry: SessionRegistry;
  readonly #handshakes: Handshakes;
  readonly #moves: SessionMoves;
  readonly #accepting: AcceptQueue<LiveSession>;
  readonly #makings: SessionMakings;
  #authValidator: AuthValidator | undefined;
  #listeners: CarrierListener[] = [];
  #closing: Promise<void> | null = null;

  static {
    make = async (options, handler) => {
      const server = new NnrpServer(options, handler);
      await server.#listen();
      return server;
    };
  }

  private constructor(options: ServeOptions, handler: Handler | null) {
    const host = this.#host = options.runtime ?? systemHost();
    const settings = this.#settings = settingsOf(options);
    const clock = new TurnClock(host);
    this.#options = options;
    this.#authValidator = options.authValidator;
    const { maxFailuresLoggedPerSecond } = settings;
    const log = this.#log = new ServerLog(host, { log: options.log, maxFailuresLoggedPerSecond });
    const memory = this.#memory = new ServerMemory(settings.maxServerBytes);
    const scheduler = this.#scheduler = handler === null
      ? null
      : makeScheduler(handler, options, settings, host, clock);
    const registry = this.#registry = new SessionRegistry(host, settings.maxSuspendedSessions);
    memory.relieve = () => registry.relieve();
    this.#accepting = new AcceptQueue(host, (live) => registry.taken(live));
    const environment = { host, clock, log, memory, limits: settings };
    this.#makings = { environment, keeper: this.#keeper(), scheduler, patchPolicy: options.patchPolicy };
    this.#handshakes = new Handshakes(environment, {
      get sessionConnections(): number {
        return registry.connections;
      },
      hello: (connection, hello) => {
        reception.receive(connection, hello).catch((cause) => connection.crash(cause));
      },
      migrate: (connection, request) => this.#moves.receive(connection, request),
    }, settings);
    const reception = this.#reception();
    this.#moves = this.#makeMoves();
  }

  #keeper(): SessionKeeper {
    return {
      suspended: (live, end) => {
        this.#registry.suspend(live);
        const { sessionId } = live.core.engine;
        const message = `session ${sessionId} lost its connection: ${end.reason || end.kind}`;
        live.core.report("session-suspended", message);
      },
      closed: (live, end) => this.#closed(live, end),
    };
  }

  #reception(): HelloReception {
    const validator = () => this.#authValidator;
    return new HelloReception({
      host: this.#host,
      options: this.#options,
      settings: this.#settings,
      handshakes: this.#handshakes,
      get validator(): AuthValidator | undefined {
        return validator();
      },
      freeId: (wished) => this.#registry.freeId(wished),
      letIn: (guest) => this.#letIn(guest),
    });
  }

  #makeMoves(): SessionMoves {
    const moves = () => this.#settings.moves && this.#closing === null;
    return new SessionMoves({
      host: this.#host,
      migration: this.#options.migration ?? {},
      get moves(): boolean {
        return moves();
      },
      handshakes: this.#handshakes,
      registry: this.#registry,
      makeFrom: (live, taken, path, admission, estate) => {
        const { hello, modelName } = live.core;
        const beginning = { path, hello, modelName, token: undefined };
        return new LiveSession(this.#makings, taken, beginning, admission, { live, estate });
      },
      movedIn: (live) => {
        if (this.#scheduler === null) this.#accepting.push(live);
      },
    });
  }

  /**
   * Listens; the application takes sessions with `accept()` or `for await` and frames with `receiveSubmit()`.
   *
   * @throws NnrpTransportError if a port is taken or not allowed.
   */
  static bind(options: ServeOptions = {}): Promise<NnrpServer> {
    return make(options, null);
  }

  async #listen(): Promise<void> {
    const bindings = this.#options.listen ?? [await defaultBinding(this.#options)];
    const { handshakeTimeoutMs, maxHandshakes } = this.#settings;
    const accept = (carrier: Carrier) => this.#handshakes.connected(carrier);
    try {
      for (const binding of bindings) {
        this.#listeners.push(
          await binding.listen(accept, {
            handshakeTimeoutMs,
            maxHandshakes,
            failed: (remote, error) => this.#handshakes.carrierRefused(binding.name, remote, error),
            runtime: this.#host,
          }),
        );
      }
    } catch (error) {
      await this.close({ drainMs: 0 });
      throw error;
    }
  }

  /** Where the server listens, in the order of `listen`. */
  get addresses(): readonly ServerAddress[] {
    return this.#listeners.map(({ name, host, port }) => ({ name, host, port }));
  }

  /** Port of the first listener. */
  get port(): number {
    return this.#listeners[0].port;
  }

  /** Provides time, timers and random numbers. */
  get runtime(): Host {
    return this.#host;
  }

  /** Open sessions. */
  get sessions(): readonly ServerSession[] {
    return this.#registry.all().map(({ session }) => session);
  }

  /** Counters as they are now. */
  get stats(): ServerStats {
    const registry = this.#registry;
    const handshakes = this.#handshakes;
    return {
      ...(this.#scheduler?.stats ?? NO_WORK),
      ...handshakes.counts,
      ...this.#moves.counts,
      sessionsStarted: registry.started,
      farewells: handshakes.farewells,
      open: handshakes.underWay + registry.connections,
      sessions: registry.size,
      suspended: registry.suspended,
      bytesInFlight: registry.sum(({ core }) => core.engine.counts.bytesInFlight),
      memory: memoryStats(registry),
      failuresUntold: this.#log.untold,
    };
  }

  /**
   * The next session, for servers without a handler. Handshakes run concurrently; a slow one delays no other.
   *
   * @throws NnrpTimeoutError, NnrpConnectionClosedError once the server is closed.
   */
  accept(options: WaitOptions = {}): Promise<ServerSession> {
    return this.#accept(options).then(({ session }) => session);
  }

  #accept(options: WaitOptions): Promise<LiveSession> {
    if (this.#scheduler === null) return this.#accepting.next(options);
    return Promise.reject(new NnrpStateError("the sessions of this server go to its handler"));
  }

  /**
   * As {@linkcode NnrpServer.accept}, judging clients with this validator from now on. Sessions that began before it was named
   * are judged before they are handed out; refused ones are closed by ERROR AUTH_FAILED.
   */
  async acceptWithAuth(validator: AuthValidator, options: WaitOptions = {}): Promise<ServerSession> {
    this.#authValidator = validator;
    for (;;) {
      const live = await this.#accept(options);
      const { core, session, admission } = live;
      if (admission.validator === validator) return session;
      const gone = containedAbort((error) =>
        core.reportFailure("auth-refused", "a listener on the signal of the auth validator failed", error)
      );
      void session.closed.then(() => gone.abort(serverClosed()));
      const judged = await askValidator(this.#host, validator, admission.request, gone.signal);
      if (judged.accepted) {
        const { principal } = judged;
        core.principal = principal;
        // As things are now: the session may have moved while the validator thought.
        const { request, peerIdentity } = live.admission;
        live.admission = { validator, request, principal, peerIdentity };
        return session;
      }
      this.#handshakes.counts.authRefused++;
      const { diagnostic, error } = judged;
      if (error === undefined) core.report("auth-refused", diagnostic);
      else core.reportFailure("auth-refused", "the auth validator failed", error);
      core.refuse(ErrorCode.AUTH_FAILED, diagnostic);
    }
  }

  /** Sessions as they come, until the server is closed. */
  [Symbol.asyncIterator](): AsyncGenerator<ServerSession, void, undefined> {
    return new PullIterator<ServerSession>({
      next: (signal) =>
        this.accept({ signal }).then<
          IteratorResult<ServerSession, void>,
          IteratorResult<ServerSession, void>
        >(
          (value) => ({ value, done: false }),
          (error) => {
            if (!(error instanceof NnrpConnectionClosedError)) throw error;
            return { value: undefined, done: true };
          },
        ),
    });
  }

  /**
   * Stops listening, sends CLOSE on every session, lets frames in flight be answered (at most `drainMs`,
   * default 20,000), and closes what is left.
   */
  close(options: ServerCloseOptions = {}): Promise<void> {
    return this.#closing ??= this.#close(
      options.drainMs ?? DRAIN_MS,
      options.reason ?? "server is shutting down",
      options.retryAfterMs === undefined ? RETRY_AFTER_MS : options.retryAfterMs ?? undefined,
    );
  }

  async #close(drainMs: number, reason: string, retryAfterMs: number | undefined): Promise<void> {
    this.#handshakes.stop();
    this.#registry.stop();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    this.#accepting.end(serverClosed());
    this.#registry.forgetSuspended(reason);
    await Promise.all([
      this.#handshakes.close(drainMs, reason),
      ...this.#registry.connected().map(({ core }) =>
        closeForShutdown(core, { drainMs, reason, retryAfterMs })
      ),
    ]);
    this.#scheduler?.stop();
  }

  /** Same as {@linkcode NnrpServer.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The session of an accepted client begins; without a handler it waits for `accept()`. */
  #letIn(guest: Guest): void {
    const live = new LiveSession(this.#makings, guest.agreed, guest, guest.admission);
    const { core } = live;
    this.#registry.enter(live);
    this.#registry.started++;
    core.report("session-start", `session ${core.engine.sessionId} with ${core.carrier.remote}`);
    if (this.#scheduler === null) this.#accepting.push(live);
    else this.#registry.taken(live);
    core.contain(() => core.start());
  }

  #closed(live: LiveSession, end: SessionEnd): void {
    const { core } = live;
    const { probes, probesRefused } = core.engine.counts;
    this.#handshakes.counts.probes += probes;
    this.#handshakes.counts.probesRefused += probesRefused;
    this.#accepting.remove(live);
    if (!this.#registry.remove(live)) return;
    core.report(
      "session-end",
      `session ${core.engine.sessionId} ended: ${end.reason || end.kind}`,
      end.error,
    );
  }
}

/**
 * Listens with a handler. `serve()` is the way to call it.
 *
 * @throws NnrpTransportError if a port is taken or not allowed.
 */
export function listenWith(options: ServeOptions, handler: Handler): Promise<NnrpServer> {
  return make(options, handler);
}

/** Current figures, not those of each session's last update. */
function memoryStats(registry: SessionRegistry): ServerMemoryStats {
  const of = (kind: MemoryKind) => registry.sum(({ core }) => core.reading.memory.account.of(kind));
  registry.sum(({ core }) => {
    core.reading.memory.book();
    return 0;
  });
  const kinds = {
    received: of(MemoryKind.RECEIVED),
    partial: of(MemoryKind.PARTIAL),
    resolved: of(MemoryKind.RESOLVED),
    unsent: of(MemoryKind.UNSENT),
    cached: of(MemoryKind.CACHED),
    suspended: of(MemoryKind.SUSPENDED),
  };
  return { ...kinds, total: Object.values(kinds).reduce((sum, bytes) => sum + bytes, 0) };
}

function makeScheduler(
  handler: Handler,
  options: ServeOptions,
  { concurrency, maxQueuedFrames }: ServerSettings,
  host: Host,
  clock: TurnClock,
): Scheduler {
  const { whenQueueFull } = options;
  return new Scheduler(
    handler,
    {
      concurrency,
      maxQueuedFrames,
      whenQueueFull: whenQueueFull && ((frame, { session }) => whenQueueFull(frame, session)),
    },
    host,
    clock,
  );
}

async function defaultBinding(options: ServeOptions): Promise<CarrierBinding> {
  const { tcp } = await import("@nnrp/tcp");
  return tcp({ host: options.host, port: options.port });
}

function serverClosed(): NnrpConnectionClosedError {
  return new NnrpConnectionClosedError("server", "the server is closed");
}

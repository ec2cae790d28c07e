/**
 * One session with a server, as applications hold it (behaviour spec §14.1). What its calls do is in the parts that session_core.ts
 * puts together.
 *
 * @module
 */
import type {
  AcceptedHello,
  Carrier,
  EffectiveSettings,
  ErrorEvent,
  FlowUpdateEvent,
  FlowUpdateFields,
  Host,
  Result,
  ResultHintEvent,
  ServerHelloAckMetadata,
  SessionEnd,
} from "@nnrp/core";
import type { WaitOptions } from "@nnrp/runtime";
import type { CacheInvalidation, CachePutOutcome, CachePutRequest } from "./cache_calls.ts";
import type { CloseOptions } from "./closing.ts";
import type { DialOrigin, DialRecord } from "./dial_origin.ts";
import type { FailedFrame } from "./failed_frame.ts";
import type { FrameRequest } from "./frame_request.ts";
import type { MigrateOptions, MoveOutcome } from "./migration.ts";
import type { PatchFields, PatchOutcome } from "./patch_calls.ts";
import { MigrationTriggerMonitor, type MigrationTriggerPolicy } from "./path_monitor.ts";
import { RawAccess, type RawSession } from "./raw_session.ts";
import { type ResultRouter, SessionResultRouter } from "./result_router.ts";
import type { ResultStream } from "./result_stream.ts";
import { SessionCore } from "./session_core.ts";
import { SessionMover } from "./session_move.ts";
import type {
  ClientSessionState,
  ClientStats,
  FrameKey,
  OpenOptions,
  ReceiveOptions,
  SubmitOptions,
} from "./session_types.ts";
import type { Submitter } from "./submitter.ts";

/** Outcome of a move. */
export interface MigrationOutcome extends MoveOutcome {
  /** The session; it is the same object on every path. */
  readonly session: ClientSession;
}

/** A session with a server. Made by `dialClient()` or `connectClientSession()`. */
export class ClientSession {
  /** Resolves when the session is over, never rejects. */
  readonly closed: Promise<SessionEnd>;
  /** Bypasses the session's rules: packets as they are. */
  readonly raw: RawSession;
  /** Provides time, timers and random numbers. */
  readonly runtime: Host;

  readonly #core: SessionCore;
  readonly #submitter: Submitter;
  readonly #mover: SessionMover;

  private constructor(core: SessionCore) {
    this.#core = core;
    this.#submitter = core.submitter;
    this.#mover = new SessionMover(core);
    this.closed = core.closed;
    this.runtime = core.host;
    this.raw = new RawAccess(core.engine, () => core.carrier);
  }

  /**
   * Opens a session on a connected carrier.
   *
   * @throws NnrpProtocolError if the server refuses, NnrpTimeoutError, NnrpConnectionClosedError, or the signal's reason.
   */
  static async open(carrier: Carrier, options: OpenOptions = {}): Promise<ClientSession> {
    try {
      const core = new SessionCore(carrier, options);
      await core.open(options);
      return new ClientSession(core);
    } catch (error) {
      void carrier.close({ graceful: false });
      throw error;
    }
  }

  /** The id of the session, u32. */
  get sessionId(): number {
    return this.#core.sessionId;
  }
  /** Model that the server named; empty if it named none. */
  get modelName(): string {
    return this.accepted.modelName;
  }
  /** What the server agreed to. */
  get helloAck(): ServerHelloAckMetadata {
    return this.accepted.metadata;
  }
  /** What the server agreed to, with its extensions. */
  get accepted(): AcceptedHello {
    return this.#core.agreed!;
  }
  /** TransportId of the carrier in use. */
  get transport(): number {
    return this.#core.carrier.transport;
  }
  /** Name of the carrier in use, for example `"tcp"`. */
  get carrierName(): string {
    return this.#core.carrier.name;
  }
  /** How the server was reached; null if the session was opened on a carrier that was connected already. */
  get dialRecord(): DialRecord | null {
    return this.origin?.record ?? null;
  }
  /** Where and how the server was dialled; null likewise. */
  get origin(): DialOrigin | null {
    return this.#core.origin;
  }
  /** Where the session is in its life; `"reconnecting"` while a lost connection is being replaced. */
  get state(): ClientSessionState {
    return this.#core.state;
  }
  /** Values of SESSION_PATCH in force as the server last reported. */
  get settings(): EffectiveSettings {
    return this.#core.engine.settings!;
  }

  /** Counters as they are now. */
  get stats(): ClientStats {
    const { engine, submitter, results, hints, paths, carrier } = this.#core;
    const { sentBytes, receivedBytes, bufferedBytes } = carrier;
    return {
      ...engine.counts,
      inFlight: engine.framesInFlight,
      lateDue: engine.framesLate,
      resubmitting: engine.framesLost,
      limit: engine.limit,
      waiting: submitter.waiting,
      paused: engine.credit.paused,
      unclaimed: results.inbox.size,
      droppedUnclaimed: results.inbox.droppedUnclaimed,
      droppedHints: hints.dropped,
      rttMs: engine.keepAlive.smoothedRttMs,
      errorsSent: engine.errorsSent,
      moves: paths.moves,
      reconnects: paths.reconnects,
      sentBytes,
      receivedBytes,
      bufferedBytes,
    };
  }

  /**
   * Submits a frame and resolves with its result. Any number of calls may overlap; each gets its own answer. Where no slot is
   * free the call waits for one (see `whenFull`).
   *
   * The request's bytes belong to the session until it resolves; if it rejects, what was being sent may still be: their memory is
   * safe to use again once {@linkcode ClientSession.raw}`.carrier.released()` has resolved.
   *
   * @returns The final result; a RESULT_DROP resolves with `isDrop`. Parts of a streamed frame come as one result.
   * @throws NnrpProtocolError for an ERROR about this frame, NnrpTimeoutError, NnrpCancelledError, NnrpValueError for a bad
   *   request, NnrpConnectionClosedError when the session ends first.
   */
  submit(request: FrameRequest, options?: SubmitOptions): Promise<Result> {
    return this.#submitter.submit(request, options);
  }

  /**
   * Submits a frame without waiting for its result, which `receiveResult()`, `results()` or a router hands out.
   *
   * @returns The frame's numbers, once the session no longer needs the request's bytes.
   * @throws As {@linkcode ClientSession.submit}, but for what happens after sending.
   */
  submitNowait(request: FrameRequest, options?: SubmitOptions): Promise<FrameKey> {
    return this.#submitter.submitNowait(request, options);
  }

  /** Same as {@linkcode ClientSession.submitNowait}. */
  sendSubmit(request: FrameRequest, options?: SubmitOptions): Promise<FrameKey> {
    return this.submitNowait(request, options);
  }

  /** Same as {@linkcode ClientSession.submitNowait}. */
  submitFrame(request: FrameRequest, options?: SubmitOptions): Promise<FrameKey> {
    return this.submitNowait(request, options);
  }

  /**
   * Submits a frame and hands out its results as they come. Errors of the submit itself are thrown by the first read.
   *
   * @returns Iterate it once: results, `.batches()` or `.text()`.
   */
  submitStream(request: FrameRequest, options?: SubmitOptions): ResultStream {
    return this.#submitter.submitStream(request, options);
  }

  /**
   * The next result of frames submitted without waiting: of one frame, or of any in order of arrival.
   *
   * @throws NnrpTimeoutError (a later call still gets the late result; the frame's slot is free), what ended the frame, or
   *   NnrpConnectionClosedError once the session is over and nothing is kept.
   */
  receiveResult(options: ReceiveOptions = {}): Promise<Result> {
    return this.#core.results.receive(options);
  }

  /**
   * What becomes of frames submitted without waiting, in order of arrival: results, and a {@linkcode
   * FailedFrame} for each frame that failed, which ends no loop. Distinguished by `item.error`, null for
   * results. Ends when one of the sides has closed the session. One consumer at a time.
   *
   * @throws NnrpStateError if a router or another loop consumes the results already; what made the session fail, after the last item.
   */
  results(): AsyncGenerator<Result | FailedFrame, void, undefined> {
    return this.#core.results.iterate();
  }

  /**
   * Hands results out by frame.
   *
   * @throws NnrpStateError if results are consumed already.
   */
  manageResults(): ResultRouter {
    return new SessionResultRouter(this.#submitter, this.#core.results);
  }

  /**
   * A monitor that decides from samples of this session's path when it is time to leave it. It does not
   * measure by itself.
   *
   * @param policy What counts as degraded.
   * @throws NnrpValueError for a policy out of range.
   */
  monitorMigration(policy?: MigrationTriggerPolicy): MigrationTriggerMonitor {
    return new MigrationTriggerMonitor(policy, this.transport);
  }

  /**
   * Moves the session to another connection while frames are in flight: same object, same id, cache and
   * settings; results that are awaited are not affected (behaviour spec §11). Without a token from the server
   * only to the other transport.
   *
   * @returns The outcome; a refusal is an outcome, too, and the session goes on where it was.
   * @throws NnrpStateError if the session is not active or moves already, NnrpValueError for a path that may not be taken,
   *   NnrpUnsupportedError if there is no other carrier, NnrpTransportError and NnrpTimeoutError if the new path cannot be
   *   reached: the session goes on where it was.
   */
  async migrate(options: MigrateOptions = {}): Promise<MigrationOutcome> {
    return { ...await this.#mover.move(options), session: this };
  }

  /** As {@linkcode ClientSession.migrate}, with the host as rc2's call has it (behaviour spec §14.1). */
  migrateSession(host?: string | MigrateOptions, options: MigrateOptions = {}): Promise<MigrationOutcome> {
    return this.migrate(typeof host === "string" ? { ...options, host } : host ?? options);
  }

  /**
   * Discards a frame: results that came, and those that may still come. Only waiters for this frame reject
   * with NnrpCancelledError.
   */
  discardFrame(frameId: number, viewId = 0): void {
    this.#core.results.discard(frameId, viewId);
  }

  /**
   * Cancels a frame: sends FRAME_CANCEL, its waiter rejects with NnrpCancelledError. Does nothing if it has
   * ended.
   */
  cancelFrame(frameId: number, viewId = 0): void {
    this.#core.engine.cancel(frameId, viewId);
  }

  /**
   * Measures the round trip, ms.
   *
   * @throws NnrpTimeoutError if no PONG comes in time (default 10 s), NnrpConnectionClosedError.
   */
  ping(options: WaitOptions = {}): Promise<number> {
    return this.#core.requests.ping(options);
  }

  /**
   * Changes parameters of the session; only the fields given.
   *
   * @returns What the server applied and refused; a refusal is an outcome, not an error.
   * @throws NnrpValueError for bad values, NnrpProtocolError for an ERROR in answer, NnrpTimeoutError (default 10 s).
   */
  patch(fields: PatchFields, options: WaitOptions = {}): Promise<PatchOutcome> {
    return this.#core.requests.patch(fields, options);
  }

  /** Same as {@linkcode ClientSession.patch}. */
  patchSession(fields: PatchFields, options: WaitOptions = {}): Promise<PatchOutcome> {
    return this.patch(fields, options);
  }

  /**
   * Puts an object into the server's cache, so that frames can refer to it.
   *
   * @returns Whether it is kept, and the reference to use; a rejection is an outcome, not an error.
   * @throws NnrpValueError for bad values, NnrpProtocolError for an ERROR in answer, NnrpTimeoutError (default 10 s).
   */
  putCache(request: CachePutRequest, options: WaitOptions = {}): Promise<CachePutOutcome> {
    return this.#core.requests.putCache(request, options);
  }

  /**
   * Invalidates objects in the server's cache. Resolves when CACHE_INVALIDATE was sent: the protocol has no
   * answer to it.
   *
   * @throws NnrpValueError for bad values, NnrpStateError if the session is not active.
   */
  // deno-lint-ignore require-await -- what the call throws is a rejection
  async invalidateCache(what: CacheInvalidation): Promise<void> {
    this.#core.requests.invalidateCache(what);
  }

  /**
   * Sends FLOW_UPDATE to the server: credit, pause or resume (backpressure on results).
   *
   * @throws NnrpValueError if the fields contradict each other, NnrpStateError if the session is closed.
   */
  sendFlowUpdate(fields: FlowUpdateFields): void {
    this.#core.requests.sendFlowUpdate(fields);
  }

  /** FLOW_UPDATEs of the server, also those that were applied automatically, until the session ends. */
  flowUpdates(): AsyncGenerator<FlowUpdateEvent, void, undefined> {
    return this.#core.flows.iterate();
  }

  /** The next FLOW_UPDATE of the server. */
  receiveFlowUpdate(options: WaitOptions = {}): Promise<FlowUpdateEvent> {
    return this.#core.flows.receive("the next FLOW_UPDATE", options, () => this.#core.errorOfEnd);
  }

  /** RESULT_HINTs until the session ends. The newest 256 are kept for a reader. */
  resultHints(): AsyncGenerator<ResultHintEvent, void, undefined> {
    return this.#core.hints.iterate();
  }

  /** ERRORs of the server that did not end the session, until it ends. The newest 256 are kept for a reader. */
  errors(): AsyncGenerator<ErrorEvent, void, undefined> {
    return this.#core.errors.iterate();
  }

  /** Holds submits back until {@linkcode ClientSession.resumeSubmit}, whatever the server allows. */
  pauseSubmit(): void {
    this.#submitter.pause();
  }

  /** Undoes {@linkcode ClientSession.pauseSubmit}; limits of the server still hold. */
  resumeSubmit(): void {
    this.#submitter.resume();
  }

  /**
   * Ends the session in order: sends CLOSE, waits for frames in flight, closes the connection. Submits that
   * still wait for a slot fail at once.
   */
  close(options: CloseOptions = {}): Promise<void> {
    return this.#core.close(options);
  }

  /** Same as {@linkcode ClientSession.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** One line for debugging. */
  toString(): string {
    const { inFlight, submitted } = this.stats;
    return `ClientSession ${this.sessionId} ${this.state} on ${this.carrierName} to ${this.#core.carrier.remote}, ` +
      `${inFlight} of ${submitted} frames in flight`;
  }

  /** Representation for Deno's `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** Representation for Node's `console.log`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

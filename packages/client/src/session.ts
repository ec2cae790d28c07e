/**
 * One session with a server: submits frames, hands out results, and everything on the control path (behaviour spec §14.1).
 * The rules are the engine's; this file owns promises, the one timer, and the waiting line of submits.
 *
 * @module
 */
import {
  type AcceptedHello,
  buildClientHello,
  type CachePutReply,
  type CancelTimer,
  type Carrier,
  ClientEngine,
  type CloseInfo,
  type ErrorEvent,
  expiryOf,
  type FlowUpdateEvent,
  type FlowUpdateFields,
  flowUpdateOf,
  type FrameWaiter,
  type Host,
  LAST_WORDS_MS,
  LINGER_MS,
  NnrpCancelledError,
  NnrpConnectionClosedError,
  type NnrpError,
  NnrpLimitError,
  NnrpStateError,
  NnrpTimeoutError,
  type PatchReply,
  type ReplyWaiter,
  type Result,
  type ResultHintEvent,
  type ServerHelloAckMetadata,
  type SessionEnd,
  SessionState,
  stateName,
} from "@nnrp/core";
import { systemHost, waitFor, type WaitOptions } from "@nnrp/runtime";
import {
  type CacheInvalidation,
  type CachePutOutcome,
  type CachePutRequest,
  invalidationOf,
  putOf,
} from "./cache_calls.ts";
import type { DialOrigin, DialRecord } from "./dial.ts";
import { EventFeed } from "./event_feed.ts";
import { checkFrameId, completeRequest, type FrameRequest } from "./frame_request.ts";
import {
  type FrameOwner,
  heedSignal,
  InboxWaiter,
  type PendingFrame,
  PromiseWaiter,
} from "./frame_waiters.ts";
import { Inbox } from "./inbox.ts";
import { type PatchFields, patchOf, type PatchOutcome } from "./patch_calls.ts";
import { MIGRATE_TIMEOUT_MS, type MigrateOptions, type MigrationOutcome } from "./migration.ts";
import { dialForMove } from "./migration_target.ts";
import { MigrationTriggerMonitor, type MigrationTriggerPolicy } from "./path_monitor.ts";
import { ResultRouter } from "./result_router.ts";
import { ResultStream } from "./result_stream.ts";
import { RawAccess, type RawSession } from "./raw_session.ts";
import { SessionPaths } from "./session_paths.ts";
import type { ClientStats, FrameKey, OpenOptions, ReceiveOptions, SubmitOptions } from "./session_types.ts";
import {
  CLOSE_DRAIN_MS,
  CLOSE_IDLE_DRAIN_MS,
  MAX_SEND_BUFFER_BYTES,
  MAX_WAITING_SUBMITS,
  SEND_STALL_MS,
  type SessionOptions,
} from "./session_options.ts";
import { WaitingLine } from "./waiting_line.ts";

/** A session with a server. Made by `dialClient()` or `connectClientSession()`. */
export class ClientSession {
  /** Resolves when the session is over, never rejects. */
  readonly closed: Promise<SessionEnd>;
  /** Around the rules: packets as they are. */
  readonly raw: RawSession;
  /** What the session takes time, timers and random numbers from. */
  readonly runtime: Host;

  #carrier: Carrier;
  readonly #engine: ClientEngine;
  readonly #paths: SessionPaths;
  readonly #origin: DialOrigin | null;
  readonly #auth: Uint8Array;
  readonly #resubmits: boolean;
  readonly #options: SessionOptions;
  readonly #inbox: Inbox;
  readonly #hints: EventFeed<ResultHintEvent>;
  readonly #flows: EventFeed<FlowUpdateEvent>;
  readonly #errors: EventFeed<ErrorEvent>;
  readonly #line: WaitingLine<PendingFrame>;
  readonly #owner: FrameOwner = { giveUp: (frame, cause) => this.#giveUp(frame, cause) };
  readonly #maxSendBuffer: number;
  readonly #stallMs: number;
  readonly #hello: ReturnType<typeof buildClientHello>;
  #agreed: AcceptedHello | null = null;
  #opening: { resolve: () => void; reject: (error: NnrpError) => void } | null = null;
  #resolveClosed: (end: SessionEnd) => void = () => {};
  #end: SessionEnd | null = null;
  #carrierClosed = false;
  #migrating = false;
  #consumer: "results" | "router" | null = null;
  #cancelTimer: CancelTimer | null = null;
  #timerMs = Infinity;
  #stallBytes = -1;
  #stallSinceMs = 0;

  private constructor(carrier: Carrier, options: OpenOptions) {
    this.#carrier = carrier;
    this.#options = options;
    this.runtime = options.runtime ?? systemHost();
    this.#origin = options.origin ?? null;
    this.#hello = buildClientHello(options);
    this.#auth = this.#hello.body.subarray(this.#hello.body.length - this.#hello.metadata.authBytes);
    this.#maxSendBuffer = options.maxSendBufferBytes ?? MAX_SEND_BUFFER_BYTES;
    this.#stallMs = options.sendStallMs ?? SEND_STALL_MS;
    this.#inbox = new Inbox(options);
    this.#line = new WaitingLine(options.maxWaitingSubmits ?? MAX_WAITING_SUBMITS);
    const kept = options.maxEventsKept ?? 256;
    this.#hints = new EventFeed(this.runtime, kept);
    this.#flows = new EventFeed(this.runtime, kept);
    this.#errors = new EventFeed(this.runtime, kept);
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    this.#engine = new ClientEngine(carrier, {
      opened: (accepted) => {
        this.#agreed = accepted;
        this.#opening?.resolve();
      },
      refused: (error) => this.#opening?.reject(error),
      admitted: () => this.#admit(),
      hint: (event) => this.#hints.push(event),
      flow: (event) => this.#flows.push(event),
      error: (event) => this.#paths.heardError(event) || this.#errors.push(event),
      draining: (end) => this.#draining(end),
      finished: (_end, fatal) => {
        if (!this.#paths.reopening) this.#paths.ended();
        void this.#carrier.close({ endDelayMs: fatal ? LAST_WORDS_MS : 0 });
      },
      suspend: (end) => this.#paths.suspend(end),
      frameLost: (waiter) => this.#frameLost(waiter),
    }, options);
    const origin = this.#origin;
    const reconnect = origin?.reconnect ?? null;
    this.#resubmits = reconnect?.resubmit ?? false;
    this.#paths = new SessionPaths(
      {
        host: this.runtime,
        engine: this.#engine,
        turned: () => {
          if (this.#engine.nextDeadlineMs < this.#timerMs) this.#arm();
        },
        carrierChanged: (next) => this.#carrierChanged(next),
        sayHello: (limits) => this.#sayHello(limits),
        over: (info, end) => this.#over(info, end),
        report: (type, message, error) => this.#report(type, message, error),
      },
      carrier,
      reconnect === null || origin === null ? null : {
        ...reconnect,
        timeoutMs: origin.timeoutMs,
        dial: (signal) => origin.connect(signal),
        isPrivate: (carrier) => origin.isPrivate(carrier),
      },
    );
    this.raw = new RawAccess(this.#engine, () => this.#carrier);
  }

  /**
   * Opens a session on a connected carrier.
   *
   * @throws NnrpProtocolError if the server refuses, NnrpTimeoutError, NnrpConnectionClosedError, or the signal's reason.
   */
  static async open(carrier: Carrier, options: OpenOptions = {}): Promise<ClientSession> {
    let session: ClientSession;
    try {
      session = new ClientSession(carrier, options);
      session.#engine.opened(session.runtime.now());
      session.#paths.start();
      session.#arm();
      await session.#sayHello(options);
      session.#paths.opened();
      if (carrier.unverified) {
        session.#report(
          "unverified",
          `the certificate of ${carrier.remote} was not verified: anybody may be there`,
        );
      }
    } catch (error) {
      void carrier.close({ graceful: false });
      throw error;
    }
    return session;
  }

  /** Says hello on the present carrier and waits for the server's answer. */
  async #sayHello(limits: WaitOptions): Promise<void> {
    // A token is not asked for where anybody could read it.
    const isOpen = this.#origin?.isPrivate(this.#carrier) === false;
    const { metadata, body } = isOpen
      ? buildClientHello({ ...this.#options, migrationToken: false })
      : this.#hello;
    try {
      await waitFor<void>(
        this.runtime,
        limits,
        (ms) => new NnrpTimeoutError("the handshake", ms),
        (resolve, reject) => {
          this.#opening = { resolve, reject };
          this.#engine.hello(metadata, body);
          return () => {};
        },
      );
    } finally {
      this.#opening = null;
    }
  }

  /** The session's id. */
  get sessionId(): number {
    return this.#engine.sessionId || (this.#agreed?.metadata.sessionId ?? 0);
  }
  /** The model the server uses; empty if it did not say. */
  get modelName(): string {
    return this.#accepted.modelName;
  }
  /** What the server agreed to. */
  get helloAck(): ServerHelloAckMetadata {
    return this.#accepted.metadata;
  }
  /** What the server agreed to, with its extensions. */
  get accepted(): AcceptedHello {
    return this.#accepted;
  }
  get #accepted(): AcceptedHello {
    return this.#agreed!;
  }
  /** TransportId of the carrier in use. */
  get transport(): number {
    return this.#carrier.transport;
  }
  /** Name of the carrier in use, for example `"tcp"`. */
  get carrierName(): string {
    return this.#carrier.name;
  }
  /** How the server was reached; null if the session was opened on a carrier that was connected already. */
  get dialRecord(): DialRecord | null {
    return this.#origin?.record ?? null;
  }
  /** Where and how the server was dialled; null likewise. */
  get origin(): DialOrigin | null {
    return this.#origin;
  }
  /** `"active"`, `"draining"`, `"closed"`, or `"reconnecting"` while a lost connection is being replaced. */
  get state(): string {
    return this.#paths.searching ? "reconnecting" : stateName(this.#engine.state);
  }
  /** Values of SESSION_PATCH in force as the server last told. */
  get settings(): NonNullable<ClientEngine["settings"]> {
    return this.#engine.settings!;
  }

  /** Counters as they are now. */
  get stats(): ClientStats {
    const engine = this.#engine;
    const { sentBytes, receivedBytes, bufferedBytes } = this.#carrier;
    return {
      ...engine.counts,
      inFlight: engine.framesInFlight,
      limit: engine.limit,
      waiting: this.#line.size,
      paused: engine.credit.paused,
      unclaimed: this.#inbox.size,
      droppedUnclaimed: this.#inbox.droppedUnclaimed,
      droppedHints: this.#hints.dropped,
      rttMs: engine.keepAlive.smoothedRttMs,
      errorsSent: engine.errorsSent,
      moves: this.#paths.moves,
      reconnects: this.#paths.reconnects,
      sentBytes,
      receivedBytes,
      bufferedBytes,
    };
  }

  /**
   * Submits a frame and resolves with its result. Any number of calls may overlap; each gets its own answer. Where no slot is
   * free the call waits for one (see `whenFull`).
   *
   * @returns The final result; a RESULT_DROP resolves with `isDrop`. Parts of a streamed frame come as one result.
   * @throws NnrpProtocolError for an ERROR about this frame, NnrpTimeoutError, NnrpCancelledError, NnrpValueError for a bad
   *   request, NnrpConnectionClosedError when the session ends first.
   */
  submit(request: FrameRequest, options?: SubmitOptions): Promise<Result> {
    const promise = new Promise<Result>(capture);
    const until = options === undefined ? undefined : options.until;
    const waiter = new PromiseWaiter(
      capturedResolve,
      capturedReject,
      until === "eos",
      this.#owner,
      until === "first",
    );
    this.#submit(request, waiter, options);
    return promise;
  }

  /**
   * Submits a frame without waiting for its result, which `receiveResult()`, `results()` or a router hands out.
   *
   * @returns The frame's numbers, once the session no longer needs the request's bytes.
   * @throws As {@linkcode ClientSession.submit}, but for what happens after sending.
   */
  async submitNowait(request: FrameRequest, options?: SubmitOptions): Promise<FrameKey> {
    let released: Promise<void> | null = null;
    const key = await new Promise<FrameKey>((resolve, reject) => {
      const waiter: InboxWaiter = new InboxWaiter(
        this.#owner,
        this.#inbox,
        options?.until === "eos",
        (error) => {
          if (error !== null) return reject(error);
          released = this.#carrier.released(); // now: the session may have moved when the caller hears of it
          resolve({ frameId: waiter.frameId, viewId: waiter.viewId });
        },
      );
      this.#submit(request, waiter, options);
    });
    if (released !== null) await released;
    return key;
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
    const { maxStreamResults, maxStreamBytes } = this.#options;
    const stream = new ResultStream(this.#owner, maxStreamResults, maxStreamBytes);
    this.#submit(request, stream, options);
    return stream;
  }

  #submit(request: FrameRequest, waiter: PendingFrame, options: SubmitOptions | undefined): void {
    const engine = this.#engine;
    try {
      if (options !== undefined || request.deadlineMs !== undefined) {
        this.#setLimits(request, waiter, options);
      }
      if (this.#resubmits) waiter.resend = request;
      if (this.#line.size === 0 && engine.canSubmit() && this.#carrier.bufferedBytes < this.#maxSendBuffer) {
        this.#send(request, waiter);
        return;
      }
      this.#wait(request, waiter);
    } catch (error) {
      waiter.failed(error as NnrpError);
    }
  }

  /** Hands the frame to the engine. */
  #send(request: FrameRequest, waiter: PendingFrame): void {
    const engine = this.#engine;
    if (request.frameId !== undefined) checkFrameId(request.frameId);
    engine.submit(completeRequest(request), request.frameId, waiter);
    if (waiter instanceof InboxWaiter) {
      waiter.onSubmitted!(null);
      waiter.onSubmitted = null;
    }
    if (waiter.deadlineMs !== 0 && waiter.deadlineMs < this.#timerMs) this.#arm();
  }

  #setLimits(request: FrameRequest, waiter: PendingFrame, options: SubmitOptions | undefined): void {
    const { timeoutMs, signal } = options ?? {};
    if (signal?.aborted) throw cancelledUnsent(signal.reason);
    if (timeoutMs !== undefined || request.deadlineMs !== undefined) {
      const now = this.runtime.now();
      const expiry = request.deadlineMs === undefined
        ? Infinity
        : expiryOf(request.deadlineMs, this.runtime.wallNow(), now);
      const endsMs = Math.min(now + (timeoutMs ?? Infinity), expiry);
      if (endsMs !== Infinity) {
        waiter.deadlineMs = Math.max(1, Math.ceil(endsMs));
        waiter.timeoutMs = Math.round(endsMs - now);
      }
    }
    if (signal !== undefined) {
      heedSignal(waiter, signal);
    }
  }

  /** Nobody wants this frame any more, wherever it is on its way. */
  #giveUp(waiter: PendingFrame, cause?: unknown): void {
    const { frameId, viewId } = waiter;
    if (this.#line.remove(waiter)) waiter.failed(cancelledUnsent(cause));
    else if (this.#engine.waiterOf(frameId, viewId) === waiter) this.#engine.cancel(frameId, viewId, cause);
  }

  #wait(request: FrameRequest, waiter: PendingFrame): void {
    const engine = this.#engine;
    if (engine.state !== SessionState.ACTIVE && !this.#paths.searching) {
      throw this.#end?.error ?? new NnrpStateError(`cannot submit: the session is ${this.state}`);
    }
    if (this.#options.whenFull === "reject") {
      throw new NnrpLimitError(
        "whenFull",
        `no slot is free: ${engine.framesInFlight} of ${engine.limit} frames are in flight`,
      );
    }
    this.#line.push(request, waiter);
    if (engine.canSubmit()) void this.#carrier.drained().then(() => this.#admit());
    else engine.wantSlot();
    if (waiter.deadlineMs !== 0 && waiter.deadlineMs < this.#timerMs) this.#arm();
  }

  /** A frame in flight lost its path: whether it is submitted anew. */
  #frameLost(waiter: FrameWaiter): boolean {
    const pending = waiter as PendingFrame;
    if (pending.resend === null || !pending.startsOver()) return false;
    const request = { ...pending.resend, frameId: undefined, retryOfFrame: pending.frameId };
    try {
      this.#line.push(request, pending);
    } catch {
      return false;
    }
    this.#engine.wantSlot();
    return true;
  }

  /** The session goes on over this carrier. */
  #carrierChanged(carrier: Carrier): void {
    this.#carrier = carrier;
    this.#stallBytes = -1;
    if (this.#line.size > 0) this.#engine.wantSlot();
    this.#arm();
  }

  /** Sends waiting submits as far as slots and send buffer reach. */
  #admit(): void {
    const engine = this.#engine;
    const line = this.#line;
    if (engine.state !== SessionState.ACTIVE) return;
    while (line.size > 0 && engine.canSubmit()) {
      if (this.#carrier.bufferedBytes >= this.#maxSendBuffer) {
        void this.#carrier.drained().then(() => this.#admit());
        return;
      }
      const { request, waiter } = line.shift()!;
      if (waiter.signal !== null && waiter.signal.aborted) { // its listener has not been called yet
        waiter.failed(cancelledUnsent(waiter.signal.reason));
        continue;
      }
      try {
        this.#send(request, waiter);
      } catch (error) {
        waiter.failed(error as NnrpError);
      }
    }
    if (line.size > 0) engine.wantSlot();
  }

  /**
   * The next result of frames submitted without waiting: of one frame, or of any in order of arrival.
   *
   * @throws NnrpTimeoutError (a later call still gets the late result; the frame's slot is free), what ended the frame, or
   *   NnrpConnectionClosedError once the session is over and nothing is kept.
   */
  receiveResult(options: ReceiveOptions = {}): Promise<Result> {
    if (this.#consumer !== null && options.frameId === undefined) {
      return Promise.reject(
        new NnrpStateError(`results go to ${this.#consumer === "router" ? "a ResultRouter" : "results()"}`),
      );
    }
    return this.receiveRouted(options);
  }

  /** As {@linkcode ClientSession.receiveResult}, for the one who consumes the results. */
  receiveRouted(options: ReceiveOptions): Promise<Result> {
    const { frameId, viewId = 0 } = options;
    const what = frameId === undefined ? "the next result" : `the answer to frame ${frameId}/${viewId}`;
    return waitFor<Result>(
      this.runtime,
      options,
      (ms) => {
        // Frames of submit() have a wait of their own, which this one does not end.
        if (frameId !== undefined && this.#engine.waiterOf(frameId, viewId) instanceof InboxWaiter) {
          this.#engine.timeOut(frameId, viewId);
        }
        return new NnrpTimeoutError(what, ms);
      },
      (resolve, reject) =>
        frameId === undefined
          ? this.#inbox.receiveAny({ resolve, reject })
          : this.#inbox.receive(frameId, viewId, { resolve, reject }),
    );
  }

  /**
   * All results of frames submitted without waiting, in order of arrival, until the session ends. One consumer at a time.
   *
   * @throws NnrpStateError if a router or another loop consumes the results already.
   */
  async *results(): AsyncGenerator<Result, void, undefined> {
    this.#consume("results");
    try {
      for (;;) {
        let result: Result;
        try {
          result = await this.receiveRouted({});
        } catch (error) {
          if (this.#end !== null && error === this.#endError()) return;
          throw error;
        }
        yield result;
      }
    } finally {
      this.#consumer = null;
    }
  }

  /**
   * Hands results out by frame.
   *
   * @throws NnrpStateError if results are consumed already.
   */
  manageResults(): ResultRouter {
    this.#consume("router");
    return new ResultRouter(this, () => this.#consumer = null);
  }

  /**
   * A monitor that tells from samples of this session's path when it is time to leave it. It does not measure by itself.
   *
   * @param policy What counts as degraded.
   * @throws NnrpValueError for a policy out of range.
   */
  monitorMigration(policy?: MigrationTriggerPolicy): MigrationTriggerMonitor {
    return new MigrationTriggerMonitor(policy, this.transport);
  }

  /**
   * Moves the session to another connection while frames are in flight: same object, same id, cache and settings; nobody who
   * waits for a result notices (behaviour spec §11). Without a token from the server only to the other transport.
   *
   * @returns What became of it; a refusal is an outcome, and the session goes on where it was.
   * @throws NnrpStateError if the session is not active or moves already, NnrpValueError for a path that may not be taken,
   *   NnrpUnsupportedError if there is no other carrier, NnrpTransportError and NnrpTimeoutError if the new path cannot be
   *   reached: the session goes on where it was.
   */
  async migrate(options: MigrateOptions = {}): Promise<MigrationOutcome> {
    this.#demandMovable();
    if (this.#migrating || this.#paths.moving) {
      throw new NnrpStateError("cannot migrate: the session is moving already");
    }
    this.#migrating = true;
    try {
      return await this.#migrate(options);
    } finally {
      this.#migrating = false;
    }
  }

  #demandMovable(): void {
    if (this.#engine.state !== SessionState.ACTIVE || this.#paths.searching) {
      throw new NnrpStateError(`cannot migrate: the session is ${this.state}`);
    }
  }

  async #migrate(options: MigrateOptions): Promise<MigrationOutcome> {
    const endsMs = this.runtime.now() + (options.timeoutMs ?? MIGRATE_TIMEOUT_MS);
    const previousTransportId = this.transport;
    const previousCarrier = this.carrierName;
    const carrier = await dialForMove(this, this.#paths.hasToken, options);
    try {
      this.#demandMovable(); // much may have happened while it was dialled
    } catch (error) {
      void carrier.close({ graceful: false });
      throw error;
    }
    const { ack } = await this.#paths.join(
      carrier,
      options.lastResultFrameId ?? this.#engine.lastResultFrameId,
      this.#auth,
      { signal: options.signal, timeoutMs: Math.max(1, endsMs - this.runtime.now()) },
    );
    const accepted = ack.acceptCode === 0;
    const what = accepted
      ? `moved from ${previousCarrier} to ${carrier.name}`
      : `the server refused to move to ${carrier.name}`;
    this.#report(accepted ? "migrated" : "migration-refused", what);
    return {
      status: accepted ? "success" : "failed",
      accepted,
      previousTransportId,
      currentTransportId: this.transport,
      previousCarrier,
      currentCarrier: this.carrierName,
      session: this,
      ackMetadata: ack,
      resumeFromFrameId: Number(ack.resumeFromFrameId),
    };
  }

  /** As {@linkcode ClientSession.migrate}, with the host as rc2's call has it (behaviour spec §14.1). */
  migrateSession(host?: string | MigrateOptions, options: MigrateOptions = {}): Promise<MigrationOutcome> {
    return this.migrate(typeof host === "string" ? { ...options, host } : host ?? options);
  }

  #consume(who: "results" | "router"): void {
    if (this.#consumer !== null) {
      throw new NnrpStateError("the results of this session have a consumer already");
    }
    this.#consumer = who;
  }

  /** Forgets a frame: what came of it, and what may still come. */
  discardFrame(frameId: number, viewId = 0): void {
    this.#engine.discard(frameId, viewId);
    this.#inbox.discard(frameId, viewId);
  }

  /** Takes a frame back: FRAME_CANCEL goes out, who waits for it gets NnrpCancelledError. Nothing if it has ended. */
  cancelFrame(frameId: number, viewId = 0): void {
    this.#engine.cancel(frameId, viewId);
  }

  /**
   * Measures the round trip, ms.
   *
   * @throws NnrpTimeoutError if no PONG comes in time (default 10 s), NnrpConnectionClosedError.
   */
  ping(options: WaitOptions = {}): Promise<number> {
    return this.#request("the PONG", options, (waiter) => {
      this.#engine.now = this.runtime.now();
      return this.#engine.ping(waiter);
    });
  }

  /**
   * Changes parameters of the session; only the fields given.
   *
   * @returns What the server applied and refused; a refusal is an outcome, not an error.
   * @throws NnrpValueError for bad values, NnrpProtocolError for an ERROR in answer, NnrpTimeoutError (default 10 s).
   */
  async patch(fields: PatchFields, options: WaitOptions = {}): Promise<PatchOutcome> {
    const { metadata, profilePatch } = patchOf(fields);
    const reply = await this.#request<PatchReply>(
      "the SESSION_PATCH_ACK",
      options,
      (waiter) => this.#engine.patch(metadata, profilePatch, waiter),
    );
    return {
      status: reply.ack.ackStatus,
      appliedMask: reply.ack.appliedPatchMask,
      rejectedMask: reply.ack.rejectedPatchMask,
      rejectReason: reply.ack.rejectReason,
      retryAfterMs: reply.ack.retryAfterMs,
      settings: this.settings,
      metadata: reply.ack,
    };
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
  async putCache(request: CachePutRequest, options: WaitOptions = {}): Promise<CachePutOutcome> {
    const fields = putOf(request);
    const { ack, usable } = await this.#request<CachePutReply>("the CACHE_ACK", options, (waiter) => {
      this.#engine.now = this.runtime.now();
      return this.#engine.putCache(fields, request.data, waiter);
    });
    const { objectKind, cacheNamespace, cacheKeyHi, cacheKeyLo } = fields;
    return {
      status: ack.status,
      usable,
      acceptedTtlMs: ack.acceptedTtlMs,
      maxObjectBytes: ack.maxObjectBytes,
      detailCode: ack.detailCode,
      reference: { objectKind, refFlags: 0, cacheNamespace, cacheKeyHi, cacheKeyLo },
    };
  }

  /**
   * Takes objects out of the server's cache. Resolves when it was sent: the protocol has no answer to it.
   *
   * @throws NnrpValueError for bad values, NnrpStateError if the session is not active.
   */
  invalidateCache(what: CacheInvalidation): Promise<void> {
    try {
      this.#engine.invalidateCache(invalidationOf(what));
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #request<T>(what: string, options: WaitOptions, send: (waiter: ReplyWaiter<T>) => bigint): Promise<T> {
    const limits = { timeoutMs: REPLY_TIMEOUT_MS, ...options };
    return waitFor<T>(this.runtime, limits, (ms) => new NnrpTimeoutError(what, ms), (resolve, reject) => {
      let traceId: bigint;
      try {
        traceId = send({ resolve, reject });
      } catch (error) {
        reject(error);
        return () => {};
      }
      return () => this.#engine.abandonReply(traceId);
    });
  }

  /**
   * Tells the server how many frames it may answer at once, to pause or resume.
   *
   * @throws NnrpValueError if the fields contradict each other, NnrpStateError if the session is closed.
   */
  sendFlowUpdate(fields: FlowUpdateFields): void {
    this.#engine.sendFlowUpdate(flowUpdateOf(fields));
  }

  /** FLOW_UPDATEs of the server, also those that were applied automatically, until the session ends. */
  flowUpdates(): AsyncGenerator<FlowUpdateEvent, void, undefined> {
    return this.#flows.iterate();
  }

  /** The next FLOW_UPDATE of the server. */
  receiveFlowUpdate(options: WaitOptions = {}): Promise<FlowUpdateEvent> {
    return this.#flows.receive("the next FLOW_UPDATE", options, () => this.#endError());
  }

  /** RESULT_HINTs until the session ends. The newest 256 are kept for a reader. */
  resultHints(): AsyncGenerator<ResultHintEvent, void, undefined> {
    return this.#hints.iterate();
  }

  /** ERRORs of the server that did not end the session, until it ends. The newest 256 are kept for a reader. */
  errors(): AsyncGenerator<ErrorEvent, void, undefined> {
    return this.#errors.iterate();
  }

  /** Holds submits back until {@linkcode ClientSession.resumeSubmit}, whatever the server says. */
  pauseSubmit(): void {
    this.#engine.credit.pause();
  }

  /** Takes {@linkcode ClientSession.pauseSubmit} back; what the server says still holds. */
  resumeSubmit(): void {
    this.#engine.credit.resume();
    this.#admit();
  }

  /**
   * Ends the session in order: says CLOSE, waits for frames in flight (at most `drainMs`, default 2,000; 250 when there are
   * none), closes the connection. Submits that still wait for a slot fail at once.
   */
  async close(options: { reason?: string; drainMs?: number } = {}): Promise<void> {
    const engine = this.#engine;
    this.#paths.ending();
    if (this.#paths.searching) {
      this.#paths.abandon({
        kind: "close",
        local: true,
        reason: options.reason ?? "closed while reconnecting",
      });
    } else if (!this.#carrierClosed) {
      engine.close(options.reason ?? "");
      const idleMs = Math.min(options.drainMs ?? CLOSE_IDLE_DRAIN_MS, CLOSE_IDLE_DRAIN_MS);
      await this.#drained(options.drainMs ?? CLOSE_DRAIN_MS, idleMs);
      engine.cancelRest();
      // A carrier without a clock of its own would wait for a server that does not let go for ever.
      const cancelCut = this.runtime.after(LINGER_MS, () => void this.#carrier.close({ graceful: false }));
      await this.#carrier.close();
      cancelCut();
    }
    await this.closed;
  }

  /** Waits until the carrier is closed, the frames are settled and a little more, or the time is over. */
  #drained(drainMs: number, idleMs: number): Promise<void> {
    return new Promise((done) => {
      let cancelTimer: CancelTimer | null = null;
      const startedMs = this.runtime.now();
      const check = () => {
        const left = drainMs - (this.runtime.now() - startedMs);
        if (this.#carrierClosed || left <= 0) return done();
        if (this.#engine.framesInFlight === 0) {
          cancelTimer = this.runtime.after(Math.min(left, idleMs), done);
        } else cancelTimer = this.runtime.after(Math.min(left, DRAIN_CHECK_MS), check);
      };
      void this.closed.then(() => {
        cancelTimer?.();
        done();
      });
      check();
    });
  }

  /** Same as {@linkcode ClientSession.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What a person debugging wants to see. */
  toString(): string {
    const { inFlight, submitted } = this.stats;
    return `ClientSession ${this.sessionId} ${this.state} on ${this.carrierName} to ${this.#carrier.remote}, ` +
      `${inFlight} of ${submitted} frames in flight`;
  }

  /** For Deno's `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** For Node's `console.log`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  #draining(end: SessionEnd): void {
    if (this.#paths.reopening) return;
    this.#end = end;
    for (const waiter of this.#line.clear()) waiter.failed(this.#endError());
    this.#report("draining", `session is ending: ${end.reason || end.kind}`, end.error);
  }

  /** Says a line in the log; a log that fails must not end what it was told about. */
  #report(type: string, message: string, error?: unknown): void {
    try {
      this.#options.log?.({ type, message, sessionId: this.sessionId, error });
    } catch {
      // As above.
    }
  }

  /** The last connection is gone. */
  #over(_info: CloseInfo, end?: SessionEnd): void {
    if (this.#carrierClosed) return;
    this.#carrierClosed = true;
    this.#cancelTimer?.();
    this.#timerMs = -Infinity;
    if (end !== undefined && this.#end === null) this.#draining(end);
    const error = this.#endError();
    this.#inbox.end(error);
    this.#hints.end();
    this.#flows.end();
    this.#errors.end();
    this.#resolveClosed(this.#end!);
  }

  #lastError: NnrpError | null = null;

  #endError(): NnrpError {
    const reason = this.#end?.reason;
    return this.#lastError ??= this.#end?.error ??
      new NnrpConnectionClosedError(this.#carrier.name, `session closed${reason ? `: ${reason}` : ""}`);
  }

  /** Sets the one timer to the earliest deadline; at least every few seconds, to notice a peer that takes nothing. */
  #arm(): void {
    if (this.#carrierClosed) return;
    this.#cancelTimer?.();
    const now = this.runtime.now();
    const longest = Math.min(MAX_TICK_MS, this.#stallMs / 2);
    const next = Math.min(this.#engine.nextDeadlineMs, this.#line.nextDeadlineMs, now + longest);
    this.#timerMs = next;
    this.#cancelTimer = this.runtime.after(Math.max(1, Math.ceil(next - now)), () => this.#tick());
  }

  #tick(): void {
    this.#timerMs = Infinity;
    const now = this.runtime.now();
    this.#engine.tick(now);
    for (const waiter of this.#line.expire(now)) waiter.timedOut();
    this.#watchStall(now);
    this.#arm();
  }

  #watchStall(now: number): void {
    const { bufferedBytes, sentBytes } = this.#carrier;
    if (bufferedBytes === 0 || sentBytes !== this.#stallBytes) {
      this.#stallBytes = sentBytes;
      this.#stallSinceMs = now;
    } else if (now - this.#stallSinceMs >= this.#stallMs) {
      void this.#carrier.close({
        graceful: false,
        reason: `the server took nothing for ${this.#stallMs} ms`,
      });
    }
  }
}

// The functions of the promise being made: an executor without a closure of its own saves one allocation per submit.
let capturedResolve: (result: Result) => void;
let capturedReject: (error: NnrpError) => void;

function capture(resolve: (result: Result) => void, reject: (error: NnrpError) => void): void {
  capturedResolve = resolve;
  capturedReject = reject;
}

/** Longest time between two looks at a session, ms. */
const MAX_TICK_MS = 5000;
/** How often a closing session looks whether its frames have ended, ms. */
const DRAIN_CHECK_MS = 10;
/** How long a request on the control path waits for its answer, ms. */
const REPLY_TIMEOUT_MS = 10_000;

function cancelledUnsent(cause: unknown): NnrpCancelledError {
  return new NnrpCancelledError("the frame was cancelled before it was sent", { cause });
}

/**
 * One client's session on a server, as handlers and applications hold it (behaviour spec §14.2). What its calls do is in the parts that
 * session_core.ts puts together.
 *
 * @module
 */
import {
  type ClientHelloContext,
  type EffectiveSettings,
  type ErrorEvent,
  type ErrorFields,
  ErrorScope,
  type FlowUpdateEvent,
  type FlowUpdateFields,
  flowUpdateOf,
  NnrpStateError,
  NnrpTimeoutError,
  type PeerIdentity,
  ReceivedSubmit,
  type ResultFields,
  type SessionEnd,
} from "@nnrp/core";
import { PullIterator, waitFor, type WaitOptions } from "@nnrp/runtime";
import { PING_TIMEOUT_MS } from "./defaults.ts";
import type { SessionCore } from "./session_core.ts";
import type {
  HintFields,
  SendOptions,
  ServerSessionState,
  ServerSessionStats,
  SessionCloseOptions,
} from "./session_types.ts";
import type { SubmitInbox } from "./submit_inbox.ts";

let make: (core: SessionCore, inbox: SubmitInbox | null) => ServerSession;

/** A session with a client. Made by the server once it accepted the client. */
export class ServerSession {
  /** Resolves when the session is over, never rejects. */
  readonly closed: Promise<SessionEnd>;

  readonly #core: SessionCore;
  readonly #inbox: SubmitInbox | null;

  static {
    make = (core, inbox) => new ServerSession(core, inbox);
  }

  private constructor(core: SessionCore, inbox: SubmitInbox | null) {
    this.#core = core;
    this.#inbox = inbox;
    this.closed = core.closed;
  }

  /** The id of the session, u32. */
  get sessionId(): number {
    return this.#core.engine.sessionId;
  }
  /** The client's hello. */
  get hello(): ClientHelloContext {
    return this.#core.hello;
  }
  /** Who the client is: what `authValidator` gave; undefined without one. */
  get principal(): unknown {
    return this.#core.principal;
  }
  /** Model named in the handshake. */
  get modelName(): string {
    return this.#core.modelName;
  }
  /** Credit: frames in flight that the client was granted; no more of its handlers run concurrently. */
  get maxConcurrentFrames(): number {
    return this.#core.reading.credit.credit;
  }
  /** TransportId of the carrier. */
  get transport(): number {
    return this.#core.carrier.transport;
  }
  /** Name of the carrier, for example `"tcp"`. */
  get carrierName(): string {
    return this.#core.carrier.name;
  }
  /** Who the client proved to be by a certificate; undefined without one. */
  get peerIdentity(): PeerIdentity | undefined {
    return this.#core.carrier.peerIdentity;
  }
  /** The client's address. */
  get remote(): string {
    return this.#core.carrier.remote;
  }
  /** Where the session is in its life; `"suspended"` while a lost connection may be replaced by the client. */
  get state(): ServerSessionState {
    return this.#core.state;
  }
  /** Values of SESSION_PATCH in force. */
  get settings(): EffectiveSettings {
    return this.#core.engine.settings;
  }
  /** Bytes of frames received and not settled. */
  get bytesInFlight(): number {
    return this.#core.engine.counts.bytesInFlight;
  }

  /** Counters as they are now. */
  get stats(): ServerSessionStats {
    const { engine, carrier, queued } = this.#core;
    const { sentBytes, receivedBytes, bufferedBytes } = carrier;
    return {
      ...engine.counts,
      inFlight: engine.framesInFlight,
      queued,
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

  /** Called for each FLOW_UPDATE of the client. Default: null. */
  get onFlowUpdate(): ((event: FlowUpdateEvent) => void) | null {
    return this.#core.listeners.flowUpdate;
  }
  set onFlowUpdate(call: ((event: FlowUpdateEvent) => void) | null) {
    this.#core.listeners.flowUpdate = call;
  }
  /** Called when SESSION_PATCH changed something. Default: null. */
  get onPatch(): ((settings: EffectiveSettings) => void) | null {
    return this.#core.listeners.patch;
  }
  set onPatch(call: ((settings: EffectiveSettings) => void) | null) {
    this.#core.listeners.patch = call;
  }
  /** Called for each ERROR of the client that does not end the session. Default: null. */
  get onError(): ((event: ErrorEvent) => void) | null {
    return this.#core.listeners.error;
  }
  set onError(call: ((event: ErrorEvent) => void) | null) {
    this.#core.listeners.error = call;
  }

  /**
   * The next frame, for servers without a handler.
   *
   * @throws NnrpTimeoutError, NnrpConnectionClosedError once the session is over, NnrpStateError if a handler gets the frames.
   */
  receiveSubmit(options: WaitOptions = {}): Promise<ReceivedSubmit> {
    return this.#inbox === null ? Promise.reject(goToHandler()) : this.#inbox.receive(options);
  }

  /**
   * All frames until the session ends, for servers without a handler. The first step rejects with NnrpStateError if a handler gets the
   * frames.
   */
  submits(): AsyncGenerator<ReceivedSubmit, void, undefined> {
    if (this.#inbox !== null) return this.#inbox.iterate();
    return new PullIterator<ReceivedSubmit>({ next: () => Promise.reject(goToHandler()) });
  }

  /**
   * Answers a frame.
   *
   * @param target The frame, or its id.
   * @param result The result; class, flags and coverage that are left out follow from the rest.
   * @returns False if the frame is settled (cancelled, expired) or the session over: nothing was sent. Resolves when the
   *   session no longer needs the result's bytes; it waits while the client has too much to take already (`maxSendBufferBytes`).
   * @throws NnrpValueError if the result cannot be written; the frame stays in flight.
   */
  async sendResult(
    target: ReceivedSubmit | number,
    result: ResultFields = {},
    options: SendOptions = {},
  ): Promise<boolean> {
    const { answers, clock } = this.#core;
    const frame = this.#frame(target, options.viewId);
    if (frame === undefined) return false;
    clock.read(); // the application may have worked for long since the turn began
    const sending = answers.send(frame, result, options.final ?? true);
    const sent = typeof sending === "boolean" ? sending : await sending;
    const released = sent ? answers.released() : null;
    if (released !== null) await released;
    return sent;
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
    return frame !== undefined && this.#core.answers.drop(frame, options.flags);
  }

  /** Ends a stream of parts that were sent with `final: false`. False if the frame is settled. */
  endStream(target: ReceivedSubmit | number, viewId = 0): boolean {
    const frame = this.#frame(target, viewId);
    this.#core.clock.read();
    return frame !== undefined && this.#core.answers.endStream(frame);
  }

  /** Abandons a frame without any answer: the client waits for ever, so this is for tests and relays. */
  discardFrame(target: ReceivedSubmit | number, viewId = 0): void {
    const frame = this.#frame(target, viewId);
    if (frame !== undefined) this.#core.answers.discard(frame);
  }

  /** Sends RESULT_HINT. False if the session is over, or has no connection now. */
  sendResultHint(fields: HintFields): boolean {
    return this.#core.answers.hint(fields);
  }

  /** Sends FLOW_UPDATE. False if the session is over, or has no connection now. */
  sendFlowUpdate(fields: FlowUpdateFields): boolean {
    const { canSend, reading } = this.#core;
    if (!canSend) return false;
    const update = flowUpdateOf(fields);
    reading.sendFlowUpdate(update);
    reading.credit.note(update);
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
    const { canSend, engine } = this.#core;
    if (canSend) engine.sendError({ ...rest, errorScope: rest.errorScope ?? ErrorScope.SESSION });
    return canSend;
  }

  /** Ends a frame by ERROR, frame scope. False if it is settled. */
  failFrame(frame: ReceivedSubmit, fields: Omit<ErrorFields, "errorScope">): boolean {
    return this.#core.answers.failFrame(frame, fields);
  }

  /**
   * Measures the round trip, ms.
   *
   * @throws NnrpTimeoutError (default 10 s), or what ended the session.
   */
  ping(options: WaitOptions = {}): Promise<number> {
    const { host, engine, clock } = this.#core;
    const limits = { timeoutMs: PING_TIMEOUT_MS, ...options };
    const onTimeout = (ms: number) => new NnrpTimeoutError("the PONG", ms);
    return waitFor<number>(host, limits, onTimeout, (resolve, reject) => {
      const traceId = engine.ping({ resolve, reject }, clock.nowMs);
      return () => engine.keepAlive.abandon(traceId);
    });
  }

  /**
   * Ends the session in order: sends CLOSE, lets frames in flight be answered, closes when the client does or
   * after `drainMs` (default 2,000).
   */
  close(options: SessionCloseOptions = {}): Promise<void> {
    return this.#core.close(options);
  }

  /** Same as {@linkcode ServerSession.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Resolves when no frame is in flight or the session is over. */
  idle(): Promise<void> {
    return this.#core.idle();
  }

  /** Resolves when the runtime accepted everything that was sent so far, or never will. */
  sent(): Promise<void> {
    return this.#core.sent();
  }

  /** One line for debugging. */
  toString(): string {
    const { inFlight, submits } = this.stats;
    return `ServerSession ${this.sessionId} ${this.state} on ${this.carrierName} with ${this.remote}, ` +
      `${inFlight} of ${submits} frames in flight`;
  }

  /** Representation for Deno's `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** Representation for Node's `console.log`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  #frame(target: ReceivedSubmit | number, viewId = 0): ReceivedSubmit | undefined {
    return target instanceof ReceivedSubmit ? target : this.#core.engine.frame(target, viewId);
  }
}

/**
 * The session as applications see it. Not for them: mod.ts leaves it out.
 *
 * @param core Its parts.
 * @param inbox Frames that the application receives itself; null = a handler gets them.
 */
export function sessionOf(core: SessionCore, inbox: SubmitInbox | null): ServerSession {
  return make(core, inbox);
}

function goToHandler(): NnrpStateError {
  return new NnrpStateError("the frames of this server go to its handler");
}

/**
 * What a session answers: results, drops and errors of frames, and hints, those about its own queue included.
 *
 * @module
 */
import {
  type AnswerSender,
  type Carrier,
  CongestionWatch,
  type ErrorFields,
  type Host,
  type ReceivedSubmit,
  type ResultFields,
  ResultHintBudgetPolicy,
  ResultHintCongestionState,
  ResultHintReason,
  type ServerEngine,
  SessionState,
} from "@nnrp/core";
import { checkAnswer } from "./answer_check.ts";
import type { AnswerSink } from "./answer_sink.ts";
import type { TurnClock } from "./clock.ts";
import type { ServerLogEvent } from "./log_event.ts";
import { HeldAnswers, payloadBytesOf } from "./held_answers.ts";
import type { SessionLimits } from "./session_limits.ts";
import type { HintFields } from "./session_types.ts";

/** What the answers of a session need from it. */
export interface AnsweringSession {
  /** Provides turns of the event loop. */
  readonly host: Host;
  /** The server's time. */
  readonly clock: TurnClock;
  /** Writes the packets. */
  readonly engine: ServerEngine;
  /** The connection in use. */
  readonly carrier: Carrier;
  /** Whether something can be sent to the client. */
  readonly canSend: boolean;
  /** Frames that wait for a handler. */
  readonly queued: number;
  /** A frame ended. */
  settled(): void;
  /** Answers are held until the client reads some: the read gate has to be evaluated. */
  answersHeld(): void;
  /** See AnswerSink. */
  contain(call: () => void): void;
  /** See AnswerSink. */
  crash(cause: unknown): void;
  /** See AnswerSink. */
  reportFailure(type: ServerLogEvent["type"], message: string, error: unknown): void;
}

/** See the module. */
export class SessionAnswers implements AnswerSink, AnswerSender {
  readonly #session: AnsweringSession;
  readonly #engine: ServerEngine;
  readonly #clock: TurnClock;
  readonly #limits: SessionLimits;
  readonly #congestion = new CongestionWatch();
  readonly #held = new HeldAnswers();
  #movedFrom: Promise<void> | null = null;

  /**
   * @param session Whose answers they are.
   * @param limits How much may wait.
   */
  constructor(session: AnsweringSession, limits: SessionLimits) {
    this.#session = session;
    this.#engine = session.engine;
    this.#clock = session.clock;
    this.#limits = limits;
  }

  /** See AnswerSink. */
  get maxConcurrentFrames(): number {
    return this.isFull ? 0 : this.#limits.maxConcurrentFrames;
  }

  /** See AnswerSink. */
  get isFull(): boolean {
    return this.#held.size > 0 || !this.#hasRoom;
  }

  get #hasRoom(): boolean {
    return this.#session.carrier.bufferedBytes <= this.#limits.maxSendBufferBytes;
  }

  /** See AnswerSink. */
  hold(frame: ReceivedSubmit, answer: ResultFields, send: () => void, left = () => {}): void {
    const bytes = payloadBytesOf(answer);
    this.#held.add({ frame, bytes, send: () => this.contain(send), left });
    this.#session.answersHeld();
  }

  /** Memory of answers that wait for the client to take those before them, bytes. */
  get heldBytes(): number {
    if (this.#held.size > 0) this.#held.sweep();
    return this.#held.bytes;
  }

  /** The client has taken something, or all frames have ended: sends what waits, as far as there is room. */
  sendHeld(): void {
    if (this.#held.size > 0) this.#held.sendWhile(() => this.#hasRoom);
  }

  /** The session is over: pending sends are settled. */
  end(): void {
    this.#held.sendWhile(() => true);
  }

  /**
   * Sends a result or a part at the application's word, once there is room.
   *
   * @returns False if the frame is settled or the session over: nothing was sent.
   * @throws NnrpValueError if it cannot be written; the frame stays in flight.
   */
  send(frame: ReceivedSubmit, result: ResultFields, final: boolean): boolean | Promise<boolean> {
    checkAnswer(result, final ? "result" : "part");
    const { nowMs } = this.#clock;
    const write = () => final ? this.#write(frame, result, nowMs) : this.#engine.sendPart(frame, result);
    if (!this.isFull || frame.settled) return write();
    return new Promise((resolve, reject) => {
      const send = () => {
        try {
          resolve(write());
        } catch (error) {
          reject(error);
        }
      };
      this.hold(frame, result, send, () => resolve(false));
    });
  }

  /** See AnswerSink. */
  answer(frame: ReceivedSubmit, result: ResultFields, readyMs: number = this.#clock.nowMs): boolean {
    checkAnswer(result, "result");
    return this.#write(frame, result, readyMs);
  }

  #write(frame: ReceivedSubmit, result: ResultFields, readyMs: number): boolean {
    const sent = this.#engine.sendResult(frame, result, true, Math.round(readyMs));
    if (sent) this.#session.settled();
    return sent;
  }

  /** See AnswerSink. */
  sendPart(frame: ReceivedSubmit, part: ResultFields): Promise<void> | null {
    checkAnswer(part, "part");
    this.#engine.sendPart(frame, part);
    const { carrier, host } = this.#session;
    const { bufferedBytes } = carrier;
    if (bufferedBytes >= this.#limits.maxStreamAheadBytes) return carrier.drained();
    // A carrier that keeps nothing cannot send any more: let the event loop see its end instead of pulling on.
    if (bufferedBytes === 0) return new Promise<void>((done) => host.yield(done));
    // Whoever makes the parts may use one buffer for all of them.
    return carrier.released();
  }

  /** See AnswerSender. */
  released(): Promise<void> | null {
    const released = this.#session.carrier.released();
    if (this.#movedFrom === null) return released;
    return Promise.all([this.#movedFrom, released]).then(() => {});
  }

  /** See AnswerSender. */
  listenerFailed(frame: ReceivedSubmit, error: unknown): void {
    const what = `a listener on the signal of frame ${frame.frameId}/${frame.viewId} failed`;
    this.reportFailure("handler-failed", what, error);
  }

  /** The session leaves its connection for another one; what was handed over may still lie there. */
  moving(): void {
    const released = this.released();
    this.#movedFrom = released;
    void released?.then(() => {
      if (this.#movedFrom === released) this.#movedFrom = null;
    });
  }

  /** See AnswerSink. */
  endStream(frame: ReceivedSubmit): boolean {
    return this.#ended(this.#engine.endStream(frame, Math.round(this.#clock.nowMs)));
  }

  /** See AnswerSink. */
  failFrame(frame: ReceivedSubmit, fields: Omit<ErrorFields, "errorScope">): boolean {
    return this.#ended(this.#engine.failFrame(frame, fields));
  }

  /** Sends RESULT_DROP. False if the frame is settled. */
  drop(frame: ReceivedSubmit, flags?: number): boolean {
    return this.#ended(this.#engine.sendDrop(frame, flags));
  }

  /** See AnswerSink. */
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
    this.#session.settled();
  }

  /** Abandons a frame without any answer. */
  discard(frame: ReceivedSubmit): void {
    this.#engine.discard(frame);
    this.#session.settled();
  }

  /** Sends RESULT_HINT. False if the session is over, or has no connection now. */
  hint(fields: HintFields): boolean {
    if (!this.#session.canSend) return false;
    this.#engine.sendHint({
      appliedBudgetPolicy: fields.appliedBudgetPolicy ?? ResultHintBudgetPolicy.NONE,
      congestionState: fields.congestionState ?? ResultHintCongestionState.NONE,
      reason: fields.reason ?? ResultHintReason.NONE,
      retryAfterMs: fields.retryAfterMs ?? 0,
    }, { frameId: fields.frameId, traceId: fields.traceId });
    return true;
  }

  /** See AnswerSink. */
  frameCame(): void {
    if (this.#congestion.state !== ResultHintCongestionState.NONE || this.#session.queued > 0) this.#advise();
  }

  /**
   * A frame ended. A client that was told to slow down may submit nothing more until a FLOW_UPDATE or hint
   * lets it go on.
   */
  frameEnded(): void {
    if (this.#congestion.isTold && this.#engine.state !== SessionState.CLOSED) this.#advise();
  }

  /** See AnswerSink. */
  contain(call: () => void): void {
    this.#session.contain(call);
  }

  /** See AnswerSink. */
  crash(cause: unknown): void {
    this.#session.crash(cause);
  }

  /** See AnswerSink. */
  reportFailure(type: ServerLogEvent["type"], message: string, error: unknown): void {
    this.#session.reportFailure(type, message, error);
  }

  #ended(sent: boolean): boolean {
    if (sent) this.#session.settled();
    return sent;
  }

  #advise(): void {
    const state = this.#congestion.observe(this.#session.queued, this.#limits.maxQueuedFrames);
    if (state === undefined) return;
    const saturated = state === ResultHintCongestionState.SATURATED;
    this.hint({
      congestionState: state,
      reason: saturated ? ResultHintReason.QUEUE_FULL : ResultHintReason.NONE,
    });
  }
}

/**
 * What both roles share beside {@linkcode SessionVoice}: the dispatch by the table of states.ts, ERROR and CLOSE, keep-alive, and how
 * a session ends (behaviour spec §7, §10). No I/O, no timer, no clock: packets get the time of their batch (`begin`), and every command
 * that needs the time takes it.
 *
 * @module
 */
import type { CloseInfo, Lane } from "../../carrier.ts";
import {
  NnrpConnectionClosedError,
  type NnrpError,
  NnrpInternalError,
  type NnrpProtocolError,
  NnrpWireError,
} from "../../errors.ts";
import type { VanishedPacket } from "../../wire/borrowed_bytes.ts";
import { ErrorCode, ErrorScope, MessageType } from "../../wire/enums.ts";
import { enumName } from "../../wire/enum_names.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import { CONTROL_PER_FRAME } from "../control/control_rate.ts";
import { errorCodeOf, faultFields, TOO_MUCH_CONTROL } from "../control/ending_errors.ts";
import { type ErrorFields, protocolError, writeError } from "../control/error_exchange.ts";
import { answerPing } from "../control/keepalive.ts";
import { type ComeBackWish, decodeClose, encodeClose } from "../control/close_exchange.ts";
import type { EngineHost, SessionEnd } from "./engine_host.ts";
import type { PacketOutput } from "./packet_writer.ts";
import type { SessionLink } from "./session_link.ts";
import { SessionVoice } from "./session_voice.ts";
import { closedError } from "./state_error.ts";
import { ReceptionCode, receptionTable, type SessionRole, SessionState } from "./states.ts";

/** Base of ClientEngine, ServerHandshake and ServerEngine. */
export abstract class SessionEngine extends SessionVoice {
  /** Errors sent. */
  errorsSent = 0;
  /** Control packets with malformed metadata. */
  badControls = 0;
  /** Pings received. */
  pingsReceived = 0;
  /** FLOW_UPDATEs received. */
  flowUpdatesReceived = 0;
  /** Whether a session that loses its path waits for a new one instead of ending; its host sets it. */
  resumable = false;
  /** Whether the host reads from the carrier. While it does not, nothing is known of the peer, and no silence is held against it. */
  isReading = true;
  /** Whether the peer sent CLOSE or finished sending: this side closes the carrier once its frames are settled. */
  protected closeReceived = false;

  readonly #host: EngineHost;
  readonly #reception: Uint8Array;
  #closeWords: Uint8Array | null = null; // of a CLOSE that waits for frames in flight
  #finished = false;
  #crashed = false;
  #resultsPaid = 0; // of resultPackets, what was earned for

  /**
   * An engine in state INIT.
   *
   * @param role Which side this is.
   * @param link The connection.
   * @param host What to call.
   */
  constructor(role: SessionRole, link: SessionLink, host: EngineHost) {
    super(role, link);
    this.#reception = receptionTable(role);
    this.#host = host;
  }

  /** Whether a CLOSE waits for frames in flight on carriers where it would overtake them. */
  protected get closesLast(): boolean {
    return false;
  }

  /** Frames that have not ended. */
  abstract get framesInFlight(): number;

  /** Handles a message that the state allows. May throw NnrpWireError for bad control metadata. */
  protected abstract handle(msgType: number, cursor: PacketCursor): void;

  /** Keeps a message for after the handshake; only a server has such. */
  protected defer(_cursor: PacketCursor, _lane: Lane): void {}

  /** Refuses a message that the state does not allow. */
  protected abstract refuse(cursor: PacketCursor): void;

  /** Ends everything that waits. */
  protected abstract abandon(error: NnrpError): void;

  /** The path is lost, the session is kept: ends what cannot outlive the path, and tells the host. */
  protected abstract suspend(end: SessionEnd, error: NnrpError): void;

  /** The carrier is open: from now on silence counts. */
  opened(nowMs: number): void {
    this.batchMs = nowMs;
    this.keepAlive.received(nowMs);
    this.keepAlive.sent(nowMs);
    this.pathBegins(nowMs);
  }

  /** The path in use begins, or begins to be read after it was held: it is measured anew. See {@linkcode KeepAlive.pathBegins}. */
  pathBegins(nowMs: number, tookMs?: number): void {
    this.keepAlive.pathBegins(nowMs, tookMs);
    this.writer.output.roundTripMs = tookMs;
  }

  /**
   * Before a batch of packets.
   *
   * @param nowMs When they came, ms of the host's clock; holds until the next batch begins.
   */
  begin(nowMs: number): void {
    this.batchMs = nowMs;
    this.liveness.received(nowMs);
  }

  /** Handles one packet. */
  receive(cursor: PacketCursor, lane: Lane): void {
    const msgType = cursor.msgType;
    const reception = this.#reception[this.state * 256 + msgType];
    if (reception === ReceptionCode.handle) {
      try {
        this.handle(msgType, cursor);
      } catch (error) {
        if (!(error instanceof NnrpWireError)) throw error;
        this.complain(
          ErrorCode.MALFORMED_BODY,
          cursor.traceId,
          `${enumName(MessageType, msgType)}: ${error.message}`,
        );
      }
    } else if (reception === ReceptionCode.defer) this.defer(cursor, lane);
    else if (reception === ReceptionCode.refuse && this.state !== SessionState.CLOSED) this.refuse(cursor);
  }

  /**
   * A FRAME_SUBMIT or RESULT_PUSH begins that is over the body limit, or large and still to come: see `CarrierSink.skips`. Of the
   * cursor nothing behind the metadata may be read.
   *
   * @returns True if its frame has ended here, so that its body is to be passed over.
   */
  skips(_cursor: PacketCursor): boolean {
    return false;
  }

  /** A packet will not arrive, for bytes of it were taken away: see `CarrierSink.vanished`. What it means is known of frames only. */
  vanished({ lane, frameId, viewId, error }: VanishedPacket): void {
    const what = `a packet of lane ${lane}, frame ${frameId}/${viewId}, could not be sent`;
    this.tellFailure(new NnrpInternalError(what, { cause: error }));
  }

  /** Something failed while a packet was handled, by no fault of its bytes: the session ends, nothing else. Never throws. */
  protected failed(msgType: number, cause: unknown): void {
    this.crash(new NnrpInternalError(`${enumName(MessageType, msgType)} could not be handled`, { cause }));
  }

  /** Tells the host of a failure; one of the host's own changes nothing. */
  protected tellFailure(error: NnrpInternalError): void {
    try {
      this.#host.failure?.(error);
    } catch {
      // The connection is over: there is no peer left to notify.
    }
  }

  /** Ends the session because something failed here: one line in the log, INTERNAL_ERROR to the peer. Never throws. */
  crash(error: NnrpInternalError): void {
    if (this.#crashed) return; // what it brings about may fail, too
    this.#crashed = true;
    this.tellFailure(error);
    if (this.state === SessionState.CLOSED && this.#finished) return;
    try {
      this.#endByFault(error, ErrorCode.INTERNAL_ERROR);
    } catch {
      // As far as it went: the carrier goes in any case.
    }
    this.ending ??= { kind: "error", local: true, reason: error.message, error };
    this.state = SessionState.CLOSED;
    try {
      this.finish(true);
    } catch {
      // As above; whoever called closes the carrier itself.
    }
  }

  /** After a batch of packets or calls. */
  turn(): void {
    if (this.flow.waits) this.sayFlowUpdates(this.batchMs);
    if (this.#closeWords !== null && this.framesInFlight === 0 && this.state === SessionState.DRAINING) {
      this.sayClose();
    }
    if (this.closeReceived && !this.#finished && this.framesInFlight === 0) this.finish(false);
  }

  /** When {@linkcode SessionEngine.tick} wants to be called next, ms; Infinity = never. */
  get nextDeadlineMs(): number {
    if (this.state === SessionState.CLOSED || this.suspended) return Infinity;
    return Math.min(this.keepAlive.nextDeadlineMs, this.flow.dueMs);
  }

  /**
   * When {@linkcode SessionEngine.tick} may give the peer up, ms; Infinity = never. The sockets must be
   * polled before it.
   */
  get nextVerdictMs(): number {
    return this.state === SessionState.CLOSED || this.suspended ? Infinity : this.keepAlive.nextVerdictMs;
  }

  /** Does what is due at this time. */
  tick(nowMs: number): void {
    if (this.state === SessionState.CLOSED || this.suspended) return;
    const error = this.liveness.look(nowMs, this.framePackets, this.isReading);
    if (error !== null) this.lose({ kind: "lost", local: true, reason: error.message, error });
    else {
      if (this.state !== SessionState.INIT && this.keepAlive.pingDue(nowMs)) this.showPath(nowMs);
      if (nowMs >= this.flow.dueMs) this.sayFlowUpdates(nowMs);
    }
  }

  /** Results and parts of them that went to or came from the peer: each earns some control packets. */
  protected abstract get resultPackets(): number;

  /**
   * How long the host is not to read for now, ms, because the peer sent more control packets that make no
   * progress than it may; 0 = not at all. To be asked after each batch; at most 1,000.
   */
  get restMs(): number {
    return this.state === SessionState.CLOSED ? 0 : this.link.rate.restMs;
  }

  /** Sends an ERROR. A fatal one or one of connection scope ends the session. */
  sendError(fields: ErrorFields): void {
    if (this.state === SessionState.CLOSED) return;
    this.#writeError(fields);
    if (fields.fatal || fields.errorScope === ErrorScope.CONNECTION) {
      const error = protocolError(fields, this.sessionId, false);
      this.end({ kind: "error", local: true, reason: error.diagnostic, error }, true);
    }
  }

  #writeError(fields: ErrorFields): void {
    this.errorsSent++;
    writeError(this.writer, fields);
  }

  /**
   * Sends CLOSE: what is in flight may still end, nothing new begins. Does nothing if the session is ending
   * already.
   *
   * @param reason Reason sent to the peer.
   * @param comeBack Of a server: asks the client to dial again; sent only to clients that understand it
   *   (0xF004). Default: for good.
   * @throws NnrpValueError if its time does not fit.
   */
  close(reason = "", comeBack: ComeBackWish | null = null): void {
    if (this.ending !== null || this.state === SessionState.CLOSED) return;
    const end: SessionEnd = { kind: "close", local: true, reason };
    if (this.state !== SessionState.ACTIVE) {
      this.end(end);
      return;
    }
    this.#closeWords = encodeClose(reason, comeBack, this.role === "server" && this.link.comeBack);
    // Where control overtakes frames, a CLOSE would be there before frames that were submitted long before it.
    if (!this.closesLast || !this.writer.output.multiStream || this.framesInFlight === 0) this.sayClose();
    this.drain(end);
  }

  /** Sends CLOSE now if it waits for frames in flight. */
  protected sayClose(): void {
    const words = this.#closeWords;
    if (words === null) return;
    this.flow.sayAll();
    this.#closeWords = null;
    this.writer.headerOnly(MessageType.CLOSE, {}, words);
  }

  /**
   * The carrier found bytes it cannot decode, or failed itself: reports it to the peer and ends the session.
   */
  fault(error: NnrpError): void {
    if (error instanceof NnrpInternalError) {
      this.crash(error);
      return;
    }
    this.#endByFault(error, errorCodeOf(error));
  }

  #endByFault(error: NnrpError, errorCode: number): void {
    if (this.state === SessionState.CLOSED) return;
    this.#writeError(faultFields(error, errorCode));
    this.end({ kind: "error", local: true, reason: error.message, error }, true);
  }

  /** The peer ended its sending half (FIN). Frames it sent are still answered; then this side closes. */
  peerEnded(): void {
    if (this.state === SessionState.CLOSED) return;
    this.closeReceived = true;
    if (this.framesInFlight > 0) this.keepAlive.peerEnded(this.batchMs);
    this.drain({ kind: "lost", local: false, reason: "the peer finished sending without CLOSE" });
  }

  /** The carrier is gone. */
  carrierClosed(info: CloseInfo): void {
    if (this.state === SessionState.CLOSED) return;
    const reason = info.reason || "connection closed";
    if (this.ending !== null) this.end(this.ending);
    else this.lose({ kind: info.error ? "error" : "lost", local: info.local, reason, error: info.error });
  }

  /** The path was lost: the session ends, or waits for a new one if it can. */
  protected lose(end: SessionEnd): void {
    if (this.suspended) return;
    if (!this.outlivesPath) {
      this.end(end);
      return;
    }
    this.suspended = true;
    const error = end.error ?? new NnrpConnectionClosedError("session", `connection lost: ${end.reason}`);
    for (const waiter of this.keepAlive.drain()) waiter.reject(error);
    this.suspend(end, error);
  }

  /** Whether a loss of the path now would suspend the session. */
  protected get outlivesPath(): boolean {
    return this.resumable && this.state === SessionState.ACTIVE;
  }

  /** Forgets how a try to begin anew ended. */
  protected renew(): void {
    this.flow.forget();
    this.ending = null;
    this.closeReceived = false;
    this.#closeWords = null;
    this.#finished = false;
    this.#crashed = false;
  }

  /** A suspended session is not kept any longer: it ends. */
  giveUp(end: SessionEnd): void {
    this.end(end);
  }

  /**
   * The session goes on over another carrier (behaviour spec §11).
   *
   * @param output The new carrier; it gets the limits of the old one.
   * @param nowMs Time, ms.
   */
  moveTo(output: PacketOutput, nowMs: number): void {
    this.liveness.moved();
    Object.assign(output.limits, this.writer.output.limits);
    this.writer.output = output;
    this.suspended = false;
    this.opened(nowMs);
  }

  /** Enters DRAINING. */
  protected drain(end: SessionEnd): void {
    if (this.ending !== null) return;
    this.ending = end;
    this.state = SessionState.DRAINING;
    this.#host.draining(end);
  }

  /** Enters CLOSED: everything that waits fails. */
  protected end(end: SessionEnd, fatal = false): void {
    if (this.state === SessionState.CLOSED) return;
    const first = this.ending === null;
    this.ending ??= end;
    this.state = SessionState.CLOSED;
    const error = end.error ?? closedError(end.reason);
    for (const waiter of this.keepAlive.drain()) waiter.reject(error);
    this.abandon(error);
    this.flow.forget();
    this.suspended = false;
    if (first) this.#host.draining(end);
    this.finish(fatal);
  }

  /** Tells the host that the carrier can go. */
  protected finish(fatal: boolean): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#host.finished(this.ending!, fatal);
  }

  /** Counts a control packet that makes no progress; ends the session when there are far too many. */
  protected spendControl(): boolean {
    const { rate } = this.link;
    // Checked here only: nothing is done for each part of a stream.
    const { resultPackets } = this;
    rate.earn((resultPackets - this.#resultsPaid) * CONTROL_PER_FRAME);
    this.#resultsPaid = resultPackets;
    // Who has no session yet owes nothing.
    const early = this.state === SessionState.INIT || this.state === SessionState.NEGOTIATING;
    if (early ? rate.spend(this.batchMs) : rate.charge(this.batchMs)) return true;
    this.sendError(TOO_MUCH_CONTROL);
    return false;
  }

  /** The peer has read what was sent before the ping with this trace id. */
  protected pingAnswered(_traceId: bigint): void {}

  /** PING, PONG and CLOSE are the same on both sides. Returns whether it was one of them. */
  protected handleShared(msgType: number, cursor: PacketCursor): boolean {
    if (msgType === MessageType.PING) {
      this.pingsReceived++;
      if (this.spendControl()) answerPing(this.writer, cursor);
    } else if (msgType === MessageType.PONG) {
      const outcome = this.keepAlive.pong(cursor.traceId, this.batchMs);
      this.writer.output.roundTripMs = this.keepAlive.roundTripMs;
      // That of a ping whose caller has given up waiting was asked for.
      if (outcome !== undefined) {
        this.pingAnswered(cursor.traceId);
        outcome.waiter?.resolve(outcome.rttMs);
      } else if (!this.keepAlive.latePong()) this.spendControl();
    } else if (msgType === MessageType.CLOSE) {
      const { reason, comeBack } = decodeClose(cursor, this.role === "client" && this.link.comeBack);
      const end: SessionEnd = { kind: "close", local: false, reason, ...(comeBack && { comeBack }) };
      if (this.peerLeaves(end)) return true;
      this.closeReceived = true;
      if (this.state !== SessionState.ACTIVE && this.ending === null) this.end(end);
      else this.drain(end);
    } else return false;
    return true;
  }

  /** A CLOSE came. Whether the session outlives it: it waits for a new path then. */
  protected peerLeaves(_end: SessionEnd): boolean {
    return false;
  }

  /** An ERROR of the peer that ends the session. */
  protected endByPeer(error: NnrpProtocolError): void {
    this.end({ kind: "error", local: false, reason: error.diagnostic || error.codeName, error });
  }

  /**
   * Refuses a packet that is malformed or has no place here: fatal before the session is open, else it goes on.
   *
   * @param errorCode An ErrorCode.
   * @param traceId That of the packet.
   * @param diagnostic What is wrong.
   */
  protected complain(errorCode: number, traceId: bigint, diagnostic: string): void {
    this.badControls++;
    const early = this.state === SessionState.INIT || this.state === SessionState.NEGOTIATING;
    this.sendError({
      errorCode,
      errorScope: early ? ErrorScope.CONNECTION : ErrorScope.SESSION,
      fatal: early,
      traceId,
      diagnostic,
    });
    if (!early) this.spendControl();
  }
}

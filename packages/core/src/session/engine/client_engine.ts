/**
 * The client's half of a session: handshake, frames in flight, results, and everything on the control path, without I/O,
 * timers or clock (behaviour spec §6–§10). What each mechanism means is in the file of its name; here they meet.
 *
 * @module
 */
import type { Lane } from "../../carrier.ts";
import { NnrpError, type NnrpInternalError, NnrpLimitError, NnrpStateError } from "../../errors.ts";
import { isTypedOnlyRequest, TypedSubmitHead } from "../../body/typed_heads.ts";
import { encodeFrameSubmit, type SubmitRequest } from "../../body/frame_submit.ts";
import type { VanishedPacket } from "../../wire/borrowed_bytes.ts";
import { ErrorCode, ErrorScope, MessageType } from "../../wire/enums.ts";
import { enumName } from "../../wire/enum_names.ts";
import { HeaderFlags } from "../../wire/flags.ts";
import { CLIENT_HELLO_RECORD, type ClientHelloMetadata } from "../../wire/metadata/client_hello.ts";
import { FLOW_UPDATE_RECORD } from "../../wire/metadata/flow_update.ts";
import { RESULT_HINT_RECORD } from "../../wire/metadata/result_hint.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import { CONTROL_PER_FRAME } from "../control/control_rate.ts";
import { readError } from "../control/error_exchange.ts";
import { CreditGate } from "../flow/credit.ts";
import { type ClientFrameCounts, PendingFrames } from "../frames/pending_frames.ts";
import { Withdrawals } from "../frames/withdrawals.ts";
import type { AcceptedHello } from "../handshake/accepted_hello.ts";
import { agreeBodyLimits, takeHelloAck } from "../handshake/hello_ack.ts";
import { settingsOfHelloAck } from "../patch/patch.ts";
import { MoveExchange } from "../paths/move_exchange.ts";
import type { ClientEngineOptions, ClientHost } from "./client_host.ts";
import { ClientRequests } from "./client_requests.ts";
import type { FrameWaiter, SessionEnd } from "./engine_host.ts";
import type { PacketOutput } from "./packet_writer.ts";
import { SessionLink } from "./session_link.ts";
import { stateName } from "./state_error.ts";
import { SessionState } from "./states.ts";

/** The client's side of one session. */
export class ClientEngine extends ClientRequests {
  /** Credit that the server granted. */
  credit: CreditGate;
  /** What the handshake agreed; null before. */
  accepted: AcceptedHello | null = null;

  readonly #host: ClientHost;
  readonly #options: ClientEngineOptions;
  readonly #frames = new PendingFrames((waiter, open, error) => this.#handOverFailed(waiter, open, error));
  readonly #withdrawals: Withdrawals;
  #typedHead: TypedSubmitHead | null = null;
  #maxInFlight = 0;
  #maxBodyBytes = 0;
  #wantsSlot = false;
  #leaving: SessionEnd | null = null; // the server asked to come back: frames in flight still end, then the path is left
  #moveTraceId = 0n; // of the last move; 0 = none

  /**
   * An engine in state INIT: {@linkcode ClientEngine.hello} opens the session.
   *
   * @param output Where packets go.
   * @param host What to call.
   * @param options Keep-alive, limits, flow control.
   */
  constructor(output: PacketOutput, host: ClientHost, options: ClientEngineOptions = {}) {
    super(new SessionLink(output, options), host);
    this.#host = host;
    this.#options = options;
    this.#withdrawals = new Withdrawals(this.#frames, this.writer);
    this.credit = new CreditGate(options.flowControl ?? "auto");
  }

  /** Counters of frames since the session began. */
  get counts(): ClientFrameCounts {
    return this.#frames.counts;
  }

  /** Greatest id of a frame whose final result came; 0 = none yet. */
  get lastResultFrameId(): number {
    return this.#frames.lastResultFrameId;
  }

  /** Frames in flight: each holds one slot. */
  get framesInFlight(): number {
    return this.#frames.inFlight;
  }

  /** Frames whose wait timed out and whose answer may still come. */
  get framesLate(): number {
    return this.#frames.late;
  }

  /** Frames that lost their path, and have neither ended nor been sent anew. */
  get framesLost(): number {
    return this.#frames.lost;
  }

  /** Most frames in flight, from profile, server and credit. */
  get limit(): number {
    return Math.min(this.#maxInFlight, this.credit.limit);
  }

  /** Largest body the server takes, bytes. */
  get maxBodyBytes(): number {
    return this.#maxBodyBytes;
  }

  /** Frames written. */
  protected get framePackets(): number {
    const { submitted, resubmitted } = this.#frames.counts;
    return submitted + resubmitted;
  }

  /** Results received. */
  protected get resultPackets(): number {
    return this.#frames.counts.results;
  }

  /**
   * Sends CLIENT_HELLO.
   *
   * @param metadata Its fields; lengths must match the body.
   * @param body Control extensions, then the auth block.
   */
  hello(metadata: ClientHelloMetadata, body: Uint8Array): void {
    const ids = { flags: HeaderFlags.ACK_REQUIRED, sessionId: 0 };
    this.writer.record(MessageType.CLIENT_HELLO, CLIENT_HELLO_RECORD, metadata, ids, body);
    this.state = SessionState.NEGOTIATING;
  }

  /** Whether one more frame may be submitted now. */
  canSubmit(): boolean {
    const inFlight = this.#frames.inFlight;
    return inFlight < this.#maxInFlight && this.credit.canAdmit(inFlight) &&
      this.state === SessionState.ACTIVE && !this.suspended && this.#leaving === null;
  }

  /** Asks for {@linkcode ClientHost.admitted} when a submit may go. */
  wantSlot(): void {
    this.#wantsSlot = true;
  }

  /**
   * Writes a frame and remembers who waits for it. Does not ask for credit: see {@linkcode ClientEngine.canSubmit}.
   *
   * @param request The frame; `frameId` of the request is ignored.
   * @param frameId Its id; undefined = the next free one.
   * @param waiter Who waits; `deadlineMs` counts in the host's clock.
   * @throws NnrpStateError if the session is not active or the key is in flight, NnrpValueError if the request cannot be
   *   written. Nothing was sent then.
   */
  submit(request: SubmitRequest, frameId: number | undefined, waiter: FrameWaiter): void {
    if (this.state !== SessionState.ACTIVE) {
      throw new NnrpStateError(`cannot submit: the session is ${stateName(this.state)}`);
    }
    const viewId = request.viewId ?? 0;
    const id = this.#frames.choose(frameId, viewId);
    this.flow.sayAll();
    const { output } = this.writer;
    const out = output.begin("submit", id, viewId);
    if (isTypedOnlyRequest(request)) this.#typedHead!.write(out, request, id, this.#maxBodyBytes);
    else encodeFrameSubmit(out, this.sessionId, request, id, this.#maxBodyBytes);
    this.#frames.enter(id, viewId, waiter);
    this.link.rate.earn(CONTROL_PER_FRAME);
    output.commit("submit", id, viewId, true);
  }

  /** All frames whose answer is due, in no order. */
  waiters(): FrameWaiter[] {
    return this.#frames.waiters();
  }

  /** Who waits for the frame; undefined if it is not in flight. */
  waiterOf(frameId: number, viewId: number): FrameWaiter | undefined {
    return this.#frames.get(frameId, viewId);
  }

  /** Whether the frame is in flight (or its wait timed out and its late result is still due). */
  knows(frameId: number, viewId: number): boolean {
    return this.#frames.get(frameId, viewId) !== undefined;
  }

  /** Whether a frame of this key may be submitted: no answer to an earlier one may still come. */
  isFree(frameId: number, viewId: number): boolean {
    return this.#frames.isFree(frameId, viewId);
  }

  /** The wait timed out: frees the slot, keeps the key for the late result. */
  timeOut(frameId: number, viewId: number): void {
    if (this.#frames.timeOut(frameId, viewId)) this.#slotFreed();
  }

  /** Abandons a frame; a late result for it is discarded, and until then its key is not reused. */
  discard(frameId: number, viewId: number): void {
    if (this.#frames.giveUp(frameId, viewId, "discarded")) this.#slotFreed();
  }

  /** Cancels a frame, unless it has ended: sends FRAME_CANCEL, fails its waiter, discards a late result. */
  cancel(frameId: number, viewId: number, cause?: unknown): void {
    if (!this.knows(frameId, viewId)) return;
    const { state } = this;
    const isOpen = state === SessionState.ACTIVE || state === SessionState.DRAINING;
    this.#withdrawals.cancel(frameId, viewId, isOpen, cause);
    this.#slotFreed();
  }

  /** Before the carrier closes: sends FRAME_CANCEL for the frames in flight, and CLOSE if it was not sent. */
  cancelRest(): void {
    if (this.suspended || this.state === SessionState.CLOSED) return;
    for (const { frameId, viewId } of this.waiters()) this.#withdrawals.say(frameId, viewId);
    this.sayClose();
  }

  /** See {@linkcode SessionEngine.closesLast}: the server answers all frames that it got before. */
  protected override get closesLast(): boolean {
    return true;
  }

  /** Sends FRAME_CANCEL for these frames; what is in flight under the same key now is spared. */
  cancelLost(keys: readonly { frameId: number; viewId: number }[]): void {
    for (const { frameId, viewId } of keys) {
      if (!this.knows(frameId, viewId)) this.#withdrawals.cross(frameId, viewId);
    }
  }

  /**
   * The path of these frames is gone: those that are still due are cancelled on the server and taken out. Requests (pings, patches,
   * puts) that were under way fail.
   *
   * @param waiters Frames that were in flight on that path.
   * @param error What pending requests reject with.
   * @returns The frames that were due, those whose wait is over included. Each is submitted anew under another id, or ended by
   *   {@linkcode ClientEngine.failLost} or {@linkcode ClientEngine.endLost}.
   */
  losePath(waiters: readonly FrameWaiter[], error: NnrpError): FrameWaiter[] {
    const lost = this.#withdrawals.lose(waiters, !this.suspended);
    for (const waiter of this.keepAlive.drain()) waiter.reject(error);
    this.requests.fail(error);
    if (!this.suspended) this.requests.pathLost();
    this.#slotFreed();
    return lost;
  }

  /** Ends a frame that lost its path and is not submitted anew. */
  failLost(waiter: FrameWaiter, error: NnrpError): void {
    this.#frames.failTaken(waiter, error);
  }

  /**
   * A frame that lost its path ended before it was sent anew; its waiter knows. Ignores other frames.
   *
   * @param why How it ended, for the counters.
   */
  endLost(waiter: FrameWaiter, why: "failed" | "cancelled" | "timedOut"): void {
    this.#frames.endLost(waiter, why);
  }

  /** Ends frames that the server never answered on the path that it left as dropped, as far as they are due (behaviour spec §11). */
  dropUnanswered(waiters: readonly FrameWaiter[]): void {
    this.#withdrawals.drop(waiters);
    this.#slotFreed();
  }

  /** Asks for the session on another connection; see {@linkcode MoveExchange}. */
  beginMove(output: PacketOutput): MoveExchange {
    return new MoveExchange(output, this.sessionId, this.link.nextTraceId());
  }

  /**
   * See {@linkcode SessionEngine.moveTo}.
   *
   * @param output The new carrier.
   * @param nowMs Time, ms.
   * @param traceId That of the {@linkcode MoveExchange}: an ERROR that carries it is a {@linkcode ClientHost.pathBroken}.
   */
  override moveTo(output: PacketOutput, nowMs: number, traceId = 0n): void {
    super.moveTo(output, nowMs);
    this.#moveTraceId = traceId;
  }

  /**
   * The session moved to a peer that has no tokens: ids go on from `resume`, and must grow (behaviour spec §11).
   *
   * @param resume resume_from_frame_id of the ack; 0 = neither.
   */
  resumeFrom(resume: number): void {
    this.#frames.growFrom(resume);
  }

  /** Begins anew on another carrier, as a session that the server does not know: hello, empty cache, fresh credit. */
  restart(output: PacketOutput, nowMs: number): void {
    this.renew();
    this.writer.output = output;
    this.writer.sessionId = 0;
    this.suspended = false;
    this.state = SessionState.INIT;
    this.credit = new CreditGate(this.#options.flowControl ?? "auto");
    this.accepted = null;
    this.#leaving = null;
    this.link.comeBack = false;
    this.keepAlive.forget();
    this.requests.forget();
    this.#frames.forget();
    this.#moveTraceId = 0n;
    this.opened(nowMs);
  }

  /** A {@linkcode ClientEngine.restart} failed: the session waits for the next one. */
  park(): void {
    this.renew();
    this.suspended = true;
    this.state = SessionState.ACTIVE;
  }

  /** See {@linkcode SessionEngine.nextDeadlineMs}. */
  override get nextDeadlineMs(): number {
    return Math.min(super.nextDeadlineMs, this.#frames.nextDeadlineMs, this.credit.nextDeadlineMs);
  }

  /** When the next wait for a frame ends, ms; Infinity = none does. */
  get nextWaitMs(): number {
    return this.#frames.nextDeadlineMs;
  }

  /** See {@linkcode SessionEngine.tick}. */
  override tick(nowMs: number): void {
    super.tick(nowMs);
    if (this.credit.tick(nowMs)) this.#slotFreed();
    if (nowMs >= this.#frames.nextDeadlineMs) this.#frames.expire(nowMs);
    this.turn();
  }

  /** See {@linkcode SessionEngine.turn}. */
  override turn(): void {
    if (this.#leaving !== null && this.framesInFlight === 0) this.lose(this.#leaving);
    this.#slotFreed();
    super.turn();
  }

  /** See {@linkcode SessionEngine.peerEnded}: without results to come every frame in flight has failed. */
  override peerEnded(): void {
    const end: SessionEnd = {
      kind: "lost",
      local: false,
      reason: this.state === SessionState.INIT || this.state === SessionState.NEGOTIATING
        ? "the server hung up before it answered the hello; is the port right, and is it one with TLS (nnrps://) or without?"
        : "the server finished sending without CLOSE",
    };
    if (this.ending === null) this.lose(end);
    else this.end(end);
  }

  /** See {@linkcode SessionEngine.receive}; results of an active session take the short way. */
  override receive(cursor: PacketCursor, lane: Lane): void {
    const { msgType } = cursor;
    try {
      if (this.state === SessionState.ACTIVE && msgType === MessageType.RESULT_PUSH) {
        this.#frames.result(cursor);
      } else super.receive(cursor, lane);
    } catch (cause) {
      this.failed(msgType, cause);
    }
  }

  /** See {@linkcode SessionEngine.skips}: a result over the limit fails its frame, and nothing else. */
  override skips(cursor: PacketCursor): boolean {
    const { msgType, bodyLength, frameId, viewId } = cursor;
    const { maxBodyBytes } = this.writer.output.limits;
    if (msgType !== MessageType.RESULT_PUSH || bodyLength <= maxBodyBytes) return false;
    if (this.state !== SessionState.ACTIVE && this.state !== SessionState.DRAINING) return false;
    const error = new NnrpLimitError(
      "maxBodyBytes",
      `the result of frame ${frameId}/${viewId} has a body of ${bodyLength} bytes; this side takes at most ${maxBodyBytes}`,
    );
    try {
      if (this.#frames.refuse(cursor, error)) this.#withdrawals.cross(frameId, viewId);
    } catch (cause) {
      this.failed(msgType, cause);
    }
    return true;
  }

  /** See {@linkcode SessionEngine.vanished}: the frame fails, and no answer to it comes. */
  override vanished(packet: VanishedPacket): void {
    const { lane, frameId, viewId, error } = packet;
    if (lane !== "submit" || !this.#frames.unsent(frameId, viewId, error)) super.vanished(packet);
  }

  /** Dispatches the messages that the state table allows. */
  protected handle(msgType: number, cursor: PacketCursor): void {
    if (msgType === MessageType.RESULT_PUSH || msgType === MessageType.RESULT_DROP) {
      this.#frames.result(cursor);
    } else if (this.handleShared(msgType, cursor)) return;
    else if (msgType === MessageType.RESULT_HINT) {
      const metadata = RESULT_HINT_RECORD.decode(cursor.view, cursor.metaOffset, cursor.metaLength);
      this.#host.hint({ metadata, frameId: cursor.frameId, traceId: cursor.traceId });
    } else if (msgType === MessageType.FLOW_UPDATE) this.#flowUpdate(cursor);
    else if (msgType === MessageType.SERVER_HELLO_ACK) this.#helloAck(cursor);
    else if (msgType === MessageType.SESSION_PATCH_ACK) this.requests.patchAck(cursor);
    else if (msgType === MessageType.CACHE_ACK) this.requests.cacheAck(cursor);
    else if (msgType === MessageType.ERROR) this.#error(cursor);
  }

  /** A message that this state does not allow: answered with ERROR; a session not open yet ends. */
  protected refuse(cursor: PacketCursor): void {
    const name = enumName(MessageType, cursor.msgType);
    const diagnostic = `a client takes no ${name} while ${stateName(this.state)}`;
    this.complain(ErrorCode.INVALID_STATE, cursor.traceId, diagnostic);
  }

  /** See {@linkcode SessionEngine.abandon}. */
  protected abandon(error: NnrpError): void {
    if (this.accepted === null) this.#host.refused(error);
    this.requests.fail(error);
    for (const waiter of this.#frames.clear()) this.#frames.failTaken(waiter, error);
    this.#wantsSlot = false;
    this.#host.admitted();
  }

  /** See {@linkcode SessionEngine.peerLeaves}: a server that asks to come back ends its path only. */
  protected override peerLeaves(end: SessionEnd): boolean {
    if (end.comeBack === undefined || !this.outlivesPath || this.ending !== null) return false;
    this.#leaving = end;
    return true;
  }

  /** See {@linkcode SessionEngine.lose}. */
  protected override lose(end: SessionEnd): void {
    super.lose(this.#leaving ?? end);
  }

  /** See {@linkcode SessionEngine.suspend}. */
  protected suspend(end: SessionEnd, error: NnrpError): void {
    this.#leaving = null;
    this.#moveTraceId = 0n;
    this.requests.fail(error);
    const lost = this.#frames.clear();
    if (this.#host.suspended !== undefined) this.#host.suspended(end, lost);
    else for (const waiter of lost) this.failLost(waiter, error);
  }

  /** A waiter could not take a result: its frame is over here, and is to be over there. */
  #handOverFailed({ frameId, viewId }: FrameWaiter, open: boolean, error: NnrpInternalError): void {
    if (open) this.#withdrawals.cross(frameId, viewId);
    this.tellFailure(error);
    this.#slotFreed();
  }

  #slotFreed(): void {
    if (this.#wantsSlot && this.canSubmit()) {
      this.#wantsSlot = false;
      this.#host.admitted();
    }
  }

  #flowUpdate(cursor: PacketCursor): void {
    this.flowUpdatesReceived++;
    if (!this.spendControl()) return;
    const metadata = FLOW_UPDATE_RECORD.decode(cursor.view, cursor.metaOffset, cursor.metaLength);
    const applied = this.credit.apply(metadata, this.batchMs);
    this.#host.flow({ metadata, applied, traceId: cursor.traceId });
  }

  #helloAck(cursor: PacketCursor): void {
    const accepted = takeHelloAck(cursor);
    if (accepted instanceof NnrpError) {
      this.end({ kind: "error", local: true, reason: accepted.message, error: accepted });
      return;
    }
    const { metadata } = accepted;
    this.accepted = accepted;
    this.#frames.streamedResults = accepted.streamedResults;
    this.link.comeBack = accepted.comeBack;
    if (accepted.isOurs) this.keepAlive.expectsPongs = true;
    this.writer.sessionId = metadata.sessionId;
    this.#typedHead = new TypedSubmitHead(metadata.sessionId);
    this.requests.opened(settingsOfHelloAck(metadata));
    const { maxInFlight = Infinity, ignoreMaxConcurrentFrames: ignores = false } = this.#options;
    this.#maxInFlight = Math.min(maxInFlight, ignores ? Infinity : accepted.maxConcurrentFrames);
    this.#maxBodyBytes = agreeBodyLimits(metadata, this.writer.output.limits);
    this.state = SessionState.ACTIVE;
    this.#host.opened(accepted);
  }

  #error(cursor: PacketCursor): void {
    const event = readError(cursor);
    const { error, traceId } = event;
    if (error.fatal) return this.endByPeer(error);
    if (this.state === SessionState.NEGOTIATING) {
      return this.end({ kind: "error", local: false, reason: error.diagnostic, error });
    }
    if (error.errorScope === ErrorScope.FRAME) {
      const isLeft = this.#leaving !== null && this.#host.unbegun !== undefined;
      const unbegun = this.#withdrawals.refused(error, isLeft);
      if (unbegun !== undefined) this.#host.unbegun!(unbegun, error);
    } else if (traceId !== 0n && traceId === this.#moveTraceId) {
      this.#host.pathBroken?.(event);
      return;
    } else if (traceId !== 0n) this.requests.reject(traceId, error);
    this.#host.error(event);
  }
}

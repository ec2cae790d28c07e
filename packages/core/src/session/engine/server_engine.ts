/**
 * The server's half of a session from its beginning on: frames until they are settled, results, cache, patches, without I/O, timers
 * or clock (behaviour spec §7–§10). What was before is ServerHandshake's; who works on which frame when is the host's business.
 *
 * @module
 */
import type { Lane } from "../../carrier.ts";
import { type NnrpError, NnrpInternalError } from "../../errors.ts";
import type { ResultFields } from "../../body/result_push.ts";
import type { VanishedPacket } from "../../wire/borrowed_bytes.ts";
import { ErrorCode, ErrorScope, MessageType } from "../../wire/enums.ts";
import { enumName } from "../../wire/enum_names.ts";
import { FLOW_UPDATE_RECORD } from "../../wire/metadata/flow_update.ts";
import { RESULT_HINT_RECORD, type ResultHintMetadata } from "../../wire/metadata/result_hint.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import { CacheDirectory, emptyCache } from "../cache/cache.ts";
import { invalidateObjects, putObject } from "../cache/cache_exchange.ts";
import { CONTROL_PER_FRAME } from "../control/control_rate.ts";
import { ANSWER_VANISHED } from "../control/ending_errors.ts";
import { type ErrorFields, readError } from "../control/error_exchange.ts";
import { ReceivedFrames } from "../frames/received_frames.ts";
import type { ReceivedSubmit } from "../frames/received_submit.ts";
import { ResultWriter } from "../frames/result_writer.ts";
import { refuseBody, SubmitIntake, SubmitRefusal } from "../frames/submit_intake.ts";
import type { AgreedHandshake, DeferredPacket, TakenConnection } from "../handshake/server_handshake.ts";
import { type EffectiveSettings, settingsOfHelloAck } from "../patch/patch.ts";
import { PatchExchange } from "../patch/patch_exchange.ts";
import { writeMigrateAccept } from "../paths/migrate_answer.ts";
import type { MigrateRequest } from "../paths/migration.ts";
import { answerProbe } from "../probe/probe_answer.ts";
import type { SessionEnd } from "./engine_host.ts";
import type { PacketIds } from "./packet_writer.ts";
import { newFrameCounts, type ServerFrameCounts } from "./server_counts.ts";
import type { ServerEngineOptions, ServerHost, SessionEstate } from "./server_host.ts";
import { SessionEngine } from "./session_engine.ts";
import { stateName } from "./state_error.ts";
import { SessionState } from "./states.ts";

/** The server's side of one session. */
export class ServerEngine extends SessionEngine {
  /** Counters. */
  readonly counts: ServerFrameCounts;

  readonly #host: ServerHost;
  readonly #options: ServerEngineOptions;
  readonly #frames: ReceivedFrames;
  #enteredOrdinal = 0; // of the frame that was entered last
  readonly #results: ResultWriter;
  readonly #intake: SubmitIntake;
  #deferred: readonly DeferredPacket[] = [];
  #cache: CacheDirectory;
  #patches: PatchExchange;

  /**
   * Makes a ServerEngine; {@linkcode ServerEngine.start} begins its work.
   *
   * @param begin The hello was agreed, or the connection was taken for a session that began elsewhere.
   * @param host What to call.
   * @param options Limits and policies.
   * @param estate With a taken connection: what the session takes along.
   */
  constructor(
    begin: AgreedHandshake | TakenConnection,
    host: ServerHost,
    options: ServerEngineOptions = {},
    estate?: SessionEstate,
  ) {
    super("server", begin.link, host);
    this.#host = host;
    this.#options = options;
    this.#intake = new SubmitIntake(options);
    this.counts = newFrameCounts(begin.probes);
    this.#frames = new ReceivedFrames(this.counts);
    if (begin.kind === "agreed") {
      const { ack } = begin;
      this.#deferred = begin.deferred;
      this.#cache = new CacheDirectory({
        ...options.cache,
        maxEntries: ack.maxCacheEntries,
        maxBytes: ack.maxCacheBytes,
      });
      this.#patches = new PatchExchange(settingsOfHelloAck(ack), options);
    } else {
      const { sessionId, cache, patches, highestFrameId, maxBodyBytes } = estate!;
      this.writer.sessionId = sessionId;
      this.link.comeBack = estate!.comeBack;
      Object.assign(this.writer.output.limits, { maxBodyBytes, skipsBodies: true });
      this.#cache = cache;
      this.#patches = patches;
      this.#frames.highestFrameId = highestFrameId;
    }
    this.#results = new ResultWriter(this.writer);
    this.state = SessionState.ACTIVE;
  }

  /**
   * Whether {@linkcode ServerHost.refuses} is asked about every frame, also those that are there already; its host sets it while it
   * has no room. Default: it is asked about large ones that are still to come.
   */
  asksBeforeFrames = false;

  /**
   * Takes what came behind the hello. The host has stopped reading until now.
   *
   * @param nowMs Time, ms of the host's clock: what came since arrives now.
   */
  start(nowMs: number): void {
    this.batchMs = nowMs;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const { cursor, lane } of deferred) this.receive(cursor, lane);
  }

  /** Frames received and not settled. */
  get framesInFlight(): number {
    return this.#frames.inFlight;
  }

  /** Values of SESSION_PATCH in force. */
  get settings(): EffectiveSettings {
    return this.#patches.settings;
  }

  /** The cache of this session. */
  get cache(): CacheDirectory {
    return this.#cache;
  }

  /** Results and drops written. */
  protected get framePackets(): number {
    return this.counts.results + this.counts.drops;
  }

  /** The same. */
  protected get resultPackets(): number {
    return this.framePackets;
  }

  /** The frame in flight with this key, newest first. */
  frame(frameId: number, viewId = 0): ReceivedSubmit | undefined {
    return this.#frames.get(frameId, viewId);
  }

  /**
   * Sends a result. PARTIAL without more to come carries EOS. Times that the result leaves out are measured.
   *
   * @param frame The frame.
   * @param result The result.
   * @param final Whether the frame ends with it.
   * @param nowMs Time, ms of the host's clock; a whole number spares V8 an allocation.
   * @returns False if the frame is settled or the session over: nothing was sent.
   * @throws NnrpValueError if the result cannot be written; the frame stays in flight.
   */
  sendResult(frame: ReceivedSubmit, result: ResultFields, final: boolean, nowMs: number): boolean {
    if (frame.settled || this.state === SessionState.CLOSED) return false;
    this.flow.sayAll();
    this.#results.result(frame, result, final, nowMs);
    this.counts.results++;
    if (final) this.#settle(frame);
    this.#results.commit(frame, final);
    return true;
  }

  /**
   * Sends a part of a streamed result: PARTIAL, not final. Parts with tensors must say which tiles they leave out (wire spec §7).
   * Parts tell no times unless they say so themselves.
   *
   * @returns False if the frame is settled or the session over: nothing was sent.
   * @throws NnrpValueError if the part cannot be written; the frame stays in flight.
   */
  sendPart(frame: ReceivedSubmit, part: ResultFields): boolean {
    if (frame.settled || this.state === SessionState.CLOSED) return false;
    this.flow.sayAll();
    this.#results.part(frame, part);
    this.counts.results++;
    this.#results.commit(frame, false);
    return true;
  }

  /**
   * Ends a streamed frame: a metadata-only RESULT_PUSH, COMPLETE, EOS.
   *
   * @param frame The frame.
   * @param nowMs Time, ms of the host's clock.
   * @returns False if the frame is settled or the session over.
   */
  endStream(frame: ReceivedSubmit, nowMs: number): boolean {
    if (frame.settled || this.state === SessionState.CLOSED) return false;
    this.flow.sayAll();
    this.#results.end(frame, nowMs);
    this.counts.results++;
    this.#settle(frame);
    this.#results.commit(frame, true);
    return true;
  }

  /** Sends RESULT_DROP. False if the frame is settled or the session over. */
  sendDrop(frame: ReceivedSubmit, flags = 0): boolean {
    if (frame.settled || this.state === SessionState.CLOSED) return false;
    this.flow.sayAll();
    this.#settle(frame);
    this.counts.drops++;
    this.#results.drop(frame, flags);
    return true;
  }

  /** Ends a frame by ERROR, frame scope. False if the frame is settled or the session over. */
  failFrame(frame: ReceivedSubmit, fields: Omit<ErrorFields, "errorScope">): boolean {
    if (frame.settled || this.state === SessionState.CLOSED) return false;
    this.flow.sayAll();
    this.#frameError(frame, fields);
    this.#settle(frame);
    this.counts.failed++;
    return true;
  }

  /** Abandons a frame without any answer to the client. */
  discard(frame: ReceivedSubmit): void {
    if (frame.settled) return;
    this.#settle(frame);
    // Parts of it may have been sent: their stream must not stay open.
    this.writer.output.endFrame("result", frame.frameId, frame.viewId);
  }

  /**
   * Sends RESULT_HINT.
   *
   * @throws NnrpStateError if the session is closed, NnrpValueError for unknown states or reasons.
   */
  sendHint(fields: ResultHintMetadata, ids: PacketIds = {}): void {
    this.demandOpen("send a RESULT_HINT");
    this.writer.record(MessageType.RESULT_HINT, RESULT_HINT_RECORD, fields, ids);
    this.counts.hints++;
  }

  /** See {@linkcode SessionEngine.flowUpdateSaid}. */
  protected override flowUpdateSaid(): void {
    this.counts.flowUpdates++;
  }

  /**
   * Accepts a SESSION_MIGRATE: writes the ack as the first packet on the new path, after {@linkcode SessionEngine.moveTo}.
   *
   * @param request What came.
   * @param graceWindowMs How long the old path is still read, ms.
   * @param token The next token; empty for a client that has none.
   * @param nowMs Time, ms of the host's clock.
   */
  acceptMigration(request: MigrateRequest, graceWindowMs: number, token: Uint8Array, nowMs: number): void {
    this.counts.migrations++;
    this.writer.output.limits.maxUnshownBytes = Infinity;
    writeMigrateAccept(this.writer, request, this.#frames.highestFrameId, graceWindowMs, token, nowMs);
  }

  /**
   * The session of a client without token goes on in another engine: frames that are here are answered here, on the old path, new
   * ones refused (behaviour spec §11).
   *
   * @param reason Why, for {@linkcode EngineHost.draining}.
   * @returns What the other engine takes along.
   */
  leave(reason: string): SessionEstate {
    const estate: SessionEstate = {
      sessionId: this.sessionId,
      cache: this.#cache,
      patches: this.#patches,
      highestFrameId: this.#frames.highestFrameId,
      maxBodyBytes: this.writer.output.limits.maxBodyBytes,
      comeBack: this.link.comeBack,
    };
    this.#cache = emptyCache();
    this.drain({ kind: "close", local: true, reason });
    return estate;
  }

  /** See {@linkcode SessionEngine.receive}; frames of an active session take the short way. */
  override receive(cursor: PacketCursor, lane: Lane): void {
    const { msgType } = cursor;
    try {
      if (this.state === SessionState.ACTIVE && msgType === MessageType.FRAME_SUBMIT) this.#submit(cursor);
      else super.receive(cursor, lane);
    } catch (cause) {
      if (msgType === MessageType.FRAME_SUBMIT) this.#submitFailed(cursor, cause);
      else this.failed(msgType, cause);
    }
  }

  /** See {@linkcode SessionEngine.skips}: a frame over the limit, or that the host has no room for, is refused, and nothing else. */
  override skips(cursor: PacketCursor): boolean {
    if (cursor.msgType !== MessageType.FRAME_SUBMIT) return false;
    if (this.state !== SessionState.ACTIVE && this.state !== SessionState.DRAINING) return false;
    const { bodyLength, frameId, viewId } = cursor;
    try {
      const refusal = refuseBody(bodyLength, this.writer.output.limits) ??
        this.#host.refuses?.({ frameId, viewId, bodyBytes: bodyLength }) ?? null;
      if (refusal === null) return false;
      this.counts.submits++;
      this.counts.failed++;
      this.#frameError(cursor, refusal);
    } catch (cause) {
      this.failed(cursor.msgType, cause);
    }
    return true;
  }

  /** See {@linkcode SessionEngine.vanished}: the frame that it was to answer fails. */
  override vanished(packet: VanishedPacket): void {
    const { lane, frameId, viewId, last, error } = packet;
    if (lane !== "result") return super.vanished(packet);
    this.#frames.couldNotSend(frameId, viewId);
    const frame = this.#frames.get(frameId, viewId);
    if (frame !== undefined) this.failFrame(frame, ANSWER_VANISHED);
    else if (last) this.#frameError({ frameId, viewId, traceId: 0n }, ANSWER_VANISHED);
    this.#host.unsent?.(frameId, viewId, error);
  }

  /** Something failed while a frame was taken in: it ends by ERROR, nothing else does. */
  #submitFailed(cursor: PacketCursor, cause: unknown): void {
    const { frameId, viewId } = cursor;
    const diagnostic = "the frame could not be taken in";
    try {
      const frame = this.#frames.get(frameId, viewId);
      if (this.#enteredOrdinal !== this.counts.submits) {
        this.#refuseFrame(cursor, ErrorCode.INTERNAL_ERROR, diagnostic);
      } else if (frame !== undefined && frame.ordinal === this.#enteredOrdinal) {
        this.failFrame(frame, { errorCode: ErrorCode.INTERNAL_ERROR, diagnostic });
      } // else it was answered before something failed
    } catch {
      this.failed(cursor.msgType, cause);
      return;
    }
    this.tellFailure(new NnrpInternalError(`frame ${frameId}/${viewId} could not be taken in`, { cause }));
  }

  /**
   * See {@linkcode SessionEngine.peerEnded}. A client that can come back never ends its sending without CLOSE: its path is lost.
   */
  override peerEnded(): void {
    if (this.ending === null && (this.suspended || this.outlivesPath)) {
      this.lose({ kind: "lost", local: false, reason: "the client finished sending without CLOSE" });
    } else super.peerEnded();
  }

  /** Dispatches the messages that the state table allows. */
  protected handle(msgType: number, cursor: PacketCursor): void {
    if (msgType === MessageType.FRAME_SUBMIT) this.#submit(cursor);
    else if (this.handleShared(msgType, cursor)) return;
    else if (msgType === MessageType.FRAME_CANCEL) this.#cancel(cursor.frameId, cursor.viewId);
    else if (msgType === MessageType.FLOW_UPDATE) this.#flowUpdate(cursor);
    else if (msgType === MessageType.SESSION_PATCH) this.#sessionPatch(cursor);
    else if (msgType === MessageType.CACHE_PUT) {
      this.counts.cachePuts++;
      putObject(this.#cache, cursor, this.writer, this.batchMs);
    } else if (msgType === MessageType.CACHE_INVALIDATE) {
      this.counts.cacheInvalidates++;
      const { acknowledgeInvalidate } = this.#options;
      // One that finds something was paid for by the object.
      if (!invalidateObjects(this.#cache, cursor, acknowledgeInvalidate ? this.writer : null)) {
        this.spendControl();
      }
    } else if (msgType === MessageType.TRANSPORT_PROBE) this.#probe(cursor);
    else if (msgType === MessageType.ERROR) this.#error(cursor);
  }

  /** A message that has no place here. */
  protected refuse(cursor: PacketCursor): void {
    const name = enumName(MessageType, cursor.msgType);
    const diagnostic = `a server takes no ${name} while the session is ${stateName(this.state)}`;
    this.complain(ErrorCode.INVALID_STATE, cursor.traceId, diagnostic);
  }

  /** See {@linkcode SessionEngine.suspend}: these frames have no waiter any more. */
  protected suspend(end: SessionEnd, error: NnrpError): void {
    for (const frame of this.#frames.abort(error)) this.#host.cancelled(frame);
    this.#host.suspended?.(end);
  }

  /** See {@linkcode SessionEngine.abandon}. */
  protected abandon(error: NnrpError): void {
    this.#deferred = [];
    this.#frames.abort(error);
    this.#cache = emptyCache();
  }

  #submit(cursor: PacketCursor): void {
    this.counts.submits++;
    if (cursor.sessionId !== this.sessionId) {
      const diagnostic = `expected session_id ${this.sessionId}, got ${cursor.sessionId}`;
      this.#badSubmit(cursor, ErrorCode.INVALID_STATE, diagnostic);
      return;
    }
    if (this.state === SessionState.DRAINING && !(this.closeReceived && this.writer.output.multiStream)) {
      this.#refuseFrame(cursor, ErrorCode.INVALID_STATE, "the session is draining and takes no new frames");
      return;
    }
    if (this.asksBeforeFrames) {
      const { frameId, viewId, bodyLength } = cursor;
      const refusal = this.#host.refuses?.({ frameId, viewId, bodyBytes: bodyLength }) ?? null;
      if (refusal !== null) {
        this.counts.failed++;
        this.#frameError(cursor, refusal);
        return;
      }
    }
    const { submits } = this.counts;
    const frame = this.#intake.take(cursor, submits, this.batchMs, this.#frames.inFlight, this.#cache);
    if (frame instanceof SubmitRefusal) {
      const { errorCode, diagnostic, isBad } = frame;
      if (errorCode === ErrorCode.CACHE_MISS) this.counts.cacheMisses++;
      if (isBad) this.#badSubmit(cursor, errorCode, diagnostic);
      else this.#refuseFrame(cursor, errorCode, diagnostic);
      return;
    }
    this.#enteredOrdinal = frame.ordinal;
    this.#frames.enter(frame);
    this.link.rate.earn(CONTROL_PER_FRAME);
    if (this.#frames.wasCancelled(frame)) {
      frame.abort(new Error("cancelled by the client"));
      this.sendDrop(frame);
      return;
    }
    if (this.#frames.isFailedBefore(frame)) {
      this.#frames.couldNotSend(frame.frameId, frame.viewId);
      this.failFrame(frame, ANSWER_VANISHED);
    } else this.#host.submit(frame);
  }

  #settle(frame: ReceivedSubmit): void {
    this.#frames.settle(frame, this.writer.output.multiStream);
  }

  #badSubmit(cursor: PacketCursor, errorCode: number, diagnostic: string): void {
    this.counts.badSubmits++;
    this.#refuseFrame(cursor, errorCode, diagnostic);
    this.spendControl();
  }

  /** ERROR of frame scope for a frame that was never entered. */
  #refuseFrame(cursor: PacketCursor, errorCode: number, diagnostic: string): void {
    this.counts.failed++;
    this.#frameError(cursor, { errorCode, diagnostic });
  }

  #frameError(
    frame: { frameId: number; viewId: number; traceId: bigint },
    fields: Omit<ErrorFields, "errorScope">,
  ): void {
    const { frameId, viewId, traceId } = frame;
    this.sendError({ ...fields, errorScope: ErrorScope.FRAME, fatal: false, frameId, viewId, traceId });
    this.writer.output.endFrame("result", frameId, viewId);
  }

  #cancel(frameId: number, viewId: number): void {
    this.counts.cancels++;
    const frame = this.#frames.get(frameId, viewId);
    if (frame !== undefined) {
      frame.abort(new Error("cancelled by the client"));
      this.sendDrop(frame);
      this.#host.cancelled(frame);
      return;
    }
    this.spendControl();
    if (this.writer.output.multiStream) this.#frames.cancelUnknown(frameId, viewId);
  }

  #flowUpdate(cursor: PacketCursor): void {
    this.flowUpdatesReceived++;
    if (!this.spendControl()) return;
    const metadata = FLOW_UPDATE_RECORD.decode(cursor.view, cursor.metaOffset, cursor.metaLength);
    this.#host.flow({ metadata, applied: true, traceId: cursor.traceId });
  }

  #sessionPatch(cursor: PacketCursor): void {
    this.counts.patches++;
    const changed = this.#patches.apply(cursor, this.writer, this.batchMs);
    if (changed !== null) this.#host.patched(changed); // these have a limit of their own
    else this.spendControl();
  }

  #probe(cursor: PacketCursor): void {
    if (!this.spendControl()) return;
    if (this.#options.answerProbes !== false) {
      answerProbe(this.writer, cursor, this.batchMs);
      this.counts.probes++;
    } else {
      this.counts.probesRefused++;
      this.refuse(cursor);
    }
  }

  #error(cursor: PacketCursor): void {
    const event = readError(cursor);
    if (event.error.fatal) return this.endByPeer(event.error);
    this.spendControl();
    this.#host.error(event);
  }
}

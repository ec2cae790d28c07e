/**
 * The client's half of a session: handshake, frames in flight, results, and everything on the control path, without I/O,
 * timers or clock (behaviour spec §6–§10). What each mechanism means is in the file of its name; here they meet.
 *
 * @module
 */
import type { Lane } from "../../carrier.ts";
import {
  NnrpCancelledError,
  NnrpConnectionClosedError,
  NnrpError,
  type NnrpProtocolError,
  NnrpStateError,
  NnrpValueError,
  NnrpWireError,
} from "../../errors.ts";
import { isTypedOnlyRequest, TypedSubmitHead } from "../../body/typed_heads.ts";
import { encodeFrameSubmit, type SubmitRequest } from "../../body/frame_submit.ts";
import { ErrorCode, ErrorScope, MessageType, ResultClass } from "../../wire/enums.ts";
import { enumName } from "../../wire/enum_names.ts";
import { HeaderFlags } from "../../wire/flags.ts";
import {
  CACHE_PUT_METADATA_SIZE,
  type CachePutMetadata,
  encodeCachePutMetadata,
} from "../../wire/metadata/cache_put.ts";
import { type CacheAckMetadata, decodeCacheAckMetadata } from "../../wire/metadata/cache_ack.ts";
import {
  CACHE_INVALIDATE_METADATA_SIZE,
  type CacheInvalidateMetadata,
  encodeCacheInvalidateMetadata,
} from "../../wire/metadata/cache_invalidate.ts";
import {
  CLIENT_HELLO_METADATA_SIZE,
  type ClientHelloMetadata,
  encodeClientHelloMetadata,
} from "../../wire/metadata/client_hello.ts";
import { decodeFlowUpdateMetadata } from "../../wire/metadata/flow_update.ts";
import { decodeResultHintMetadata } from "../../wire/metadata/result_hint.ts";
import { decodeServerHelloAckMetadata } from "../../wire/metadata/server_hello_ack.ts";
import {
  encodeSessionPatchMetadata,
  SESSION_PATCH_METADATA_SIZE,
  type SessionPatchMetadata,
} from "../../wire/metadata/session_patch.ts";
import {
  decodeSessionPatchAckMetadata,
  type SessionPatchAckMetadata,
} from "../../wire/metadata/session_patch_ack.ts";
import {
  decodeSessionPatchAckBody,
  encodeSessionPatchBody,
  type TensorProfileBlock,
} from "../../wire/session_patch_body.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import { CacheMirror } from "../cache/cache_mirror.ts";
import { ClientPatchState } from "../patch/client_patch.ts";
import { CreditGate, type FlowControlMode } from "../flow/credit.ts";
import { FrameTable } from "../frames/frame_table.ts";
import { GivenUpFrames } from "../frames/given_up_frames.ts";
import type {
  EngineHost,
  FlowUpdateEvent,
  FrameWaiter,
  ReplyWaiter,
  ResultHintEvent,
  SessionEnd,
} from "./engine_host.ts";
import { type AcceptedHello, readHelloAck } from "../handshake/negotiation.ts";
import type { PacketOutput } from "./packet_writer.ts";
import { settingsOfHelloAck } from "../patch/patch.ts";
import { isPart, Result } from "../frames/result.ts";
import { SessionEngine, type SessionEngineOptions, stateName } from "./session_engine.ts";
import { SessionState } from "./states.ts";

/** What a client engine calls. */
export interface ClientHost extends EngineHost {
  /** The server accepted the hello. */
  opened(ack: AcceptedHello): void;
  /** The server refused the hello, or its answer makes no sense; the session is closed. */
  refused(error: NnrpError): void;
  /** A frame ended or credit came: a waiting submit may go now. */
  admitted(): void;
  /** A frame in flight lost its path. True: the host sends it anew; else its waiter fails. */
  frameLost?(waiter: FrameWaiter, error: NnrpError): boolean;
  /** Advice of the server. */
  hint(event: ResultHintEvent): void;
  /** A FLOW_UPDATE, applied or not. */
  flow(event: FlowUpdateEvent): void;
}

/** Options of a {@linkcode ClientEngine}. */
export interface ClientEngineOptions extends SessionEngineOptions {
  /** Whether the server's FLOW_UPDATEs bind. Default `"auto"`. */
  readonly flowControl?: FlowControlMode;
  /** Most frames in flight, whatever the server allows. Default: what the server allows. */
  readonly maxInFlight?: number;
  /** Whether the server's max_concurrent_frames is ignored. Default false. */
  readonly ignoreMaxConcurrentFrames?: boolean;
}

/** An answered put. */
export interface CachePutReply {
  /** The CACHE_ACK. */
  readonly ack: CacheAckMetadata;
  /** Whether frames may refer to the object now. */
  readonly usable: boolean;
}

/** An answered patch. */
export interface PatchReply {
  /** The SESSION_PATCH_ACK. */
  readonly ack: SessionPatchAckMetadata;
  /** Its profile block, or null. */
  readonly profilePatch: TensorProfileBlock | null;
}

/** Counters of a {@linkcode ClientEngine}. */
export interface ClientFrameCounts {
  /** Frames submitted. */
  submitted: number;
  /** Results received, parts included. */
  results: number;
  /** Frames that ended with a result, by class. */
  complete: number;
  /** See `complete`. */
  partial: number;
  /** See `complete`. */
  staleReuse: number;
  /** See `complete`. */
  degraded: number;
  /** Frames the server dropped. */
  dropped: number;
  /** Frames that ended with an ERROR, an unreadable result, or the session. */
  failed: number;
  /** Frames cancelled here. */
  cancelled: number;
  /** Frames discarded here. */
  discarded: number;
  /** Waits that timed out. */
  timedOut: number;
  /** Results that came after the wait had timed out. */
  late: number;
  /** Results for frames that are not in flight: unsolicited, after the final one, or after a cancel. */
  unknown: number;
}

const CLIENT_HELLO = { size: CLIENT_HELLO_METADATA_SIZE, encode: encodeClientHelloMetadata };
const SESSION_PATCH = { size: SESSION_PATCH_METADATA_SIZE, encode: encodeSessionPatchMetadata };
const CACHE_PUT = { size: CACHE_PUT_METADATA_SIZE, encode: encodeCachePutMetadata };
const CACHE_INVALIDATE = { size: CACHE_INVALIDATE_METADATA_SIZE, encode: encodeCacheInvalidateMetadata };

/** The client's side of one session. */
export class ClientEngine extends SessionEngine {
  /** Counters by cause. */
  readonly counts: ClientFrameCounts = {
    submitted: 0,
    results: 0,
    complete: 0,
    partial: 0,
    staleReuse: 0,
    degraded: 0,
    dropped: 0,
    failed: 0,
    cancelled: 0,
    discarded: 0,
    timedOut: 0,
    late: 0,
    unknown: 0,
  };
  /** What the server said about credit. */
  credit: CreditGate;
  /** Objects the server keeps for this session. */
  cache: CacheMirror<ReplyWaiter<CachePutReply>> = new CacheMirror();
  /** What the handshake agreed; null before. */
  accepted: AcceptedHello | null = null;
  /** Greatest id of a frame whose final result came; 0 = none yet. */
  lastResultFrameId = 0;

  readonly #host: ClientHost;
  readonly #options: ClientEngineOptions;
  readonly #frames = new FrameTable<FrameWaiter>();
  #gone = new GivenUpFrames();
  #patch: ClientPatchState<ReplyWaiter<PatchReply>> | null = null;
  #typedHead: TypedSubmitHead | null = null;
  #late = 0; // frames in the table whose wait timed out: they hold a key, no slot
  #maxInFlight = 0;
  #maxBodyBytes = 0;
  #nextFrameId = 1;
  #wrappedFrameId = 0;
  #frameDeadlineMs = Infinity;
  #wantsSlot = false;
  #minFrameId = 0; // after a move without token: ids must grow from here (behaviour spec §11)

  /**
   * Makes a ClientEngine.
   *
   * @param output Where packets go.
   * @param host What to call.
   * @param options Keep-alive, limits, flow control.
   */
  constructor(output: PacketOutput, host: ClientHost, options: ClientEngineOptions = {}) {
    super("client", output, host, options);
    this.#host = host;
    this.#options = options;
    this.credit = new CreditGate(options.flowControl ?? "auto");
  }

  /** Frames that hold a slot. */
  get framesInFlight(): number {
    return this.#frames.size - this.#late;
  }

  /** Most frames in flight, from profile, server and credit. */
  get limit(): number {
    return Math.min(this.#maxInFlight, this.credit.limit);
  }

  /** Largest body the server takes, bytes. */
  get maxBodyBytes(): number {
    return this.#maxBodyBytes;
  }

  /** Values of SESSION_PATCH in force as last told; null before the handshake. */
  get settings(): ClientPatchState["effective"] | null {
    return this.#patch?.effective ?? null;
  }

  /** Frames written. */
  protected get framePackets(): number {
    return this.counts.submitted;
  }

  /**
   * Sends CLIENT_HELLO.
   *
   * @param metadata Its fields; lengths must match the body.
   * @param body Control extensions, then the auth block.
   */
  hello(metadata: ClientHelloMetadata, body: Uint8Array): void {
    this.writer.record(MessageType.CLIENT_HELLO, CLIENT_HELLO, metadata, {
      flags: HeaderFlags.ACK_REQUIRED,
      sessionId: 0,
    }, body);
    this.state = SessionState.NEGOTIATING;
  }

  /** Whether one more frame may be submitted now. */
  canSubmit(): boolean {
    const inFlight = this.#frames.size - this.#late;
    return inFlight < this.#maxInFlight && this.credit.canAdmit(inFlight) &&
      this.state === SessionState.ACTIVE && !this.suspended;
  }

  /** Asks for {@linkcode ClientHost.admitted} when a submit may go. */
  wantSlot(): void {
    this.#wantsSlot = true;
  }

  /**
   * Writes a frame and remembers who waits for it. Does not ask for credit: see {@linkcode ClientEngine.canSubmit}.
   *
   * @param request The frame; `frameId` of the request is not looked at.
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
    if (this.#minFrameId !== 0) frameId = this.#growingFrameId(frameId);
    if (frameId === undefined) frameId = this.#freeFrameId(viewId);
    else if (this.#frames.has(frameId, viewId)) {
      throw new NnrpStateError(
        `frame ${frameId}/${viewId} is in flight already; wait for it, discard it, or take another id or view`,
      );
    }
    const { output } = this.writer;
    const out = output.begin("submit", frameId, viewId);
    if (isTypedOnlyRequest(request)) this.#typedHead!.write(out, request, frameId, this.#maxBodyBytes);
    else encodeFrameSubmit(out, this.sessionId, request, frameId, this.#maxBodyBytes);
    waiter.frameId = frameId;
    waiter.viewId = viewId;
    this.#frames.set(frameId, viewId, waiter);
    if (waiter.deadlineMs !== 0 && waiter.deadlineMs < this.#frameDeadlineMs) {
      this.#frameDeadlineMs = waiter.deadlineMs;
    }
    if (frameId >= this.#nextFrameId) this.#nextFrameId = frameId + 1;
    this.counts.submitted++;
    output.commit("submit", frameId, viewId, true);
  }

  /** The id after the greatest one used; only after 2³² frames it has to look for one that is free. */
  #freeFrameId(viewId: number): number {
    let id = this.#nextFrameId;
    if (id <= 0xffffffff) return id;
    do id = this.#wrappedFrameId = (this.#wrappedFrameId + 1) >>> 0; while (
      this.#frames.has(id, viewId) || this.#gone.has(id, viewId)
    );
    return id;
  }

  #growingFrameId(frameId: number | undefined): number {
    const id = frameId ?? Math.max(this.#nextFrameId, this.#minFrameId);
    if (id < this.#minFrameId) {
      throw new NnrpValueError("must grow after a move without token", {
        field: "frameId",
        expected: `${this.#minFrameId} or more`,
        actual: id,
      });
    }
    this.#minFrameId = id + 1;
    return id;
  }

  /** All frames whose answer is due, in no order. */
  waiters(): FrameWaiter[] {
    const all: FrameWaiter[] = [];
    this.#frames.forEach((waiter) => void all.push(waiter));
    return all;
  }

  /**
   * Ends frames whose path is gone, as far as they are still due: cancelled on the server, and sent anew by the host or failed.
   * Requests (pings, patches, puts) that were under way fail too.
   *
   * @param waiters Frames that were in flight on that path.
   * @param error What their waiters hear.
   */
  losePath(waiters: readonly FrameWaiter[], error: NnrpError): void {
    for (const waiter of waiters) {
      const { frameId, viewId } = waiter;
      if (this.#frames.get(frameId, viewId) !== waiter) continue;
      this.#take(frameId, viewId);
      if (!this.suspended) this.writer.headerOnly(MessageType.FRAME_CANCEL, { frameId, viewId });
      this.#failLost(waiter, error);
    }
    for (const waiter of this.keepAlive.drain()) waiter.reject(error);
    this.#failRequests(error);
    this.#slotFreed();
  }

  #failRequests(error: NnrpError): void {
    for (const waiter of this.cache.drain()) waiter.reject(error);
    for (const waiter of this.#patch?.drain() ?? []) waiter.reject(error);
  }

  #failLost(waiter: FrameWaiter, error: NnrpError): void {
    if (!waiter.late && this.#host.frameLost?.(waiter, error) === true) return;
    this.counts.failed++;
    if (!waiter.late) waiter.failed(error);
  }

  /** Tells the server that nobody waits for the frames in flight any more, before the carrier goes. */
  cancelRest(): void {
    if (this.suspended || this.state === SessionState.CLOSED) return;
    for (const { frameId, viewId } of this.waiters()) {
      this.writer.headerOnly(MessageType.FRAME_CANCEL, { frameId, viewId });
    }
  }

  /** Tells the server that nobody waits for these frames any more; what is in flight under the same key now is spared. */
  cancelLost(keys: readonly { frameId: number; viewId: number }[]): void {
    for (const { frameId, viewId } of keys) {
      if (!this.#frames.has(frameId, viewId)) {
        this.writer.headerOnly(MessageType.FRAME_CANCEL, { frameId, viewId });
      }
    }
  }

  /**
   * The session moved to a peer that has no tokens: ids go on from `resume`, and must grow (behaviour spec §11).
   *
   * @param resume resume_from_frame_id of the ack; 0 = neither.
   */
  resumeFrom(resume: number): void {
    this.#minFrameId = Math.max(this.#minFrameId, resume);
  }

  /** Begins anew on another carrier, as a session that the server does not know: hello, empty cache, fresh credit. */
  restart(output: PacketOutput, nowMs: number): void {
    this.renew();
    this.writer.output = output;
    this.writer.sessionId = 0;
    this.suspended = false;
    this.state = SessionState.INIT;
    this.credit = new CreditGate(this.#options.flowControl ?? "auto");
    this.cache = new CacheMirror();
    this.accepted = null;
    this.#gone = new GivenUpFrames(); // the new session answers no frame of the old one
    this.lastResultFrameId = 0;
    this.#minFrameId = 0;
    this.opened(nowMs);
  }

  /** A {@linkcode ClientEngine.restart} came to nothing: the session waits for the next one. */
  park(): void {
    this.renew();
    this.suspended = true;
    this.state = SessionState.ACTIVE;
  }

  /** Who waits for the frame; undefined if it is not in flight. */
  waiterOf(frameId: number, viewId: number): FrameWaiter | undefined {
    return this.#frames.get(frameId, viewId);
  }

  /** Whether the frame is in flight (or its wait timed out and its late result is still due). */
  knows(frameId: number, viewId: number): boolean {
    return this.#frames.has(frameId, viewId);
  }

  /** The caller gave up waiting: frees the slot, keeps the key for the late result. */
  timeOut(frameId: number, viewId: number): void {
    const waiter = this.#frames.get(frameId, viewId);
    if (waiter === undefined || waiter.late) return;
    waiter.late = true;
    this.#late++;
    this.counts.timedOut++;
    this.#slotFreed();
  }

  /** Forgets a frame; a late result for it is swallowed. */
  discard(frameId: number, viewId: number): void {
    const waiter = this.#take(frameId, viewId);
    if (waiter === undefined) return;
    this.#gone.add(frameId, viewId);
    this.counts.discarded++;
    waiter.failed(new NnrpCancelledError(`frame ${frameId}/${viewId} was discarded`));
    this.#slotFreed();
  }

  /** Takes a frame back: sends FRAME_CANCEL, fails its waiter, swallows a late result. Does nothing if it has ended. */
  cancel(frameId: number, viewId: number, cause?: unknown): void {
    const waiter = this.#take(frameId, viewId);
    if (waiter === undefined) return;
    this.#gone.add(frameId, viewId);
    this.counts.cancelled++;
    if (this.state === SessionState.ACTIVE || this.state === SessionState.DRAINING) {
      this.writer.headerOnly(MessageType.FRAME_CANCEL, { frameId, viewId });
    }
    waiter.failed(new NnrpCancelledError(`frame ${frameId}/${viewId} was cancelled`, { cause }));
    this.#slotFreed();
  }

  /**
   * Sends SESSION_PATCH.
   *
   * @returns Its trace id.
   * @throws NnrpStateError if the session is not active, NnrpValueError for bad fields, NnrpLimitError if too many wait.
   */
  patch(
    fields: SessionPatchMetadata,
    profilePatch: TensorProfileBlock | null,
    waiter: ReplyWaiter<PatchReply>,
  ): bigint {
    this.#demandActive("patch");
    this.#patch!.checkRoom();
    const traceId = this.nextTraceId();
    this.writer.record(
      MessageType.SESSION_PATCH,
      SESSION_PATCH,
      fields,
      { traceId },
      encodeSessionPatchBody(profilePatch),
    );
    this.#patch!.patchSent(traceId, fields.patchMask, waiter);
    return traceId;
  }

  /**
   * Sends CACHE_PUT.
   *
   * @param fields Its metadata.
   * @param data The object.
   * @param waiter Who waits for the answer.
   * @param nowMs Time, ms of the host's clock: the life of the object counts from here.
   * @returns Its trace id.
   * @throws NnrpStateError if the session is not active, NnrpValueError for bad fields, NnrpLimitError if too many wait.
   */
  putCache(
    fields: CachePutMetadata,
    data: Uint8Array,
    waiter: ReplyWaiter<CachePutReply>,
    nowMs: number,
  ): bigint {
    this.#demandActive("put into the cache");
    this.cache.checkRoom();
    const traceId = this.nextTraceId();
    this.writer.record(MessageType.CACHE_PUT, CACHE_PUT, fields, { traceId }, data);
    this.cache.putSent(fields, traceId, nowMs, waiter);
    return traceId;
  }

  /** Sends CACHE_INVALIDATE. */
  invalidateCache(fields: CacheInvalidateMetadata): void {
    this.#demandActive("invalidate the cache");
    this.writer.record(MessageType.CACHE_INVALIDATE, CACHE_INVALIDATE, fields, {
      traceId: this.nextTraceId(),
    });
    this.cache.invalidated(fields);
  }

  /** Nobody waits for the answer of this request any more. */
  abandonReply(traceId: bigint): void {
    this.keepAlive.abandon(traceId);
    this.cache.abandon(traceId);
    this.#patch?.abandon(traceId);
  }

  /** See {@linkcode SessionEngine.nextDeadlineMs}. */
  override get nextDeadlineMs(): number {
    return Math.min(super.nextDeadlineMs, this.#frameDeadlineMs, this.credit.nextDeadlineMs);
  }

  /** See {@linkcode SessionEngine.tick}. */
  override tick(nowMs: number): void {
    super.tick(nowMs);
    if (this.credit.tick(nowMs)) this.#slotFreed();
    if (nowMs >= this.#frameDeadlineMs) this.#expire(nowMs);
    this.turn();
  }

  /** See {@linkcode SessionEngine.turn}. */
  override turn(): void {
    if (this.#wantsSlot && this.canSubmit()) {
      this.#wantsSlot = false;
      this.#host.admitted();
    }
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
    if (this.state === SessionState.ACTIVE && cursor.msgType === MessageType.RESULT_PUSH) {
      this.#result(cursor);
    } else super.receive(cursor, lane);
  }

  /** Dispatches what the state table lets through. */
  protected handle(msgType: number, cursor: PacketCursor, _lane: Lane): void {
    if (msgType === MessageType.RESULT_PUSH || msgType === MessageType.RESULT_DROP) this.#result(cursor);
    else if (this.handleShared(msgType, cursor)) return;
    else if (msgType === MessageType.RESULT_HINT) {
      const metadata = decodeResultHintMetadata(cursor.view, cursor.metaOffset, cursor.metaLength);
      this.#host.hint({ metadata, frameId: cursor.frameId, traceId: cursor.traceId });
    } else if (msgType === MessageType.FLOW_UPDATE) this.#flowUpdate(cursor);
    else if (msgType === MessageType.SERVER_HELLO_ACK) this.#helloAck(cursor);
    else if (msgType === MessageType.SESSION_PATCH_ACK) this.#patchAck(cursor);
    else if (msgType === MessageType.CACHE_ACK) {
      const ack = decodeCacheAckMetadata(cursor.view, cursor.metaOffset, cursor.metaLength);
      const put = this.cache.acknowledge(ack, cursor.traceId);
      put?.waiter?.resolve({ ack, usable: put.usable });
    } else if (msgType === MessageType.ERROR) this.#error(cursor);
  }

  /** Nothing waits for the handshake on this side. */
  protected defer(_cursor: PacketCursor, _lane: Lane): void {}

  /** A message that has no place here: the server is told, a session that is not open yet ends. */
  protected refuse(cursor: PacketCursor): void {
    const name = enumName(MessageType, cursor.msgType);
    const early = this.state !== SessionState.ACTIVE && this.state !== SessionState.DRAINING;
    this.badControls++;
    this.sendError({
      errorCode: ErrorCode.INVALID_STATE,
      errorScope: early ? ErrorScope.CONNECTION : ErrorScope.SESSION,
      fatal: early,
      traceId: cursor.traceId,
      diagnostic: `a client takes no ${name} while ${stateName(this.state)}`,
    });
    if (!early) this.spendControl();
  }

  /** See {@linkcode SessionEngine.abandon}. */
  protected abandon(error: NnrpError): void {
    if (this.accepted === null) this.#host.refused(error);
    for (const waiter of this.cache.drain()) waiter.reject(error);
    for (const waiter of this.#patch?.drain() ?? []) waiter.reject(error);
    this.#late = 0;
    this.#frameDeadlineMs = Infinity;
    for (const waiter of this.#frames.clear()) {
      this.counts.failed++;
      if (!waiter.late) waiter.failed(error);
    }
    this.#wantsSlot = false;
    this.#host.admitted();
  }

  /** See {@linkcode SessionEngine.suspend}. */
  protected suspend(error: NnrpError): void {
    this.#failRequests(error);
    this.#late = 0;
    this.#frameDeadlineMs = Infinity;
    for (const waiter of this.#frames.clear()) this.#failLost(waiter, error);
  }

  #result(cursor: PacketCursor): void {
    const { frameId, viewId } = cursor;
    if (this.#gone.size !== 0 && this.#swallow(cursor)) return;
    const slot = this.#frames.find(frameId, viewId);
    if (slot < 0) {
      this.counts.unknown++;
      return;
    }
    const waiter = this.#frames.at(slot);
    let result: Result;
    try {
      result = new Result(cursor);
    } catch (error) {
      if (!(error instanceof NnrpWireError)) throw error;
      this.#take(frameId, viewId);
      this.counts.failed++;
      waiter.failed(error);
      return;
    }
    this.counts.results++;
    const final = result.isDrop || result.resultClass !== ResultClass.PARTIAL ||
      (result.flags & HeaderFlags.EOS) !== 0 ||
      !(waiter.untilEos || this.accepted!.streamedResults);
    result.isFinal = final;
    if (waiter.late) this.counts.late++;
    if (final) {
      if (frameId > this.lastResultFrameId) this.lastResultFrameId = frameId;
      this.#frames.deleteAt(slot);
      if (waiter.late) this.#late--;
      this.#countFinal(result);
    }
    waiter.result(result, final);
  }

  /** Whether a result is the late answer of a frame that was given up: a new frame of the same key must not get it. */
  #swallow(cursor: PacketCursor): boolean {
    const { frameId, viewId } = cursor;
    if (!this.#gone.has(frameId, viewId)) return false;
    this.counts.unknown++;
    const part = cursor.msgType === MessageType.RESULT_PUSH && this.accepted!.streamedResults &&
      isPart(cursor.view, cursor.metaOffset, cursor.metaLength) && (cursor.flags & HeaderFlags.EOS) === 0;
    if (!part) this.#gone.answered(frameId, viewId);
    return true;
  }

  #countFinal(result: Result): void {
    const counts = this.counts;
    if (result.isDrop) counts.dropped++;
    else {
      const resultClass = result.resultClass;
      if (resultClass === ResultClass.COMPLETE) counts.complete++;
      else if (resultClass === ResultClass.PARTIAL) counts.partial++;
      else if (resultClass === ResultClass.STALE_REUSE) counts.staleReuse++;
      else counts.degraded++;
    }
  }

  /** Takes a frame out of the table and frees what it held. */
  #take(frameId: number, viewId: number): FrameWaiter | undefined {
    const waiter = this.#frames.delete(frameId, viewId);
    if (waiter !== undefined && waiter.late) this.#late--;
    return waiter;
  }

  #slotFreed(): void {
    if (this.#wantsSlot && this.canSubmit()) {
      this.#wantsSlot = false;
      this.#host.admitted();
    }
  }

  #expire(nowMs: number): void {
    let next = Infinity;
    this.#frames.forEach((waiter) => {
      if (waiter.late || waiter.deadlineMs === 0) return;
      if (waiter.deadlineMs <= nowMs) {
        waiter.late = true;
        this.#late++;
        this.counts.timedOut++;
        waiter.timedOut();
      } else if (waiter.deadlineMs < next) next = waiter.deadlineMs;
    });
    this.#frameDeadlineMs = next;
  }

  #flowUpdate(cursor: PacketCursor): void {
    this.flowUpdatesReceived++;
    if (!this.spendControl()) return;
    const metadata = decodeFlowUpdateMetadata(cursor.view, cursor.metaOffset, cursor.metaLength);
    const applied = this.credit.apply(metadata, this.batchMs);
    this.#host.flow({ metadata, applied, traceId: cursor.traceId });
  }

  #helloAck(cursor: PacketCursor): void {
    const metadata = decodeServerHelloAckMetadata(cursor.view, cursor.metaOffset, cursor.metaLength);
    const body = cursor.bytes.slice(cursor.bodyOffset, cursor.bodyOffset + cursor.bodyLength);
    let accepted: AcceptedHello;
    try {
      accepted = readHelloAck(metadata, body);
    } catch (error) {
      if (!(error instanceof NnrpError)) throw error;
      this.end({ kind: "error", local: true, reason: error.message, error });
      return;
    }
    this.accepted = accepted;
    this.writer.sessionId = metadata.sessionId;
    this.#typedHead = new TypedSubmitHead(metadata.sessionId);
    this.#patch = new ClientPatchState(settingsOfHelloAck(metadata));
    const { maxInFlight = Infinity, ignoreMaxConcurrentFrames = false } = this.#options;
    this.#maxInFlight = Math.min(
      maxInFlight,
      ignoreMaxConcurrentFrames ? Infinity : accepted.maxConcurrentFrames,
    );
    this.#maxBodyBytes = metadata.maxBodyBytes === 0 ? 0xffffffff : metadata.maxBodyBytes;
    this.writer.output.limits.maxBodyBytes = Math.max(
      this.writer.output.limits.maxBodyBytes,
      this.#resultLimit(),
    );
    this.state = SessionState.ACTIVE;
    this.#host.opened(accepted);
  }

  /** Results may be as large as submits, and not smaller than what rc2 sends by default. */
  #resultLimit(): number {
    return Math.max(Math.min(this.#maxBodyBytes, 256 * 1024 * 1024), 32 * 1024 * 1024);
  }

  #patchAck(cursor: PacketCursor): void {
    const ack = decodeSessionPatchAckMetadata(cursor.view, cursor.metaOffset, cursor.metaLength);
    const body = cursor.bytes.subarray(cursor.bodyOffset, cursor.bodyOffset + cursor.bodyLength);
    const profilePatch = decodeSessionPatchAckBody(ack.profilePatchAckBytes, body);
    const pending = this.#patch!.acknowledge(ack, cursor.traceId, profilePatch);
    pending?.waiter?.resolve({ ack, profilePatch });
  }

  #error(cursor: PacketCursor): void {
    const event = this.readError(cursor);
    const { error, traceId } = event;
    if (error.fatal) {
      this.endByPeer(error);
      return;
    }
    if (this.state === SessionState.NEGOTIATING) {
      this.end({ kind: "error", local: false, reason: error.diagnostic, error });
      return;
    }
    if (error.errorScope === ErrorScope.FRAME) this.#frameFailed(error);
    else if (traceId !== 0n) this.#requestFailed(traceId, error);
    this.#host.error(event);
  }

  #frameFailed(error: NnrpProtocolError): void {
    const { relatedFrameId, relatedViewId } = error;
    if (this.#gone.answered(relatedFrameId, relatedViewId)) return; // the last word on a frame that was given up
    const waiter = this.#take(relatedFrameId, relatedViewId);
    if (waiter === undefined) return;
    this.counts.failed++;
    waiter.failed(error);
  }

  #requestFailed(traceId: bigint, error: NnrpProtocolError): void {
    const waiter = this.cache.reject(traceId) ?? this.#patch?.reject(traceId) ??
      this.keepAlive.reject(traceId);
    waiter?.reject(error);
  }

  #demandActive(what: string): void {
    if (this.suspended) {
      throw new NnrpConnectionClosedError(
        "session",
        `cannot ${what}: the connection is lost, a new one is not there yet`,
      );
    }
    if (this.state !== SessionState.ACTIVE) {
      throw new NnrpStateError(`cannot ${what}: the session is ${stateName(this.state)}`);
    }
  }
}

/**
 * The server's half of a session: handshake, frames until they are settled, results, cache, patches, without I/O, timers or
 * clock (behaviour spec §6–§10). Who works on which frame when is the host's business.
 *
 * @module
 */
import type { Lane } from "../../carrier.ts";
import { type NnrpError, NnrpWireError } from "../../errors.ts";
import { encodeResultPush, type ResultFields } from "../../body/result_push.ts";
import {
  ErrorCode,
  ErrorScope,
  MessageType,
  ResultClass,
  SessionPatchRejectReason,
} from "../../wire/enums.ts";
import { enumName } from "../../wire/enum_names.ts";
import { BudgetPolicy, HeaderFlags, ResultFlags } from "../../wire/flags.ts";
import { decodeClientHelloBody } from "../../wire/hello_body.ts";
import type { ControlExtensionEntry } from "../../wire/extensions.ts";
import {
  CACHE_ACK_METADATA_SIZE,
  type CacheAckMetadata,
  encodeCacheAckMetadata,
} from "../../wire/metadata/cache_ack.ts";
import { decodeCacheInvalidateMetadata } from "../../wire/metadata/cache_invalidate.ts";
import { decodeCachePutMetadata } from "../../wire/metadata/cache_put.ts";
import { type ClientHelloMetadata, decodeClientHelloMetadata } from "../../wire/metadata/client_hello.ts";
import { decodeFlowUpdateMetadata } from "../../wire/metadata/flow_update.ts";
import {
  encodeResultHintMetadata,
  RESULT_HINT_METADATA_SIZE,
  type ResultHintMetadata,
} from "../../wire/metadata/result_hint.ts";
import {
  encodeServerHelloAckMetadata,
  SERVER_HELLO_ACK_METADATA_SIZE,
  type ServerHelloAckMetadata,
} from "../../wire/metadata/server_hello_ack.ts";
import {
  decodeSessionMigrateMetadata,
  encodeSessionMigrateAckMetadata,
  SESSION_MIGRATE_ACK_METADATA_SIZE,
} from "../../wire/metadata/session_migrate.ts";
import { decodeSessionPatchMetadata } from "../../wire/metadata/session_patch.ts";
import {
  encodeSessionPatchAckMetadata,
  SESSION_PATCH_ACK_METADATA_SIZE,
} from "../../wire/metadata/session_patch_ack.ts";
import {
  decodeTransportProbeMetadata,
  encodeTransportProbeAckMetadata,
  TRANSPORT_PROBE_ACK_METADATA_SIZE,
} from "../../wire/metadata/transport_probe.ts";
import type { NnrpPacket } from "../../wire/packet.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import { decodeHeader } from "../../wire/header.ts";
import {
  decodeSessionPatchBody,
  encodeSessionPatchBody,
  type TensorProfileBlock,
} from "../../wire/session_patch_body.ts";
import { CacheDirectory, type CacheLimits } from "../cache/cache.ts";
import { completeResult } from "../frames/coverage.ts";
import { isTypedOnlyResult, TypedResultHead } from "../../body/typed_heads.ts";
import type { TypedPayload } from "../../body/typed_payloads.ts";
import { clampMs, ResultDraft } from "../frames/result_draft.ts";
import { FrameTable } from "../frames/frame_table.ts";
import type { EngineHost, FlowUpdateEvent, SessionEnd } from "./engine_host.ts";
import { MigrateAcceptCode, type MigrateRequest } from "../paths/migration.ts";
import type { PacketIds, PacketOutput } from "./packet_writer.ts";
import { type EffectiveSettings, type PatchPolicy, PatchState, settingsOfHelloAck } from "../patch/patch.ts";
import { ReceivedSubmit } from "../frames/received_submit.ts";
import { RecentKeys } from "../frames/recent_keys.ts";
import { resolveReferences } from "../cache/reference_resolution.ts";
import { type ErrorFields, SessionEngine, type SessionEngineOptions, stateName } from "./session_engine.ts";
import { SessionState } from "./states.ts";

/** A CLIENT_HELLO as it came. */
export interface ClientHelloContext {
  /** The packet; a copy. */
  readonly packet: NnrpPacket;
  /** Its metadata. */
  readonly metadata: ClientHelloMetadata;
  /** Bytes for the application to judge; empty if there are none. */
  readonly authBlock: Uint8Array;
  /** Control extensions, in order. */
  readonly controlExtensions: readonly ControlExtensionEntry[];
}

/** What a server engine calls. */
export interface ServerHost extends EngineHost {
  /** A hello came. Answer with {@linkcode ServerEngine.accept} or {@linkcode ServerEngine.refuseHello}, now or later. */
  hello(context: ClientHelloContext): void;
  /** A frame came. It stays in flight until it is answered. */
  submit(frame: ReceivedSubmit): void;
  /** A frame was cancelled by the client; it is settled. */
  cancelled(frame: ReceivedSubmit): void;
  /** A FLOW_UPDATE of the client. */
  flow(event: FlowUpdateEvent): void;
  /** Values of SESSION_PATCH changed. */
  patched(settings: EffectiveSettings): void;
  /** A SESSION_MIGRATE came instead of a hello. Answer with {@linkcode ServerEngine.refuseMigration}, or take the path away; default: refused. */
  migrate?(request: MigrateRequest): void;
}

/** A patch as the application's policy sees it. */
export interface PatchRequest {
  /** Fields that passed the built-in checks or are still to be judged, SessionPatchField bits. */
  readonly mask: number;
  /** The patch. */
  readonly metadata: Parameters<PatchPolicy>[1];
  /** Its profile block, or null. */
  readonly profilePatch: TensorProfileBlock | null;
}

/** What a patch policy refuses. */
export interface PatchRefusal {
  /** Fields to refuse, SessionPatchField bits. Default: all of the mask. */
  readonly rejectedMask?: number;
  /** A SessionPatchRejectReason. */
  readonly rejectReason: number;
  /** With RATE_LIMITED: when to try again, ms. */
  readonly retryAfterMs?: number;
}

/** Options of a {@linkcode ServerEngine}. */
export interface ServerEngineOptions extends SessionEngineOptions {
  /** Most frames in flight; one more gets LIMIT_EXCEEDED. Default 256. */
  readonly maxInFlightFrames?: number;
  /** Most sections of a frame. Default 16. */
  readonly maxSections?: number;
  /** Largest body, bytes. Default 32 MiB. */
  readonly maxBodyBytes?: number;
  /** Bounds of the cache; entries or bytes 0 = off. */
  readonly cache?: CacheLimits;
  /** Whether CACHE_INVALIDATE is answered by CACHE_ACK, which rc2 does not do. Default false. */
  readonly acknowledgeInvalidate?: boolean;
  /** Whether probes are answered. Default true. */
  readonly answerProbes?: boolean;
  /** Judges patches after the built-in checks. */
  readonly patchPolicy?: (patch: PatchRequest) => PatchRefusal | undefined;
  /** Patches per second before RATE_LIMITED. Default 16. */
  readonly maxPatchesPerSecond?: number;
}

/** Counters of a {@linkcode ServerEngine}. */
export interface ServerFrameCounts {
  /** Frames received, refused ones included. */
  submits: number;
  /** Frames refused as malformed or foreign. */
  badSubmits: number;
  /** Most frames in flight at once. */
  maxInFlight: number;
  /** Results sent, parts included. */
  results: number;
  /** Frames dropped by RESULT_DROP, cancelled ones included. */
  drops: number;
  /** Frames that ended with an ERROR. */
  failed: number;
  /** FRAME_CANCELs received. */
  cancels: number;
  /** Of those, the ones that came before their frame. */
  earlyCancels: number;
  /** Frames whose reference the cache does not hold. */
  cacheMisses: number;
  /** CACHE_PUTs received. */
  cachePuts: number;
  /** CACHE_INVALIDATEs received. */
  cacheInvalidates: number;
  /** SESSION_PATCHes received. */
  patches: number;
  /** RESULT_HINTs sent. */
  hints: number;
  /** FLOW_UPDATEs sent. */
  flowUpdates: number;
  /** Probes answered. */
  probes: number;
  /** Probes refused. */
  probesRefused: number;
  /** Times the session moved to another connection. */
  migrations: number;
  /** Bytes of frames in flight. */
  bytesInFlight: number;
}

const HELLO_ACK = { size: SERVER_HELLO_ACK_METADATA_SIZE, encode: encodeServerHelloAckMetadata };
const RESULT_HINT = { size: RESULT_HINT_METADATA_SIZE, encode: encodeResultHintMetadata };
const PATCH_ACK = { size: SESSION_PATCH_ACK_METADATA_SIZE, encode: encodeSessionPatchAckMetadata };
const CACHE_ACK = { size: CACHE_ACK_METADATA_SIZE, encode: encodeCacheAckMetadata };
const PROBE_ACK = { size: TRANSPORT_PROBE_ACK_METADATA_SIZE, encode: encodeTransportProbeAckMetadata };
const MIGRATE_ACK = { size: SESSION_MIGRATE_ACK_METADATA_SIZE, encode: encodeSessionMigrateAckMetadata };
const NOTHING = new Uint8Array(0);
/** Class and applied policy of a part, as TypedResultHead takes them. */
const PARTIAL_PART = ResultClass.PARTIAL | (BudgetPolicy.ALLOW_PARTIAL << 8);
/** The end of a streamed frame: nothing but EOS (behaviour spec §8.6). */
const END_OF_STREAM: ResultFields = { payloadKindBitmap: 0 };

/** The server's side of one session. */
export class ServerEngine extends SessionEngine {
  /** Counters. */
  readonly counts: ServerFrameCounts = {
    submits: 0,
    badSubmits: 0,
    maxInFlight: 0,
    results: 0,
    drops: 0,
    failed: 0,
    cancels: 0,
    earlyCancels: 0,
    cacheMisses: 0,
    cachePuts: 0,
    cacheInvalidates: 0,
    patches: 0,
    hints: 0,
    flowUpdates: 0,
    probes: 0,
    probesRefused: 0,
    migrations: 0,
    bytesInFlight: 0,
  };

  readonly #host: ServerHost;
  readonly #options: ServerEngineOptions;
  readonly #frames = new FrameTable<ReceivedSubmit>();
  readonly #early = new RecentKeys(); // cancels that overtook their frame
  readonly #settled = new RecentKeys(); // carriers with several streams only: which keys a late cancel may mean
  readonly #draft = new ResultDraft();
  #typedHead: TypedResultHead | null = null;
  readonly #maxInFlight: number;
  readonly #maxSections: number;
  #inFlight = 0;
  #highestFrameId = 0;
  #deferred: { cursor: PacketCursor; lane: Lane }[] = [];
  #cache: CacheDirectory | null = null;
  #patch: PatchState | null = null;
  #patchRefusal: PatchRefusal | undefined;

  /**
   * Makes a ServerEngine.
   *
   * @param output Where packets go.
   * @param host What to call.
   * @param options Limits and policies.
   */
  constructor(output: PacketOutput, host: ServerHost, options: ServerEngineOptions = {}) {
    super("server", output, host, options);
    this.#host = host;
    this.#options = options;
    this.#maxInFlight = options.maxInFlightFrames ?? 256;
    this.#maxSections = options.maxSections ?? 16;
  }

  /** Frames received and not settled. */
  get framesInFlight(): number {
    return this.#inFlight;
  }

  /** Values of SESSION_PATCH in force; null before the handshake. */
  get settings(): EffectiveSettings | null {
    return this.#patch?.effective ?? null;
  }

  /** The cache of this session; null before the handshake. */
  get cache(): CacheDirectory | null {
    return this.#cache;
  }

  /** Results and drops written. */
  protected get framePackets(): number {
    return this.counts.results + this.counts.drops;
  }

  /**
   * Accepts the hello: sends SERVER_HELLO_ACK and takes what came since.
   *
   * @param ack Its metadata; session id and lengths filled in.
   * @param body Control extensions, then the model name.
   * @param nowMs Time, ms of the host's clock: what came since arrives now.
   */
  accept(ack: ServerHelloAckMetadata, body: Uint8Array, nowMs: number): void {
    if (this.state !== SessionState.NEGOTIATING) return;
    this.batchMs = nowMs;
    this.writer.sessionId = ack.sessionId;
    this.#typedHead = new TypedResultHead(ack.sessionId);
    this.writer.record(
      MessageType.SERVER_HELLO_ACK,
      HELLO_ACK,
      ack,
      { flags: HeaderFlags.ACK_REQUIRED },
      body,
    );
    this.#cache = new CacheDirectory({
      ...this.#options.cache,
      maxEntries: ack.maxCacheEntries,
      maxBytes: ack.maxCacheBytes,
    });
    this.#patch = new PatchState(settingsOfHelloAck(ack), {
      maxPatchesPerWindow: this.#options.maxPatchesPerSecond,
      policy: (field) => this.#judgePatch(field),
    });
    this.state = SessionState.ACTIVE;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const { cursor, lane } of deferred) this.receive(cursor, lane);
  }

  /** Refuses the hello by ERROR, connection scope, fatal. */
  refuseHello(errorCode: number, diagnostic: string, retryAfterMs = 0): void {
    this.sendError({ errorCode, errorScope: ErrorScope.CONNECTION, fatal: true, diagnostic, retryAfterMs });
  }

  /** Refuses the hello by a SERVER_HELLO_ACK with `auth_status` 1, as some servers do, and ends the session. */
  refuseByAck(ack: ServerHelloAckMetadata): void {
    this.writer.record(MessageType.SERVER_HELLO_ACK, HELLO_ACK, {
      ...ack,
      authStatus: 1,
      controlExtensionBytes: 0,
    }, {
      flags: HeaderFlags.ACK_REQUIRED,
      sessionId: ack.sessionId,
    });
    this.end({ kind: "error", local: true, reason: "authentication refused" }, true);
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
    if (final && isTypedOnlyResult(result)) {
      this.#writeTyped(frame, result.typedPayloads!, nowMs);
      return true;
    }
    const fields = completeResult(result);
    const eos = final && fields.resultClass === ResultClass.PARTIAL ? HeaderFlags.EOS : 0;
    this.#draft.take(fields, frame, nowMs);
    this.#writeResult(frame, this.#draft, (fields.flags ?? 0) | eos, final);
    return true;
  }

  /**
   * Sends a part of a streamed result: PARTIAL, not final. Parts with tensors must say which tiles they leave out (wire spec §7).
   *
   * @returns False if the frame is settled or the session over: nothing was sent.
   * @throws NnrpValueError if the part cannot be written; the frame stays in flight.
   */
  sendPart(frame: ReceivedSubmit, part: ResultFields): boolean {
    if (frame.settled || this.state === SessionState.CLOSED) return false;
    if (isTypedOnlyResult(part)) {
      const { frameId, viewId } = frame;
      const { output } = this.writer;
      const out = output.begin("result", frameId, viewId);
      this.#typedHead!.write(out, frame, part.typedPayloads!, PARTIAL_PART, ResultFlags.PARTIAL, 0, 0, 0);
      this.counts.results++;
      output.commit("result", frameId, viewId, false);
      return true;
    }
    this.#draft.takePart(part);
    this.#writeResult(frame, this.#draft, part.flags ?? 0, false);
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
    this.#draft.take(END_OF_STREAM, frame, nowMs);
    this.#writeResult(frame, this.#draft, HeaderFlags.EOS, true);
    return true;
  }

  #writeTyped(frame: ReceivedSubmit, typed: readonly TypedPayload[], nowMs: number): void {
    const { frameId, viewId, receivedAtMs } = frame;
    const { output } = this.writer;
    const startedAtMs = frame.startedAtMs < 0 ? receivedAtMs : frame.startedAtMs;
    const inference = clampMs(nowMs - startedAtMs);
    const total = clampMs(nowMs - receivedAtMs);
    const out = output.begin("result", frameId, viewId);
    this.#typedHead!.write(out, frame, typed, 0, 0, clampMs(startedAtMs - receivedAtMs), inference, total);
    this.counts.results++;
    this.#settle(frame);
    output.commit("result", frameId, viewId, true);
  }

  #writeResult(frame: ReceivedSubmit, fields: ResultFields, flags: number, final: boolean): void {
    const { frameId, viewId } = frame;
    const { output } = this.writer;
    encodeResultPush(output.begin("result", frameId, viewId), this.sessionId, frame, fields, flags);
    this.#draft.clear();
    this.counts.results++;
    if (final) this.#settle(frame);
    output.commit("result", frameId, viewId, final);
  }

  /** Sends RESULT_DROP. False if the frame is settled or the session over. */
  sendDrop(frame: ReceivedSubmit, flags = 0): boolean {
    if (frame.settled || this.state === SessionState.CLOSED) return false;
    this.#settle(frame);
    this.counts.drops++;
    this.writer.headerOnly(MessageType.RESULT_DROP, idsOf(frame, flags), "result");
    return true;
  }

  /** Ends a frame by ERROR, frame scope. False if the frame is settled or the session over. */
  failFrame(frame: ReceivedSubmit, fields: Omit<ErrorFields, "errorScope">): boolean {
    if (frame.settled || this.state === SessionState.CLOSED) return false;
    this.#frameError(frame, fields);
    this.#settle(frame);
    this.counts.failed++;
    return true;
  }

  /** Forgets a frame without a word to the client. */
  discard(frame: ReceivedSubmit): void {
    if (!frame.settled) this.#settle(frame);
  }

  /**
   * Sends RESULT_HINT.
   *
   * @throws NnrpStateError if the session is closed, NnrpValueError for unknown states or reasons.
   */
  sendHint(fields: ResultHintMetadata, ids: PacketIds = {}): void {
    this.demandOpen("send a RESULT_HINT");
    this.writer.record(MessageType.RESULT_HINT, RESULT_HINT, fields, ids);
    this.counts.hints++;
  }

  /** See {@linkcode SessionEngine.sendFlowUpdate}. */
  override sendFlowUpdate(...args: Parameters<SessionEngine["sendFlowUpdate"]>): void {
    super.sendFlowUpdate(...args);
    this.counts.flowUpdates++;
  }

  /** See {@linkcode SessionEngine.receive}; frames of an active session take the short way. */
  override receive(cursor: PacketCursor, lane: Lane): void {
    if (this.state === SessionState.ACTIVE && cursor.msgType === MessageType.FRAME_SUBMIT) {
      this.#submit(cursor);
    } else super.receive(cursor, lane);
  }

  /**
   * See {@linkcode SessionEngine.peerEnded}. A client that can come back never ends its sending without CLOSE: its path is lost.
   */
  override peerEnded(): void {
    const end: SessionEnd = {
      kind: "lost",
      local: false,
      reason: "the client finished sending without CLOSE",
    };
    if (this.ending !== null || !this.keep(end)) super.peerEnded();
  }

  /** Dispatches what the state table lets through. */
  protected handle(msgType: number, cursor: PacketCursor, _lane: Lane): void {
    if (msgType === MessageType.FRAME_SUBMIT) this.#submit(cursor);
    else if (this.handleShared(msgType, cursor)) return;
    else if (msgType === MessageType.FRAME_CANCEL) this.#cancel(cursor.frameId, cursor.viewId);
    else if (msgType === MessageType.FLOW_UPDATE) {
      this.flowUpdatesReceived++;
      if (!this.spendControl()) return;
      const metadata = decodeFlowUpdateMetadata(cursor.view, cursor.metaOffset, cursor.metaLength);
      this.#host.flow({ metadata, applied: true, traceId: cursor.traceId });
    } else if (msgType === MessageType.SESSION_PATCH) this.#sessionPatch(cursor);
    else if (msgType === MessageType.CACHE_PUT) this.#cachePut(cursor);
    else if (msgType === MessageType.CACHE_INVALIDATE) this.#cacheInvalidate(cursor);
    else if (msgType === MessageType.CLIENT_HELLO) this.#hello(cursor);
    else if (msgType === MessageType.TRANSPORT_PROBE) this.#probe(cursor);
    else if (msgType === MessageType.SESSION_MIGRATE) this.#migrate(cursor);
    else if (msgType === MessageType.ERROR) {
      const event = this.readError(cursor);
      if (event.error.fatal) this.endByPeer(event.error);
      else {
        this.spendControl();
        this.#host.error(event);
      }
    }
  }

  /** Keeps what came with the hello until it is accepted; the host has stopped reading, so this is little. */
  protected defer(cursor: PacketCursor, lane: Lane): void {
    this.#deferred.push({ cursor: cursor.copy(), lane });
  }

  /** A message that has no place here. */
  protected refuse(cursor: PacketCursor): void {
    const early = this.state === SessionState.INIT || this.state === SessionState.NEGOTIATING;
    this.badControls++;
    const name = enumName(MessageType, cursor.msgType);
    this.sendError({
      errorCode: ErrorCode.INVALID_STATE,
      errorScope: early ? ErrorScope.CONNECTION : ErrorScope.SESSION,
      fatal: early,
      traceId: cursor.traceId,
      diagnostic: early
        ? `expected CLIENT_HELLO, got ${name}`
        : `a server takes no ${name} while the session is ${stateName(this.state)}`,
    });
    if (!early) this.spendControl();
  }

  /** See {@linkcode SessionEngine.suspend}: nobody waits for these frames any more. */
  protected suspend(error: NnrpError): void {
    this.#endFrames(error);
  }

  /** See {@linkcode SessionEngine.abandon}. */
  protected abandon(error: NnrpError): void {
    this.#deferred = [];
    this.#endFrames(error);
    this.#cache = null;
  }

  #endFrames(error: NnrpError): void {
    this.#inFlight = 0;
    this.counts.bytesInFlight = 0;
    for (const newest of this.#frames.clear()) {
      for (let frame: ReceivedSubmit | null = newest; frame !== null; frame = frame.older) {
        frame.settled = true;
        frame.abort(error);
        if (this.suspended) this.#host.cancelled(frame);
      }
    }
  }

  #hello(cursor: PacketCursor): void {
    const metadata = decodeClientHelloMetadata(cursor.view, cursor.metaOffset, cursor.metaLength);
    const body = cursor.bytes.slice(cursor.bodyOffset, cursor.bodyOffset + cursor.bodyLength);
    const { authBlock, controlExtensions } = decodeClientHelloBody(metadata, body);
    const header = decodeHeader(cursor.view, cursor.offset);
    const packet = { header, metadata: cursor.metadata().slice(), body };
    this.state = SessionState.NEGOTIATING;
    this.writer.output.limits.maxBodyBytes = this.#options.maxBodyBytes ?? 32 * 1024 * 1024;
    this.#host.hello({ packet, metadata, authBlock, controlExtensions });
  }

  #submit(cursor: PacketCursor): void {
    this.counts.submits++;
    if (cursor.sessionId !== this.sessionId) {
      this.#badSubmit(
        cursor,
        ErrorCode.INVALID_STATE,
        `expected session_id ${this.sessionId}, got ${cursor.sessionId}`,
      );
      return;
    }
    if (this.state === SessionState.DRAINING && !(this.closeReceived && this.writer.output.multiStream)) {
      this.#refuseFrame(cursor, ErrorCode.INVALID_STATE, "the session is draining and takes no new frames");
      return;
    }
    let frame: ReceivedSubmit;
    try {
      frame = new ReceivedSubmit(cursor, this.counts.submits, this.batchMs);
    } catch (error) {
      if (!(error instanceof NnrpWireError)) throw error;
      this.#badSubmit(cursor, ErrorCode.MALFORMED_BODY, error.message);
      return;
    }
    if (frame.sectionCount > this.#maxSections) {
      const diagnostic = `${frame.sectionCount} sections, this server takes at most ${this.#maxSections}`;
      this.#refuseFrame(cursor, ErrorCode.LIMIT_EXCEEDED, diagnostic);
      return;
    }
    if (this.#inFlight >= this.#maxInFlight) {
      this.#refuseFrame(
        cursor,
        ErrorCode.LIMIT_EXCEEDED,
        `${this.#inFlight} frames are in flight, the most this server takes`,
      );
      return;
    }
    if (frame.hasReferences && !this.#resolve(frame, cursor)) return;
    if (frame.sections.length > this.#maxSections) {
      const diagnostic =
        `the referenced table has ${frame.sections.length} sections, this server takes ${this.#maxSections}`;
      this.#refuseFrame(cursor, ErrorCode.LIMIT_EXCEEDED, diagnostic);
      return;
    }
    this.#enter(frame);
    if (this.#early.size > 0 && this.#early.delete(frame.frameId, frame.viewId)) {
      frame.abort(new Error("cancelled by the client"));
      this.sendDrop(frame);
      return;
    }
    this.#host.submit(frame);
  }

  #enter(frame: ReceivedSubmit): void {
    const older = this.#frames.set(frame.frameId, frame.viewId, frame);
    if (older !== undefined) frame.older = older;
    this.#inFlight++;
    if (frame.frameId > this.#highestFrameId) this.#highestFrameId = frame.frameId;
    const counts = this.counts;
    counts.bytesInFlight += frame.byteLength;
    if (this.#inFlight > counts.maxInFlight) counts.maxInFlight = this.#inFlight;
  }

  #settle(frame: ReceivedSubmit): void {
    frame.settled = true;
    this.#inFlight--;
    this.counts.bytesInFlight -= frame.byteLength;
    const { frameId, viewId } = frame;
    const slot = this.#frames.find(frameId, viewId);
    if (slot >= 0 && this.#frames.at(slot) === frame) {
      if (frame.older === null) this.#frames.deleteAt(slot);
      else this.#frames.set(frameId, viewId, frame.older);
    } else {
      let at = slot < 0 ? undefined : this.#frames.at(slot);
      while (at !== undefined && at.older !== frame) at = at.older ?? undefined;
      if (at !== undefined) at.older = frame.older;
    }
    if (this.writer.output.multiStream) this.#settled.add(frameId, viewId);
  }

  /** Fills references from the cache; false if the frame ended with an error. */
  #resolve(frame: ReceivedSubmit, cursor: PacketCursor): boolean {
    const outcome = resolveReferences(frame.body!, frame.metadata, this.#cache!, this.batchMs);
    if (outcome.kind === "resolved") {
      frame.resolve(outcome.body);
      return true;
    }
    if (outcome.kind === "miss") {
      this.counts.cacheMisses++;
      this.#refuseFrame(cursor, ErrorCode.CACHE_MISS, outcome.diagnostic);
    } else this.#badSubmit(cursor, ErrorCode.MALFORMED_BODY, outcome.diagnostic);
    return false;
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
    if (this.writer.output.multiStream && !this.#settled.delete(frameId, viewId)) {
      this.counts.earlyCancels++;
      this.#early.add(frameId, viewId);
    }
  }

  #sessionPatch(cursor: PacketCursor): void {
    this.counts.patches++;
    if (!this.spendControl()) return;
    const metadata = decodeSessionPatchMetadata(cursor.view, cursor.metaOffset, cursor.metaLength);
    const body = cursor.bytes.subarray(cursor.bodyOffset, cursor.bodyOffset + cursor.bodyLength);
    const profilePatch = decodeSessionPatchBody(metadata.profilePatchBytes, body);
    this.#patchRefusal = this.#options.patchPolicy?.({ mask: metadata.patchMask, metadata, profilePatch });
    const before = this.#patch!.effective;
    const answer = this.#patch!.apply(metadata, profilePatch, this.batchMs);
    const limited = answer.ack.rejectReason === SessionPatchRejectReason.RATE_LIMITED &&
      this.#patchRefusal?.retryAfterMs !== undefined;
    const ack = limited ? { ...answer.ack, retryAfterMs: this.#patchRefusal!.retryAfterMs! } : answer.ack;
    this.writer.record(
      MessageType.SESSION_PATCH_ACK,
      PATCH_ACK,
      ack,
      { traceId: cursor.traceId },
      encodeSessionPatchBody(answer.profilePatch),
    );
    if (this.#patch!.effective !== before) this.#host.patched(this.#patch!.effective);
  }

  #judgePatch(field: number): SessionPatchRejectReason {
    const refusal = this.#patchRefusal;
    if (refusal === undefined || ((refusal.rejectedMask ?? 0xffffffff) & field) === 0) {
      return SessionPatchRejectReason.NONE;
    }
    return refusal.rejectReason as SessionPatchRejectReason;
  }

  #cachePut(cursor: PacketCursor): void {
    this.counts.cachePuts++;
    const put = decodeCachePutMetadata(cursor.view, cursor.metaOffset, cursor.metaLength);
    if (put.objectBytes !== cursor.bodyLength) {
      throw new NnrpWireError("the object has another length than its metadata says", {
        field: "cache_put.object_bytes",
        expected: cursor.bodyLength,
        actual: put.objectBytes,
        stage: "metadata",
      });
    }
    const data = cursor.bytes.subarray(cursor.bodyOffset, cursor.bodyOffset + cursor.bodyLength);
    const verdict = this.#cache!.put({ ...put, data }, this.batchMs);
    this.#cacheAck({ ...put, ...verdict }, cursor.traceId);
  }

  #cacheInvalidate(cursor: PacketCursor): void {
    this.counts.cacheInvalidates++;
    const fields = decodeCacheInvalidateMetadata(cursor.view, cursor.metaOffset, cursor.metaLength);
    if (!this.spendControl()) return;
    this.#cache!.invalidate(fields);
    if (this.#options.acknowledgeInvalidate) {
      const { maxObjectBytes } = this.#cache!;
      this.#cacheAck(
        { ...fields, status: 0, acceptedTtlMs: 0, maxObjectBytes, detailCode: 0 },
        cursor.traceId,
      );
    }
  }

  #cacheAck(fields: CacheAckMetadata, traceId: bigint): void {
    const { cacheNamespace, cacheKeyHi, cacheKeyLo, status, acceptedTtlMs, maxObjectBytes, detailCode } =
      fields;
    const ack = { cacheNamespace, cacheKeyHi, cacheKeyLo, status, acceptedTtlMs, maxObjectBytes, detailCode };
    this.writer.record(MessageType.CACHE_ACK, CACHE_ACK, ack, { traceId });
  }

  #probe(cursor: PacketCursor): void {
    if (!this.spendControl()) return;
    const probe = decodeTransportProbeMetadata(cursor.view, cursor.metaOffset, cursor.metaLength);
    if (this.#options.answerProbes === false) {
      this.counts.probesRefused++;
      this.refuse(cursor);
      return;
    }
    if (probe.probePayloadBytes !== cursor.bodyLength) {
      throw new NnrpWireError("transport probe body length did not match probe_payload_bytes metadata", {
        field: "transport_probe.probe_payload_bytes",
        expected: cursor.bodyLength,
        actual: probe.probePayloadBytes,
        stage: "metadata",
      });
    }
    this.counts.probes++;
    const serverRecvTsUs = BigInt(Math.max(0, Math.round(this.batchMs * 1000)));
    this.writer.record(MessageType.TRANSPORT_PROBE_ACK, PROBE_ACK, {
      probeId: probe.probeId,
      reserved: 0,
      serverRecvTsUs,
    }, {
      sessionId: 0,
    });
  }

  #migrate(cursor: PacketCursor): void {
    if (!this.spendControl()) return;
    const request: MigrateRequest = {
      metadata: decodeSessionMigrateMetadata(cursor.view, cursor.metaOffset, cursor.metaLength),
      sessionId: cursor.sessionId,
      proof: cursor.bytes.slice(cursor.bodyOffset, cursor.bodyOffset + cursor.bodyLength),
      traceId: cursor.traceId,
    };
    if (this.#host.migrate === undefined) {
      this.refuseMigration(request, MigrateAcceptCode.POLICY, this.batchMs);
    } else this.#host.migrate(request);
  }

  /** Refuses a SESSION_MIGRATE that came here; the connection may still say hello. */
  refuseMigration(request: MigrateRequest, acceptCode: number, nowMs: number): void {
    this.#migrateAck(request, { acceptCode, resumeFromFrameId: 0n, graceWindowMs: 0 }, NOTHING, nowMs);
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
    const { lastResultFrameId } = request.metadata;
    const highest = BigInt(this.#highestFrameId);
    const resumeFromFrameId = (lastResultFrameId > highest ? lastResultFrameId : highest) + 1n;
    this.#migrateAck(request, { acceptCode: 0, resumeFromFrameId, graceWindowMs }, token, nowMs);
  }

  #migrateAck(
    request: MigrateRequest,
    fields: { acceptCode: number; resumeFromFrameId: bigint; graceWindowMs: number },
    body: Uint8Array,
    nowMs: number,
  ): void {
    this.writer.record(
      MessageType.SESSION_MIGRATE_ACK,
      MIGRATE_ACK,
      { ...fields, serverMigrateTsUs: BigInt(Math.max(0, Math.round(nowMs * 1000))) },
      { sessionId: request.sessionId, traceId: request.traceId },
      body,
    );
  }

  /**
   * Goes on where another engine stood, for a client without token: same id, cache and settings; frames stay with the other
   * engine, which answers them on the old path (behaviour spec §11).
   */
  adopt(other: ServerEngine): void {
    this.writer.sessionId = other.sessionId;
    this.#typedHead = new TypedResultHead(other.sessionId);
    this.#cache = other.#cache;
    this.#patch = other.#patch;
    this.#highestFrameId = other.#highestFrameId;
    this.writer.output.limits.maxBodyBytes = other.writer.output.limits.maxBodyBytes;
    this.state = SessionState.ACTIVE;
    other.#cache = new CacheDirectory({ maxEntries: 0, maxBytes: 0 });
  }

  /** The session goes on elsewhere: frames that are here are answered here, new ones refused. */
  leave(reason: string): void {
    this.drain({ kind: "close", local: true, reason });
  }
}

function idsOf(frame: ReceivedSubmit, flags: number): PacketIds {
  const { frameId, viewId, routeId, traceId } = frame;
  return { flags, frameId, viewId, routeId, traceId };
}

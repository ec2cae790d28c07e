/**
 * A frame as the server holds it: the FRAME_SUBMIT where it lies in the read buffer, opened as far as somebody asks, and its
 * life until it is settled (wire spec §6, §8; behaviour spec §9, §14.2).
 *
 * @module
 */
import { containedAbort } from "../../contained_abort.ts";
import { typedOnlyBody } from "../../body/typed_only.ts";
import { decodeFrameSubmitBody, type FrameSubmitBody, type SubmitRequest } from "../../body/frame_submit.ts";
import { BODY_PRELUDE_SIZE, DESCRIPTOR_SIZE } from "../../body/prelude.ts";
import type { TensorSection } from "../../body/tensor_sections.ts";
import { tensorOf, type TensorView } from "../../body/tensor_values.ts";
import { typedPayloadsAt } from "../../body/typed_payload_table.ts";
import type { TypedPayload } from "../../body/typed_payloads.ts";
import { SubmitMode } from "../../wire/enums.ts";
import { PayloadKind } from "../../wire/flags.ts";
import { decodeHeader, HEADER_SIZE } from "../../wire/header.ts";
import {
  checkFrameSubmitMetadata,
  decodeFrameSubmitMetadata,
  FRAME_SUBMIT_METADATA_SIZE,
  FRAME_SUBMIT_OFFSETS as AT,
  type FrameSubmitMetadata,
} from "../../wire/metadata/frame_submit.ts";
import type { NnrpPacket } from "../../wire/packet.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";

const NOTHING: readonly never[] = Object.freeze([]);

/** Knows until when it needs the memory of what was handed over. */
export interface AnswerSender {
  /** Resolves when no caller's memory is needed any more for what was sent before the call; null if none is. Never rejects. */
  released(): Promise<void> | null;
  /** A listener that the application put on the signal of a frame failed. Never throws. Default: ignored. */
  listenerFailed?(frame: ReceivedSubmit, error: unknown): void;
}

/** A read buffer that frames in flight lie in. */
export interface KeptBuffer {
  /** The buffer. */
  readonly buffer: ArrayBufferLike;
  /** Its length when its first frame came; the application may have transferred it since. */
  readonly bytes: number;
  /** Frames in flight that lie in it. */
  frames: number;
}

/** A submitted frame. Payloads are views on the read buffer: copy what you keep beyond the answer. */
export class ReceivedSubmit {
  /** Frame id, u32; not unique over views. */
  readonly frameId: number;
  /** View id, u16. */
  readonly viewId: number;
  /** HeaderFlags of the packet. */
  readonly flags: number;
  /** Place in the session's order of arrival, from 1. */
  readonly ordinal: number;
  /** When it arrived, whole ms of the server's clock. */
  readonly receivedAtMs: number;
  /** Bytes of the packet. */
  readonly byteLength: number;
  /** When its handler was started, whole ms of the server's clock; −1 before. */
  startedAtMs: number = -1;
  /** Whether it was answered, dropped, cancelled or failed: nothing more is sent for it. */
  settled = false;
  /** Who sends its answers: set by the host, ignored by the engine. */
  sender: AnswerSender | null = null;
  /** Where it waits for its turn: set and read by the host, too. */
  place: unknown = null;
  /** The read buffer it keeps alive: set and read by the engine's table of frames. */
  kept: KeptBuffer | null = null;
  /** An older frame of the same key that is in flight too: senders should not do that, but rc2 may. */
  older: ReceivedSubmit | null = null;

  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #offset: number;
  readonly #metaLength: number;
  readonly #body: FrameSubmitBody | null; // null: typed payloads only, opened on demand
  #resolved: FrameSubmitBody | null = null;
  #use: { release(): void } | null = null;
  #payloads: readonly TypedPayload[] | null = null;
  #abort: AbortController | null = null;
  #abortReason: unknown;
  #settling: Promise<void> | null = null;
  #resolveSettling: (() => void) | null = null;
  #released: Promise<void> | null = null;

  /**
   * Checks the packet and keeps it where it lies.
   *
   * @param cursor A FRAME_SUBMIT; its memory is retained.
   * @param ordinal Place in the session's order of arrival, from 1.
   * @param nowMs When it arrived, ms.
   * @throws NnrpWireError if metadata or body break a rule.
   */
  constructor(cursor: PacketCursor, ordinal: number, nowMs: number) {
    const { bytes, view, offset, metaLength, bodyLength } = cursor;
    const meta = offset + HEADER_SIZE;
    checkFrameSubmitMetadata(view, meta, metaLength);
    this.frameId = cursor.frameId;
    this.viewId = cursor.viewId;
    this.flags = cursor.flags;
    this.ordinal = ordinal;
    // Whole numbers: V8 allocates a box for each fraction that is stored in an object.
    this.receivedAtMs = Math.round(nowMs);
    this.byteLength = HEADER_SIZE + metaLength + bodyLength;
    this.#bytes = bytes;
    this.#view = view;
    this.#offset = offset;
    this.#metaLength = metaLength;
    cursor.retained = true;
    const plainInline = bytes[meta + AT.submitMode] === SubmitMode.INLINE &&
      view.getUint32(meta + AT.objectRefMask, true) === 0;
    const kinds = view.getUint32(meta + AT.payloadKindBitmap, true);
    const count = view.getUint16(meta + AT.payloadFrameCount, true);
    this.#body =
      plainInline && typedOnlyBody(view, meta + FRAME_SUBMIT_METADATA_SIZE, bodyLength, count, kinds)
        ? null
        : decodeFrameSubmitBody(this.metadata, cursor.body());
  }

  /** The buffer it lies in. */
  get buffer(): ArrayBufferLike {
    return this.#bytes.buffer;
  }
  /** Session id of the packet. */
  get sessionId(): number {
    return this.#view.getUint32(this.#offset + 20, true);
  }
  /** Route id of the packet. */
  get routeId(): number {
    return this.#view.getUint16(this.#offset + 30, true);
  }
  /** Trace id of the packet; answers repeat it. */
  get traceId(): bigint {
    return this.#view.getBigUint64(this.#offset + 32, true);
  }
  /** All fields of the metadata. */
  get metadata(): FrameSubmitMetadata {
    return decodeFrameSubmitMetadata(this.#view, this.#offset + HEADER_SIZE, this.#metaLength);
  }
  /** Time the answer may take, ms; 0 = not specified. */
  get latencyBudgetMs(): number {
    return this.#view.getUint16(this.#offset + HEADER_SIZE + AT.latencyBudgetMs, true);
  }
  /** When its budget ends, ms of the server's clock; Infinity = it has none. */
  get budgetEndsMs(): number {
    const budget = this.latencyBudgetMs;
    return budget === 0 ? Infinity : this.receivedAtMs + budget;
  }
  /** BudgetPolicy bits: what the client takes instead of a late result. */
  get budgetPolicy(): number {
    return this.#bytes[this.#offset + HEADER_SIZE + AT.budgetPolicy];
  }
  /** PayloadKind bits. */
  get payloadKindBitmap(): number {
    return this.#view.getUint32(this.#offset + HEADER_SIZE + AT.payloadKindBitmap, true);
  }
  /** Whether it was started after its budget was over: the client then takes what its budget policy allows. */
  get isLate(): boolean {
    return this.startedAtMs >= this.budgetEndsMs;
  }
  /** Number of tensor sections as the metadata says. */
  get sectionCount(): number {
    return this.#view.getUint16(this.#offset + HEADER_SIZE + AT.sectionCount, true);
  }

  /** The whole packet, header and views on metadata and body. */
  get packet(): NnrpPacket {
    const meta = this.#offset + HEADER_SIZE;
    const body = meta + this.#metaLength;
    return {
      header: decodeHeader(this.#view, this.#offset),
      metadata: this.#bytes.subarray(meta, body),
      body: this.#bytes.subarray(body, this.#offset + this.byteLength),
    };
  }

  /** The body as decoded, references filled from the cache; null while it is typed payloads only. */
  get body(): FrameSubmitBody | null {
    return this.#resolved ?? this.#body;
  }

  /** The engine filled the references from the cache; `use` is released when the frame has ended. */
  resolve(body: FrameSubmitBody, use: { release(): void }): void {
    this.#resolved = body;
    this.#use = use;
  }

  /** The frame has ended: what it uses of the cache counts no more. */
  releaseCache(): void {
    this.#use?.release();
    this.#use = null;
  }

  /** Whether the frame refers to cached objects. */
  get hasReferences(): boolean {
    return this.#body !== null && this.#body.references.length > 0;
  }

  /** Typed payloads, in order. */
  get typedPayloads(): readonly TypedPayload[] {
    if (this.#body !== null) return this.#body.typedPayloads;
    if (this.#payloads === null) {
      const meta = this.#offset + HEADER_SIZE;
      const count = this.#view.getUint16(meta + AT.payloadFrameCount, true);
      const table = meta + FRAME_SUBMIT_METADATA_SIZE + BODY_PRELUDE_SIZE;
      this.#payloads = typedPayloadsAt(
        this.#bytes,
        this.#view,
        table,
        count,
        table + count * DESCRIPTOR_SIZE,
      );
    }
    return this.#payloads;
  }

  /** Bytes of all typed payloads of one kind, in order. */
  payloadsOfKind(kind: number): readonly Uint8Array[] {
    return this.typedPayloads.filter((p) => p.payloadKind === kind).map((p) => p.payload);
  }

  /** Token chunks as one text. */
  text(): string {
    const decoder = new TextDecoder();
    return this.payloadsOfKind(PayloadKind.TOKEN_CHUNK).map((chunk) =>
      decoder.decode(chunk, { stream: true })
    )
      .join("") + decoder.decode();
  }

  /** Ids of the tiles, in order. */
  get tileIds(): readonly number[] {
    return this.body?.tileIds ?? NOTHING;
  }
  /** Tensor sections with views on the tiles' bytes. */
  get sections(): readonly TensorSection[] {
    return this.body?.sections ?? NOTHING;
  }
  /** The camera block; empty if there is none. */
  get cameraBlock(): Uint8Array {
    return this.body?.cameraBlock ?? EMPTY;
  }

  /** The section of a role as typed arrays by tile id, or undefined if there is none. */
  tensor(role: number): TensorView | undefined {
    const section = this.sections.find((s) => s.roleId === role);
    return section === undefined ? undefined : tensorOf(section, this.tileIds);
  }

  /** The frame as a request, as the client wrote it: for relays and records. */
  get request(): SubmitRequest {
    const m = this.metadata;
    const body = this.#body;
    return {
      frameId: this.frameId,
      viewId: this.viewId,
      routeId: this.routeId,
      traceId: this.traceId,
      flags: this.flags,
      srcWidth: m.srcWidth,
      srcHeight: m.srcHeight,
      tileWidth: m.tileWidth,
      tileHeight: m.tileHeight,
      tileIds: this.tileIds,
      sections: this.sections,
      cameraBlock: this.cameraBlock,
      frameClass: m.frameClass,
      inputProfile: m.inputProfile,
      tileIndexMode: m.tileIndexMode,
      latencyBudgetMs: m.latencyBudgetMs,
      targetFpsX100: m.targetFpsX100,
      retryOfFrame: m.retryOfFrame,
      tileBaseId: m.tileBaseId,
      submitMode: m.submitMode,
      objectRefMask: m.objectRefMask,
      cameraReference: body?.cameraReference ?? undefined,
      tileIndexReference: body?.tileIndexReference ?? undefined,
      tensorSectionTableReference: body?.tensorSectionTableReference ?? undefined,
      budgetPolicy: m.budgetPolicy,
      dependencyFrameId: m.dependencyFrameId,
      lossTolerancePolicy: m.lossTolerancePolicy,
      payloadKindBitmap: m.payloadKindBitmap,
      payloadFrameCount: m.payloadFrameCount,
      typedPayloads: this.typedPayloads,
    };
  }

  /**
   * Aborted when the client cancels, the budget of a droppable frame ends, or the connection goes. What a listener on it throws goes
   * to the server's log and does no harm; listeners on signals derived from it (`AbortSignal.any`) are the application's own.
   */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = containedAbort((error) => this.sender?.listenerFailed?.(this, error));
      if (this.#abortReason !== undefined) this.#abort.abort(this.#abortReason);
    }
    return this.#abort.signal;
  }

  /** Whether {@linkcode ReceivedSubmit.signal} is aborted; makes no signal. */
  get aborted(): boolean {
    return this.#abortReason !== undefined;
  }

  /** Aborts the signal; the first reason stays. */
  abort(reason: unknown): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason ?? new Error("aborted");
    this.#abort?.abort(this.#abortReason);
  }

  /** Marks it settled. For the owner of the frame: sends nothing by itself. */
  settle(): void {
    this.settled = true;
    this.#resolveSettling?.();
  }

  /** Resolves when the frame is settled, however that comes about. */
  whenSettled(): Promise<void> {
    return this.#settling ??= this.settled
      ? Promise.resolve()
      : new Promise((resolve) => this.#resolveSettling = resolve);
  }

  /**
   * Resolves when the frame is settled and nothing of its answers is needed any more: buffers that they were made of, payloads of
   * 32 KiB and more above all, may be filled anew from then on. It never rejects, and resolves too when the connection goes.
   */
  get released(): Promise<void> {
    // The last answer is handed over in the same turn in which the frame is settled, before its waiters are
    // notified.
    return this.#released ??= this.whenSettled().then(() => this.sender?.released() ?? undefined);
  }

  /** One line for debugging. */
  toString(): string {
    const parts = [
      this.tileIds.length ? `${this.tileIds.length} tiles in ${this.sections.length} sections` : "",
      this.typedPayloads.length ? `${this.typedPayloads.length} payloads` : "",
      this.latencyBudgetMs ? `budget ${this.latencyBudgetMs} ms` : "",
      this.settled ? "settled" : "",
    ].filter((part) => part !== "");
    return `ReceivedSubmit ${this.frameId}/${this.viewId} ${this.byteLength} bytes${
      parts.length ? `, ${parts.join(", ")}` : ""
    }`;
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

const EMPTY = new Uint8Array(0);

/**
 * What a client gets for a frame: a RESULT_PUSH or RESULT_DROP where it lies in the read buffer, opened as far as somebody
 * asks (wire spec §7, §8; behaviour spec §8.3, §14.1).
 *
 * @module
 */
import { typedOnlyBody } from "../../body/typed_only.ts";
import { decodeResultPushBodyLenient, type ResultPushBody } from "../../body/result_push.ts";
import { BODY_PRELUDE_SIZE, DESCRIPTOR_SIZE } from "../../body/prelude.ts";
import type { TensorSection } from "../../body/tensor_sections.ts";
import { tensorOf, type TensorView } from "../../body/tensor_values.ts";
import { typedPayloadsAt } from "../../body/typed_payload_table.ts";
import type { TypedPayload } from "../../body/typed_payloads.ts";
import { MessageType, ResultClass } from "../../wire/enums.ts";
import { enumName, flagNames } from "../../wire/enum_names.ts";
import { HeaderFlags, PayloadKind } from "../../wire/flags.ts";
import { decodeHeader, HEADER_SIZE } from "../../wire/header.ts";
import {
  checkResultPushMetadata,
  decodeResultPushMetadata,
  RESULT_PUSH_METADATA_SIZE,
  RESULT_PUSH_OFFSETS as AT,
  type ResultPushMetadata,
} from "../../wire/metadata/result_push.ts";
import type { NnrpPacket } from "../../wire/packet.ts";
import { PacketCursor } from "../../wire/packet_cursor.ts";

const NOTHING: readonly never[] = Object.freeze([]);

/** Whether the metadata of a RESULT_PUSH has PARTIAL set; false for metadata of a wrong length. */
export function isPart(view: DataView, metaOffset: number, metaLength: number): boolean {
  return metaLength === RESULT_PUSH_METADATA_SIZE &&
    view.getUint8(metaOffset + AT.resultClass) === ResultClass.PARTIAL;
}

/** A result, a part of one, or the news that there is none. Payloads are views on the read buffer: copy what you keep. */
export class Result {
  /** Frame it answers. */
  readonly frameId: number;
  /** View of that frame. */
  readonly viewId: number;
  /** HeaderFlags of the packet. */
  readonly flags: number;
  /** True for a RESULT_DROP: the server will not answer this frame. */
  readonly isDrop: boolean;
  /** Whether this settles the frame (behaviour spec §8.6); set by the engine. */
  isFinal = true;

  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #offset: number;
  readonly #metaLength: number;
  readonly #bodyLength: number;
  // What the body is: 0 nothing, 1 typed payloads only and not opened yet, 2 opened.
  #opened = 0;
  #body: ResultPushBody | null = null;
  #payloads: readonly TypedPayload[] | null = null;
  #earlier: Result[] | null = null;

  /**
   * Checks the packet and keeps it where it lies.
   *
   * @param cursor A RESULT_PUSH or RESULT_DROP; its memory is retained.
   * @throws NnrpWireError if metadata or body break a rule.
   */
  constructor(cursor: PacketCursor) {
    const { bytes, view, offset, metaLength, bodyLength } = cursor;
    this.frameId = cursor.frameId;
    this.viewId = cursor.viewId;
    this.flags = cursor.flags;
    this.#bytes = bytes;
    this.#view = view;
    this.#offset = offset;
    this.#metaLength = metaLength;
    this.#bodyLength = bodyLength;
    cursor.retained = true; // even a drop is read later: its trace id lies in the read buffer
    this.isDrop = cursor.msgType === MessageType.RESULT_DROP;
    if (this.isDrop) return;
    const meta = offset + HEADER_SIZE;
    checkResultPushMetadata(view, meta, metaLength);
    const kinds = view.getUint32(meta + AT.payloadKindBitmap, true);
    const count = view.getUint16(meta + AT.payloadFrameCount, true);
    if (count === 0 && (kinds & PayloadKind.TENSOR) === 0 && (kinds === 0 || bodyLength === 0)) return;
    if (typedOnlyBody(view, meta + RESULT_PUSH_METADATA_SIZE, bodyLength, count, kinds)) this.#opened = 1;
    else {
      this.#body = decodeResultPushBodyLenient(this.metadata!, cursor.body());
      this.#opened = 2;
    }
  }

  /** Null, always: a frame that failed has no result. Tells it from the FailedFrame of a client's loop over `results()`. */
  get error(): null {
    return null;
  }

  /** True for a RESULT_PUSH. */
  get isPush(): boolean {
    return !this.isDrop;
  }

  /** Whether it is a RESULT_PUSH that carries nothing: neither tensors nor typed payloads. */
  get isEmpty(): boolean {
    return !this.isDrop && this.#opened === 0;
  }

  /** Route id of the packet. */
  get routeId(): number {
    return this.#view.getUint16(this.#offset + 30, true);
  }

  /** Trace id of the packet: that of the submit. */
  get traceId(): bigint {
    return this.#view.getBigUint64(this.#offset + 32, true);
  }

  /** All fields of the metadata; null for a drop. */
  get metadata(): ResultPushMetadata | null {
    return this.isDrop
      ? null
      : decodeResultPushMetadata(this.#view, this.#offset + HEADER_SIZE, this.#metaLength);
  }

  /** A ResultClass; COMPLETE for a drop, see {@linkcode Result.isDrop}. */
  get resultClass(): number {
    return this.isDrop ? ResultClass.COMPLETE : this.#bytes[this.#offset + HEADER_SIZE + AT.resultClass];
  }

  /** `"COMPLETE"`, `"PARTIAL"`, `"STALE_REUSE"`, `"DEGRADED"` or `"DROP"`. */
  get className(): string {
    return this.isDrop ? "DROP" : enumName(ResultClass, this.resultClass);
  }

  /** The whole packet, header and views on metadata and body. */
  get packet(): NnrpPacket {
    const meta = this.#offset + HEADER_SIZE;
    const body = meta + this.#metaLength;
    return {
      header: decodeHeader(this.#view, this.#offset),
      metadata: this.#bytes.subarray(meta, body),
      body: this.#bytes.subarray(body, body + this.#bodyLength),
    };
  }

  /** Typed payloads in order; of a streamed frame those of all parts. */
  get typedPayloads(): readonly TypedPayload[] {
    if (this.#payloads === null) {
      const own = this.#ownPayloads();
      this.#payloads = this.#earlier === null
        ? own
        : [...this.#earlier.flatMap((part) => part.#ownPayloads()), ...own];
    }
    return this.#payloads;
  }

  #ownPayloads(): readonly TypedPayload[] {
    if (this.#opened === 0) return NOTHING;
    if (this.#opened === 2) return this.#body!.typedPayloads;
    const meta = this.#offset + HEADER_SIZE;
    const count = this.#view.getUint16(meta + AT.payloadFrameCount, true);
    const table = meta + RESULT_PUSH_METADATA_SIZE + BODY_PRELUDE_SIZE;
    return typedPayloadsAt(this.#bytes, this.#view, table, count, table + count * DESCRIPTOR_SIZE);
  }

  /** Kinds promised by the metadata, one number each, ascending; empty for a drop. */
  get payloadKinds(): readonly number[] {
    if (this.isDrop) return NOTHING;
    const bits = this.#view.getUint32(this.#offset + HEADER_SIZE + AT.payloadKindBitmap, true);
    return Object.values(PayloadKind).filter((kind) => kind !== 0 && (bits & kind) !== 0);
  }

  /** Whether the metadata promises a kind. */
  hasPayloadKind(kind: number): boolean {
    return !this.isDrop &&
      (this.#view.getUint32(this.#offset + HEADER_SIZE + AT.payloadKindBitmap, true) & kind) !== 0;
  }

  /** Number of typed payloads, all parts counted. */
  get payloadFrameCount(): number {
    return this.typedPayloads.length;
  }

  /** Bytes of all typed payloads of one kind, in order. */
  payloadsOfKind(kind: number): readonly Uint8Array[] {
    return this.typedPayloads.filter((p) => p.payloadKind === kind).map((p) => p.payload);
  }

  /** Token chunks, in order. */
  get tokenChunks(): readonly Uint8Array[] {
    return this.payloadsOfKind(PayloadKind.TOKEN_CHUNK);
  }
  /** Audio chunks, in order. */
  get audioChunks(): readonly Uint8Array[] {
    return this.payloadsOfKind(PayloadKind.AUDIO_CHUNK);
  }
  /** Video chunks, in order. */
  get videoChunks(): readonly Uint8Array[] {
    return this.payloadsOfKind(PayloadKind.VIDEO_CHUNK);
  }
  /** Structured events, in order. */
  get structuredEvents(): readonly Uint8Array[] {
    return this.payloadsOfKind(PayloadKind.STRUCTURED_EVENT);
  }
  /** Tool deltas, in order. */
  get toolDeltas(): readonly Uint8Array[] {
    return this.payloadsOfKind(PayloadKind.TOOL_DELTA);
  }
  /** Opaque payloads, in order. */
  get opaqueBytesPayloads(): readonly Uint8Array[] {
    return this.payloadsOfKind(PayloadKind.OPAQUE_BYTES);
  }

  /** Token chunks as one text. For streams use `submitStream(…).text()`, which knows characters cut in two. */
  text(): string {
    const decoder = new TextDecoder();
    return this.tokenChunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") +
      decoder.decode();
  }

  /** Ids of the tiles; empty without tensors or when the index is an unresolved reference. */
  get tileIds(): readonly number[] {
    return this.#tensorPart()?.tileIds ?? NOTHING;
  }

  /** Tensor sections with views on the tiles' bytes; of a streamed frame the last ones. */
  get sections(): readonly TensorSection[] {
    return this.#tensorPart()?.sections ?? NOTHING;
  }

  #tensorPart(): ResultPushBody | null {
    if (this.#body?.sections || this.#body?.tileIds?.length) return this.#body;
    for (let i = (this.#earlier?.length ?? 0) - 1; i >= 0; i--) {
      const body = this.#earlier![i].#body;
      if (body?.sections || body?.tileIds?.length) return body;
    }
    return this.#body;
  }

  /** The section of a role as typed arrays by tile id, or undefined if there is none. */
  tensor(role: number): TensorView | undefined {
    const section = this.sections.find((s) => s.roleId === role);
    return section === undefined ? undefined : tensorOf(section, this.tileIds);
  }

  /** Whether the result speaks of tiles. */
  get hasTensorCoverage(): boolean {
    return this.hasPayloadKind(PayloadKind.TENSOR);
  }
  /** Tiles with new data; undefined without tensors. */
  get tensorCoveredTileCount(): number | undefined {
    return this.hasTensorCoverage
      ? this.#view.getUint16(this.#offset + HEADER_SIZE + AT.coveredTileCount, true)
      : undefined;
  }
  /** Tiles without; undefined without tensors. */
  get tensorDroppedTileCount(): number | undefined {
    return this.hasTensorCoverage
      ? this.#view.getUint16(this.#offset + HEADER_SIZE + AT.droppedTileCount, true)
      : undefined;
  }

  /** Bytes of the packet. */
  get byteLength(): number {
    return HEADER_SIZE + this.#metaLength + this.#bodyLength;
  }

  /** A result of its own memory, for keeping it long: the original holds the whole read buffer. */
  detach(): Result {
    const start = this.#offset;
    const copy = new Result(new PacketCursor(this.#bytes.slice(start, start + this.byteLength)));
    copy.isFinal = this.isFinal;
    if (this.#earlier !== null) copy.#earlier = this.#earlier.map((part) => part.detach());
    return copy;
  }

  /** This result as the last of a row: typed payloads of all, tensors of the last that has some. */
  after(parts: Result[]): Result {
    if (parts.length > 0) this.#earlier = parts;
    return this;
  }

  /** One line for debugging. */
  toString(): string {
    const parts = this.isDrop ? [] : [
      this.hasTensorCoverage ? `${this.tileIds.length} tiles in ${this.sections.length} sections` : "",
      this.typedPayloads.length ? `${this.typedPayloads.length} payloads` : "",
    ].filter((part) => part !== "");
    const flags = flagNames(HeaderFlags, this.flags).join("|");
    return `Result ${this.frameId}/${this.viewId} ${this.className} ${this.byteLength} bytes` +
      `${parts.length ? `, ${parts.join(", ")}` : ""}${flags ? `, ${flags}` : ""}${
        this.isFinal ? "" : ", more follows"
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

/**
 * Writes the packets that are not frames: header-only ones and control records with an optional body. Everything is
 * checked before the carrier's outbox is touched, so that a refused record leaves nothing behind.
 *
 * @module
 */
import type { Carrier, Lane } from "../../carrier.ts";
import { asBytes } from "../../wire/byte_arguments.ts";
import { HEADER_SIZE, writeHeader } from "../../wire/header.ts";
import { laneOf } from "../../wire/metadata/registry.ts";
import type { NnrpPacket } from "../../wire/packet.ts";
import { encodeHeader } from "../../wire/header.ts";

/** The part of a carrier that an engine writes to. */
export interface PacketOutput
  extends
    Pick<Carrier, "begin" | "commit" | "endFrame" | "multiStream" | "limits">,
    Partial<Pick<Carrier, "bufferedBytes" | "sentBytes" | "receivedBytes" | "roundTripMs">> {}

/** A metadata record as the writer needs it. */
export interface RecordEncoder<T> {
  /** Metadata size, bytes. */
  readonly size: number;
  /** Checks and writes the fields. */
  readonly encode: (fields: T, view: DataView, offset: number) => void;
}

/** Header fields of a control packet; all default to 0. */
export interface PacketIds {
  /** HeaderFlags. */
  readonly flags?: number;
  /** Session id; the writer's where left out. */
  readonly sessionId?: number;
  /** Frame id, u32. */
  readonly frameId?: number;
  /** View id, u16. */
  readonly viewId?: number;
  /** Route id. */
  readonly routeId?: number;
  /** Trace id, u64. */
  readonly traceId?: bigint;
}

const NO_IDS: PacketIds = {};
const EMPTY = new Uint8Array(0);

/** Writes packets of one session to one carrier. */
export class PacketWriter {
  /** Session id of what is written. */
  sessionId = 0;
  /** Where packets go; another carrier after a migration. */
  output: PacketOutput;
  /** Packets written. */
  packets = 0;

  readonly #scratch = new DataView(new ArrayBuffer(96));
  readonly #scratchBytes = new Uint8Array(this.#scratch.buffer);

  /**
   * Writes packets with session id 0 until one is set.
   *
   * @param output Where packets go.
   */
  constructor(output: PacketOutput) {
    this.output = output;
  }

  /** Writes a packet without metadata on its message's lane; `body` only for CLOSE. */
  headerOnly(msgType: number, ids: PacketIds = NO_IDS, body: Uint8Array = EMPTY): void {
    this.#write(msgType, ids, 0, body);
  }

  /**
   * Writes a control packet with metadata.
   *
   * @throws NnrpValueError if a field breaks its rule; nothing was written then.
   */
  record<T>(
    msgType: number,
    encoder: RecordEncoder<T>,
    fields: T,
    ids: PacketIds = NO_IDS,
    body: Uint8Array = EMPTY,
  ): void {
    encoder.encode(fields, this.#scratch, 0);
    this.#write(msgType, ids, encoder.size, body);
  }

  /** Writes a packet as it is, without any check. Its bytes are copied. */
  raw(lane: Lane, packet: NnrpPacket): void {
    const { header } = packet;
    const body = new Uint8Array(asBytes(packet.body, "body"));
    asBytes(packet.metadata, "metadata");
    const out = this.output.begin(lane, header.frameId, header.viewId);
    const at = out.reserve(HEADER_SIZE + packet.metadata.length);
    encodeHeader({ ...header, metaLen: packet.metadata.length, bodyLen: body.length }, out.view, at);
    out.bytes.set(packet.metadata, at + HEADER_SIZE);
    if (body.length > 0) out.append(body);
    this.packets++;
    this.output.commit(lane, header.frameId, header.viewId, true);
  }

  #write(msgType: number, ids: PacketIds, metaSize: number, body: Uint8Array): void {
    const lane = laneOf(msgType);
    const frameId = ids.frameId ?? 0;
    const viewId = ids.viewId ?? 0;
    const out = this.output.begin(lane, frameId, viewId);
    const at = out.reserve(HEADER_SIZE + metaSize);
    writeHeader(
      out.view,
      at,
      msgType,
      ids.flags ?? 0,
      metaSize,
      body.length,
      ids.sessionId ?? this.sessionId,
      frameId,
      viewId,
      ids.routeId ?? 0,
      ids.traceId ?? 0n,
    );
    if (metaSize > 0) out.bytes.set(this.#scratchBytes.subarray(0, metaSize), at + HEADER_SIZE);
    if (body.length > 0) out.append(body);
    this.packets++;
    this.output.commit(lane, frameId, viewId, true);
  }
}

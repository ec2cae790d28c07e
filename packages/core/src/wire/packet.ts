/**
 * A whole packet as three parts, for builders, tools and everything that is not in a hurry (wire spec §2). The hot ways are
 * `packet_reader.ts` in and `outbox.ts` out.
 *
 * @module
 */
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import { asBytes } from "./byte_arguments.ts";
import { decodeHeader, encodeHeader, HEADER_SIZE, type PacketHeader, VERSION_MAJOR } from "./header.ts";
import { WireFormat } from "./enums.ts";

/** A packet: header, metadata, body. Whether the metadata fits the message type is judged by the records. */
export interface NnrpPacket {
  /** The header; its lengths are those of the two parts. */
  readonly header: PacketHeader;
  /** The metadata; after decoding a view on the packet. */
  readonly metadata: Uint8Array;
  /** The body; after decoding a view on the packet. */
  readonly body: Uint8Array;
}

/** What {@linkcode makePacket} needs: the rest of the header follows. */
export interface PacketParts {
  /** A MessageType. */
  readonly msgType: number;
  /** HeaderFlags. Default 0. */
  readonly flags?: number;
  /** Session. Default 0. */
  readonly sessionId?: number;
  /** Frame. Default 0. */
  readonly frameId?: number;
  /** View. Default 0. */
  readonly viewId?: number;
  /** Route. Default 0. */
  readonly routeId?: number;
  /** Trace. Default 0n. */
  readonly traceId?: bigint;
  /** Metadata. Default none. */
  readonly metadata?: Uint8Array;
  /** Body. Default none. */
  readonly body?: Uint8Array;
}

/**
 * Reads a packet.
 *
 * @param bytes Exactly one packet.
 * @returns Its parts, views on `bytes`.
 * @throws NnrpWireError (stage framing) on a bad header, or if `bytes` is shorter or longer than the header says.
 */
export function decodePacket(bytes: Uint8Array): NnrpPacket {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = decodeHeader(view, 0);
  const split = HEADER_SIZE + header.metaLen;
  const end = split + header.bodyLen;
  if (bytes.length !== end) {
    throw new NnrpWireError(bytes.length < end ? "cut" : "bytes after the body", {
      field: "packet",
      expected: end,
      actual: bytes.length,
      stage: "framing",
    });
  }
  return { header, metadata: bytes.subarray(HEADER_SIZE, split), body: bytes.subarray(split) };
}

/**
 * Writes a packet.
 *
 * @returns Its bytes, copied.
 * @throws NnrpValueError if a header field breaks a rule or states another length than the part has.
 */
export function encodePacket(packet: NnrpPacket): Uint8Array {
  const { header } = packet;
  const metadata = asBytes(packet.metadata, "metadata");
  const body = asBytes(packet.body, "body");
  checkLength("metaLen", header.metaLen, metadata.length);
  checkLength("bodyLen", header.bodyLen, body.length);
  const bytes = new Uint8Array(HEADER_SIZE + metadata.length + body.length);
  encodeHeader(header, new DataView(bytes.buffer), 0);
  bytes.set(metadata, HEADER_SIZE);
  bytes.set(body, HEADER_SIZE + metadata.length);
  return bytes;
}

/**
 * Makes a packet with a header of version 1 and the right lengths. {@linkcode encodePacket} checks it.
 *
 * @param parts What is not computed.
 */
export function makePacket(parts: PacketParts): NnrpPacket {
  const metadata = parts.metadata ?? new Uint8Array(0);
  const body = parts.body ?? new Uint8Array(0);
  return {
    header: {
      versionMajor: VERSION_MAJOR,
      wireFormat: WireFormat.CURRENT,
      msgType: parts.msgType,
      headerLen: HEADER_SIZE,
      flags: parts.flags ?? 0,
      metaLen: metadata.length,
      bodyLen: body.length,
      sessionId: parts.sessionId ?? 0,
      frameId: parts.frameId ?? 0,
      viewId: parts.viewId ?? 0,
      routeId: parts.routeId ?? 0,
      traceId: parts.traceId ?? 0n,
    },
    metadata,
    body,
  };
}

function checkLength(field: string, stated: number, actual: number): void {
  if (stated !== actual) {
    throw new NnrpValueError("the header states another length", { field, expected: actual, actual: stated });
  }
}

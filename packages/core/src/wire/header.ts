/**
 * The 40-byte header that begins every packet (wire spec §2). `writeHeader` and `checkHeader` are on the way of every
 * packet: straight-line code that allocates nothing.
 *
 * @module
 */
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import { enumName } from "./enum_names.ts";
import { MessageType, WireFormat } from "./enums.ts";
import { checkU16, checkU32, checkU64, checkU8, isU16, isU32, isU64, shown } from "./integers.ts";
import { HeaderOffset } from "./packet_cursor.ts";

/** Length of the header, bytes. */
export const HEADER_SIZE = 40;
/** The only version this project writes. */
export const VERSION_MAJOR = 1;
/** `NNRP` as a little-endian u32. */
const MAGIC = 0x50524e4e;
/** Version 1, wire format 0, any type, header length 40: the second word of nearly every packet. */
const FIXED_WORD = (HEADER_SIZE << 24) | (WireFormat.CURRENT << 8) | VERSION_MAJOR;
/** The bytes of that word that readers insist on: wire format and header length. */
const FIXED_BYTES = (HEADER_SIZE << 24) | (WireFormat.CURRENT << 8);

const KNOWN_TYPE = new Uint8Array(256);
for (const type of Object.values(MessageType)) KNOWN_TYPE[type] = 1;

/** Fields of the header, without the magic. */
export interface PacketHeader {
  /** Major version, u8; 1. Any value is read. */
  readonly versionMajor: number;
  /** Wire format, u8; 0 (CURRENT). */
  readonly wireFormat: number;
  /** Message type, u8, a MessageType. */
  readonly msgType: number;
  /** Length of the header, u8; 40. */
  readonly headerLen: number;
  /** HeaderFlags, u32; undefined bits are kept. */
  readonly flags: number;
  /** Length of the metadata, bytes, u32. */
  readonly metaLen: number;
  /** Length of the body, bytes, u32. */
  readonly bodyLen: number;
  /** Session, u32; 0 = none yet. */
  readonly sessionId: number;
  /** Frame, u32. */
  readonly frameId: number;
  /** View, u16. */
  readonly viewId: number;
  /** Route, u16. */
  readonly routeId: number;
  /** Opaque number for finding packets that belong together, u64. */
  readonly traceId: bigint;
}

/** Whether a number is a message type of wire spec §3. */
export function isMessageType(msgType: number): boolean {
  return typeof msgType === "number" && KNOWN_TYPE[msgType] === 1;
}

/**
 * Writes a header without any check: for encoders that checked their input before (see {@linkcode checkHeaderIds}). Numbers that
 * do not fit would be cut.
 */
export function writeHeader(
  view: DataView,
  offset: number,
  msgType: number,
  flags: number,
  metaLen: number,
  bodyLen: number,
  sessionId: number,
  frameId: number,
  viewId: number,
  routeId: number,
  traceId: bigint,
): void {
  view.setUint32(offset, MAGIC, true);
  view.setUint32(offset + 4, FIXED_WORD | (msgType << 16), true);
  view.setUint32(offset + 8, flags, true);
  view.setUint32(offset + 12, metaLen, true);
  view.setUint32(offset + 16, bodyLen, true);
  view.setUint32(offset + 20, sessionId, true);
  view.setUint32(offset + 24, frameId, true);
  view.setUint32(offset + 28, viewId | (routeId << 16), true);
  if (traceId === 0n) { // the usual case: two small writes instead of a bigint's
    view.setUint32(offset + 32, 0, true);
    view.setUint32(offset + 36, 0, true);
  } else view.setBigUint64(offset + 32, traceId, true);
}

/**
 * Checks what callers give for a header; allocates nothing.
 *
 * @throws NnrpValueError if one of them does not fit its field.
 */
export function checkHeaderIds(
  flags: number,
  sessionId: number,
  frameId: number,
  viewId: number,
  routeId: number,
  traceId: bigint,
): void {
  if (
    isU32(flags) && isU32(sessionId) && isU32(frameId) && isU16(viewId) && isU16(routeId) &&
    (traceId === 0n || isU64(traceId))
  ) return;
  checkU32(flags, "flags");
  checkU32(sessionId, "sessionId");
  checkU32(frameId, "frameId");
  checkU16(viewId, "viewId");
  checkU16(routeId, "routeId");
  checkU64(traceId, "traceId");
}

/**
 * Checks and writes a header, 40 bytes.
 *
 * @param header All fields.
 * @param view Where to write.
 * @param offset Where the header begins, bytes.
 * @throws NnrpValueError if a field does not fit, the type or format is unknown or `headerLen` is not 40. Nothing was written.
 */
export function encodeHeader(header: PacketHeader, view: DataView, offset: number): void {
  checkU8(header.versionMajor, "versionMajor");
  if (header.wireFormat !== WireFormat.CURRENT) {
    throw new NnrpValueError("unknown wire format", {
      field: "wireFormat",
      expected: WireFormat.CURRENT,
      actual: shown(header.wireFormat),
    });
  }
  if (!isMessageType(header.msgType)) {
    throw new NnrpValueError("unknown message type", {
      field: "msgType",
      expected: "a MessageType",
      actual: shown(header.msgType),
    });
  }
  if (header.headerLen !== HEADER_SIZE) {
    throw new NnrpValueError("header has a fixed length", {
      field: "headerLen",
      expected: HEADER_SIZE,
      actual: shown(header.headerLen),
    });
  }
  checkU32(header.metaLen, "metaLen");
  checkU32(header.bodyLen, "bodyLen");
  checkHeaderIds(
    header.flags,
    header.sessionId,
    header.frameId,
    header.viewId,
    header.routeId,
    header.traceId,
  );
  if (offset + HEADER_SIZE > view.byteLength) {
    throw new NnrpValueError("no room for the header", {
      field: "view",
      expected: `${HEADER_SIZE} bytes`,
      actual: view.byteLength - offset,
    });
  }
  writeHeader(
    view,
    offset,
    header.msgType,
    header.flags,
    header.metaLen,
    header.bodyLen,
    header.sessionId,
    header.frameId,
    header.viewId,
    header.routeId,
    header.traceId,
  );
  view.setUint8(offset + HeaderOffset.VERSION_MAJOR, header.versionMajor);
}

/**
 * Checks a header where it lies; allocates nothing unless it refuses. Lengths are the packet reader's business.
 *
 * @param view The bytes.
 * @param offset Where the header begins.
 * @throws NnrpWireError (stage framing) on fewer than 40 bytes, a bad magic, header length, wire format or message type.
 */
export function checkHeader(view: DataView, offset: number): void {
  if (view.byteLength - offset >= HEADER_SIZE && view.getUint32(offset, true) === MAGIC) {
    const word = view.getUint32(offset + 4, true);
    if ((word & 0xff00ff00) === FIXED_BYTES && KNOWN_TYPE[(word >>> 16) & 0xff] === 1) return;
  }
  throw refusal(view, offset);
}

/** How others begin whose ports are mixed up with those of NNRP. */
const TLS_HANDSHAKE = 0x160301;
const TLS_ALERT = 0x15;
const HTTP_ANSWER = 0x48545450;
const HTTP_GET = 0x47455420;

/** Refuses bytes that cannot be the beginning of a packet, however few they are; null if they can. */
export function refuseStart(bytes: Uint8Array): NnrpWireError | null {
  if (bytes.length < 4) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(0, true) === MAGIC ? null : notNnrp(view, 0);
}

function notNnrp(view: DataView, offset: number): NnrpWireError {
  const first = view.getUint32(offset, false);
  const words = first >>> 8 === TLS_HANDSHAKE
    ? "not NNRP but TLS, which this port does not speak"
    : first >>> 24 === TLS_ALERT
    ? "not NNRP but TLS: the peer wants an encrypted connection (nnrps://)"
    : first === HTTP_ANSWER
    ? "not NNRP but HTTP: the peer is a web server (WebSocket begins with ws://)"
    : first === HTTP_GET
    ? "not NNRP but HTTP, which this port does not speak"
    : "not NNRP";
  return refused(words, "header.magic", offset, "4e4e5250", hex(first));
}

/** What is wrong with a header that was refused, in the order of wire spec §2. */
function refusal(view: DataView, offset: number): NnrpWireError {
  if (view.byteLength - offset < HEADER_SIZE) {
    return refused("cut", "header", offset, HEADER_SIZE, Math.max(0, view.byteLength - offset));
  }
  if (view.getUint32(offset, true) !== MAGIC) {
    return notNnrp(view, offset);
  }
  const headerLen = view.getUint8(offset + HeaderOffset.HEADER_LEN);
  if (headerLen !== HEADER_SIZE) {
    return refused(
      "has a fixed length",
      "header.header_len",
      offset + HeaderOffset.HEADER_LEN,
      HEADER_SIZE,
      headerLen,
    );
  }
  const wireFormat = view.getUint8(offset + HeaderOffset.WIRE_FORMAT);
  if (wireFormat !== WireFormat.CURRENT) {
    return refused(
      "unknown wire format",
      "header.wire_format",
      offset + HeaderOffset.WIRE_FORMAT,
      WireFormat.CURRENT,
      wireFormat,
    );
  }
  return refused(
    "unknown message type",
    "header.msg_type",
    offset + HeaderOffset.MSG_TYPE,
    "a MessageType",
    enumName(MessageType, view.getUint8(offset + HeaderOffset.MSG_TYPE)),
  );
}

/**
 * Reads a header.
 *
 * @param view The bytes.
 * @param offset Where the header begins.
 * @param length How many bytes there are for it; exactly 40.
 * @param expectedWireFormat Refuses another format, if given; compared by value (wire spec §15.8).
 * @throws NnrpWireError (stage framing) as {@linkcode checkHeader}, and for another length.
 */
export function decodeHeader(
  view: DataView,
  offset: number,
  length: number = HEADER_SIZE,
  expectedWireFormat?: number,
): PacketHeader {
  if (length !== HEADER_SIZE) throw refused("has a fixed length", "header", offset, HEADER_SIZE, length);
  checkHeader(view, offset);
  const wireFormat = view.getUint8(offset + 5);
  if (expectedWireFormat !== undefined && wireFormat !== expectedWireFormat) {
    throw refused("another wire format", "header.wire_format", offset + 5, expectedWireFormat, wireFormat);
  }
  return {
    versionMajor: view.getUint8(offset + 4),
    wireFormat,
    msgType: view.getUint8(offset + 6),
    headerLen: HEADER_SIZE,
    flags: view.getUint32(offset + 8, true),
    metaLen: view.getUint32(offset + 12, true),
    bodyLen: view.getUint32(offset + 16, true),
    sessionId: view.getUint32(offset + 20, true),
    frameId: view.getUint32(offset + 24, true),
    viewId: view.getUint16(offset + 28, true),
    routeId: view.getUint16(offset + 30, true),
    traceId: view.getBigUint64(offset + 32, true),
  };
}

function refused(
  message: string,
  field: string,
  offset: number,
  expected: string | number,
  actual: string | number,
): NnrpWireError {
  return new NnrpWireError(message, { field, offset, expected, actual, stage: "framing" });
}

function hex(word: number): string {
  return word.toString(16).padStart(8, "0");
}

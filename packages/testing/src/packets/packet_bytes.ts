/**
 * Packets as bytes for tests: without the checks of the builders where a test wants broken ones.
 *
 * @module
 */
import {
  encodePacket,
  HeaderOffset,
  makePacket,
  type NnrpPacket,
  PacketCursor,
  type PacketParts,
} from "@nnrp/core";

/** The bytes of a packet made from its parts. */
export function bytesOf(parts: PacketParts): Uint8Array {
  return encodePacket(makePacket(parts));
}

/** All bytes in one row. */
export function join(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** A cursor on a packet of its own memory. */
export function cursorOn(packet: NnrpPacket | Uint8Array): PacketCursor {
  return new PacketCursor(packet instanceof Uint8Array ? packet : encodePacket(packet));
}

/** A header that says anything: type, lengths and more, unchecked. */
export function headerBytes(
  fields: {
    magic?: string;
    version?: number;
    format?: number;
    type?: number;
    headerLen?: number;
    meta?: number;
    body?: number;
  },
): Uint8Array {
  const bytes = new Uint8Array(HeaderOffset.END);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(fields.magic ?? "NNRP"), 0);
  bytes[HeaderOffset.VERSION_MAJOR] = fields.version ?? 1;
  bytes[HeaderOffset.WIRE_FORMAT] = fields.format ?? 0;
  bytes[HeaderOffset.MSG_TYPE] = fields.type ?? 0x20;
  bytes[HeaderOffset.HEADER_LEN] = fields.headerLen ?? 40;
  view.setUint32(HeaderOffset.META_LEN, fields.meta ?? 0, true);
  view.setUint32(HeaderOffset.BODY_LEN, fields.body ?? 0, true);
  return bytes;
}

/** Bytes that tell where they came from: number `seed`, then a pattern. */
export function patterned(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + seed * 17 + (i >>> 8)) & 0xff;
  return bytes;
}

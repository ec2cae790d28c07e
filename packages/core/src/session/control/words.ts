/**
 * Human-readable text in the bodies of CLOSE and ERROR: UTF-8, at most 1 KiB.
 *
 * @module
 */
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import { cutPeerText, readPeerText } from "../../peer_text.ts";

const TEXT = new TextEncoder();

/** Encodes a text as a body, cut to the same length as a peer's text. */
export function encodeWords(words = ""): Uint8Array {
  return TEXT.encode(cutPeerText(words));
}

/** The text in a packet's body, at most 1 KiB of them; bytes that are no UTF-8 become U+FFFD. */
export function decodeWords(cursor: PacketCursor): string {
  return readPeerText(cursor.bytes.subarray(cursor.bodyOffset, cursor.bodyOffset + cursor.bodyLength));
}

/**
 * Words for people in the bodies of CLOSE and ERROR: UTF-8, as much as a person reads.
 *
 * @module
 */
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import { MAX_WORDS_BYTES } from "../limits.ts";

const TEXT = new TextEncoder();
const READABLE = new TextDecoder();

/** The body for these words; what is longer than {@linkcode MAX_WORDS_BYTES} is cut. */
export function encodeWords(words = ""): Uint8Array {
  return TEXT.encode(words).subarray(0, MAX_WORDS_BYTES);
}

/** The words in a packet's body, the first {@linkcode MAX_WORDS_BYTES} of it; bytes that are no UTF-8 become U+FFFD. */
export function decodeWords(cursor: PacketCursor): string {
  const length = Math.min(cursor.bodyLength, MAX_WORDS_BYTES);
  return READABLE.decode(cursor.bytes.subarray(cursor.bodyOffset, cursor.bodyOffset + length));
}

/**
 * The end of a WebTransport stream. Deno sends no FIN there (and browsers lose what was written right before they close), so a
 * side that has finished sending writes eight bytes at the end of each of its streams: `NNRP`, 0xFF, 0x45, and the number of
 * streams it ends (u16, little endian). No packet begins like that: 0x45 is no wire format.
 *
 * @module
 */

/** Length of the mark, bytes. */
export const END_MARK_BYTES = 8;
const HEAD = [0x4e, 0x4e, 0x52, 0x50, 0xff, 0x45];

/** The mark of a side that ends `streams` streams. */
export function endMark(streams: number): Uint8Array {
  return new Uint8Array([...HEAD, streams & 0xff, streams >>> 8]);
}

/** The number of streams if these bytes are a mark, else −1. */
export function readEndMark(bytes: Uint8Array): number {
  if (bytes.length !== END_MARK_BYTES) return -1;
  for (let i = 0; i < HEAD.length; i++) if (bytes[i] !== HEAD[i]) return -1;
  return bytes[6] | bytes[7] << 8;
}

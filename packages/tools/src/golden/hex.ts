/**
 * Hexadecimal text as golden files may hold it; the vectors of ours are stricter.
 *
 * @module
 */

const WHITE = " \t\n\r\v\f";
const PAIR = /^[0-9a-f]{2}$/i;

/**
 * Text as bytes; white space between bytes is passed over, as the reference does.
 *
 * @returns null if it is no such text.
 */
export function bytesOfHex(text: string): Uint8Array | null {
  const bytes: number[] = [];
  for (let at = 0; at < text.length;) {
    if (WHITE.includes(text[at])) {
      at++;
      continue;
    }
    const pair = text.slice(at, at + 2);
    if (!PAIR.test(pair)) return null;
    bytes.push(parseInt(pair, 16));
    at += 2;
  }
  return Uint8Array.from(bytes);
}

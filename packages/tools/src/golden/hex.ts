/**
 * Hexadecimal text as golden files may hold it; the vectors of ours are stricter.
 *
 * @module
 */

/**
 * Text as bytes; white space between bytes is passed over, as the reference does.
 *
 * @returns null if it is no such text.
 */
export function bytesOfHex(text: string): Uint8Array | null {
  if (!/^(?:[ \t\n\r\v\f]*[0-9a-f]{2})*[ \t\n\r\v\f]*$/i.test(text)) return null;
  const digits = text.replace(/[ \t\n\r\v\f]+/g, "");
  return Uint8Array.from(
    { length: digits.length / 2 },
    (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}

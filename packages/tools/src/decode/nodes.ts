/**
 * Nodes while they grow, and the bytes of nodes as hex and text.
 *
 * @module
 */
import type { DecodedNode } from "./tree.ts";

/** A node whose parts are still being added. */
export type GrowingNode = Writable<Omit<DecodedNode, "children">> & {
  /** Parts so far. */
  children?: GrowingNode[];
};

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

const DIGITS: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => byte.toString(16).padStart(2, "0"),
);

/** Bytes in hex, `most` of them. */
export function hexAt(bytes: Uint8Array, offset: number, length: number, most: number): string {
  let hex = "";
  const end = offset + Math.min(length, most);
  for (let at = offset; at < end; at++) hex += DIGITS[bytes[at]];
  return hex;
}

/**
 * The beginning of bytes as text.
 *
 * @param most Longest text; a longer one ends with "…".
 * @returns undefined if they are empty, no UTF-8, or hold control characters.
 */
export function textAt(bytes: Uint8Array, offset: number, length: number, most: number): string | undefined {
  if (length === 0) return undefined;
  const looked = Math.min(length, most * 4);
  let text: string;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    text = decoder.decode(bytes.subarray(offset, offset + looked), { stream: looked < length });
  } catch {
    return undefined;
  }
  // deno-lint-ignore no-control-regex
  if (text.length === 0 || /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/.test(text)) return undefined;
  if (text.length <= most && looked === length) return text;
  const cut = text.slice(0, most);
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

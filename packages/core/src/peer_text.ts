/**
 * Text that a peer wrote: how much of it is kept, and how it is made fit to be shown. Bytes that become text are bounded here,
 * where they are decoded; sentences that quote them (messages of errors, lines of logs, output of commands) are made fit here.
 *
 * @module
 */

/**
 * Most of a peer's text that is kept, bytes of UTF-8: reasons, diagnostics, names of models, answers of HTTP, subjects of
 * certificates. What applications exchange in frames is no such text.
 */
export const MAX_PEER_TEXT_BYTES = 1024;

/**
 * Decodes text of a peer: UTF-8 of which at most {@linkcode MAX_PEER_TEXT_BYTES} are read and kept, cut
 * between two characters. Bytes that are no UTF-8 become U+FFFD. The text is what the peer wrote, not yet fit
 * to be shown.
 *
 * @param bytes What the peer sent, of any length; it is not changed.
 */
export function readPeerText(bytes: Uint8Array): string {
  // As a stream the decoder keeps back the beginning of a character that is cut.
  const cut = bytes.length > MAX_PEER_TEXT_BYTES;
  return cutPeerText(new TextDecoder().decode(bytes.subarray(0, MAX_PEER_TEXT_BYTES), { stream: cut }));
}

/**
 * Cuts text that a runtime decoded already: to at most {@linkcode MAX_PEER_TEXT_BYTES} of UTF-8, between two characters.
 *
 * @param text The text, of any length.
 */
export function cutPeerText(text: string): string {
  if (text.length * 3 <= MAX_PEER_TEXT_BYTES) return text; // no code unit takes more than three bytes
  const room = new Uint8Array(MAX_PEER_TEXT_BYTES);
  return text.slice(0, new TextEncoder().encodeInto(text, room).read);
}

/**
 * Makes text fit to be shown on a terminal or in a log: what a screen would obey or not show at all is written as JavaScript
 * and JSON write it, `\n` or `\u202e`. That is controls (C0, DEL, C1), marks of direction, separators of lines, characters
 * without a width, halves of surrogate pairs, and what Unicode says is no character. One line in gives one line out, and a line
 * of JSON stays the same JSON. Linear in the length.
 *
 * @param text Any text, for example a sentence that quotes a peer.
 */
export function fitToShow(text: string): string {
  return text.replace(UNFIT, escaped);
}

/** One character at a time, so the time is linear. */
const UNFIT = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  let units = "";
  for (let i = 0; i < character.length; i++) {
    units += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  }
  return units;
}

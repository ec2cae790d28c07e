/**
 * Bytes from hex text as people paste it: plain digits, `0x` and separators, and what `xxd` and `hexdump -C` print.
 *
 * @module
 */

/** Text that is no hex. */
export class HexTextError extends Error {
  /** Says where and what to do. */
  constructor(message: string) {
    super(message);
    this.name = "HexTextError";
  }
}

/** A line of a dump. */
interface DumpLine {
  /** Where its bytes lie. */
  readonly offset: number;
  /** Their digits. */
  readonly digits: string;
}

/** Most bytes that a dump may stand for: few characters can say "the same until there". */
const MAX_DUMP_BYTES = 256 * 1024 * 1024;
/** Stands for lines that are like the one before. */
const SAME = "*";

/**
 * Reads hex text.
 *
 * @param text Digits with white space, colons, commas, dashes or `0x` between them; or a dump of `xxd` or `hexdump -C`.
 * @throws HexTextError naming line and column of what is no hex, or telling that a digit is missing.
 */
export function parseHexText(text: string): Uint8Array {
  const lines = text.split(/\r?\n/);
  const dump = dumpDigits(lines.filter((line) => line.trim() !== ""));
  if (dump !== null) return toBytes(dump);
  const digits = lines.map((line, row) => {
    const clean = line.replace(/0x|\\x/gi, "  ");
    const wrong = clean.search(NO_DIGIT);
    if (wrong >= 0) {
      const char = JSON.stringify(clean[wrong]);
      throw new HexTextError(`line ${row + 1}, column ${wrong + 1}: ${char} is no hex digit`);
    }
    return clean.replace(SEPARATOR, "");
  }).join("");
  if (digits.length % 2 !== 0) {
    throw new HexTextError(`${digits.length} hex digits make no whole bytes: one is missing or too many`);
  }
  return toBytes(digits);
}

const SEPARATOR = /[\s:,;_"'\[\]{}-]/g;
const NO_DIGIT = /[^0-9a-fA-F\s:,;_"'\[\]{}-]/;

/** Whether bytes look like hex text of NNRP, so that `--hex` was forgotten. */
export function looksLikeHex(bytes: Uint8Array): boolean {
  const text = new TextDecoder().decode(bytes.subarray(0, 120)).toLowerCase();
  return text.replace(/^[0-9a-f]{4,16}:? +/, "").replace(/0x|[^0-9a-f]/g, "").startsWith("4e4e5250");
}

/** Digits of a dump; null if it is none. */
function dumpDigits(lines: readonly string[]): string | null {
  for (const shape of [xxdLine, hexdumpLine]) {
    const digits = readDump(lines, shape);
    if (digits !== null) return digits;
  }
  return null;
}

function readDump(lines: readonly string[], read: (line: string) => DumpLine | null): string | null {
  let digits = "";
  let row = "";
  let repeat = false;
  for (const line of lines) {
    if (line.trim() === SAME && row !== "") {
      repeat = true;
      continue;
    }
    const found = read(line);
    if (found === null || digits.length / 2 > found.offset) return null;
    const until = found.offset * 2;
    if (!repeat && until !== digits.length) return null;
    if (repeat && found.offset > MAX_DUMP_BYTES) {
      throw new HexTextError(`a dump of ${found.offset} bytes; at most ${MAX_DUMP_BYTES} are read`);
    }
    if (repeat) digits = digits.padEnd(until, row);
    repeat = false;
    row = found.digits;
    digits += row;
  }
  return digits === "" ? null : digits;
}

/** `00000010: 0123 4567  text`: groups of digits, one space between them, until something else comes. */
function xxdLine(line: string): DumpLine | null {
  const colon = line.indexOf(":");
  if (colon < 4 || colon > 16 || !isHex(line, 0, colon) || !isBlank(line[colon + 1])) return null;
  let digits = "";
  let at = colon + 1;
  while (isBlank(line[at])) at++;
  for (;;) {
    let end = at;
    while (end < line.length && !isBlank(line[end])) end++;
    if (end - at < 2 || !isHex(line, at, end)) break; // the text beside the bytes
    digits += line.slice(at, end);
    at = end + 1;
    if (line[end] !== " ") break;
  }
  return digits === "" ? null : { offset: parseInt(line.slice(0, colon), 16), digits };
}

/** `00000010  01 23 45  67 |text|`: up to sixteen pairs of digits, one or two blanks before each. */
function hexdumpLine(line: string): DumpLine | null {
  let at = 0;
  while (at < 17 && isHex(line, at, at + 1)) at++;
  if (at < 6 || at > 16) return null;
  const offset = parseInt(line.slice(0, at), 16);
  let digits = "";
  while (digits.length < 32) {
    const pair = isBlank(line[at]) ? (isBlank(line[at + 1]) ? at + 2 : at + 1) : at;
    if (pair === at || !isHex(line, pair, pair + 2)) break;
    digits += line.slice(pair, pair + 2);
    at = pair + 2;
  }
  const rest = line.slice(at).trim();
  const isText = rest.length >= 2 && rest.startsWith("|") && rest.endsWith("|");
  return rest === "" || isText ? { offset, digits } : null;
}

/** Whether all characters from `start` to `end` are there and hex digits. */
function isHex(text: string, start: number, end: number): boolean {
  if (end > text.length) return false;
  for (let at = start; at < end; at++) if (!/[0-9a-fA-F]/.test(text[at])) return false;
  return true;
}

function isBlank(char: string | undefined): boolean {
  return char === " " || char === "\t";
}

function toBytes(digits: string): Uint8Array {
  const bytes = new Uint8Array(digits.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

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

/** Lines of dumps: offset, then bytes. `00000010: 0123 4567  text` and `00000010  01 23 45  67 |text|`. */
const XXD = /^([0-9a-fA-F]{4,16}):\s+((?:[0-9a-fA-F]{2,4} ?)+)(?:\s{1,2}.*)?$/;
const HEXDUMP = /^([0-9a-fA-F]{6,16})((?:\s{1,2}[0-9a-fA-F]{2}){0,16})\s*(?:\|.*\|)?\s*$/;
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
  const digits: string[] = [];
  lines.forEach((line, row) => {
    const clean = line.replace(/0x|\\x/gi, "  ");
    for (let column = 0; column < clean.length; column++) {
      const char = clean[column];
      if (/[0-9a-fA-F]/.test(char)) digits.push(char);
      else if (!/[\s:,;_"'\[\]{}-]/.test(char)) {
        throw new HexTextError(
          `line ${row + 1}, column ${column + 1}: ${JSON.stringify(char)} is no hex digit`,
        );
      }
    }
  });
  if (digits.length % 2 !== 0) {
    throw new HexTextError(`${digits.length} hex digits make no whole bytes: one is missing or too many`);
  }
  return toBytes(digits.join(""));
}

/** Whether bytes look like hex text of NNRP, so that `--hex` was forgotten. */
export function looksLikeHex(bytes: Uint8Array): boolean {
  const text = new TextDecoder().decode(bytes.subarray(0, 120)).toLowerCase();
  return text.replace(/^[0-9a-f]{4,16}:? +/, "").replace(/0x|[^0-9a-f]/g, "").startsWith("4e4e5250");
}

/** Digits of a dump; null if it is none. */
function dumpDigits(lines: readonly string[]): string | null {
  for (const shape of [XXD, HEXDUMP]) {
    const digits = readDump(lines, shape);
    if (digits !== null) return digits;
  }
  return null;
}

function readDump(lines: readonly string[], shape: RegExp): string | null {
  let digits = "";
  let row = "";
  let repeat = false;
  for (const line of lines) {
    if (line.trim() === SAME && row !== "") {
      repeat = true;
      continue;
    }
    const match = shape.exec(line);
    if (match === null || digits.length / 2 > parseInt(match[1], 16)) return null;
    const until = parseInt(match[1], 16) * 2;
    if (!repeat && until !== digits.length) return null;
    if (repeat) digits = digits.padEnd(until, row);
    repeat = false;
    row = match[2].replace(/\s/g, "");
    digits += row;
  }
  return digits === "" ? null : digits;
}

function toBytes(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

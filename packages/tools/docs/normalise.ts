/**
 * Makes output that changes from run to run stable, so that `docs/cli.md` can be checked: times, throughputs, ports, ids and
 * certificates become the same examples every time. Nothing else is touched.
 *
 * @module
 */

/** What is replaced, by what, and how the page explains it. */
export interface Normalisation {
  /** For the page: what changes from run to run. */
  readonly what: string;
  /** What is found. */
  readonly pattern: RegExp;
  /** What stands there instead. */
  readonly example: string;
}

/** All replacements, in order. */
export const NORMALISATIONS: readonly Normalisation[] = [
  { what: "times", pattern: /\b(\d+\.\d+|\d{3,}) ms\b/g, example: "1.23 ms" },
  { what: "times", pattern: /("(?:\w*(?:Ms|_ms)|ms|seconds)":\s*)\d+(\.\d+)?/g, example: "$11.23" },
  { what: "times", pattern: /("timesMs":\[)[^\]]*/g, example: "$11.23,1.23" },
  { what: "times", pattern: /("\w*(?:Us|_us)":\s*)\d+/g, example: "$11230" },
  { what: "times", pattern: /("roundTripsUs":\[)[^\]]*/g, example: "$11230,1230" },
  { what: "times", pattern: /^\d\d:\d\d:\d\d\b/g, example: "12:00:00" },
  { what: "dates", pattern: /\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?/g, example: "2026-01-01 00:00" },
  { what: "throughputs", pattern: /\b\d+(\.\d+)? MB\/s/g, example: "26.6 MB/s" },
  { what: "throughputs", pattern: /("\w*BytesPerSec":)[\d.]+/g, example: "$126640650.4" },
  { what: "ports", pattern: /\b(127\.0\.0\.1:)(?!4433\b|9\b)\d+/g, example: "$150000" },
  {
    what: "session ids",
    pattern: /(\bsession\s+|"session_id":(?:\{"value":| ?)|"sessionId": ?)\d{4,}/g,
    example: "$11",
  },
  {
    what: "fingerprints of certificates",
    pattern: /\b([0-9A-F]{2}:){31}[0-9A-F]{2}/g,
    example: "AB:CD:…:EF",
  },
  { what: "names of temporary files", pattern: /\S*\/nnrp-serve-\w+\//g, example: "/tmp/nnrp-serve-a1b2c3/" },
  { what: "process ids", pattern: /("pid":)\d+/g, example: "$14711" },
  { what: "fingerprints of certificates", pattern: /"[A-Za-z0-9+/]{43}="/g, example: '"q83vEjRW…="' },
];

/** Lines with what changes replaced, and the columns of tables aligned again. */
export function normalise(lines: readonly string[]): string[] {
  const replaced = lines.map((line) =>
    NORMALISATIONS.reduce((text, { pattern, example }) => text.replace(pattern, example), line)
  );
  const blocks: string[][] = [[]];
  for (const line of replaced) {
    if (line === "") blocks.push([], []);
    else blocks.at(-1)!.push(line);
  }
  const isTable = (block: readonly string[]) =>
    block.length > 1 && block.some((line) => cells(line).length >= 4 && /\d ms\b/.test(line));
  return blocks.flatMap((block, i) => i % 2 === 1 ? [""] : isTable(block) ? align(block) : block);
}

function cells(line: string): string[] {
  return line.split(/ {2,}/);
}

function align(block: readonly string[]): string[] {
  const rows = block.map(cells);
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, cell.length));
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd());
}

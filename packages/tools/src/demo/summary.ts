/**
 * The numbers of the phases as a small table of text.
 *
 * @module
 */
import { digits, percents } from "../report/markup.ts";
import type { PhaseNumbers, PhaseRecord } from "./phase.ts";

const ROWS: readonly (readonly [name: string, text: (numbers: PhaseNumbers) => string])[] = [
  ["frames/s", (n) => digits(n.framesPerSecond, 0)],
  ["latency p50 / p99, ms", (n) => `${digits(n.p50, 1)} / ${digits(n.p99, 1)}`],
  ["answers within the budget", (n) => percents(n.withinBudget)],
  ["COMPLETE", (n) => String(n.results.of("COMPLETE"))],
  ["PARTIAL (tiles that came)", (n) => withCoverage(n, "PARTIAL")],
  ["STALE_REUSE (old tiles)", (n) => withCoverage(n, "STALE_REUSE")],
  ["dropped, failed", (n) => String(n.results.of("DROP") + n.results.of("ERROR"))],
  ["PSNR / bicubic, dB", (n) => `${digits(n.psnr, 1)} / ${digits(n.bicubicPsnr, 1)}`],
];

/** A heading and one line per number; one column per phase. */
export function summaryLines(records: readonly PhaseRecord[]): string[] {
  const columns = records.map((record) => {
    const numbers = record.numbers();
    return [record.options.name, ...ROWS.map(([, text]) => text(numbers))];
  });
  const names = ["budget", ...ROWS.map(([name]) => name)];
  const nameWidth = Math.max(...names.map((name) => name.length));
  const widths = columns.map((column) => Math.max(...column.map((cell) => cell.length)));
  return names.map((name, row) =>
    [name.padEnd(nameWidth), ...columns.map((column, i) => column[row].padStart(widths[i]))].join("   ")
  );
}

function withCoverage(numbers: PhaseNumbers, name: "PARTIAL" | "STALE_REUSE"): string {
  const count = numbers.results.of(name);
  return count === 0 ? "0" : `${count} (${percents(numbers.coverageOf(name))})`;
}

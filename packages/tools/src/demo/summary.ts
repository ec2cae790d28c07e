/**
 * The numbers of the phases as a small table of text.
 *
 * @module
 */
import { digits, percents } from "../report/markup.ts";
import type { PhaseRecord } from "./phase.ts";

/** A heading and one line per phase. */
export function summaryLines(records: readonly PhaseRecord[]): string[] {
  const rows = records.map((record) => {
    const n = record.numbers();
    const covered = (name: "PARTIAL" | "STALE_REUSE") => {
      const count = n.results.of(name);
      return count === 0 ? "0" : `${count} (${percents(n.coverageOf(name))} of tiles)`;
    };
    const others = n.results.of("DEGRADED") + n.results.of("DROP") + n.results.of("ERROR");
    return [
      record.options.name,
      digits(n.framesPerSecond, 0),
      digits(n.p50, 1),
      digits(n.p99, 1),
      percents(n.withinBudget),
      String(n.results.of("COMPLETE")),
      covered("PARTIAL"),
      covered("STALE_REUSE"),
      String(others),
      `${digits(n.psnr, 1)} / ${digits(n.bicubicPsnr, 1)}`,
    ];
  });
  const head = [
    "",
    "frames/s",
    "p50 ms",
    "p99 ms",
    "in budget",
    "COMPLETE",
    "PARTIAL",
    "STALE_REUSE",
    "dropped",
    "dB / bicubic",
  ];
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join("  ");
  return [line(head), ...rows.map(line)];
}

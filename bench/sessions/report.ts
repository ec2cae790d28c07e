/**
 * Rows of measurements with their bars, as a table and as JSON.
 *
 * @module
 */

/** One number. */
export interface Row {
  /** Which measurement: `heap`, `idle`, `overload`, `against`. */
  readonly work: string;
  /** Where it ran. */
  readonly runtime: string;
  /** What was counted. */
  readonly what: string;
  /** The number, in `unit`. */
  readonly value: number;
  /** Its unit; empty for ratios. */
  readonly unit: string;
  /** What it must not fall below or go beyond; none = for information. */
  readonly bar?: { readonly least: number } | { readonly most: number };
  /** The single rounds, where there were several. */
  readonly rounds?: readonly number[];
}

/** `good`, `MISSED`, or nothing where there is no bar. */
export function verdict(row: Row): string {
  if (row.bar === undefined) return "";
  const good = "least" in row.bar ? row.value >= row.bar.least : row.value <= row.bar.most;
  return good ? "good" : "MISSED";
}

/** The rows as a table. */
export function table(rows: readonly Row[]): string {
  const head = ["work", "runtime", "what", "value", "range", "bar", "verdict"];
  const cells = rows.map((row) => [
    row.work,
    row.runtime,
    row.what,
    `${shown(row.value)} ${row.unit}`.trimEnd(),
    row.rounds === undefined ? "" : `${shown(Math.min(...row.rounds))}–${shown(Math.max(...row.rounds))}`,
    row.bar === undefined
      ? ""
      : "least" in row.bar
      ? `≥ ${shown(row.bar.least)}`
      : `≤ ${shown(row.bar.most)}`,
    verdict(row),
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((line) => line[i].length)));
  return [head, ...cells].map((line) =>
    line.map((text, i) => i === 3 || i === 4 ? text.padStart(widths[i]) : text.padEnd(widths[i])).join("  ")
      .trimEnd()
  ).join("\n");
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which a share of the values lies; 0 if there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function shown(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  return Number.isInteger(value) ? String(value) : value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 3);
}

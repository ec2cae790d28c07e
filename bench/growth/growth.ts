/**
 * Growth: how much longer one thing takes at a point than at the best one, beside the bare peer's own growth.
 *
 * @module
 */
import type { Figures, Who } from "./measure.ts";

/** How much more ours may grow than the bare peer, from the best point to the largest. */
export const BAR = 2;

/** A point with what was measured there; nothing if that peer was not. */
export interface Point {
  /** Where on the axis. */
  readonly at: number;
  /** Medians of the rounds. */
  readonly ours: Figures;
  /** Medians of the rounds; absent where the bare peer cannot do it. */
  readonly bare?: Figures;
}

/** A row of the report. */
export interface Row extends Point {
  /** Name of the axis. */
  readonly axis: string;
  /** Where it ran. */
  readonly runtime: string;
  /** Time of one thing here to that at ours best point. */
  readonly growth: number;
  /** The same of the bare peer, between the same two points, where there is one; at least 1. */
  readonly bareGrowth: number;
  /** `good` or `GROWS` from the best point on; nothing before it. */
  readonly verdict: "" | "good" | "GROWS";
}

/** Rows of an axis, from its points in ascending order. */
export function rowsOf(axis: string, runtime: string, points: readonly Point[]): Row[] {
  const best = points.reduce((a, b) => b.ours.rate > a.ours.rate ? b : a, points[0]);
  return points.map((point) => {
    const growth = best.ours.rate / point.ours.rate;
    // A bare peer that gets faster where ours does not is no licence to be slow, and no reproach either.
    const bareGrowth = Math.max(1, (best.bare?.rate ?? 1) / (point.bare?.rate ?? best.bare?.rate ?? 1));
    const verdict = point.at < best.at ? "" : growth <= BAR * bareGrowth ? "good" : "GROWS";
    return { axis, runtime, ...point, growth, bareGrowth, verdict };
  });
}

/** Medians of rounds. */
export function median(rounds: readonly Figures[]): Figures {
  const middle = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
  return { rate: middle(rounds.map((r) => r.rate)), cpuUs: middle(rounds.map((r) => r.cpuUs)) };
}

/** The rows of one axis as a table. */
export function table(rows: readonly Row[], withBare: boolean): string {
  const head = ["point", "rate/s", "us each", "cpu us", "growth"];
  if (withBare) head.push("bare rate/s", "bare cpu us", "bare growth");
  head.push("verdict");
  const cells = rows.map((row) => [
    number(row.at),
    number(row.ours.rate),
    number(1e6 / row.ours.rate),
    number(row.ours.cpuUs),
    `${row.growth.toFixed(2)} ×`,
    ...withBare
      ? row.bare === undefined
        ? ["", "", ""]
        : [number(row.bare.rate), number(row.bare.cpuUs), `${row.bareGrowth.toFixed(2)} ×`]
      : [],
    row.verdict,
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((line) => line[i].length)));
  return [head, ...cells].map((line) =>
    line.map((text, i) => i === line.length - 1 ? text : text.padStart(widths[i])).join("  ").trimEnd()
  ).join("\n");
}

/** Whose turn it is first in a round: it changes, so that a slow drift of the machine favours nobody. */
export function orderOf(round: number, withBare: boolean): readonly Who[] {
  if (!withBare) return ["ours"];
  return round % 2 === 0 ? ["ours", "bare"] : ["bare", "ours"];
}

function number(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString("en-US");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

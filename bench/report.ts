/**
 * From measurements to ratios, a table and JSON.
 *
 * @module
 */
import { type Contender, type Runtime, yardstick } from "./contenders.ts";
import type { Outcome, Plan } from "./runner.ts";
import type { Bar, Metric, PeerName, Work } from "./works.ts";

/** Median and range. */
interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One comparison. */
export interface Row {
  /** The work. */
  readonly work: Work;
  /** Runtime of ours. */
  readonly runtime: Runtime;
  /** Whom ours is compared with. */
  readonly peer: PeerName;
  /** What is compared. */
  readonly metric: Metric;
  /** Ours, in the unit of the metric. */
  readonly ours?: Spread;
  /** Theirs. */
  readonly theirs?: Spread;
  /** Median of ours / median of theirs. */
  readonly ratio?: number;
  /** Rounds that counted. */
  readonly rounds: number;
  /** Bar, if there is one. */
  readonly bar?: Bar;
  /** Why there is no ratio. */
  readonly missing?: string;
}

/** What `--out` writes per row: rates per second (MB/s in C), times in microseconds. */
export interface JsonRow {
  /** Name of the work. */
  readonly work: string;
  /** Runtime of ours. */
  readonly runtime: string;
  /** Carrier of ours; `none` in the codec work. */
  readonly carrier: string;
  /** Whom ours is compared with. */
  readonly peer: string;
  /** What is compared. */
  readonly metric: Metric;
  /** Ours, median. */
  readonly ours: number;
  /** Theirs, median. */
  readonly theirs: number;
  /** Ours / theirs. */
  readonly ratio: number;
  /** Rounds that the medians rest on. */
  readonly rounds: number;
}

function spread(outcome: Outcome, metric: Metric, scale: number): Spread | undefined {
  const values = outcome.rounds.map((round) => (round[metric] ?? NaN) * scale).sort((a, b) => a - b);
  if (values.length === 0) return undefined;
  const half = values.length >> 1;
  const median = values.length % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
  return { median, min: values[0], max: values[values.length - 1] };
}

/** Compares ours with every yardstick, per work, runtime and metric. */
export function compare(outcomes: readonly Outcome[], plan: Plan): Row[] {
  const find = (work: Work, { peer, runtime }: Contender): Outcome | undefined =>
    outcomes.find((o) => o.work === work && o.contender.peer === peer && o.contender.runtime === runtime);
  const rows: Row[] = [];
  for (const work of plan.works) {
    for (const runtime of plan.runtimes) {
      const own = find(work, { peer: "ours", runtime });
      for (const peer of work.peers.filter((name) => plan.peers.includes(name))) {
        const other = find(work, yardstick(peer, runtime));
        for (const metric of work.metrics) {
          const scale = metric === "rate" ? work.scale : 1;
          const ours = own && spread(own, metric, scale);
          const theirs = other && spread(other, metric, scale);
          rows.push({
            work,
            runtime,
            peer,
            metric,
            ours,
            theirs,
            ratio: ours && theirs && ours.median / theirs.median,
            rounds: Math.min(own?.rounds.length ?? 0, other?.rounds.length ?? 0),
            bar: work.bars[metric]?.[peer],
            missing: own?.missing
              ? `ours on ${runtime}: ${own.missing}`
              : other?.missing
              ? `${peer} on ${other.contender.runtime}: ${other.missing}`
              : undefined,
          });
        }
      }
    }
  }
  return rows;
}

/** Whether a ratio reaches a limit. */
function reaches(row: Row, limit: number): boolean {
  return row.metric === "rate" ? row.ratio! >= limit : row.ratio! <= limit;
}

/** `good`, `pass` (good missed, floor kept), `BELOW FLOOR`, `below good` (no floor), or nothing where there is no bar. */
export function verdict(row: Row): string {
  if (row.ratio === undefined) return "not measured";
  if (row.bar === undefined) return "";
  if (reaches(row, row.bar.good)) return "good";
  if (row.bar.floor === undefined) return "below good";
  return reaches(row, row.bar.floor) ? "pass" : "BELOW FLOOR";
}

function number(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function show(value: Spread | undefined): string {
  return value ? `${number(value.median)} [${number(value.min)}–${number(value.max)}]` : "–";
}

function showBar(row: Row): string {
  if (row.bar === undefined) return "";
  const sign = row.metric === "rate" ? "≥" : "≤";
  const floor = row.bar.floor === undefined ? "" : ` (floor ${row.bar.floor})`;
  return `${sign} ${row.bar.good}${floor}`;
}

/** The table, one block per work. A p99 is shown against the bare peer only. */
export function table(all: readonly Row[]): string {
  const rows = all.filter((row) => row.metric !== "p99" || row.peer === "bare");
  const head = ["runtime", "peer", "metric", "ours [range]", "theirs [range]", "ratio", "bar", "verdict"];
  const cells = rows.map((row) => [
    row.runtime,
    row.peer,
    row.metric,
    show(row.ours),
    show(row.theirs),
    row.ratio === undefined ? "–" : `${number(row.ratio)} ×`,
    showBar(row),
    verdict(row),
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((line) => line[i].length)));
  const numeric = [false, false, false, true, true, true, false, false];
  const line = (texts: readonly string[]): string =>
    texts.map((text, i) => numeric[i] ? text.padStart(widths[i]) : text.padEnd(widths[i])).join("  ")
      .trimEnd();
  const out: string[] = [];
  rows.forEach((row, i) => {
    if (rows[i - 1]?.work !== row.work) {
      const unit = row.work.metrics.includes("rate") ? row.work.unit : "us";
      out.push("", `${row.work.name}  ${row.work.title} (${unit})`, line(head));
    }
    out.push(line(cells[i]));
  });
  return [...out, ...reasons(rows)].join("\n");
}

/** One line per reason why something was not measured, with the works it concerns. */
function reasons(rows: readonly Row[]): string[] {
  const works = new Map<string, Set<string>>();
  for (const { missing, work } of rows) {
    if (missing) works.set(missing, (works.get(missing) ?? new Set()).add(work.name));
  }
  return [...works].map(([reason, names]) => `\nnot measured in ${[...names].join(", ")}: ${reason}`);
}

/** The rows that have a ratio, as `--out` writes them. */
export function json(rows: readonly Row[]): JsonRow[] {
  return rows.filter((row) => row.ratio !== undefined).map((row) => {
    const unit = row.metric === "rate" && !row.work.name.endsWith("C") ? 1 / row.work.scale : 1;
    return {
      work: row.work.name,
      runtime: row.runtime,
      carrier: row.work.carrier,
      peer: row.peer,
      metric: row.metric,
      ours: row.ours!.median * unit,
      theirs: row.theirs!.median * unit,
      ratio: row.ratio!,
      rounds: row.rounds,
    };
  });
}

/**
 * The report of the demo: what was streamed, what came back, how it looked.
 *
 * @module
 */
import type { PhaseNumbers, PhaseRecord } from "../demo/phase.ts";
import { RESULT_CLASSES } from "../result_tally.ts";
import { histogramChart, lineChart, shareChart, stackedBar } from "./charts.ts";
import { base64, digits, escapeHtml, percents } from "./markup.ts";
import { page } from "./page.ts";
import { histogram, roundUp } from "./statistics.ts";

/** What the report tells. */
export interface DemoReport {
  /** When, ISO 8601. */
  readonly date: string;
  /** Facts about machine and program, name and value. */
  readonly environment: readonly (readonly [name: string, value: string])[];
  /** Width and height of the small view, pixels. */
  readonly view: { readonly width: number; readonly height: number; readonly tiles: number };
  /** The comparison as PNG, and its numbers. */
  readonly comparison: {
    readonly png: Uint8Array;
    readonly bicubicPsnr: number;
    readonly networkPsnr: number;
  };
  /** The phases, and a picture of each as PNG (null = there is none). */
  readonly phases: readonly { readonly record: PhaseRecord; readonly snapshot: Uint8Array | null }[];
}

/** Style class of each result class. */
const STYLES: Readonly<Record<typeof RESULT_CLASSES[number], string>> = {
  COMPLETE: "fresh",
  PARTIAL: "part",
  STALE_REUSE: "old",
  DEGRADED: "plain",
  DROP: "none",
  ERROR: "error",
};

/** The page as HTML text. */
export function demoReport(report: DemoReport): string {
  const numbers = report.phases.map(({ record }) => record.numbers());
  const first = numbers[0];
  const { view, comparison } = report;
  const gain = comparison.networkPsnr - comparison.bicubicPsnr;
  const body = `<h1>A moving picture through NNRP</h1>
<p class="lead">A view of ${view.width}×${view.height} pixels moves over a photograph. Its changed tiles travel to a server in
another process, a neural network makes them twice as large, and the answers come back within a latency budget. When
there is too little time, the protocol says what is missing and what is old, and nothing waits.</p>
<div class="tiles">
${tile(digits(first?.framesPerSecond ?? NaN, 0), "frames per second")}
${tile(`${digits(first?.p50 ?? NaN, 1)} ms`, "median latency, submit to answer")}
${tile(`${digits(first?.p99 ?? NaN, 1)} ms`, "99th percentile")}
${tile(`${gain >= 0 ? "+" : ""}${digits(gain, 1)} dB`, "network over bicubic, whole photograph")}
</div>
<figure><div class="wide"><img alt="Two parts of the photograph, each three times: bicubic, network, original"
src="data:image/png;base64,${base64(comparison.png)}"></div>
<figcaption>The photograph at half its size, enlarged again: by bicubic interpolation (${
    digits(comparison.bicubicPsnr, 1)
  } dB),
by the network (${
    digits(comparison.networkPsnr, 1)
  } dB), and as it was; two parts of it, magnified. Decibels are PSNR of luma against the original; higher
is closer.</figcaption></figure>
${report.phases.map((phase, i) => phaseSection(phase.record, numbers[i], phase.snapshot)).join("\n")}
<h2>All numbers</h2>
${table(report.phases.map(({ record }) => record), numbers)}
<h2>Machine</h2>
<dl>${
    report.environment.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`)
      .join("")
  }
<dt>Time</dt><dd>${escapeHtml(report.date)}</dd></dl>
<h2>How to read it</h2>
<p class="note">Latency is the time from <code>submit()</code> to its result in the client, transport and queue included. A frame is
submitted only if tiles of it changed and are not on their way already; at rest there is nothing to submit. In a part result
the client shows missing tiles by bicubic interpolation and asks for them first in the next frame. An old tile is shown only
while it still fits the present picture. PSNR is that of the view as a viewer sees it when the frame's answer is in, over all
frames. The first half second after the server's start is not counted: its engine still compiles.</p>`;
  return page("NNRP demo", body);
}

function phaseSection(record: PhaseRecord, numbers: PhaseNumbers, snapshot: Uint8Array | null): string {
  const { title, explanation } = record.options;
  return `<section>
<h2>${escapeHtml(title)}</h2>
<p>${escapeHtml(explanation)}</p>
<div class="card"><h3>Results by class</h3>${classBar(numbers)}${coverageNote(numbers)}</div>
<div class="cards">
<div class="card"><h3>Latency</h3>${latencyChart(record, numbers)}
<p class="note">p50 ${digits(numbers.p50, 1)} ms · p90 ${digits(numbers.p90, 1)} ms · p99 ${
    digits(numbers.p99, 1)
  } ms ·
${percents(numbers.withinBudget)} within ${record.options.budgetMs} ms</p></div>
<div class="card"><h3>PSNR of the view</h3>${psnrChart(record)}
<ul class="legend"><li class="swatch-fresh">network, mean ${digits(numbers.psnr, 1)} dB</li>
<li class="swatch-plain">bicubic, mean ${digits(numbers.bicubicPsnr, 1)} dB</li></ul></div>
<div class="card"><h3>What the view showed</h3>${shownChart(record)}
<ul class="legend"><li class="swatch-fresh">network, present</li><li class="swatch-old">network, an earlier answer</li>
<li class="swatch-plain">bicubic</li></ul></div>
${snapshot === null ? "" : snapshotCard(snapshot)}
</div>
</section>`;
}

function snapshotCard(png: Uint8Array): string {
  return `<div class="card"><h3>One frame of it</h3><figure><img alt="A frame as the viewer saw it, with tiles marked"
src="data:image/png;base64,${base64(png)}">
<figcaption>Clear: the network's present answer. Violet: an earlier answer. Dark: bicubic.</figcaption></figure></div>`;
}

function classBar({ results }: PhaseNumbers): string {
  const parts = RESULT_CLASSES.map((name) => ({ name, count: results.of(name), style: STYLES[name] }));
  const known = parts.filter((part) => part.count > 0);
  if (known.length === 0) return "<p>No answers.</p>";
  return stackedBar(`Results by class: ${results}`, parts) +
    `<ul class="legend">${
      known.map((p) => `<li class="swatch-${p.style}">${p.name} ${p.count}</li>`).join("")
    }</ul>`;
}

function coverageNote(numbers: PhaseNumbers): string {
  const parts = [`On the average ${percents(numbers.coverage)} of the tiles that were asked for came back`];
  const partial = numbers.coverageOf("PARTIAL");
  const stale = numbers.coverageOf("STALE_REUSE");
  if (Number.isFinite(partial)) parts.push(`in PARTIAL results ${percents(partial)}`);
  if (Number.isFinite(stale)) parts.push(`in STALE_REUSE results ${percents(stale)}, all of them old`);
  return `<p class="note">${parts.join("; ")}.</p>`;
}

function latencyChart(record: PhaseRecord, numbers: PhaseNumbers): string {
  const { budgetMs } = record.options;
  const latencies = record.frames.map((frame) => frame.latencyMs).filter(Number.isFinite);
  if (latencies.length === 0) return "<p>No answers.</p>";
  // Wide enough for the budget and nearly all answers; what lies beyond goes into the open bar.
  const reach = Math.max(budgetMs * 1.5, Math.min(numbers.p99, budgetMs * 4));
  // The budget lies between two bars: none is half in time.
  const width = budgetMs / Math.max(1, Math.round(budgetMs / roundUp(reach / 30)));
  const limit = Math.ceil(reach / width) * width;
  return histogramChart(
    `Histogram of ${latencies.length} latencies, median ${digits(numbers.p50, 1)} ms, budget ${budgetMs} ms`,
    histogram(latencies, width, limit),
    { at: budgetMs, name: `budget ${budgetMs} ms` },
    "latency, ms",
  );
}

function shownChart(record: PhaseRecord): string {
  const frames = inTime(record);
  if (frames.length === 0) return "<p>No frames.</p>";
  const points = (of: (frame: typeof frames[number]) => number) =>
    frames.map((f) => [f.atMs / 1000, of(f)] as const);
  return shareChart(
    `Share of the view over time: network present ${percents(record.numbers().fresh)} on the average`,
    [
      { name: "network, present", style: "fresh", points: points((f) => f.fresh) },
      { name: "network, an earlier answer", style: "old", points: points((f) => f.kept) },
      { name: "bicubic", style: "plain", points: points((f) => 1 - f.fresh - f.kept) },
    ],
    { x: "time, s", y: "tiles of the view", xMax: duration(record), yMin: 0, yMax: 1 },
  );
}

function psnrChart(record: PhaseRecord): string {
  const frames = inTime(record);
  const values = frames.flatMap((f) => [f.psnr, f.bicubicPsnr]).filter(Number.isFinite);
  if (values.length === 0) return "<p>No frames.</p>";
  const yMin = Math.floor(Math.min(...values) - 0.5);
  const yMax = Math.ceil(Math.max(...values) + 0.5);
  return lineChart(
    "PSNR over time, network and bicubic",
    [
      { name: "bicubic", style: "plain", points: frames.map((f) => [f.atMs / 1000, f.bicubicPsnr]) },
      { name: "network", style: "fresh", points: frames.map((f) => [f.atMs / 1000, f.psnr]) },
    ],
    { x: "time, s", y: "dB", xMax: duration(record), yMin, yMax },
  );
}

/** Frames end in another order than they begin. */
function inTime(record: PhaseRecord): PhaseRecord["frames"] {
  return [...record.frames].sort((a, b) => a.atMs - b.atMs);
}

function duration(record: PhaseRecord): number {
  return Math.max(record.options.durationMs, 1) / 1000;
}

function tile(value: string, name: string): string {
  return `<div class="tile"><b>${value}</b><span>${name}</span></div>`;
}

function table(records: readonly PhaseRecord[], numbers: readonly PhaseNumbers[]): string {
  const row = (name: string, of: (n: PhaseNumbers, r: PhaseRecord) => string) =>
    `<tr><td>${name}</td>${numbers.map((n, i) => `<td>${of(n, records[i])}</td>`).join("")}</tr>`;
  return `<div class="card"><div class="scroll"><table>
<thead><tr><th>Budget</th>${
    records.map((r) => `<th>${escapeHtml(r.options.name)}</th>`).join("")
  }</tr></thead>
<tbody>
${row("Frames of the view per second", (n) => digits(n.framesPerSecond, 1))}
${row("Frames left out, client too slow", (_n, r) => String(r.skipped))}
${row("Frames held back, too many under way", (_n, r) => String(r.frames.filter((f) => f.held).length))}
${row("Frames submitted", (n) => String(n.submitted))}
${
    RESULT_CLASSES.filter((name) => numbers.some((n) => n.results.of(name) > 0)).map((name) =>
      row(name, (n) => String(n.results.of(name)))
    ).join("\n")
  }
${row("Latency p50, ms", (n) => digits(n.p50, 1))}
${row("Latency p90, ms", (n) => digits(n.p90, 1))}
${row("Latency p99, ms", (n) => digits(n.p99, 1))}
${row("Answers within the budget", (n) => percents(n.withinBudget))}
${row("Tiles that came, of those asked for", (n) => percents(n.coverage))}
${row("View shown by a present answer", (n) => percents(n.fresh))}
${row("PSNR as seen, dB", (n) => digits(n.psnr, 2))}
${row("PSNR of bicubic, dB", (n) => digits(n.bicubicPsnr, 2))}
</tbody></table></div></div>`;
}

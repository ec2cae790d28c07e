/** The report of the demo: it holds the numbers, nothing from outside, and no markup of others. */
import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type FrameRecord, type PhaseOptions, PhaseRecord } from "../demo/phase.ts";
import { summaryLines } from "../demo/summary.ts";
import { progressLine } from "../demo/progress.ts";
import { demoReport } from "./demo_report.ts";

const OPTIONS: PhaseOptions = {
  name: "20 ms",
  title: "Budget 20 ms",
  explanation: "An <explanation>.",
  durationMs: 1000,
  fps: 10,
  budgetMs: 20,
  serverBudgetMs: 18,
  policy: 6,
};

function frame(fields: Partial<FrameRecord>): FrameRecord {
  return {
    atMs: 0,
    motion: "pan",
    asked: 4,
    className: "COMPLETE",
    held: false,
    covered: 4,
    latencyMs: 10,
    inferenceMs: 8,
    fresh: 1,
    kept: 0,
    psnr: 34.5,
    bicubicPsnr: 31.5,
    ...fields,
  };
}

function record(): PhaseRecord {
  const phase = new PhaseRecord(OPTIONS);
  phase.elapsedMs = 500;
  phase.skipped = 7;
  phase.frames.push(
    frame({}),
    frame({ atMs: 100, className: "PARTIAL", covered: 1, latencyMs: 18, fresh: 0.25 }),
    frame({ atMs: 200, className: "STALE_REUSE", covered: 2, latencyMs: 333.25, fresh: 0, kept: 0.5 }),
    frame({ atMs: 300, asked: 0, className: null, covered: 0, latencyMs: NaN, motion: "rest" }),
    frame({ atMs: 400, className: "DROP", covered: 0, latencyMs: 21, fresh: 0, psnr: Infinity }),
  );
  return phase;
}

function report(phase: PhaseRecord): string {
  return demoReport({
    date: "2026-01-02T03:04:05Z",
    environment: [["Cores", "2 <fast>"]],
    view: { width: 192, height: 128, tiles: 24 },
    comparison: { png: new Uint8Array([1, 2, 3]), bicubicPsnr: 29.5, networkPsnr: 31.25 },
    phases: [{ record: phase, snapshot: new Uint8Array([4, 5, 6]) }],
  });
}

test("the numbers of a phase are those of its frames", () => {
  const numbers = record().numbers();
  assertEquals([numbers.framesPerSecond, numbers.submitted], [10, 4]);
  assertEquals(numbers.results.toJSON(), { COMPLETE: 1, PARTIAL: 1, STALE_REUSE: 1, DROP: 1 });
  assertEquals([numbers.p50, numbers.p99, numbers.withinBudget], [18, 333.25, 0.5]);
  assertEquals([numbers.coverage, numbers.coverageOf("PARTIAL"), numbers.coverageOf("STALE_REUSE")], [
    7 / 16,
    0.25,
    0.5,
  ]);
  assertEquals([numbers.fresh, numbers.psnr, numbers.bicubicPsnr], [0.45, 34.5, 31.5]);
});

test("the page holds latencies, classes, coverage and PSNR", () => {
  const html = report(record());
  const wanted = [
    "p50 18.0 ms",
    "p99 333.3 ms",
    "50\u00a0% within 20 ms",
    "PARTIAL 1",
    "STALE_REUSE 1",
    "DROP 1",
  ];
  wanted.push(
    "in PARTIAL results 25\u00a0%",
    "in STALE_REUSE results 50\u00a0%",
    "+1.8 dB",
    "34.50",
    "31.50",
    ">7<",
  );
  for (const text of wanted) assertStringIncludes(html, text);
});

test("the page needs nothing from outside and runs no script", () => {
  const html = report(record());
  assert(!/<script|https?:|<link|url\(|@import/.test(html));
  assertEquals(html.match(/src="/g)?.length, html.match(/src="data:image\/png;base64,/g)?.length);
  assertStringIncludes(html, "data:image/png;base64,AQID");
  assertStringIncludes(html, "prefers-color-scheme: dark");
});

test("words from elsewhere are no markup", () => {
  const html = report(record());
  assert(!html.includes("<explanation>") && !html.includes("<fast>"));
  assertStringIncludes(html, "2 &#60;fast&#62;");
});

test("a phase without answers makes a page without holes", () => {
  const html = report(new PhaseRecord(OPTIONS));
  assertStringIncludes(html, "No answers.");
  assert(!/NaN|undefined|Infinity/.test(html));
});

test("charts hold no number that is none", () => {
  assert(!/NaN|undefined|Infinity/.test(report(record())));
});

test("the summary and the progress line tell classes with their coverage", () => {
  const lines = summaryLines([record(), record()]);
  assertEquals(lines.find((line) => line.startsWith("PARTIAL"))?.match(/1 \(25\u00a0%\)/g)?.length, 2);
  assert(lines.every((line) => line.length === lines[0].length), "a table");
  const line = progressLine(record());
  for (
    const text of [
      "0.5 s",
      "10 frames/s",
      "p50 18.0 p99 333.3 ms",
      "1 PARTIAL 1 STALE_REUSE",
      "tiles 44\u00a0%",
      "+3.0 dB",
    ]
  ) {
    assertStringIncludes(line, text);
  }
});

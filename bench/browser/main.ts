/**
 * `deno task bench:browser [--rounds N] [--seconds S] [--out FILE]`: ours against bare WebSocket and WebTransport from a real
 * Chromium, in one page, taken in turn. The server is a Deno process.
 *
 * @module
 */
import { bundleForBrowser } from "../../packaging/bundle.ts";
import { launchChromium } from "../../tests/browser/chromium.ts";
import type { Job, Measured } from "../peers/control.ts";
import type { BenchPage, BrowserCarrier, Contender } from "./page.ts";
import type { BenchAddresses } from "./server.ts";

interface Work {
  readonly name: string;
  readonly title: string;
  readonly job: Omit<Job, "seconds">;
  readonly metric: "p50" | "rate";
  readonly unit: string;
  readonly scale: number;
  /** Good ratio ours / bare by carrier; for times at most, for rates at least. */
  readonly bars: Partial<Record<BrowserCarrier, number>>;
}

/** One row of the result. */
interface Row {
  readonly work: string;
  readonly carrier: BrowserCarrier;
  readonly unit: string;
  readonly ours: number;
  readonly bare: number;
  readonly ratio: number;
  readonly bar: number | null;
  readonly good: boolean | null;
}

const rate = (size: number, inFlight: number): Omit<Job, "seconds"> => ({
  kind: "rate",
  size,
  inFlight,
  results: 0,
  batches: false,
});
const WORKS: readonly Work[] = [
  {
    name: "A-1k",
    title: "one request in flight, 1 KiB",
    job: { kind: "latency", size: 1024, inFlight: 1, results: 0, batches: false },
    metric: "p50",
    unit: "us",
    scale: 1,
    bars: { websocket: 1.4, webtransport: 1 / 0.6 },
  },
  {
    name: "B",
    title: "64 requests in flight, 256 B",
    job: rate(256, 64),
    metric: "rate",
    unit: "k/s",
    scale: 1e-3,
    bars: { websocket: 3, webtransport: 0.6 },
  },
  {
    name: "C",
    title: "4 requests in flight, 1 MiB, both directions added",
    job: rate(1 << 20, 4),
    metric: "rate",
    unit: "MB/s",
    scale: 2 * (1 << 20) / 1e6,
    bars: { webtransport: 0.6 },
  },
  {
    name: "D",
    title: "16 requests in flight, 1,000 results of 32 B each",
    job: { kind: "stream", size: 32, inFlight: 16, results: 1000, batches: false },
    metric: "rate",
    unit: "k/s",
    scale: 1e-3,
    bars: { websocket: 3, webtransport: 0.6 },
  },
];
const CARRIERS: readonly BrowserCarrier[] = ["websocket", "webtransport"];

const wrong = Deno.args.find((arg, i) => i % 2 === 0 && !["--rounds", "--seconds", "--out"].includes(arg));
if (wrong !== undefined || Deno.args.length % 2 === 1) {
  console.error("usage: deno task bench:browser [--rounds 5] [--seconds 0.8] [--out FILE]");
  Deno.exit(2);
}
const flag = (name: string) => {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? undefined : Deno.args[at + 1];
};
const rounds = Number(flag("rounds") ?? 5);
const seconds = Number(flag("seconds") ?? 0.8);
const out = flag("out");

const server = new Deno.Command(Deno.execPath(), {
  args: ["run", "-A", "--quiet", decodeURIComponent(new URL("server.ts", import.meta.url).pathname)],
  stdin: "piped",
  stdout: "piped",
}).spawn();
const addresses: BenchAddresses = JSON.parse(await firstLine(server.stdout));
const script = await bundleForBrowser(new URL("page.ts", import.meta.url), { minify: true });
// Without isolation the page's clock has steps of 100 us.
const isolated = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};
const pages = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  (request) =>
    new URL(request.url).pathname === "/"
      ? new Response('<script type="module" src="/page.js"></script>', {
        headers: { "content-type": "text/html", ...isolated },
      })
      : new Response(script, { headers: { "content-type": "text/javascript", ...isolated } }),
);
const browser = await launchChromium();
const page = await browser.newPage();
page.on("pageerror", (error) => console.error("page:", error));
await page.goto(`http://127.0.0.1:${pages.addr.port}/`);

const measure = (contender: Contender, carrier: BrowserCarrier, job: Job): Promise<Measured> =>
  page.evaluate(
    (...args) => (globalThis as unknown as { nnrpBench: BenchPage }).nnrpBench(...args),
    contender,
    carrier,
    addresses,
    job,
  );

const rows: Row[] = [];
for (const carrier of CARRIERS) {
  for (const work of WORKS) {
    const job: Job = { ...work.job, seconds };
    const values: Record<Contender, number[]> = { ours: [], bare: [] };
    for (let round = -1; round < rounds; round++) {
      for (const contender of ["bare", "ours"] as const) {
        const measured = await measure(contender, carrier, job);
        if (round >= 0) values[contender].push(measured[work.metric]! * work.scale); // the first one only warms up
      }
    }
    const [ours, bare] = [median(values.ours), median(values.bare)];
    const ratio = ours / bare;
    const bar = work.bars[carrier] ?? null;
    const good = bar === null ? null : work.metric === "p50" ? ratio <= bar : ratio >= bar;
    rows.push({ work: work.name, carrier, unit: work.unit, ours, bare, ratio, bar, good });
  }
}

console.log(
  `${await browser.version()}, Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores; ` +
    `medians of ${rounds} rounds of ${seconds} s after one for warming up; ratio = ours / bare.\n`,
);
console.log("| carrier | work | ours | bare | | ratio | bar | |\n|---|---|---:|---:|---|---:|---:|---|");
for (const { carrier, work, ours, bare, unit, ratio, bar, good } of rows) {
  const verdict = good === null ? "" : good ? "good" : "BELOW";
  const limit = bar === null ? "" : bar.toFixed(2);
  console.log(
    `| ${carrier} | ${work} | ${ours.toFixed(1)} | ${bare.toFixed(1)} | ${unit} | ${
      ratio.toFixed(2)
    } | ${limit} | ${verdict} |`,
  );
}
for (const { name, title } of WORKS) console.log(`\n${name}: ${title}`);
if (out !== undefined) await Deno.writeTextFile(out, `${JSON.stringify(rows, null, 2)}\n`);

await browser.close();
await pages.shutdown();
await server.stdin.close();
await server.status;

async function firstLine(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let line = "";
  while (!line.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the server did not start");
    line += value;
  }
  return line;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

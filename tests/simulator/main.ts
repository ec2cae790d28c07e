/**
 * `deno task simulate`. See `docs/simulator.md`.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import { campaign, scriptsOf } from "./campaign.ts";
import { type WeatherName, WEATHERS } from "./faults.ts";
import { failureReport, progressLine, summary } from "./report.ts";
import type { Script } from "./script.ts";
import { scriptFromText, scriptToText } from "./script_file.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulation.ts";

const HELP = `Plays whole systems of clients and servers in virtual time, with random work and random faults.

deno task simulate [flags]
  --seeds N          seeds 1 … N (default: 100)
  --seed S           one seed
  --script FILE      a script that an earlier run wrote
  --hours H          length of the storm, simulated hours (default: ${240 / 3600})
  --weather NAME     ${Object.keys(WEATHERS).join(", ")} (default: rough)
  --check            each seed twice; the two runs must be equal
  --strict           known faults (tests/simulator/known_faults.ts) count as failures
  --no-shrink        does not look for a shorter script of the first failure
  --help             this text

Exits with 1 if something failed, with 2 for flags that it does not know.`;

/** A command line that cannot be used. */
class UsageError extends Error {}

interface Options {
  readonly seeds: readonly number[];
  readonly script: string | undefined;
  readonly stormMs: number;
  readonly weather: WeatherName;
  readonly twice: boolean;
  readonly strict: boolean;
  readonly shrinks: boolean;
}

const FLAGS = ["--check", "--strict", "--no-shrink"];
const VALUES = ["--seeds", "--seed", "--script", "--hours", "--weather"];
/** Longest storm that is played when nothing is said, hours: about a second of processor time each. */
const HOURS = 240 / 3600;
/** How long a shorter script is looked for, ms, and in how many runs at most. */
const SHRINK_MS = 120_000;
const SHRINK_RUNS = 200;
/** Where scripts of failures go. */
const OUT = "out/simulator";
/** Lines of the trace that are shown. */
const TAIL = 60;

function readOptions(args: readonly string[]): Options | "help" {
  if (args.includes("--help")) return "help";
  const flags = new Set<string>();
  const values = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const [name, inline] = args[i].split("=", 2);
    if (FLAGS.includes(name) && inline === undefined) flags.add(name);
    else if (VALUES.includes(name)) {
      const value = inline ?? args[++i];
      if (value === undefined || value === "") throw new UsageError(`${name} needs a value`);
      values.set(name, value);
    } else throw new UsageError(`unknown argument ${args[i]}`);
  }
  const sources = ["--seed", "--seeds", "--script"].filter((name) => values.has(name));
  if (sources.length > 1) throw new UsageError(`${sources.join(" or ")}, not both`);
  const weather = values.get("--weather") ?? "rough";
  if (!Object.hasOwn(WEATHERS, weather)) {
    throw new UsageError(`--weather is one of ${Object.keys(WEATHERS).join(", ")}, not ${weather}`);
  }
  const count = wholeNumber("--seeds", values.get("--seeds") ?? "100");
  const seed = values.get("--seed");
  const hours = Number(values.get("--hours") ?? HOURS);
  if (!(hours > 0 && hours < Infinity)) throw new UsageError("--hours is a number above 0");
  return {
    seeds: seed !== undefined
      ? [wholeNumber("--seed", seed)]
      : Array.from({ length: count }, (_, i) => i + 1),
    script: values.get("--script"),
    stormMs: hours * 3_600_000,
    weather: weather as WeatherName,
    twice: flags.has("--check"),
    strict: flags.has("--strict"),
    shrinks: !flags.has("--no-shrink"),
  };
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new UsageError(`${name} is a whole number from 1`);
  return value;
}

function cpuMs(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}

async function main(): Promise<number> {
  const options = readOptions(Deno.args);
  if (options === "help") {
    console.log(HELP);
    return 0;
  }
  const isTerminal = Deno.stderr.isTerminal();
  const say = (line: string) => Deno.stderr.writeSync(new TextEncoder().encode(line));
  const given = options.script === undefined ? null : await readScript(options.script);
  const sums = await campaign({
    twice: options.twice,
    strict: options.strict,
    scripts: given === null ? scriptsOf(options.seeds, options) : [given],
    count: given === null ? options.seeds.length : 1,
    cpuMs,
    played: (done, of, now) => {
      if (isTerminal) say(`\r\x1b[K${progressLine(done, of, now)}`);
    },
  });
  if (isTerminal) say("\r\x1b[K");
  if (sums.first !== null) await explain(sums.first, options);
  console.log(summary(sums));
  return sums.news.size === 0 ? 0 : 1;
}

async function readScript(file: string): Promise<Script> {
  try {
    return scriptFromText(await Deno.readTextFile(file));
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${error instanceof Error ? error.message : error}`);
  }
}

/** Shows the first failure: its trace, and a shorter script that still fails. */
async function explain(
  first: NonNullable<Awaited<ReturnType<typeof campaign>>["first"]>,
  options: Options,
): Promise<void> {
  const { outcome, finding } = first;
  let { script } = outcome;
  if (options.shrinks && finding.oracle !== "determinism") {
    const until = { now: cpuMs, ms: cpuMs() + SHRINK_MS };
    const shorter = await shrink(script, { play: simulate, wanted: finding, maxRuns: SHRINK_RUNS, until });
    ({ script } = shorter);
    console.log(`the first failure, with a shorter script (${shorter.runs} runs):\n`);
  } else console.log("the first failure:\n");
  const again = await simulate(script, { traceLines: Infinity });
  const same =
    again.findings.find(({ oracle, what }) => oracle === finding.oracle && what === finding.what) ?? finding;
  console.log(failureReport(same, tailBefore(again.tail, same.atMs), script));
  await Deno.mkdir(OUT, { recursive: true });
  const file = `${OUT}/seed-${script.seed}.json`;
  await Deno.writeTextFile(file, scriptToText(script));
  console.log(`\nplay it again: deno task simulate --script ${file}${options.strict ? " --strict" : ""}\n`);
}

/** The lines of a trace up to a time. */
function tailBefore(trace: string, atMs: number): string {
  const lines = trace.split("\n");
  const end = lines.findIndex((line) => parseFloat(line) > atMs + 1);
  return lines.slice(0, end < 0 ? lines.length : end).slice(-TAIL).join("\n");
}

try {
  Deno.exit(await main());
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${HELP}`);
  Deno.exit(2);
}

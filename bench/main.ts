/**
 * `deno task bench`: ours against its yardsticks, in one run. See `README.md`.
 *
 * @module
 */
import { type Runtime, RUNTIMES } from "./contenders.ts";
import { compare, json, table, verdict } from "./report.ts";
import { type Plan, runPlan } from "./runner.ts";
import { PEER_NAMES, type PeerName, WORK_NAMES, type WorkName, WORKS } from "./works.ts";

/** Rounds that count, and seconds per peer and round: all works and both runtimes in less than six minutes. */
const DEFAULT = { rounds: 5, seconds: 0.8 };
const QUICK = { rounds: 3, seconds: 0.2 };

const HELP = `Compares NNRP for TypeScript with its yardsticks: two processes over loopback, taken in turn.

deno task bench [flags]
  --works A-64,B     works to run: ${WORK_NAMES.join(", ")} (default: all)
  --runtime deno     deno, node or all (default: all)
  --peers bare       yardsticks: ${PEER_NAMES.join(", ")} (default: all)
  --rounds N         rounds that count, after one for warming up (default: ${DEFAULT.rounds})
  --seconds S        seconds per peer and round (default: ${DEFAULT.seconds})
  --quick            ${QUICK.rounds} rounds of ${QUICK.seconds} s, for a first look
  --out FILE         also writes the rows as a JSON array
  --help             this text`;

/** A command line that cannot be used. */
class UsageError extends Error {}

interface Options {
  readonly works: readonly WorkName[];
  readonly runtimes: readonly Runtime[];
  readonly peers: readonly PeerName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly out?: string;
}

function readOptions(args: readonly string[]): Options | "help" {
  const given = new Map<string, string>();
  const flags = new Set<string>();
  for (let i = 0; i < args.length; i++) {
    const [name, inline] = split(args[i]);
    if (name === "--quick" || name === "--help") {
      if (inline !== undefined) throw new UsageError(`${name} takes no value`);
      flags.add(name);
    } else if (["--works", "--runtime", "--peers", "--rounds", "--seconds", "--out"].includes(name)) {
      const value = inline ?? args[++i];
      if (value === undefined || value === "") throw new UsageError(`${name} needs a value`);
      given.set(name, value);
    } else {
      throw new UsageError(`unknown ${name.startsWith("-") ? "flag" : "argument"} ${args[i]}`);
    }
  }
  if (flags.has("--help")) return "help";
  const pace = flags.has("--quick") ? QUICK : DEFAULT;
  const runtime = given.get("--runtime") ?? "all";
  return {
    works: list("--works", given.get("--works"), WORK_NAMES),
    runtimes: list("--runtime", runtime === "all" ? undefined : runtime, RUNTIMES),
    peers: list("--peers", given.get("--peers"), PEER_NAMES),
    rounds: positive("--rounds", given.get("--rounds"), pace.rounds, true),
    seconds: positive("--seconds", given.get("--seconds"), pace.seconds, false),
    out: given.get("--out"),
  };
}

function split(arg: string): [name: string, value: string | undefined] {
  const at = arg.startsWith("--") ? arg.indexOf("=") : -1;
  return at < 0 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)];
}

function list<T extends string>(flag: string, value: string | undefined, all: readonly T[]): readonly T[] {
  if (value === undefined) return all;
  const wanted = value.split(",").map((name) => name.trim());
  const wrong = wanted.find((name) => !(all as readonly string[]).includes(name));
  if (wrong !== undefined) throw new UsageError(`${flag}: unknown "${wrong}", known are ${all.join(", ")}`);
  return all.filter((name) => wanted.includes(name));
}

function positive(flag: string, value: string | undefined, standard: number, whole: boolean): number {
  if (value === undefined) return standard;
  const parsed = Number(value);
  if (parsed > 0 && Number.isFinite(parsed) && (!whole || Number.isInteger(parsed))) return parsed;
  throw new UsageError(`${flag}: expected a ${whole ? "whole " : ""}number above 0, got "${value}"`);
}

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === "help") {
    console.log(HELP);
    return 0;
  }
  const tty = Deno.stderr.isTerminal();
  const plan: Plan = {
    ...options,
    works: WORKS.filter((work) => options.works.includes(work.name)),
    progress: (text) => {
      if (tty) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
      else if (text.endsWith("\n")) console.error(text.trimEnd());
    },
  };
  // Found out before the run rather than after it.
  if (options.out !== undefined) await Deno.writeTextFile(options.out, "[]\n");
  const begun = performance.now();
  const rows = compare(await runPlan(plan), plan);
  console.log(
    `Median [range] of ${plan.rounds} rounds of ${plan.seconds} s after one for warming up; ratio = ours / theirs.\n` +
      `${Deno.build.os} ${Deno.build.arch}, ${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}. ` +
      `A, B, D, F: all processes on one core; C: free.`,
  );
  console.log(table(rows));
  const counts = new Map<string, number>();
  for (const row of rows) {
    if (verdict(row) !== "") counts.set(verdict(row), (counts.get(verdict(row)) ?? 0) + 1);
  }
  const summary = [...counts].map(([name, count]) => `${count} ${name}`).join(", ");
  console.log(`\n${summary || "nothing to judge"}; ${Math.round((performance.now() - begun) / 1000)} s`);
  if (options.out !== undefined) {
    await Deno.writeTextFile(options.out, JSON.stringify(json(rows), null, 2) + "\n");
  }
  return rows.some((row) => row.ratio === undefined && row.ours === undefined) ? 1 : 0;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`bench: ${error.message} (--help shows all flags)`);
    Deno.exit(2);
  }
}

/**
 * `deno task bench`: ours against its yardsticks, in one run. See `README.md`.
 *
 * @module
 */
import { flagValues, list, positive, runBench } from "./command_line.ts";
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

interface Options {
  readonly works: readonly WorkName[];
  readonly runtimes: readonly Runtime[];
  readonly peers: readonly PeerName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly out?: string;
}

function readOptions(args: readonly string[]): Options | "help" {
  const valued = ["--works", "--runtime", "--peers", "--rounds", "--seconds", "--out"];
  const given = flagValues(args, valued, ["--quick", "--help"]);
  if (given.has("--help")) return "help";
  const pace = given.has("--quick") ? QUICK : DEFAULT;
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

if (import.meta.main) await runBench(main);

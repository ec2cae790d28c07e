/**
 * `deno task bench:sessions`: what sessions cost. See `../README.md`.
 *
 * @module
 */
import { flagValues, list, positive, runBench } from "../command_line.ts";
import { type Runtime, RUNTIMES } from "./child.ts";
import { measureAgainst } from "./against.ts";
import { measureHeap } from "./heap.ts";
import { IDLE_SESSIONS, measureIdle } from "./idle.ts";
import { measureOverload } from "./overload.ts";
import { type Row, table, verdict } from "./report.ts";

/** The first cut of the engines: what later ones are compared with. */
const FIRST_CUT = "635cb09";

type Measure = (runtime: Runtime, options: Options) => Promise<Row[]>;

const MEASUREMENTS: Readonly<Record<string, Measure>> = {
  heap: (runtime) => measureHeap(runtime),
  idle: (runtime, { sessions }) => measureIdle(runtime, sessions),
  overload: (runtime) => measureOverload(runtime),
  against: (runtime, { against, rounds }) => measureAgainst(runtime, against, rounds),
};

const HELP =
  `What sessions cost: memory when idle, order and loss when there is too much to do, work per request.

deno task bench:sessions [flags]
  --only heap,idle   measurements: ${Object.keys(MEASUREMENTS).join(", ")} (default: all)
  --runtime deno     deno or node (default: both)
  --sessions N       idle sessions (default: ${IDLE_SESSIONS})
  --against REV      with what "against" compares this tree: a revision or the folder of a tree (default: ${FIRST_CUT})
  --rounds N         rounds of "against" (default: 8)
  --out FILE         also writes the rows as JSON
  --help             this text`;

interface Options {
  readonly only: readonly string[];
  readonly runtimes: readonly Runtime[];
  readonly sessions: number;
  readonly against: string;
  readonly rounds?: number;
  readonly out?: string;
}

function readOptions(args: readonly string[]): Options | "help" {
  const given = flagValues(args, ["--only", "--runtime", "--sessions", "--against", "--rounds", "--out"], [
    "--help",
  ]);
  if (given.has("--help")) return "help";
  return {
    only: list("--only", given.get("--only"), Object.keys(MEASUREMENTS)),
    runtimes: list("--runtime", given.get("--runtime"), RUNTIMES),
    sessions: positive("--sessions", given.get("--sessions"), IDLE_SESSIONS, true),
    against: given.get("--against") ?? FIRST_CUT,
    rounds: positive("--rounds", given.get("--rounds"), undefined, true),
    out: given.get("--out"),
  };
}

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === "help") {
    console.log(HELP);
    return 0;
  }
  const rows: Row[] = [];
  const failures: string[] = [];
  for (const name of options.only) {
    for (const runtime of options.runtimes) {
      console.error(`${name} on ${runtime} …`);
      try {
        rows.push(...await MEASUREMENTS[name](runtime, options));
      } catch (error) {
        failures.push(`${name} on ${runtime}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  console.log(table(rows));
  for (const failure of failures) console.log(`not measured: ${failure}`);
  if (options.out !== undefined) {
    await Deno.writeTextFile(options.out, JSON.stringify(rows, null, 2) + "\n");
  }
  return failures.length > 0 ? 1 : rows.some((row) => verdict(row) === "MISSED") ? 3 : 0;
}

if (import.meta.main) await runBench(main);

/**
 * `deno task bench:growth`: what one request costs as everything around it grows. See `../README.md`.
 *
 * @module
 */
import { flagValues, list, positive, runBench } from "../command_line.ts";
import { type Runtime, RUNTIMES } from "../sessions/child.ts";
import { AXES, type Axis } from "./axes.ts";
import { median, orderOf, type Point, type Row, rowsOf, table } from "./growth.ts";
import { type Figures, Pair, type Who } from "./measure.ts";

/** Rounds that count, and seconds of each point and peer. */
const DEFAULT = { rounds: 3, seconds: 1.5 };
const QUICK = { rounds: 1, seconds: 0.7 };
/** The first job of a pair is thrown away: compilers are at work, s. */
const WARM_UP_S = 1;

const HELP = `What one request costs as everything around it grows, beside a bare socket.

deno task bench:growth [flags]
  --only a,b        axes: ${AXES.map(({ name }) => name).join(", ")} (default: all)
  --runtime deno    ${RUNTIMES.join(" or ")} (default: both)
  --quick           fewer points, one round of ${QUICK.seconds} s each
  --rounds N        rounds that count (default: ${DEFAULT.rounds})
  --seconds S       seconds per point, peer and round (default: ${DEFAULT.seconds})
  --out FILE        also writes the rows as JSON
  --help            this text

Exit code 0: nothing grows, 3: something does, 1: something could not be measured, 2: the command line cannot be used.`;

interface Options {
  readonly axes: readonly Axis[];
  readonly runtimes: readonly Runtime[];
  readonly quick: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly out?: string;
}

function readOptions(args: readonly string[]): Options | "help" {
  const valued = ["--only", "--runtime", "--rounds", "--seconds", "--out"];
  const given = flagValues(args, valued, ["--quick", "--help"]);
  if (given.has("--help")) return "help";
  const quick = given.has("--quick");
  const pace = quick ? QUICK : DEFAULT;
  const names = list("--only", given.get("--only"), AXES.map(({ name }) => name));
  return {
    axes: AXES.filter(({ name }) => names.includes(name)),
    runtimes: list("--runtime", given.get("--runtime"), RUNTIMES),
    quick,
    rounds: positive("--rounds", given.get("--rounds"), pace.rounds, true),
    seconds: positive("--seconds", given.get("--seconds"), pace.seconds, false),
    out: given.get("--out"),
  };
}

/** All points of one axis. The pairs live as long as the axis, so that only its first point meets cold code. */
async function measureAxis(axis: Axis, runtime: Runtime, options: Options): Promise<Row[]> {
  const { quick, rounds, seconds } = options;
  const withBare = axis.bare !== "no";
  const points = quick ? axis.quick : axis.points;
  const pairs = new Map<Who, Pair>();
  try {
    for (const who of orderOf(0, withBare)) {
      pairs.set(who, await Pair.start(who, runtime, axis));
      await pairs.get(who)!.measure(axis, points[0], WARM_UP_S);
    }
    const found: Point[] = [];
    for (const at of points) {
      const figures: Record<Who, Figures[]> = { ours: [], bare: [] };
      for (let round = 0; round < rounds; round++) {
        for (const who of orderOf(round, withBare)) {
          note(`${axis.name} on ${runtime}: ${at.toLocaleString("en-US")}, ${who}`);
          figures[who].push(await pairs.get(who)!.measure(axis, at, seconds));
        }
      }
      const bare = withBare ? median(figures.bare) : undefined;
      found.push({ at, ours: median(figures.ours), ...bare && { bare } });
    }
    return rowsOf(axis.name, runtime, found);
  } finally {
    note("");
    await Promise.all([...pairs.values()].map((pair) => pair.stop()));
  }
}

function note(text: string): void {
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[2K${text}`));
}

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === "help") {
    console.log(HELP);
    return 0;
  }
  const rows: Row[] = [];
  const failures: string[] = [];
  for (const axis of options.axes) {
    for (const runtime of options.runtimes) {
      try {
        const found = await measureAxis(axis, runtime, options);
        rows.push(...found);
        console.log(`\n${axis.name} on ${runtime}: ${axis.unit}; figures of one ${axis.per}`);
        console.log(table(found, axis.bare !== "no"));
      } catch (error) {
        failures.push(
          `${axis.name} on ${runtime}: ${error instanceof Error ? error.message : String(error)}`,
        );
        console.log(`\nnot measured: ${failures.at(-1)}`);
      }
    }
  }
  const growing = rows.filter(({ verdict }) => verdict === "GROWS");
  const names = new Set(growing.map(({ axis, runtime }) => `${axis} on ${runtime}`));
  console.log(growing.length === 0 ? "\nnothing grows" : `\ngrows: ${[...names].join(", ")}`);
  if (options.out !== undefined) await Deno.writeTextFile(options.out, JSON.stringify(rows, null, 2) + "\n");
  return failures.length > 0 ? 1 : growing.length > 0 ? 3 : 0;
}

if (import.meta.main) await runBench(main);

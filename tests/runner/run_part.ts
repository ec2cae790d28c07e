/**
 * Runs one part: starts the runtime's own test runner, follows what it says, ends it if it hangs.
 *
 * @module
 */
import { BunLines } from "./bun_lines.ts";
import { DenoLines } from "./deno_lines.ts";
import { type JunitCase, readJunit } from "./junit.ts";
import { NodeEvents } from "./node_events.ts";
import { type Ending, type Outcome, settle } from "./outcome.ts";
import { PartLog } from "./part_log.ts";
import { duration, Progress, type Screen } from "./progress.ts";
import { filterPattern, type RuntimeName } from "./repeat.ts";

/** A test on Node or Bun that takes longer has failed, ms. Deno has no such limit; there `QUIET_LIMIT_MS` helps. */
const TEST_LIMIT_MS = 60_000;
/** A part in which nothing ends for so long hangs, ms. */
const QUIET_LIMIT_MS = 300_000;
/** A part that takes longer hangs too, whatever it does, ms. */
const PART_LIMIT_MS = 1_800_000;
/** How long a part that was asked to end may still take before it is killed, ms. */
const END_LIMIT_MS = 3_000;

// deno-lint-ignore no-control-regex
const COLOR = /\x1b\[[\d;]*[A-Za-z]/g;

/** A part to run. */
export interface PartPlan {
  /** Where. */
  readonly runtime: RuntimeName;
  /** For people. */
  readonly title: string;
  /** The program. */
  readonly program: string;
  /** Test files, relative to the root. */
  readonly files: readonly string[];
  /** Which tests, by name. */
  readonly filter?: string;
  /** Whether every test's name is printed. */
  readonly verbose: boolean;
  /** The folder in which it runs, with a slash at its end. */
  readonly root: string;
  /** Whether it hangs, and why; default `hangs`. */
  readonly verdict?: (quietMs: number, ms: number, log: PartLog) => string | undefined;
}

/** What reads a runtime's output. */
interface Reader {
  /** Whether the runner said that it came to its end; absent where its JUnit file is the sign. */
  readonly finished?: boolean;
  line(text: string): void;
  partial(text: string): void;
  complaint(text: string): void;
  end(): void;
}

const here = (name: string): string => decodeURIComponent(new URL(name, import.meta.url).pathname);

/** Whether a part hangs in which nothing ended for `quietMs` and that began `ms` ago. */
export function hangs(quietMs: number, ms: number): string | undefined {
  if (quietMs > QUIET_LIMIT_MS) return `no test was done for ${duration(QUIET_LIMIT_MS)} minutes`;
  if (ms > PART_LIMIT_MS) return `not done after ${duration(PART_LIMIT_MS)} minutes`;
  return undefined;
}

/** Runs a part. */
export async function runPart(
  plan: PartPlan,
  screen: Screen,
): Promise<{ outcome: Outcome; log: PartLog; ms: number }> {
  const log = new PartLog(plan.root);
  const progress = new Progress(screen, plan.title, log, plan.files.length);
  const begunMs = performance.now();
  let heardMs = begunMs;
  log.onResult = (result) => {
    heardMs = performance.now();
    if (!plan.verbose) return;
    progress.clear();
    const took = result.ms === undefined ? "" : ` (${Math.round(result.ms)} ms)`;
    screen.write(`${result.status.padEnd(7)} ${result.file}: ${result.name.join(" > ")}${took}\n`);
  };
  const junit = await Deno.makeTempFile({ prefix: "nnrp-test-", suffix: ".xml" });
  const reader = readerOf(plan.runtime, log, plan.root);
  const child = new Deno.Command(plan.program, {
    args: argumentsOf(plan, junit),
    cwd: plan.root,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  let stopped: string | undefined;
  const verdict = plan.verdict ?? hangs;
  let kill: ReturnType<typeof setTimeout> | undefined;
  const ticker = setInterval(() => {
    const now = performance.now();
    progress.tick(now - begunMs);
    if (stopped !== undefined) return;
    stopped = verdict(now - heardMs, now - begunMs, log);
    if (stopped === undefined) return;
    // Deno names the tests under way and writes its JUnit file when interrupted.
    end(child, "SIGINT");
    kill = setTimeout(() => end(child, "SIGKILL"), END_LIMIT_MS);
  }, 100);
  try {
    const [, , status] = await Promise.all([
      follow(child.stdout, (line) => reader.line(line), (rest) => reader.partial(rest)),
      follow(child.stderr, (line) => reader.complaint(line), () => {}),
      child.status,
    ]);
    reader.end();
    const cases = plan.runtime === "node" ? null : await readCases(junit);
    const ending: Ending = {
      code: status.code,
      signal: stopped === undefined ? status.signal : null,
      stopped,
      finished: reader.finished ?? cases !== null,
      filesLeft: Math.max(0, plan.files.length - log.files),
    };
    return {
      outcome: settle(log, cases, ending, plan.filter !== undefined),
      log,
      ms: performance.now() - begunMs,
    };
  } finally {
    clearInterval(ticker);
    clearTimeout(kill);
    progress.clear();
    await Deno.remove(junit).catch(() => {});
  }
}

function readerOf(runtime: RuntimeName, log: PartLog, root: string): Reader {
  if (runtime === "deno") return new DenoLines(log);
  return runtime === "node" ? new NodeEvents(log, root) : new BunLines(log);
}

function argumentsOf({ runtime, files, filter }: PartPlan, junit: string): string[] {
  if (runtime === "deno") {
    const filters = filter === undefined ? [] : [`--filter=${filter}`];
    return ["test", "-A", "--preload", here("uncaught.ts"), `--junit-path=${junit}`, ...filters, ...files];
  }
  const pattern = filter === undefined ? "" : filterPattern(filter);
  if (runtime === "node") {
    const filters = filter === undefined ? [] : [`--test-name-pattern=${pattern}`];
    return [
      "--test",
      `--import=${here("node_flush.ts")}`,
      `--test-reporter=${here("node_reporter.ts")}`,
      "--no-warnings",
      `--test-timeout=${TEST_LIMIT_MS}`,
      "--test-force-exit",
      ...filters,
      ...files,
    ];
  }
  const filters = filter === undefined ? [] : ["-t", pattern];
  return [
    "test",
    "--timeout",
    String(TEST_LIMIT_MS),
    "--reporter=junit",
    `--reporter-outfile=${junit}`,
    ...filters,
    ...files.map((file) => `./${file}`),
  ];
}

async function readCases(path: string): Promise<JunitCase[] | null> {
  try {
    return readJunit(await Deno.readTextFile(path));
  } catch {
    return null;
  }
}

async function follow(
  stream: ReadableStream<Uint8Array>,
  line: (text: string) => void,
  partial: (rest: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const text of lines) line(plain(text));
    partial(plain(rest));
  }
  if (rest !== "") line(plain(rest));
}

/** Without colours, which NO_COLOR does not take from everything that is printed, and without a carriage return at the end. */
function plain(text: string): string {
  return text.includes("\x1b") ? text.replace(COLOR, "").trimEnd() : text.replace(/\r$/, "");
}

function end(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended by itself.
  }
}

/**
 * `deno task test`: sets up what the tests need and runs them: on Deno everything, on Node and Bun everything that does not
 * start processes of its own. `--help` shows the flags; what is printed is made in `runner/`.
 *
 * @module
 */
import { HELP, type Options, readOptions, UsageError } from "./runner/options.ts";
import { PartLog } from "./runner/part_log.ts";
import { duration, ownScreen } from "./runner/progress.ts";
import type { RuntimeName } from "./runner/repeat.ts";
import { failureLines, type Part, skippedLines, styleOf } from "./runner/report.ts";
import { runPart } from "./runner/run_part.ts";
import { testFiles } from "./runner/test_files.ts";
import { ensureRuntimes } from "./runtimes/runtimes.ts";

/** What runs on Deno if nothing else is said. */
const EVERYTHING = ["packages", "tests", "bench"];
/** What runs unchanged on Node and Bun too. */
const PORTABLE = [
  "packages/core",
  "packages/runtime",
  "packages/testing",
  "packages/tcp",
  "packages/websocket",
  "packages/quic",
  "packages/client",
  "packages/server",
  "packages/backends",
  "tests/vectors",
  "tests/model",
  "tests/migration",
  "tests/faults",
  "tests/simulator",
  "tests/text",
  "tests/examples_test.ts",
  "tests/readme_test.ts",
  "tests/frame_life_test.ts",
  "tests/iterators_test.ts",
];
/** What has no test elsewhere: QUIC's sockets are Deno's. */
const DENO_ONLY = ["packages/quic/tests/quic_ending_test.ts", "packages/quic/tests/sessions_test.ts"];

const root = decodeURIComponent(new URL("../", import.meta.url).pathname);
const screen = ownScreen();
const style = styleOf(screen.colors);

/** What there is to run, part by part. */
async function partsOf(options: Options): Promise<{ runtime: RuntimeName; files: string[] }[]> {
  const files = await testFiles(root, options.paths.length > 0 ? options.paths : EVERYTHING);
  const portable = (file: string) =>
    !DENO_ONLY.includes(file) && PORTABLE.some((path) => file === path || file.startsWith(`${path}/`));
  const elsewhere = options.only !== undefined && options.paths.length > 0 ? files : files.filter(portable);
  return (["deno", "node", "bun"] as const)
    .filter((runtime) => options.only === undefined || options.only === runtime)
    .map((runtime) => ({ runtime, files: runtime === "deno" ? files : elsewhere }));
}

async function run(options: Options): Promise<Part[]> {
  const plans = await partsOf(options);
  const runtimes = plans.some(({ runtime }) => runtime !== "deno") ? await ensureRuntimes() : [];
  const parts: Part[] = [];
  for (const { runtime, files } of plans) {
    const found = runtimes.find(({ name }) => name === runtime);
    const name = runtime[0].toUpperCase() + runtime.slice(1);
    if (found && "skipped" in found) {
      const outcome = { passed: 0, failures: [], skipped: [] };
      parts.push({ runtime, title: name, missing: found.skipped, outcome, log: new PartLog() });
      continue;
    }
    const title = `${name} ${found?.version ?? Deno.version.deno}`;
    if (files.length === 0) {
      screen.write(`${title}: none of these files is made for it\n`);
      continue;
    }
    const program = found?.path ?? Deno.execPath();
    const { filter, verbose } = options;
    const { outcome, log, ms } = await runPart(
      { runtime, title, program, files, filter, verbose, root },
      screen,
    );
    parts.push({ runtime, title, outcome, log });
    screen.write(`${partLine(parts.at(-1)!, files.length, ms)}\n`);
  }
  return parts;
}

function partLine(
  { title, outcome: { passed, failures, skipped } }: Part,
  files: number,
  ms: number,
): string {
  const failed = failures.length === 0 ? "ok    " : style.bad("FAILED");
  const counts = [`${passed} tests passed`];
  if (failures.length > 0) counts.push(style.bad(`${failures.length} failed`));
  if (skipped.length > 0) counts.push(`${skipped.length} skipped`);
  return `${failed} ${title.padEnd(13)} ${counts.join(", ")} in ${files} ${files === 1 ? "file" : "files"} (${
    duration(ms)
  })`;
}

/** Prints what came out; returns the exit code. */
function close(parts: readonly Part[], ms: number): number {
  let passed = 0, failed = 0, skipped = 0;
  for (const part of parts) {
    passed += part.outcome.passed;
    failed += part.outcome.failures.length;
    skipped += part.missing === undefined ? part.outcome.skipped.length : 1;
  }
  const lines = skippedLines(parts);
  if (lines.length > 0) lines.unshift("");
  for (const part of parts) {
    if (part.outcome.failures.length > 0) lines.push(...failureLines(part, root, style));
  }
  if (skipped > 0 && Deno.env.get("CI") === "true") {
    lines.push("", `${skipped} skipped: under CI=true a skipped test is a failure`);
    failed += skipped;
  }
  if (passed + failed + skipped === 0) {
    lines.push("", "no test ran");
    failed = 1;
  }
  lines.push("", `took ${duration(ms)}`, `${passed} passed, ${failed} failed, ${skipped} skipped`);
  screen.write(`${lines.join("\n")}\n`);
  return failed === 0 ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === "help") {
    screen.write(`${HELP}\n`);
    return 0;
  }
  const begunMs = performance.now();
  return close(await run(options), performance.now() - begunMs);
}

try {
  Deno.exit(await main(Deno.args));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`test: ${error.message} (--help shows the flags)`);
  Deno.exit(2);
}

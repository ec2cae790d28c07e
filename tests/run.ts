/**
 * `deno task test`: sets up what the tests need and runs all of them: on Deno everything, on Node and Bun everything that
 * does not start processes of its own. `--only deno|node|bun` runs one part, further arguments are files or folders.
 *
 * @module
 */
import { ensureRuntimes, type Runtime } from "./runtimes/runtimes.ts";

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
  "tests/frame_life_test.ts",
];

/** A part that hangs is ended and counts as failed, ms. */
const PART_LIMIT_MS = 480_000;

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

const root = new URL("../", import.meta.url);
const args = [...Deno.args];
const only = args[0] === "--only" ? args.splice(0, 2)[1] : "all";
const total: Tally = { passed: 0, failed: 0, skipped: 0 };
const startedMs = performance.now();

if (only === "all" || only === "deno") {
  const files = args.length > 0 ? args : ["packages", "tests"];
  await part("Deno", Deno.execPath(), ["test", "-A", "--quiet", ...files], readDeno);
}
if (only !== "deno") {
  for (const runtime of await ensureRuntimes()) {
    if (only !== "all" && only !== runtime.name) continue;
    if ("skipped" in runtime) {
      console.log(`\n== ${runtime.name}: skipped: ${runtime.skipped}`);
      total.skipped++;
      continue;
    }
    await portable(runtime);
  }
}

const seconds = Math.round((performance.now() - startedMs) / 1000);
if (total.skipped > 0 && Deno.env.get("CI") === "true") {
  console.log(`\n${total.skipped} skipped: under CI=true a skipped test is a failure`);
  total.failed += total.skipped;
}
console.log(`\ntook ${seconds} s`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
Deno.exit(total.failed === 0 ? 0 : 1);

async function portable(runtime: Extract<Runtime, { path: string }>): Promise<void> {
  const files: string[] = [];
  for (const folder of args.length > 0 ? args : PORTABLE) await collect(folder, files);
  files.sort();
  if (runtime.name === "node") {
    await part(`Node ${runtime.version}`, runtime.path, [
      "--test",
      "--test-reporter=tap",
      "--test-timeout=60000",
      "--test-force-exit",
      ...files,
    ], readTap);
  } else {await part(`Bun ${runtime.version}`, runtime.path, [
      "test",
      "--timeout",
      "60000",
      ...files.map((f) => `./${f}`),
    ], readBun);}
}

async function collect(path: string, files: string[]): Promise<void> {
  const url = new URL(path, root);
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(url);
  } catch {
    return;
  }
  if (info.isFile) {
    files.push(path);
    return;
  }
  for await (const entry of Deno.readDir(url)) {
    if (entry.isDirectory && entry.name !== "node_modules") await collect(`${path}/${entry.name}`, files);
    else if (entry.name.endsWith("_test.ts")) files.push(`${path}/${entry.name}`);
  }
}

/** Runs one part; its output is shown as it comes for Deno, and only where something failed for the others. */
async function part(
  title: string,
  command: string,
  argv: string[],
  read: (output: string) => Tally,
): Promise<void> {
  console.log(`\n== ${title}`);
  const child = new Deno.Command(command, {
    args: argv,
    cwd: root,
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const watchdog = setTimeout(() => {
    console.log(`\n${title}: not done after ${PART_LIMIT_MS / 1000} s, ended`);
    child.kill("SIGKILL");
  }, PART_LIMIT_MS);
  const live = title === "Deno";
  const [out, err, status] = await Promise.all([
    gather(child.stdout, live),
    gather(child.stderr, live),
    child.status,
  ]);
  clearTimeout(watchdog);
  const tally = read(`${out}\n${err}`);
  if (!status.success && tally.failed === 0) tally.failed = 1;
  if (!live && tally.failed > 0) console.log(out, err);
  console.log(`${title}: ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
  total.passed += tally.passed;
  total.failed += tally.failed;
  total.skipped += tally.skipped;
}

async function gather(stream: ReadableStream<Uint8Array>, live: boolean): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const piece = decoder.decode(chunk, { stream: true });
    if (live) await Deno.stdout.write(chunk);
    text += piece;
  }
  return text;
}

function readDeno(output: string): Tally {
  const match =
    /\|\s*(\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed(?: \(\d+ steps?\))?(?: \| (\d+) ignored)?/.exec(
      output,
    );
  return {
    passed: Number(match?.[1] ?? 0),
    failed: Number(match?.[2] ?? 1),
    skipped: Number(match?.[3] ?? 0),
  };
}

function readTap(output: string): Tally {
  const number = (name: string) => Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(output)?.[1] ?? 0);
  return { passed: number("pass"), failed: number("fail"), skipped: number("skipped") };
}

function readBun(output: string): Tally {
  const number = (name: string) => Number(new RegExp(`^\\s*(\\d+) ${name}$`, "m").exec(output)?.[1] ?? 0);
  return { passed: number("pass"), failed: number("fail"), skipped: number("skip") };
}

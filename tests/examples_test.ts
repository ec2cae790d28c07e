/**
 * Runs every example as a program of its own, on the runtime that runs this test, and compares what it prints with
 * `examples/expected/NAME.txt`, so that examples and what is said about them stay true. `UPDATE_EXPECTED=1` writes those files
 * anew: look at the difference before you commit it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const folder = new URL("../examples/", import.meta.url);
const names = readdirSync(folder).filter((file) => file.endsWith(".ts")).map((file) => file.slice(0, -3))
  .sort();
/** Arguments before the file. */
const runtimeArguments = "Deno" in globalThis ? ["run", "-A", "--quiet"] : [];
/** An example that hangs is ended, ms. */
const PATIENCE_MS = 30_000;

interface Outcome {
  readonly exitCode: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(name: string): Promise<Outcome> {
  const args = [...runtimeArguments, fileURLToPath(new URL(`${name}.ts`, folder))];
  const options = { env: { ...process.env, NO_COLOR: "1" }, timeout: PATIENCE_MS };
  return new Promise((resolve) =>
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : error.code ?? error.signal ?? null;
      resolve({ exitCode, stdout: String(stdout), stderr: String(stderr) });
    })
  );
}

/** The one rule: a number with a fraction in front of "ms" was measured, and a port behind 127.0.0.1 was free; both become N. */
function withoutChance(output: string): string {
  return output.replace(/\d+\.\d+ ms/g, "N ms").replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:N");
}

for (const name of names) {
  test(`the example ${name} prints what it promises and ends by itself`, async () => {
    const { exitCode, stdout, stderr } = await run(name);
    assertEquals({ exitCode, stderr }, { exitCode: 0, stderr: "" });
    const expected = new URL(`expected/${name}.txt`, folder);
    if (process.env.UPDATE_EXPECTED) writeFileSync(expected, withoutChance(stdout));
    assertEquals(withoutChance(stdout), readFileSync(expected, "utf8"));
  });
}

test("every expected output has its example, and the list of examples names all of them", () => {
  const expected = readdirSync(new URL("expected/", folder)).map((file) => file.replace(/\.txt$/, "")).sort();
  assertEquals(expected, names);
  const list = readFileSync(new URL("README.md", folder), "utf8");
  assertEquals(names.filter((name) => !list.includes(`(${name}.ts)`)), []);
});

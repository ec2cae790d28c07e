/**
 * Asks the reference (nnrp-py 1.0.0rc2) with small Python scripts of ours. Deno only.
 *
 * @module
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { ensurePeerPython } from "../../../tests/interop/venv.ts";
import { skipBecause } from "../../../tests/support/skip.ts";

const python = await ensurePeerPython();
const missing = typeof python === "string" ? undefined : python.skipped;

/** Why tests that ask the reference are skipped, or false. A machine that is meant to test everything must not skip in silence. */
export const skipReference: string | false = process.env["CI"] !== "true" &&
  skipBecause(missing && `the reference cannot be asked: ${missing}`);

/** A Python process that runs. */
export interface PythonProcess {
  /** Resolves when it has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
  /** Resolves with what it has written when that holds a whole line; rejects if it ends before. */
  readonly firstLine: Promise<string>;
}

/**
 * Starts the reference's Python.
 *
 * @param args Arguments of `python`.
 * @param input What it reads on standard input.
 */
export function startPython(args: readonly string[], input = ""): PythonProcess {
  if (typeof python !== "string") throw new Error(missing);
  const child = spawn(python, [...args], { stdio: ["pipe", "pipe", "pipe"] });
  let out = "";
  let err = "";
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) =>
    child.once("close", (code) => resolve({ code, out, err }))
  );
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      out += chunk;
      const end = out.indexOf("\n");
      if (end >= 0) resolve(out.slice(0, end));
    });
    void ended.then(() => reject(new Error(`ended without a line: ${err}`)));
  });
  firstLine.catch(() => {});
  child.stderr.setEncoding("utf8").on("data", (chunk) => err += chunk);
  child.stdin.end(input);
  return { ended, firstLine };
}

/**
 * Runs a script beside this file and reads the JSON it writes.
 *
 * @param script Name of the script.
 * @param input JSON for its standard input.
 */
export async function askReference<T>(script: string, input: unknown): Promise<T> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { code, out, err } = await startPython([path], JSON.stringify(input)).ended;
  if (code !== 0) throw new Error(`${script} failed: ${err}`);
  return JSON.parse(out) as T;
}

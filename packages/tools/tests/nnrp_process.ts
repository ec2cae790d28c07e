/**
 * The `nnrp` command in a process of its own, for tests. Deno only.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** How a process ended. */
export interface Ended {
  /** Exit code; null = killed. */
  readonly code: number | null;
  /** Lines of standard output. */
  readonly out: readonly string[];
  /** Standard error. */
  readonly err: string;
}

/** A process that runs. */
export interface Running {
  /** The process. */
  readonly child: ChildProcess;
  /** Its first line of output; rejects if it ends without one. */
  readonly firstLine: Promise<string>;
  /** Resolves when it has ended. */
  readonly ended: Promise<Ended>;
  /** Sends it a signal. */
  signal(name: "SIGINT" | "SIGTERM" | "SIGKILL"): void;
}

/** Starts `nnrp` with arguments. */
export function startNnrp(args: readonly string[]): Running {
  const child = spawn(process.execPath, ["run", "-A", "--quiet", MAIN, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const out: string[] = [];
  let err = "";
  child.stderr.on("data", (chunk) => err += String(chunk));
  const lines = createInterface({ input: child.stdout });
  const ended = new Promise<Ended>((resolve) => child.once("close", (code) => resolve({ code, out, err })));
  const firstLine = new Promise<string>((resolve, reject) => {
    lines.on("line", (line) => {
      out.push(line);
      resolve(line);
    });
    void ended.then(() => reject(new Error(`ended without output: ${err}`)));
  });
  firstLine.catch(() => {});
  return {
    child,
    firstLine,
    ended,
    // Not child.kill(): after that Deno tells the signal instead of the exit code, however the process ended.
    signal: (name) => void process.kill(child.pid!, name),
  };
}

/** Runs `nnrp` to its end. */
export function runNnrp(args: readonly string[]): Promise<Ended> {
  return startNnrp(args).ended;
}

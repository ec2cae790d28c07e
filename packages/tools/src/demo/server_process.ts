/**
 * A server in a process of its own: starts `nnrp serve`, waits until it listens, and stops it in order.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { CommandError } from "../command.ts";
import type { ListeningLine } from "../serving/serve_model.ts";

/** Longest time until it listens, ms: on the first run Deno still fetches ONNX Runtime. */
const START_MS = 120_000;
/** Longest time to an orderly end, ms. */
const STOP_MS = 5000;

/** A server that runs. */
export interface ServerProcess {
  /** Its first line: address, model, runtime. */
  readonly listening: ListeningLine;
  /** Its process id. */
  readonly pid: number;
  /** Ends it: in order if it does so within five seconds. */
  stop(): Promise<void>;
}

/**
 * Starts a super-resolution server on a free port.
 *
 * @param runtime ONNX Runtime to use.
 * @param signal Gives up.
 * @throws CommandError with the server's words if it does not come up.
 */
export async function startServer(runtime: string, signal: AbortSignal): Promise<ServerProcess> {
  const flags = ["--model", "super-resolution", "--port", "0", "--runtime", runtime, "--json", "--until-eof"];
  const child = spawn(process.execPath, [...program(), "serve", ...flags], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill); // whatever happens here, it must not stay behind
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  try {
    const listening = await firstLine(child, signal);
    return {
      listening,
      pid: child.pid!,
      async stop() {
        child.stdin!.end();
        const timer = setTimeout(kill, STOP_MS);
        await ended;
        clearTimeout(timer);
        process.removeListener("exit", kill);
      },
    };
  } catch (error) {
    kill();
    await ended;
    process.removeListener("exit", kill);
    throw error;
  }
}

/** How this very program is started in another process. */
function program(): string[] {
  if ("Deno" in globalThis) {
    const main = new URL("../../main.ts", import.meta.url);
    return ["run", "-A", "--quiet", main.protocol === "file:" ? fileURLToPath(main) : main.href];
  }
  return [...process.execArgv, process.argv[1]];
}

function firstLine(child: ChildProcess, signal: AbortSignal): Promise<ListeningLine> {
  return new Promise((resolve, reject) => {
    let words = "";
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
    };
    const fail = (why: string) => {
      settle();
      reject(new CommandError(`the server did not start: ${words.trim().split("\n").join("; ") || why}`));
    };
    const aborted = () => fail("stopped");
    const timer = setTimeout(() => fail(`nothing heard of it for ${START_MS / 1000} s`), START_MS);
    signal.addEventListener("abort", aborted);
    child.stderr!.on("data", (chunk) => words = (words + String(chunk)).slice(-2000));
    child.once("error", (error) => fail(error.message));
    child.once("close", (code) => fail(`it ended with exit code ${code}`));
    createInterface({ input: child.stdout! }).on("line", (line) => {
      if (!line.includes('"listening"')) return; // later lines are its log
      settle();
      resolve(JSON.parse(line));
    });
  });
}

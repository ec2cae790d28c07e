/**
 * Runs the `matrix` of the reference peer with one side replaced by ours and collects its verdicts.
 *
 * @module
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { PEER_SCRIPT } from "./venv.ts";

/** The reference peer's word on one scenario and transport. */
export interface Verdict {
  /** Name of the scenario. */
  readonly scenario: string;
  /** `"tcp"` or `"quic"`. */
  readonly transport: string;
  /** Whether it passed; also true where it was skipped. */
  readonly ok: boolean;
  /** Why it was not played. */
  readonly skipped?: string;
  /** What the client saw go wrong. */
  readonly error?: string;
  /** Counters of the reference server that are not as they must be. */
  readonly counters?: Readonly<Record<string, string>>;
}

/** Last line of a run. */
export interface MatrixSummary {
  /** Number of verdicts. */
  readonly verdicts: number;
  /** Those that are not ok. */
  readonly failed: number;
  /** Those that were not played. */
  readonly skipped: number;
  /** Those whose counters were compared as well. */
  readonly witnessed: number;
}

/** What a run has printed. */
export interface MatrixOutcome {
  /** In the order of the reference peer. */
  readonly verdicts: readonly Verdict[];
  /** Missing if the run broke off. */
  readonly summary: MatrixSummary | undefined;
  /** Standard error of all processes of the run. */
  readonly stderr: string;
}

/** Longest time of one run, ms. */
const RUN_LIMIT_MS = 300_000;
const MAIN = fileURLToPath(new URL("../../packages/tools/main.ts", import.meta.url));

/** The command line of an `nnrp` subcommand, run from the sources with the Deno that runs the test. */
export function nnrpCommand(words: string): string {
  return `'${process.execPath}' run --quiet -A '${MAIN}' ${words}`;
}

/** What the reference peer says about a scenario. */
export interface ListedScenario {
  /** Its name. */
  readonly scenario: string;
  /** Flags its server needs. */
  readonly server_flags: string;
  /** Transports it can be played on, with commas. */
  readonly transports: string;
  /** Whether it needs both at once. */
  readonly needs_both_ports: boolean;
}

/**
 * Runs `nnrp_peer.py list`.
 *
 * @param python Python with the reference peer's packages.
 */
export async function listScenarios(python: string): Promise<ListedScenario[]> {
  const { lines } = await runPeer(python, ["list"]);
  return lines.map((line) => JSON.parse(line));
}

/**
 * Runs `nnrp_peer.py matrix`.
 *
 * @param python Python with the reference peer's packages.
 * @param args Arguments after `matrix`.
 */
export async function runMatrix(python: string, args: readonly string[]): Promise<MatrixOutcome> {
  const { lines, stderr } = await runPeer(python, ["matrix", ...args]);
  const rows = lines.map((line) => JSON.parse(line));
  return {
    verdicts: rows.filter((row) => "scenario" in row),
    summary: rows.find((row) => row.summary),
    stderr,
  };
}

function runPeer(python: string, args: readonly string[]): Promise<{ lines: string[]; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, [PEER_SCRIPT, ...args], { timeout: RUN_LIMIT_MS });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => stdout += text);
    child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
    child.on("error", reject);
    child.on("close", () => {
      resolve({ lines: stdout.split("\n").filter((line) => line.startsWith("{")), stderr });
    });
  });
}

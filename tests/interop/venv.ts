/**
 * The Python of the reference peer: a virtual environment in the git-ignored `.venv/` of the repository, made once per
 * state of `peer/requirements.txt`. Where it cannot be made (no Python ≥ 3.11, no package index), says why.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Script of the reference peer; run it with the Python of {@linkcode ensurePeerPython}. */
export const PEER_SCRIPT: string = fileURLToPath(new URL("./peer/nnrp_peer.py", import.meta.url));

const REQUIREMENTS = fileURLToPath(new URL("./peer/requirements.txt", import.meta.url));
const ROOT = fileURLToPath(new URL("../../.venv/", import.meta.url));
const ENVIRONMENT = `${ROOT}peer`;
const STAMP = `${ENVIRONMENT}/requirements.sha256`;
const LOCK = `${ROOT}peer.lock`;
const PYTHON = process.platform === "win32"
  ? `${ENVIRONMENT}\\Scripts\\python.exe`
  : `${ENVIRONMENT}/bin/python`;

/** Longest time one installation may take, ms; an older lock was left behind by a process that died. */
const INSTALL_LIMIT_MS = 300_000;

interface Outcome {
  readonly ok: boolean;
  readonly stdout: string;
  /** Last line of standard error, or why the program did not start. */
  readonly why: string;
}

/**
 * Path of a Python that has the reference peer's packages, or the reason why there is none. Safe to call from several
 * processes at once.
 */
export async function ensurePeerPython(): Promise<string | { skipped: string }> {
  const wanted = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex");
  const ready = () => existsSync(PYTHON) && existsSync(STAMP) && readFileSync(STAMP, "utf8") === wanted;
  if (ready()) return PYTHON;
  const base = await findPython();
  if (base === undefined) return { skipped: "no python3 of version 3.11 or later on PATH" };
  mkdirSync(ROOT, { recursive: true });
  await lock();
  try {
    if (ready()) return PYTHON;
    const failure = await install(base);
    if (failure !== undefined) return { skipped: failure };
    writeFileSync(STAMP, wanted);
    return PYTHON;
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}

async function findPython(): Promise<string | undefined> {
  for (const name of ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"]) {
    if ((await run(name, ["-c", "import sys; sys.exit(sys.version_info < (3, 11))"])).ok) return name;
  }
  return undefined;
}

/** Makes the environment; the reason of a failure. */
async function install(base: string): Promise<string | undefined> {
  const made = await run(base, ["-m", "venv", "--clear", ENVIRONMENT]);
  if (made.ok) return await pip(PYTHON, []);
  // Some systems ship venv without ensurepip: an empty environment, filled by the base Python's pip.
  const bare = await run(base, ["-m", "venv", "--clear", "--without-pip", ENVIRONMENT]);
  if (!bare.ok) return `${base} -m venv failed: ${bare.why}`;
  const where = await run(PYTHON, ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]);
  if (!where.ok) return `the new environment does not run: ${where.why}`;
  return await pip(base, ["--target", where.stdout.trim()]);
}

async function pip(python: string, extra: readonly string[]): Promise<string | undefined> {
  const args = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    ...extra,
    "-r",
    REQUIREMENTS,
  ];
  const done = await run(python, args);
  return done.ok ? undefined : `pip could not install the reference peer: ${done.why}`;
}

/** Takes the lock directory (mkdir is atomic), waiting for another process that installs right now. */
async function lock(): Promise<void> {
  for (;;) {
    try {
      mkdirSync(LOCK);
      return;
    } catch {
      const since = statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
      if (Date.now() - since > INSTALL_LIMIT_MS) rmSync(LOCK, { recursive: true, force: true });
      // fixed wait: between two tries to get the lock
      await new Promise((wake) => setTimeout(wake, 200));
    }
  }
}

function run(command: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(command, [...args], { timeout: INSTALL_LIMIT_MS, encoding: "utf8" }, (error, stdout, stderr) => {
      const lines = stderr.trim().split("\n");
      resolve({ ok: error === null, stdout, why: lines[lines.length - 1] || (error?.message ?? "") });
    });
  });
}

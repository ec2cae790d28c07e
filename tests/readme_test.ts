/**
 * Runs the programs of the READMEs as they stand, on the runtime that runs this test: servers go on until they are stopped, clients
 * find them and end by themselves. Only port numbers are others. Every block of TypeScript has a row in the table.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "./support/free_port.ts";

type Role =
  /** Listens, says so in a line, and goes on. */
  | { readonly role: "server"; readonly denoOnly?: boolean }
  /** Ends by itself; what it dials is that server. */
  | { readonly role: "client"; readonly of: string }
  /** Ends by itself. */
  | { readonly role: "program" }
  /** Is not run here, for this reason. */
  | { readonly role: "text"; readonly why: string };

/** Block N of a file, from 0. */
const BLOCKS: Readonly<Record<string, Role>> = {
  "README.md 0": { role: "client", of: "README.md 1" },
  "README.md 1": { role: "server" },
  "README.md 2": { role: "text", why: "dials a machine that does not exist" },
  "README.md 3": { role: "server", denoOnly: true },
  "packages/backends/README.md 0": { role: "server" },
  "packages/client/README.md 0": { role: "client", of: "packages/server/README.md 0" },
  "packages/client/README.md 1": { role: "text", why: "dials a machine that does not exist" },
  "packages/core/README.md 0": { role: "program" },
  "packages/quic/README.md 0": { role: "text", why: "for a page, whose browser trusts the certificate" },
  "packages/server/README.md 0": { role: "server" },
  "packages/tcp/README.md 0": { role: "program" },
  "packages/tcp/README.md 1": { role: "text", why: "dials a machine that does not exist" },
  "packages/testing/README.md 0": { role: "program" },
  "packages/tools/README.md 0": { role: "text", why: "reads a folder of vectors" },
  "packages/websocket/README.md 0": { role: "text", why: "a client of a WebSocket server on 4433" },
  "packages/websocket/README.md 1": { role: "text", why: "mounts into Deno.serve, which takes port 8000" },
  "docs/testing.md 0": { role: "program" },
  "docs/testing.md 1": { role: "program" },
  "docs/testing.md 2": { role: "program" },
  "docs/testing.md 3": { role: "program" },
};

const root = new URL("../", import.meta.url);
const isDeno = "Deno" in globalThis;
/** A program that hangs is ended, ms. */
const PATIENCE_MS = 120_000;

const blocks = new Map<string, string>();
const files = [
  "README.md",
  "docs/testing.md",
  ...readdirSync(new URL("packages/", root)).map((name) => `packages/${name}/README.md`),
];
for (const file of files) {
  let text: string;
  try {
    text = readFileSync(new URL(file, root), "utf8");
  } catch {
    continue; // a package without a README
  }
  [...text.matchAll(/```ts\n(.*?)```/gs)].forEach(([, code], at) => blocks.set(`${file} ${at}`, code));
}

test("every block of TypeScript in a README has its row", () => {
  assertEquals([...blocks.keys()].sort(), Object.keys(BLOCKS).sort());
});

interface Program {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  output(): string;
  /** Resolves with the first line, or once it has ended. */
  readonly firstLine: Promise<void>;
  /** Resolves with its exit code, or the signal. */
  readonly ended: Promise<number | string | null>;
}

function write(folder: string, name: string, code: string): string {
  const path = `${folder}/${name.replaceAll(/[/. ]/g, "_")}.ts`;
  writeFileSync(path, code);
  return path;
}

function start(folder: string, name: string, code: string): Program {
  const path = write(folder, name, code);
  return startProcess(folder, isDeno ? ["run", "-A", "--quiet", path] : [path]);
}

function startProcess(folder: string, args: readonly string[]): Program {
  const env = { ...process.env, NO_COLOR: "1" };
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let told = () => {};
  const firstLine = new Promise<void>((resolve) => told = resolve);
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += String(chunk);
      if (output.includes("\n")) told();
    });
  }
  const ended = new Promise<number | string | null>((resolve) =>
    child.once("close", (exitCode, signal) => {
      told();
      resolve(exitCode ?? signal);
    })
  );
  return { child, output: () => output, firstLine, ended };
}

async function inFolder(
  call: (folder: string, adapt: (code: string) => string) => Promise<void>,
): Promise<void> {
  // Inside the checkout, where the packages are found by their names.
  const parent = fileURLToPath(new URL(".cache/readme/", root));
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(`${parent}program-`);
  const [first, second] = [await freePort(), await freePort()];
  const adapt = (code: string) =>
    code.includes("virtualNetwork(")
      ? code
      : code.replaceAll("4433", String(first)).replaceAll("4434", String(second));
  try {
    await call(folder, adapt);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const [name, row] of Object.entries(BLOCKS)) {
  if (row.role === "text" || (row.role === "server" && row.denoOnly && !isDeno)) continue;
  test(
    `the program of ${name} does what it says`,
    { timeout: PATIENCE_MS },
    () =>
      inFolder(async (folder, adapt) => {
        const server = row.role === "client" ? row.of : row.role === "server" ? name : undefined;
        const running = server === undefined ? undefined : start(folder, server, adapt(blocks.get(server)!));
        try {
          await running?.firstLine;
          if (row.role !== "server") {
            const program = start(folder, name, adapt(blocks.get(name)!));
            assertEquals(await program.ended, 0, program.output());
          }
          if (running !== undefined) {
            assert(running.child.exitCode === null, `the server ended: ${running.output()}`);
            assert(!/error/i.test(running.output()), running.output());
          }
        } finally {
          running?.child.kill("SIGKILL");
          await running?.ended;
        }
      }),
  );
}

if (isDeno) {
  test("all of them type-check", { timeout: PATIENCE_MS }, () =>
    inFolder(async (folder) => {
      const paths = [...blocks].map(([name, code]) => write(folder, name, code));
      const check = startProcess(folder, ["check", "--quiet", ...paths]);
      assertEquals(await check.ended, 0, check.output());
    }));
}

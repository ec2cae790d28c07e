/**
 * Which programs compete: the command of every peer in every runtime, and why one is missing.
 *
 * @module
 */
import { makeBenchCertificates } from "./peers/certificates.ts";
import type { PeerCommand } from "./processes.ts";
import type { PeerName, Work } from "./works.ts";

/** Runtimes that ours is measured in. */
export const RUNTIMES = ["deno", "node"] as const;
/** One of them. */
export type Runtime = typeof RUNTIMES[number];

/** A peer in a runtime. */
export interface Contender {
  /** `ours` or whom it is compared with. */
  readonly peer: "ours" | PeerName;
  /** Where it runs; `python` for nnrp-py. */
  readonly runtime: Runtime | "python";
}

/** Peers that exist in every runtime and are compared with ours in the same one; the others run where they are at home. */
const SAME_RUNTIME: readonly PeerName[] = [
  "bare",
  "bare-tls",
  "bare-quic",
  "bare-quic-streams",
  "bare-ws",
  "dataview",
  "protobuf-es",
];

/** The yardstick `peer` for ours in `runtime`. */
export function yardstick(peer: PeerName, runtime: Runtime): Contender {
  if (SAME_RUNTIME.includes(peer)) return { peer, runtime };
  return { peer, runtime: peer === "nnrp-py" ? "python" : "node" };
}

const here = (path: string): string => decodeURIComponent(new URL(path, import.meta.url).pathname);

/** Yardsticks whose packages are in `yardsticks/node_modules`. */
const PACKAGED: readonly string[] = ["grpc-js", "ws-msgpackr", "protobuf-es"];

/** How to run a contender in a work over this carrier. Rejects with the reason if it cannot run. */
export async function commandOf(contender: Contender, carrier: Work["carrier"]): Promise<PeerCommand> {
  const { peer, runtime } = contender;
  if (PACKAGED.includes(peer)) await installed(here("./yardsticks/"));
  if (carrier === "tls" || carrier === "quic") await makeBenchCertificates();
  switch (peer) {
    case "ours":
      return carrier === "none"
        ? script(runtime, "./codec/nnrp.ts", true)
        : script(runtime, "./peers/nnrp.ts", false, carrier);
    case "bare":
      return script(runtime, `./peers/bare_${runtime}.ts`, false);
    case "bare-tls":
      return script(runtime, `./peers/bare_${runtime}.ts`, false, "tls");
    case "bare-quic":
      return script(runtime, "./peers/bare_quic.ts", false);
    case "bare-quic-streams":
      return script(runtime, "./peers/bare_quic.ts", false, "streams");
    case "bare-ws":
      await installed(here("./yardsticks/")); // for `ws`
      return script(runtime, "./peers/bare_ws.ts", false);
    case "dataview":
      return script(runtime, "./codec/dataview.ts", true);
    case "protobuf-es":
      return script(runtime, "./yardsticks/protobuf_es.ts", true);
    case "grpc-js":
      return script(runtime, "./yardsticks/grpc_js.ts", false);
    case "ws-msgpackr":
      return script(runtime, "./yardsticks/ws_msgpackr.ts", false);
    case "nnrp-py":
      return { command: [await python(), here("./yardsticks/nnrp_py.py")], alone: false };
  }
}

async function script(
  runtime: string,
  path: string,
  alone: boolean,
  ...words: readonly string[]
): Promise<PeerCommand> {
  const program = runtime === "deno"
    ? [Deno.execPath(), "run", "-A", "--no-check"]
    : [await node(), "--no-warnings"];
  return { command: [...program, here(path), ...words], alone };
}

/** Node, fetched as the tests do. */
async function node(): Promise<string> {
  const { ensureRuntimes } = await import("../tests/runtimes/runtimes.ts");
  const found = (await ensureRuntimes()).find((runtime) => runtime.name === "node")!;
  if ("skipped" in found) throw new Error(found.skipped);
  return found.path;
}

async function python(): Promise<string> {
  const { ensurePeerPython } = await import("../tests/interop/venv.ts");
  const found = await ensurePeerPython();
  if (typeof found !== "string") throw new Error(found.skipped);
  return found;
}

const installing = new Map<string, Promise<void>>();

/** Installs the packages of a folder once, if they are missing. */
function installed(folder: string): Promise<void> {
  let done = installing.get(folder);
  if (done === undefined) installing.set(folder, done = install(folder));
  return done;
}

async function install(folder: string): Promise<void> {
  if (await exists(`${folder}node_modules`)) return;
  const { ok, text } = await run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"], folder);
  if (!ok) {
    throw new Error(
      `npm install failed: ${text.trim().split("\n").find((l) => /error/i.test(l)) ?? text.trim()}`,
    );
  }
}

/** Runs a program to its end. */
export async function run(command: readonly string[], cwd?: string): Promise<{ ok: boolean; text: string }> {
  try {
    const [program, ...args] = command;
    const { success, stdout, stderr } = await new Deno.Command(program, { args, cwd, stdin: "null" })
      .output();
    const decoder = new TextDecoder();
    return { ok: success, text: decoder.decode(stdout) + decoder.decode(stderr) };
  } catch (error) {
    return { ok: false, text: error instanceof Error ? error.message : String(error) };
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

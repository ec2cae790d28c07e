/**
 * Node and Bun for the tests, fetched by Deno as npm packages into the git-ignored `.cache/`, so that a machine needs nothing
 * but Deno (or Node, which runs Deno by `npx`).
 *
 * @module
 */
import { npmFolder, runDeno } from "./npm_folder.ts";

const NODE_VERSION = "24.21.0";
const OLD_NODE_VERSION = "20.20.2";
const BUN_VERSION = "1.4.5";

/** A runtime that is here. */
export interface FoundRuntime {
  /** `"node"` or `"bun"`. */
  readonly name: "node" | "bun";
  /** The program. */
  readonly path: string;
  /** Its version. */
  readonly version: string;
}

/** A runtime that is here, or why it is not. */
export type Runtime =
  | FoundRuntime
  | {
    /** `"node"` or `"bun"`. */
    readonly name: "node" | "bun";
    /** Why it is not here. */
    readonly skipped: string;
  };

const root = new URL("../../", import.meta.url);
const cpu = Deno.build.arch === "x86_64" ? "x64" : "arm64";

/** Links the workspace's packages into `node_modules` and fetches Node and Bun, once. */
export async function ensureRuntimes(): Promise<Runtime[]> {
  await runDeno(["install", "--quiet", "--node-modules-dir=auto"], root);
  const runtimes: Runtime[] = [];
  for (const name of ["node", "bun"] as const) {
    try {
      runtimes.push(name === "node" ? await fetchNode("node", NODE_VERSION) : await fetchBun());
    } catch (error) {
      runtimes.push({ name, skipped: error instanceof Error ? error.message : String(error) });
    }
  }
  return runtimes;
}

/**
 * What installs and runs the packed packages: the oldest Node they promise to run on, the newest, and Bun.
 *
 * @throws Error if one of them cannot be had.
 */
export async function ensurePackageRuntimes(): Promise<FoundRuntime[]> {
  return [
    await fetchNode("node20", OLD_NODE_VERSION),
    await fetchNode("node", NODE_VERSION),
    await fetchBun(),
  ];
}

function fetchNode(folder: string, version: string): Promise<FoundRuntime> {
  return fetchRuntime("node", folder, `node-${Deno.build.os}-${cpu}`, version, "bin/node");
}

function fetchBun(): Promise<FoundRuntime> {
  return fetchRuntime("bun", "bun", `@oven/bun-${Deno.build.os}-${cpu}`, BUN_VERSION, "bin/bun");
}

async function fetchRuntime(
  name: "node" | "bun",
  folder: string,
  npmName: string,
  version: string,
  program: string,
): Promise<FoundRuntime> {
  const path = new URL(`${npmName}/${program}`, await npmFolder(folder, { [npmName]: version })).pathname;
  await Deno.chmod(path, 0o755);
  const found = await versionOf(path);
  if (found !== version) throw new Error(`${npmName}@${version} does not run here`);
  return { name, path, version };
}

async function versionOf(path: string): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command(path, { args: ["--version"], stderr: "null" })
      .output();
    return success ? new TextDecoder().decode(stdout).trim().replace(/^v/, "") : null;
  } catch {
    return null;
  }
}

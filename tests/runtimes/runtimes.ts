/**
 * Node and Bun for the tests, fetched by Deno as npm packages into the git-ignored `.cache/`, so that a machine needs nothing
 * but Deno (or Node, which runs Deno by `npx`).
 *
 * @module
 */

const NODE_VERSION = "24.21.0";
const BUN_VERSION = "1.4.5";

/** A runtime that is here, or why it is not. */
export type Runtime =
  | {
    /** `"node"` or `"bun"`. */
    readonly name: "node" | "bun";
    /** The program. */
    readonly path: string;
    /** Its version. */
    readonly version: string;
  }
  | {
    /** `"node"` or `"bun"`. */
    readonly name: "node" | "bun";
    /** Why it is not here. */
    readonly skipped: string;
  };

const root = new URL("../../", import.meta.url);
const cache = new URL(".cache/runtimes/", root);

/** Links the workspace's packages into `node_modules` and fetches Node and Bun, once. */
export async function ensureRuntimes(): Promise<Runtime[]> {
  await deno(["install", "--quiet", "--node-modules-dir=auto"], root);
  const cpu = Deno.build.arch === "x86_64" ? "x64" : "arm64";
  const packages = {
    node: { name: `node-${Deno.build.os}-${cpu}`, version: NODE_VERSION, program: "bin/node" },
    bun: { name: `@oven/bun-${Deno.build.os}-${cpu}`, version: BUN_VERSION, program: "bin/bun" },
  };
  const runtimes: Runtime[] = [];
  for (const name of ["node", "bun"] as const) {
    const wanted = packages[name];
    const folder = new URL(`${name}/`, cache);
    const path = new URL(`node_modules/${wanted.name}/${wanted.program}`, folder).pathname;
    try {
      if (await versionOf(path) !== wanted.version) await fetchPackage(folder, wanted.name, wanted.version);
      await Deno.chmod(path, 0o755);
      const version = await versionOf(path);
      if (version === null) throw new Error(`${wanted.name} does not run here`);
      runtimes.push({ name, path, version });
    } catch (error) {
      runtimes.push({ name, skipped: error instanceof Error ? error.message : String(error) });
    }
  }
  return runtimes;
}

async function fetchPackage(folder: URL, name: string, version: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const manifest = { name: "runtime", private: true, dependencies: { [name]: version } };
  await Deno.writeTextFile(new URL("package.json", folder), JSON.stringify(manifest));
  // A deno.json of its own keeps the folder out of the workspace above.
  await Deno.writeTextFile(
    new URL("deno.json", folder),
    JSON.stringify({ nodeModulesDir: "auto", workspace: [] }),
  );
  await deno(["install", "--quiet"], folder);
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

async function deno(args: string[], cwd: URL): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`deno ${args[0]} failed: ${new TextDecoder().decode(stderr).trim()}`);
}

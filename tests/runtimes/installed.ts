/**
 * The packed packages, installed into fresh projects as a user would: one by npm (for Node 20 and 24), one by Bun. The test
 * programs are compiled there by `tsc --strict`, against the packed declarations.
 *
 * @module
 */
import { type PackedPackage, packPackages } from "../../packaging/pack.ts";
import { ensurePackageRuntimes, type FoundRuntime } from "./runtimes.ts";
import { ensureNpmTools, type NpmTools } from "./tools.ts";

/** Fresh projects with everything in them. */
export interface Installed extends AsyncDisposable {
  /** What was packed. */
  readonly packed: readonly PackedPackage[];
  /** The project of each runtime; the first one is npm's. */
  readonly projects: readonly Project[];
  /** npm and the compiler. */
  readonly tools: NpmTools;
}

/** A project and what runs it. */
export interface Project {
  /** For people: `"Node 20.20.2"`. */
  readonly title: string;
  /** The program. */
  readonly runtime: FoundRuntime;
  /** Its folder. */
  readonly folder: string;
}

/** What a command said. */
export interface Ran {
  /** Its exit code. */
  readonly code: number;
  /** Standard output. */
  readonly out: string;
  /** Standard error. */
  readonly err: string;
}

/** Compiled to run; `page` is bundled instead. */
const PROGRAMS = ["server.ts", "client.ts"];

const programs = new URL("programs/", import.meta.url);

/** Packs, installs, compiles. */
export async function installPackages(): Promise<Installed> {
  const folder = await Deno.makeTempDir({ prefix: "nnrp-packages-" });
  const [packed, [node20, node24, bun], tools] = await Promise.all([
    packPackages(`${folder}/npm`),
    ensurePackageRuntimes(),
    ensureNpmTools(),
  ]);
  const byNpm = `${folder}/by-npm`;
  const byBun = `${folder}/by-bun`;
  await writeProject(byNpm, packed, false);
  await writeProject(byBun, packed, true);
  // Node 24 runs npm; what it installs is the same for Node 20.
  await succeed(
    run(node24.path, [
      tools.npm,
      "install",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "--loglevel=error",
    ], byNpm),
  );
  await succeed(run(bun.path, ["install", "--ignore-scripts", "--silent"], byBun));
  await compile(tools, node24, byNpm, "nodenext", "nodenext");
  for (const name of PROGRAMS) {
    const file = name.replace(".ts", ".js");
    await Deno.copyFile(`${byNpm}/dist/${file}`, `${byBun}/${file}`);
    await Deno.copyFile(`${byNpm}/dist/${file}`, `${byNpm}/${file}`);
  }
  return {
    packed,
    tools,
    projects: [
      { title: `Node ${node20.version}`, runtime: node20, folder: byNpm },
      { title: `Node ${node24.version}`, runtime: node24, folder: byNpm },
      { title: `Bun ${bun.version}`, runtime: bun, folder: byBun },
    ],
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function writeProject(
  folder: string,
  packed: readonly PackedPackage[],
  override: boolean,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const tarballs = Object.fromEntries(packed.map(({ name, path }) => [name, `file:${path}`]));
  await Deno.writeTextFile(
    `${folder}/package.json`,
    JSON.stringify({
      private: true,
      type: "module",
      dependencies: tarballs,
      devDependencies: { "@types/node": "26.6.6" },
      // Bun asks the registry for packages of packages even if a tarball of the name is there.
      ...override && { overrides: tarballs },
    }),
  );
  for (const name of [...PROGRAMS, "page.ts"]) {
    await Deno.copyFile(new URL(name, programs), `${folder}/${name}`);
  }
}

/**
 * Compiles the programs into `dist/`, declarations of libraries included in the check.
 *
 * @throws Error with the compiler's words.
 */
export async function compile(
  tools: NpmTools,
  node: FoundRuntime,
  folder: string,
  module: string,
  resolution: string,
): Promise<void> {
  const config = {
    compilerOptions: {
      strict: true,
      target: "es2022",
      module,
      moduleResolution: resolution,
      lib: ["es2022", "esnext.disposable", "dom", "dom.iterable", "dom.asynciterable"],
      types: ["node"],
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: false,
      rewriteRelativeImportExtensions: true,
      outDir: "dist",
      rootDir: ".",
    },
    files: [...PROGRAMS, "page.ts"],
  };
  await Deno.writeTextFile(`${folder}/tsconfig.json`, JSON.stringify(config));
  await succeed(run(node.path, [tools.tsc, "-p", "."], folder));
}

/** Runs a program to its end. */
export async function run(program: string, args: readonly string[], cwd: string): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: decode(stdout), err: decode(stderr) };
}

async function succeed(ran: Promise<Ran>): Promise<void> {
  const { code, out, err } = await ran;
  if (code !== 0) throw new Error(`exit code ${code}\n${out}\n${err}`);
}

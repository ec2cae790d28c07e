/**
 * The packed JavaScript and declarations: which packages they import, `@std/…` replaced by the npm package that carries it,
 * and a look at what must not be in them.
 *
 * @module
 */
import type { PackageFiles } from "./tarball.ts";

/** Where a standard library module is on npm. */
export interface StandardLibrary {
  /** `"@std/cli/parse-args"` → `"deno-std/cli/parse_args.js"`. */
  readonly modules: ReadonlyMap<string, string>;
  /** Version of `deno-std`. */
  readonly version: string;
}

/** What the code of a package imports. */
export interface Imports {
  /** Names of packages, without paths; no `node:` modules. */
  readonly packages: Set<string>;
  /** Modules of packages, with paths. */
  readonly modules: Set<string>;
  /** Whether `deno-std` is among them through a rewritten `@std/…`. */
  readonly standardLibrary: boolean;
  /** What a browser must not load: modules that import `node:` modules, and those that are imported only when needed. */
  readonly notForBrowsers: Set<string>;
}

const SPECIFIER = /(\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)(["'])([^"'\n]+)\2/g;
const COMMENT = /\/\*[\s\S]*?\*\//g;

/**
 * Reads where the workspace's `std/` stand-ins take each module from.
 *
 * @param folder The `std/` folder.
 */
export async function readStandardLibrary(folder: URL): Promise<StandardLibrary> {
  const modules = new Map<string, string>();
  let version = "";
  for await (const entry of Deno.readDir(folder)) {
    if (!entry.isDirectory) continue;
    const base = new URL(`${entry.name}/`, folder);
    const { name, exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", base)));
    for (const [path, file] of Object.entries<string>(exports)) {
      const source = await Deno.readTextFile(new URL(file, base));
      const target = /from "(deno-std\/[^"]+)"/.exec(source)?.[1];
      if (target !== undefined) modules.set(name + path.slice(1), target);
    }
    version = JSON.parse(await Deno.readTextFile(new URL("package.json", base))).dependencies["deno-std"];
  }
  return { modules, version };
}

/** Rewrites the modules in place and tells what they import. */
export function finishModules(files: PackageFiles, std: StandardLibrary): Imports {
  const packages = new Set<string>();
  const modules = new Set<string>();
  const notForBrowsers = new Set<string>();
  let standardLibrary = false;
  for (const [path, bytes] of files) {
    if (!/\.(js|d\.ts)$/.test(path)) continue;
    const before = new TextDecoder().decode(bytes);
    let after = before.replace(SPECIFIER, (whole, how: string, quote: string, specifier: string) => {
      if (!specifier.startsWith("@std/")) return whole;
      const target = std.modules.get(specifier);
      if (target === undefined) throw new Error(`${path}: no npm module for ${specifier}`);
      if (path.endsWith(".d.ts")) throw new Error(`${path}: ${specifier} has no declarations on npm`);
      standardLibrary = true;
      return `${how}${quote}${target}${quote}`;
    });
    // A program that starts itself again names its own file.
    after = after.replace(/(new URL\("\.[^"]*)\.ts("\s*,\s*import\.meta\.url\))/g, "$1.js$2");
    for (const [, how, , specifier] of after.replace(COMMENT, "").matchAll(SPECIFIER)) {
      if (specifier.startsWith("node:") && path.endsWith(".js")) {
        notForBrowsers.add(how.endsWith("(") ? specifier : `./${path}`);
      }
      if (/^(\.|node:|https?:)/.test(specifier)) continue;
      modules.add(specifier);
      packages.add(specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/"));
    }
    if (after !== before) files.set(path, new TextEncoder().encode(after));
  }
  return { packages, modules, standardLibrary, notForBrowsers };
}

/**
 * Things that must not be in a package: sources and tests, imports of `.ts` files or of registries by address, source maps, and
 * folders of the machine that built it.
 *
 * @param machineFolders Folders whose names would give the machine away.
 * @returns One line for each, empty if all is well.
 */
export function packageFaults(files: PackageFiles, machineFolders: readonly string[]): string[] {
  const faults: string[] = [];
  for (const [path, bytes] of files) {
    if (/_test\./.test(path) || /^tests?\//.test(path)) faults.push(`${path}: a test`);
    if (/\.ts$/.test(path) && !path.endsWith(".d.ts")) faults.push(`${path}: a source`);
    if (!/\.(js|d\.ts|json|md)$/.test(path)) continue;
    const text = new TextDecoder().decode(bytes);
    if (text.includes("sourceMappingURL")) faults.push(`${path}: a source map`);
    for (const folder of machineFolders) {
      if (text.includes(folder)) faults.push(`${path}: the folder ${folder}`);
    }
    if (!/\.(js|d\.ts)$/.test(path)) continue;
    for (const [, , , specifier] of text.replace(COMMENT, "").matchAll(SPECIFIER)) {
      if (/\.ts$|^(jsr|npm|https?|file):|^@std\//.test(specifier)) {
        faults.push(`${path}: imports ${specifier}`);
      }
    }
  }
  return faults;
}

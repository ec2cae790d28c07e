/**
 * `deno task pack [--out DIR] [NAME…]`: npm tarballs of the packages (ESM and declarations) in `out/npm`, made by `deno pack`
 * and then completed: dependencies, browser map, README, licence, command. Fails if something is in them that must not be.
 *
 * @module
 */
import { finishManifest, type Manifest } from "./manifest.ts";
import { finishModules, packageFaults, readStandardLibrary, type StandardLibrary } from "./modules.ts";
import { PUBLISHED } from "./published.ts";
import { readTarball, writeTarball } from "./tarball.ts";

/** `deno pack` runs of this many packages at a time. */
const AT_ONCE = 2;

const root: URL = new URL("../", import.meta.url);

/** A tarball that was written. */
export interface PackedPackage {
  /** Its name, for example `"@nnrp/core"`. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
  /** Where it is. */
  readonly path: string;
  /** Its size, bytes. */
  readonly bytes: number;
  /** How many files are in it. */
  readonly files: number;
}

/**
 * Packs packages.
 *
 * @param folder Where the tarballs go; made if it is missing.
 * @param names Folders below `packages/`. Default: all.
 */
export async function packPackages(
  folder: string,
  names: readonly string[] = PUBLISHED,
): Promise<PackedPackage[]> {
  await Deno.mkdir(folder, { recursive: true });
  const std = await readStandardLibrary(new URL("std/", root));
  const packed: PackedPackage[] = [];
  const waiting = [...names];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      packed.push(await packOne(name, folder, std));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return packed.sort((a, b) => names.indexOf(a.name.slice(6)) - names.indexOf(b.name.slice(6)));
}

async function packOne(name: string, folder: string, std: StandardLibrary): Promise<PackedPackage> {
  const member = new URL(`packages/${name}/`, root);
  const raw = await Deno.makeTempFile({ prefix: `nnrp-${name}-`, suffix: ".tgz" });
  try {
    await denoPack(member, raw);
    const files = await readTarball(await Deno.readFile(raw));
    const sources = [...files.keys()].filter((path) => /\.ts$/.test(path) && !path.endsWith(".d.ts"));
    for (const path of sources) files.delete(path); // `deno pack` takes modules that no export reaches for assets
    const imports = finishModules(files, std);
    const readme = await Deno.readTextFile(new URL("README.md", member));
    const manifest = finishManifest(
      json(files.get("package.json")!),
      JSON.parse(await Deno.readTextFile(new URL("package.json", member))),
      readme,
      imports,
      imports.standardLibrary ? { "deno-std": std.version } : {},
    );
    if (files.has("main.js")) { // a package with a program: its command for Node and Bun
      manifest.bin = { nnrp: "./bin/nnrp.js" };
      files.set("bin/nnrp.js", utf8('#!/usr/bin/env node\nimport "../main.js";\n'));
    }
    files.set("package.json", utf8(`${JSON.stringify(manifest, null, 2)}\n`));
    files.set("README.md", utf8(readme));
    files.set("LICENSE", await Deno.readFile(new URL("LICENSE", root)));
    const faults = packageFaults(files, [decodeURIComponent(root.pathname), Deno.env.get("HOME") + "/"]);
    if (faults.length > 0) throw new Error(`${manifest.name}:\n  ${faults.join("\n  ")}`);
    const bytes = await writeTarball(files);
    const path = `${folder}/nnrp-${name}-${manifest.version}.tgz`;
    await Deno.writeFile(path, bytes);
    return {
      name: manifest.name,
      version: manifest.version,
      path,
      bytes: bytes.length,
      files: files.size,
    };
  } finally {
    await Deno.remove(raw);
  }
}

async function denoPack(member: URL, out: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    // Inline source maps would hold the absolute path of this machine.
    args: ["pack", "--no-source-maps", "--allow-dirty", "-o", out],
    cwd: member,
    stdout: "null",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) {
    throw new Error(`deno pack failed in ${member.pathname}:\n${new TextDecoder().decode(stderr)}`);
  }
}

function json(bytes: Uint8Array): Manifest {
  return JSON.parse(new TextDecoder().decode(bytes));
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

if (import.meta.main) {
  const args = [...Deno.args];
  const at = args.indexOf("--out");
  const out = at < 0 ? decodeURIComponent(new URL("out/npm", root).pathname) : args.splice(at, 2)[1];
  const unknown = args.filter((name) => !PUBLISHED.includes(name));
  if (out === undefined || unknown.length > 0) {
    console.error(`usage: deno task pack [--out DIR] [NAME…]\nnames: ${PUBLISHED.join(" ")}`);
    Deno.exit(2);
  }
  for (
    const { name, version, path, bytes, files } of await packPackages(out, args.length > 0 ? args : PUBLISHED)
  ) {
    console.log(`${name}@${version}  ${(bytes / 1024).toFixed(1)} KB, ${files} files  ${path}`);
  }
}

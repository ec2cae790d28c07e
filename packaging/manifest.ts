/**
 * The `package.json` that goes into a tarball: what `deno pack` wrote, and what it leaves out: dependencies on other members,
 * optional peers, what browsers must not load, the command.
 *
 * @module
 */
import type { Imports } from "./modules.ts";

/** The parts of a `package.json` that matter here. */
export interface Manifest {
  /** Package name. */
  name: string;
  /** Its version. */
  version: string;
  /** One line for people who search. */
  description?: string;
  /** Words to be found by. */
  keywords?: readonly string[];
  /** Entry points. */
  exports?: Record<string, unknown>;
  /** Packages it needs. */
  dependencies?: Record<string, string>;
  /** Packages it can use. */
  peerDependencies?: Record<string, string>;
  /** Which of those may be missing. */
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  /** Modules that bundlers for browsers leave out. */
  browser?: Record<string, false>;
  /** Commands. */
  bin?: Record<string, string>;
  /** Further fields. */
  [field: string]: unknown;
}

/** Modules of packages that open sockets of the operating system: nothing for a browser. */
const NOT_FOR_BROWSERS = ["@nnrp/tcp", "@nnrp/runtime/sockets", "ws"];

/**
 * The finished manifest.
 *
 * @param packed What `deno pack` wrote.
 * @param member The member's own `package.json`: its dependencies are the ones people get.
 * @param readme Its first paragraph is the description.
 * @param imports What the packed code imports; each package must be a dependency or a peer.
 * @param added Dependencies that packing brought in.
 */
export function finishManifest(
  packed: Manifest,
  member: Manifest,
  readme: string,
  imports: Imports,
  added: Readonly<Record<string, string>> = {},
): Manifest {
  const imported = imports.packages;
  const dependencies: Record<string, string> = { ...added };
  for (const [name, version] of Object.entries(member.dependencies ?? {})) {
    if (!imported.has(name)) continue; // only its tests use it
    dependencies[name] = name.startsWith("@nnrp/") ? `^${version.replace(/^\^/, "")}` : version;
  }
  const peers = member.peerDependencies ?? {};
  for (const name of imported) {
    if (!(name in dependencies) && !(name in peers) && name !== packed.name) {
      throw new Error(`${packed.name} imports ${name}, which its package.json does not name`);
    }
  }
  const absent = [
    ...NOT_FOR_BROWSERS.filter((name) => imports.modules.has(name)),
    ...[...imports.notForBrowsers].sort(),
  ];
  return {
    name: packed.name,
    version: packed.version,
    description: firstParagraph(readme),
    keywords: ["nnrp", "neural", "inference", "streaming", "real-time"],
    license: packed.license,
    type: "module",
    engines: { node: ">=20" },
    sideEffects: false,
    main: packed.main,
    types: packed.types,
    exports: { ...packed.exports, "./package.json": "./package.json" },
    ...absent.length > 0 && { browser: Object.fromEntries(absent.map((name) => [name, false])) },
    ...member.bin !== undefined && { bin: member.bin },
    ...Object.keys(dependencies).length > 0 && { dependencies: sorted(dependencies) },
    ...Object.keys(peers).length > 0 && {
      peerDependencies: peers,
      peerDependenciesMeta: member.peerDependenciesMeta,
    },
  };
}

function firstParagraph(readme: string): string {
  const paragraph = readme.split(/\n{2,}/).find((part) => part.trim() !== "" && !part.startsWith("#"));
  if (paragraph === undefined) throw new Error("a README without a first paragraph");
  return paragraph.replace(/\s+/g, " ").replace(/[`*]|\]\([^)]*\)|\[/g, "").trim();
}

function sorted(record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

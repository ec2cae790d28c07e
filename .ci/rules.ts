/**
 * Rules of the architecture that no linter knows (docs/architecture.md): clocks, timers and random numbers come from the host;
 * core imports nothing; packages import downward; no import cycles; no file that owns too much; nothing that Node 20 lacks; no test
 * that waits for milliseconds.
 *
 * @module
 */

/** Packages in their order: each may import those before it, and only the ones named. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  runtime: ["core"],
  testing: ["core"],
  tcp: ["core", "runtime"],
  websocket: ["core", "runtime"],
  quic: ["core", "runtime"],
  client: ["core", "runtime", "tcp", "websocket", "quic"],
  server: ["core", "runtime", "tcp"],
  backends: ["core", "server"],
  tools: ["core", "runtime", "tcp", "websocket", "quic", "client", "server", "backends", "testing"],
};
/** Packages whose time, timers and lots can be played. */
const PLAYED = ["core", "runtime", "tcp", "websocket", "quic", "client", "server"];
/** The one file of them that asks the machine. */
const HOST_FILE = "packages/runtime/src/system_host.ts";
const MACHINE =
  /(?<!(?<!\bglobalThis|\bself|\bwindow)\.)\b(performance\s*\.\s*(now|timeOrigin)|Date\s*\.\s*now|new\s+Date\s*\(\s*\)|setTimeout|setInterval|setImmediate|AbortSignal\s*\.\s*timeout|Math\s*\.\s*random|crypto\s*\.\s*(getRandomValues|randomUUID))\b/g;
/** What a runtime offers and an engine must not touch. */
const RUNTIME =
  /\b(Deno|process|Buffer|console|navigator|window|document|fetch|XMLHttpRequest|require)\b\s*[.([]/g;
/** What is newer than the oldest runtime of the packages, Node 20. */
const NEWER_THAN_NODE_20 =
  /\b(Promise\s*\.\s*(withResolvers|try)|Array\s*\.\s*fromAsync|AbortSignal\s*\.\s*any|(Object|Map)\s*\.\s*groupBy|Iterator\s*\.\s*from|RegExp\s*\.\s*escape|Error\s*\.\s*isError|new\s+Float16Array|Uint8Array\s*\.\s*(fromBase64|fromHex))\b|\.\s*(toBase64|toHex|isSubsetOf|symmetricDifference)\s*\(/g;
/** Where tests and what they share are. Examples and benches show time passing; they check nothing by it. */
const TESTS = /^tests\/|^packages\/\w+\/tests\/|_test\.ts$|^packages\/testing\/\w+\.ts$/;
/** A promise that a timer of the machine fulfils: all but the next turn of the event loop (0 ms). */
const WAIT = new RegExp(
  [
    // new Promise((done) => setTimeout(done, 20)), … setTimeout(() => done(x), 20)
    String
      .raw`\bnew\s+Promise(?:<[^()]*>)?\(\s*(?:async\s*)?\(?\s*(\w+)[^()]*\)?\s*=>\s*(?:\{\s*)?(?:return\s+)?(?:void\s+)?` +
    String
      .raw`(?:\w+\s*=\s*)?(?:globalThis\.)?setTimeout\(\s*(?:\1|\(\)\s*=>\s*\{?\s*\1\([^;]*?\)\s*\}?)\s*(?:,(?!\s*0\s*,?\s*\))|\))`,
    // sleep(20): a bare call, for world.sleep(20) is virtual
    String.raw`(?<![.\w#])(?<!\bfunction\s)(?:sleep|delay|pause|wait)\(\s*[1-9]`,
    String.raw`(?<=\bDeno\.)sleep(?:Sync)?\(|\bBun\s*\.\s*sleep(?:Sync)?\(|\bAtomics\s*\.\s*wait\(`,
  ].join("|"),
  "g",
);
/** Timers as promises, by import. */
const TIMER_PROMISES = /\bfrom\s*"(?:node:)?timers\/promises"/g;
/** Allows the wait in this line or the next; it gives the reason. */
const WAIT_ALLOWED = /\/\/ fixed wait: \S+ \S+/;

/** Longest source file that is no table, lines. */
const MAX_LINES = 500;

/** A source file of a package, without its tests. */
interface Source {
  readonly path: string;
  readonly pkg: string;
  readonly text: string;
  /** Text without comments and strings. */
  readonly code: string;
  /** Paths and package names it imports, types included. */
  readonly imports: readonly string[];
}

/**
 * Looks for breaches.
 *
 * @param root The repository.
 * @returns One line each, empty if there are none.
 */
export async function breaches(root: URL): Promise<string[]> {
  const sources: Source[] = [];
  for (const pkg of Object.keys(MAY_IMPORT)) await collect(root, `packages/${pkg}`, pkg, sources);
  return [
    ...sources.flatMap(hostBreaches),
    ...sources.flatMap(importBreaches),
    ...sources.flatMap(lengthBreaches),
    ...sources.flatMap(ageBreaches),
    ...cycles(sources),
    ...(await testFiles(root)).flatMap(({ path, text }) => fixedWaits(path, text)),
  ];
}

/**
 * Waits for a fixed time in a test: too short on a busy machine, too long on any other.
 *
 * @param path For the lines.
 * @param text The file.
 * @returns One line each.
 */
export function fixedWaits(path: string, text: string): string[] {
  const code = bare(text);
  const lines = text.split("\n");
  const isAllowed = (line: number) =>
    [lines[line - 1], lines[line - 2]].some((one) => one !== undefined && WAIT_ALLOWED.test(one));
  // Imports name their module in a string, which is blank in the code.
  const found = [...code.matchAll(WAIT), ...text.matchAll(TIMER_PROMISES)];
  return found.map((m) => ({ line: lineOf(text, m.index), what: m[0].replace(/\s+/g, " ") }))
    .filter(({ line }) => !isAllowed(line))
    .map(({ line, what }) =>
      `${path}:${line}: ${what}…: a fixed wait; wait for a condition (until), turns, or virtual time, ` +
      "or say why not: // fixed wait: REASON"
    );
}

async function testFiles(root: URL): Promise<{ path: string; text: string }[]> {
  const { stdout } = await new Deno.Command("git", {
    args: ["ls-files", "--cached", "--others", "--exclude-standard", "*.ts"],
    cwd: root,
  }).output();
  const paths = new TextDecoder().decode(stdout).split("\n").filter((path) => TESTS.test(path));
  const texts = await Promise.all(paths.map(async (path) => {
    const text = await Deno.readTextFile(new URL(path, root)).catch(() => ""); // deleted, and not committed yet
    return { path, text };
  }));
  return texts;
}

function hostBreaches({ path, pkg, code }: Source): string[] {
  if (!PLAYED.includes(pkg) || path === HOST_FILE) return [];
  const found = [...code.matchAll(MACHINE)].map((m) =>
    `${path}:${lineOf(code, m.index)}: ${m[0]}: ask the Host`
  );
  if (pkg !== "core") return found;
  const runtime = [...code.matchAll(RUNTIME)];
  return [
    ...found,
    ...runtime.map((m) => `${path}:${lineOf(code, m.index)}: core touches a runtime: ${m[1]}`),
  ];
}

function importBreaches({ path, pkg, imports }: Source): string[] {
  const allowed = MAY_IMPORT[pkg];
  const wrong: string[] = [];
  for (const spec of imports) {
    if (spec.startsWith("packages/")) {
      if (!spec.startsWith(`packages/${pkg}/`)) wrong.push(`${path}: reaches into ${spec}`);
    } else if (spec.startsWith("@nnrp/")) {
      const name = spec.split("/")[1];
      if (name !== pkg && !allowed.includes(name)) wrong.push(`${path}: ${pkg} may not import ${spec}`);
    } else if (pkg === "core") wrong.push(`${path}: core imports nothing, not ${spec}`);
  }
  return wrong;
}

function ageBreaches({ path, code }: Source): string[] {
  return [...code.matchAll(NEWER_THAN_NODE_20)].map((m) =>
    `${path}:${lineOf(code, m.index)}: ${m[0]}: Node 20 has no such thing`
  );
}

function lengthBreaches({ path, text }: Source): string[] {
  const lines = text.split("\n").length;
  return lines > MAX_LINES ? [`${path}: ${lines} lines; what in it wants a name of its own?`] : [];
}

/** Strongly connected groups of files (Tarjan), types counted as well. */
function cycles(sources: readonly Source[]): string[] {
  const graph = new Map(sources.map((s) => [s.path, s.imports]));
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[] = [];
  const visit = (path: string): void => {
    index.set(path, index.size);
    low.set(path, index.get(path)!);
    stack.push(path);
    for (const next of graph.get(path)!) {
      if (!graph.has(next)) continue;
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(path, Math.min(low.get(path)!, low.get(next)!));
    }
    if (low.get(path) !== index.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    if (group.length > 1) found.push(`import cycle: ${group.sort().join(", ")}`);
  };
  for (const { path } of sources) if (!index.has(path)) visit(path);
  return found;
}

async function collect(root: URL, folder: string, pkg: string, into: Source[]): Promise<void> {
  for await (const entry of Deno.readDir(new URL(`${folder}/`, root))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) {
      const isSource = !["node_modules", "tests", "docs", "assets", "training", "out"].includes(entry.name);
      if (isSource) await collect(root, path, pkg, into);
    } else if (entry.name.endsWith(".ts") && !entry.name.endsWith("_test.ts")) {
      const text = await Deno.readTextFile(new URL(path, root));
      into.push({ path, pkg, text, code: bare(text), imports: importsOf(path, text) });
    }
  }
}

function importsOf(path: string, text: string): string[] {
  const plain = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const specs = [...plain.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)].map((m) => m[1]);
  return specs.map((spec) =>
    spec.startsWith(".") ? new URL(spec, `file:///${path}`).pathname.slice(1) : spec
  );
}

/** The same text with blanks where comments and strings were, so that lines stay. */
function bare(text: string): string {
  return text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g,
    (found) => found.replace(/[^\n]/g, " "),
  );
}

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}

if (import.meta.main) {
  const found = await breaches(new URL("../", import.meta.url));
  console.log(found.join("\n") || "the rules of the architecture hold");
  Deno.exit(found.length === 0 ? 0 : 1);
}

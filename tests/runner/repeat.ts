/**
 * The command that runs one test again, alone, on the runtime on which it failed.
 *
 * @module
 */

/** Runtimes of the tests. */
export const RUNTIMES = ["deno", "node", "bun"] as const;
/** One of them. */
export type RuntimeName = typeof RUNTIMES[number];

/**
 * A command line for a POSIX shell.
 *
 * @param runtime Where.
 * @param file The file; empty = all of them.
 * @param name The test's name with the groups it stands in; absent = the whole file.
 * @param others Names of the other tests of the file: where one of them holds this name too, the filter is an exact one.
 */
export function repeatCommand(
  runtime: RuntimeName,
  file: string,
  name?: readonly string[],
  others: Iterable<string> = [],
): string {
  const filter = name === undefined ? "" : ` --filter ${quote(filterOf(runtime, name, others))}`;
  if (file === "") return `deno task test --only ${runtime}`;
  // Deno alone does not show every error outside of a test (uncaught.ts).
  if (runtime === "deno" && name !== undefined) return `deno test -A ${quote(file)}${filter}`;
  return `deno task test --only ${runtime}${filter} ${quote(file)}`;
}

function filterOf(runtime: RuntimeName, name: readonly string[], others: Iterable<string>): string {
  // Deno filters tests and not their steps; Node and Bun join groups and names by blanks.
  const text = runtime === "deno" ? name[0] : name.join(" ");
  for (const other of others) {
    if (other !== text && other.includes(text)) return `/^${escapeRegExp(text)}$/`;
  }
  return /^\/.*\/$/s.test(text) ? `/^${escapeRegExp(text)}$/` : text;
}

/** The regular expression of a filter as Deno understands it: `/between slashes/`, or the text itself anywhere in the name. */
export function filterPattern(filter: string): string {
  return /^\/.*\/$/s.test(filter) ? filter.slice(1, -1) : escapeRegExp(filter);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

/** A word for a POSIX shell. */
export function quote(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

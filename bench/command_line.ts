/**
 * What the command lines of the benchmarks share: flags with a value, and how a program ends.
 *
 * @module
 */

/** A command line that cannot be used. */
export class UsageError extends Error {}

/**
 * The flags of a command line with their values; `--name value` and `--name=value` are the same.
 *
 * @param args The command line.
 * @param valued Flags that take a value.
 * @param bare Flags that take none; their value is "".
 * @throws {UsageError} If there is something else, or a value is missing or one too many.
 */
export function flagValues(
  args: readonly string[],
  valued: readonly string[],
  bare: readonly string[],
): Map<string, string> {
  const given = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const [name, inline] = split(args[i]);
    if (bare.includes(name)) {
      if (inline !== undefined) throw new UsageError(`${name} takes no value`);
      given.set(name, "");
    } else if (valued.includes(name)) {
      const value = inline ?? args[++i];
      if (value === undefined || value === "") throw new UsageError(`${name} needs a value`);
      given.set(name, value);
    } else {
      throw new UsageError(`unknown ${name.startsWith("-") ? "flag" : "argument"} ${args[i]}`);
    }
  }
  return given;
}

function split(arg: string): [name: string, value: string | undefined] {
  const at = arg.startsWith("--") ? arg.indexOf("=") : -1;
  return at < 0 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)];
}

/** Those of all that a list names, in the order of all; no list = all. */
export function list<T extends string>(
  flag: string,
  value: string | undefined,
  all: readonly T[],
): readonly T[] {
  if (value === undefined) return all;
  const wanted = value.split(",").map((name) => name.trim());
  const wrong = wanted.find((name) => !(all as readonly string[]).includes(name));
  if (wrong !== undefined) throw new UsageError(`${flag}: unknown "${wrong}", known are ${all.join(", ")}`);
  return all.filter((name) => wanted.includes(name));
}

/** A number above 0; no value = the standard. */
export function positive<S extends number | undefined>(
  flag: string,
  value: string | undefined,
  standard: S,
  whole: boolean,
): number | S {
  if (value === undefined) return standard;
  const parsed = Number(value);
  if (parsed > 0 && Number.isFinite(parsed) && (!whole || Number.isInteger(parsed))) return parsed;
  throw new UsageError(`${flag}: expected a ${whole ? "whole " : ""}number above 0, got "${value}"`);
}

/**
 * Runs a benchmark and ends the process with its exit code; 2 if the command line cannot be used.
 *
 * @param main The benchmark.
 */
export async function runBench(main: (args: readonly string[]) => Promise<number>): Promise<never> {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`bench: ${error.message} (--help shows all flags)`);
    Deno.exit(2);
  }
}

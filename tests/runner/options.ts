/**
 * The command line of `deno task test`.
 *
 * @module
 */
import { type RuntimeName, RUNTIMES } from "./repeat.ts";

/** What `--help` prints. */
export const HELP =
  `Runs the tests: all of them on Deno, those that start no processes of their own on Node and Bun too.

deno task test [flags] [files or folders]
  --only deno        ${RUNTIMES.join(", ")} (default: all three)
  --filter TEXT      only tests whose name holds this; /between slashes/ a regular expression
  --verbose          the name of every test
  --help             this text

Without files: everything. With files and no --only, Node and Bun run those of them that are made for all three.
The last line counts what passed, failed and was skipped; under CI=true what was skipped has failed.
Exit code 0: nothing failed, 1: something did, 2: the command line cannot be used.`;

/** A command line that cannot be used. */
export class UsageError extends Error {}

/** What to run. */
export interface Options {
  /** The only runtime; absent = all. */
  readonly only?: RuntimeName;
  /** Which tests, by name. */
  readonly filter?: string;
  /** Whether every test's name is printed. */
  readonly verbose: boolean;
  /** Files and folders; empty = everything. */
  readonly paths: readonly string[];
}

/**
 * Reads a command line.
 *
 * @throws {UsageError} Naming the word that cannot be used and what can.
 */
export function readOptions(args: readonly string[]): Options | "help" {
  let only: RuntimeName | undefined;
  let filter: string | undefined;
  let verbose = false;
  const paths: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const [flag, inline] = split(args[i]);
    const value = (): string => {
      const given = inline ?? args[++i];
      if (given === undefined || given === "") throw new UsageError(`${flag} needs a value`);
      return given;
    };
    if (flag === "--only") {
      const name = value();
      if (!(RUNTIMES as readonly string[]).includes(name)) {
        throw new UsageError(`--only: expected ${RUNTIMES.join(", ")}, got "${name}"`);
      }
      only = name as RuntimeName;
    } else if (flag === "--filter") filter = value();
    else if (flag === "--verbose" || flag === "--help") {
      if (inline !== undefined) throw new UsageError(`${flag} takes no value`);
      if (flag === "--help") return "help";
      verbose = true;
    } else if (flag.startsWith("-")) throw new UsageError(`unknown flag ${flag}`);
    else paths.push(args[i].replace(/^\.\//, "").replace(/\/+$/, ""));
  }
  return { only, filter, verbose, paths };
}

function split(arg: string): [flag: string, value: string | undefined] {
  const at = arg.startsWith("--") ? arg.indexOf("=") : -1;
  return at < 0 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)];
}

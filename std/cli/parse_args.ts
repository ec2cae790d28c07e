/**
 * Stand-in for `jsr:@std/cli/parse-args`; see `std/assert/mod.ts`.
 *
 * @module
 */
import { parseArgs as impl } from "deno-std/cli/parse_args.js";

/** Options of {@linkcode parseArgs}. */
export interface ParseOptions {
  /** Names that take no value. */
  readonly boolean?: readonly string[];
  /** Names whose value stays text. */
  readonly string?: readonly string[];
  /** Names that may come several times. */
  readonly collect?: readonly string[];
  /** Other spellings, by name. */
  readonly alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Values of names that are not given. */
  readonly default?: Readonly<Record<string, unknown>>;
  /** Names that `--no-NAME` sets to false. */
  readonly negatable?: readonly string[];
  /** Keeps what follows `--` apart. */
  readonly "--"?: boolean;
  /** Called for arguments that were not declared; false leaves them out. */
  readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
/** What {@linkcode parseArgs} returns: values by name, and the positional arguments in `_`. */
export type Args = Record<string, unknown> & { _: (string | number)[] };
/** Reads command line arguments. */
export const parseArgs: (args: readonly string[], options?: ParseOptions) => Args = impl;

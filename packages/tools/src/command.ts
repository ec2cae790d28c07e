/**
 * What a subcommand of `nnrp` is: one value that says its name, arguments and options and runs. Help texts, argument
 * checks and (later) completion and docs are made from these values, so nothing is said twice.
 *
 * @module
 */
import type { Terminal } from "./terminal_style.ts";

/** One option of a command, written `--name`. */
export interface CommandOption {
  /** Name without dashes, kebab-case. */
  readonly name: string;
  /** One letter, without dash. */
  readonly short?: string;
  /** `"boolean"` takes no value; `"number"` is checked to be one; `"list"` may be given several times. */
  readonly type: "boolean" | "string" | "number" | "list";
  /** Placeholder in the help text, for example `FILE`. */
  readonly placeholder?: string;
  /** What it does, one line. */
  readonly help: string;
  /** Value where it is left out. */
  readonly default?: string | number | boolean;
  /** Whether it must be given. */
  readonly required?: boolean;
}

/** One positional argument. */
export interface CommandArgument {
  /** Placeholder in the help text. */
  readonly name: string;
  /** What it is, one line. */
  readonly help: string;
  /** Whether it may be left out. */
  readonly optional?: boolean;
  /** Whether it takes all that follow. */
  readonly rest?: boolean;
  /** The values it may have, if they are few; for completion. */
  readonly choices?: readonly string[];
}

/** A line of `docs/cli.md` that is run for real. */
export interface CommandDemonstration {
  /**
   * The line without the leading `nnrp`; `ADDRESS` stands for a running echo server, `PORT` for that of {@linkcode server}. The
   * files in it are made by `docs/samples.ts` of this package.
   */
  readonly line: string;
  /** A line that runs meanwhile and ends when its client is done or its standard input ends; `PORT` stands for a free port. */
  readonly server?: string;
  /** What there is to see, one sentence. */
  readonly about?: string;
  /** Exit code that is expected. Default 0. */
  readonly exitCode?: number;
  /** Lines that are shown; the others are counted. Default: all. */
  readonly maxLines?: number;
  /** Whether times, ids and the like in it change from run to run, so that examples must replace them. Default false. */
  readonly changing?: boolean;
}

/** What a command is run with. */
export interface CommandInput {
  /** Positional arguments, in order. */
  readonly args: readonly string[];
  /** Options by name; defaults filled in. */
  readonly options: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  /** Writes one line to standard output, made fit to be shown; line ends in it too, so lines are printed one by one. */
  readonly print: (line: string) => void;
  /** Writes text of our own with its line ends to standard output, without ending the last. Default: line by line as `print`. */
  readonly write?: (text: string) => void;
  /** Writes one line to standard error, made fit to be shown. */
  readonly warn: (line: string) => void;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** What standard output is. Default: no terminal, so no colours. */
  readonly terminal?: Terminal;
}

/** A subcommand of `nnrp`. */
export interface Command {
  /** Words after `nnrp`, for example `"serve"` or `"vectors check"`. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** A paragraph for its help page. */
  readonly description?: string;
  /** Positional arguments. */
  readonly args?: readonly CommandArgument[];
  /** Options beside `--help`. */
  readonly options?: readonly CommandOption[];
  /** Example lines, without the leading `nnrp`. */
  readonly examples?: readonly string[];
  /** Lines that `docs/cli.md` runs and shows with their real output. */
  readonly demonstrations?: readonly CommandDemonstration[];
  /** Loads and runs it; the exit code: 0 success, 1 failure, 2 wrong usage. */
  run(input: CommandInput): Promise<number>;
}

/** A failure that is the user's to mend: printed as one line, no stack. Exit code 1 unless told otherwise. */
export class CommandError extends Error {
  /** Exit code. */
  readonly exitCode: number;
  /** What to do, on a line of its own. */
  readonly hint: string | undefined;

  /**
   * Makes a CommandError.
   *
   * @param message What happened and what to do; one line.
   * @param exitCode 1 failure, 2 wrong usage.
   * @param hint What to do, where it deserves a line of its own.
   */
  constructor(message: string, exitCode = 1, hint?: string) {
    super(message);
    this.name = "CommandError";
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

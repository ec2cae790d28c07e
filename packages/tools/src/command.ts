/**
 * What a subcommand of `nnrp` is: one value that says its name, arguments and options and runs. Help texts, argument
 * checks and (later) completion and docs are made from these values, so nothing is said twice.
 *
 * @module
 */

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
}

/** What a command is run with. */
export interface CommandInput {
  /** Positional arguments, in order. */
  readonly args: readonly string[];
  /** Options by name; defaults filled in. */
  readonly options: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  /** Writes one line to standard output. */
  readonly print: (line: string) => void;
  /** Writes one line to standard error. */
  readonly warn: (line: string) => void;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
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
  /** Loads and runs it; the exit code: 0 success, 1 failure, 2 wrong usage. */
  run(input: CommandInput): Promise<number>;
}

/** A failure that is the user's to mend: printed as one line, no stack. Exit code 1 unless told otherwise. */
export class CommandError extends Error {
  /** Exit code. */
  readonly exitCode: number;

  /**
   * Makes a CommandError.
   *
   * @param message What happened and what to do.
   * @param exitCode 1 failure, 2 wrong usage.
   */
  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = "CommandError";
    this.exitCode = exitCode;
  }
}

/**
 * Finds the command, checks its arguments, runs it, and turns whatever goes wrong into one or two lines and an exit code:
 * 0 success, 1 failure, 2 wrong usage.
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "@std/cli/parse-args";
import { NnrpError } from "@nnrp/core";
import { type Command, CommandError, type CommandInput, type CommandOption } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { commandHelp, overviewHelp } from "./help.ts";
import { closest } from "./closest.ts";
import { type CommandOutput, gated, printLines } from "./output_gate.ts";
import { type Terminal, terminalOf } from "./terminal_style.ts";
import { VERSION } from "./version.ts";

/** Where a run writes. What it gets is fit to be shown: no peer's escape sequences, controls or marks of direction. */
export interface CliOutput extends CommandOutput {
  /** What standard output is. Default: no terminal, so no colours. */
  readonly terminal?: Terminal;
}

/**
 * Runs `nnrp` with arguments.
 *
 * @param argv Arguments after the program's name.
 * @param output Where to write. Default: the process's own output.
 * @returns The exit code.
 */
export async function runCli(argv: readonly string[], output: CliOutput = processOutput): Promise<number> {
  return await run(argv, gated(output));
}

async function run(argv: readonly string[], output: CliOutput): Promise<number> {
  // `nnrp help decode` is `nnrp decode --help`.
  if (argv[0] === "help") return await run([...argv.slice(1), "--help"], output);
  const found = findCommand(argv);
  if (found === null) {
    if (argv.length === 0 || argv[0] === "--help" || argv[0] === "-h") {
      printLines(output.print, overviewHelp(COMMANDS));
      return argv.length === 0 ? 2 : 0;
    }
    if (argv[0] === "--version" || argv[0] === "-V") {
      output.print(`nnrp ${VERSION} (NNRP/1)`);
      return 0;
    }
    const group = COMMANDS.filter((c) => c.name.startsWith(`${argv[0]} `));
    if (group.length > 0) return explainGroup(group, argv, output);
    const names = COMMANDS.map((c) => c.name);
    const typed = argv.filter((a) => !a.startsWith("-")).slice(0, 2).join(" ") || argv[0];
    const near = closest(typed, names) ?? closest(argv[0], names);
    output.warn(
      `nnrp: unknown command "${typed}"${near ? `; did you mean "${near}"?` : ""} (nnrp --help lists all)`,
    );
    return 2;
  }
  const { command, rest } = found;
  if (rest.includes("--help") || rest.includes("-h")) {
    printLines(output.print, commandHelp(command));
    return 0;
  }
  const abort = new AbortController();
  const stop = () => abort.abort(new CommandError("stopped"));
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  try {
    return await command.run(readInput(command, rest, output, abort.signal));
  } catch (error) {
    return explain(error, command, output);
  } finally {
    process.removeListener("SIGINT", stop);
    process.removeListener("SIGTERM", stop);
  }
}

const processOutput: CliOutput = {
  print: (line) => void process.stdout.write(`${line}\n`),
  warn: (line) => void process.stderr.write(`${line}\n`),
  write: (text) => void process.stdout.write(text),
  terminal: terminalOf(process.stdout, process.env),
};

/** `nnrp smoke` alone, or with a second word that is none: the few that there are. */
function explainGroup(group: readonly Command[], argv: readonly string[], output: CliOutput): number {
  if (argv.includes("--help") || argv.includes("-h")) {
    printLines(output.print, overviewHelp(group));
    return 0;
  }
  const names = group.map((c) => `nnrp ${c.name}`);
  const all = names.length === 1 ? names[0] : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
  output.warn(`nnrp: "${argv.slice(0, 2).join(" ")}" is no command; write ${all}`);
  return 2;
}

/** The command with the longest name that begins the arguments. */
function findCommand(argv: readonly string[]): { command: Command; rest: string[] } | null {
  let best: { command: Command; rest: string[] } | null = null;
  let length = 0;
  for (const command of COMMANDS) {
    const words = command.name.split(" ");
    if (words.length > length && words.every((word, i) => argv[i] === word)) {
      best = { command, rest: argv.slice(words.length) };
      length = words.length;
    }
  }
  return best;
}

function readInput(
  command: Command,
  argv: readonly string[],
  output: CliOutput,
  signal: AbortSignal,
): CommandInput {
  const options = command.options ?? [];
  const of = (...types: CommandOption["type"][]) =>
    options.filter((o) => types.includes(o.type)).map((o) => o.name);
  const unknown: string[] = [];
  const parsed = parseArgs(argv, {
    boolean: of("boolean"),
    string: of("string", "number", "list"),
    collect: of("list"),
    alias: Object.fromEntries(options.filter((o) => o.short !== undefined).map((o) => [o.name, o.short!])),
    unknown: (arg, key) => {
      if (key === undefined) return true;
      unknown.push(arg);
      return false;
    },
  });
  if (unknown.length > 0) {
    const flag = unknown[0].split("=")[0];
    const near = closest(withoutDashes(flag), options.map((o) => o.name));
    throw new CommandError(
      `unknown option ${flag}${
        near ? `; did you mean --${near}?` : ""
      } (nnrp ${command.name} --help lists all)`,
      2,
    );
  }
  const values: Record<string, string | number | boolean | readonly string[] | undefined> = {};
  for (const option of options) values[option.name] = valueOf(option, parsed[option.name]);
  const args = parsed._.map(String);
  const declared = command.args ?? [];
  const needed = declared.filter((a) => !a.optional);
  if (args.length < needed.length) {
    throw new CommandError(`${needed[args.length].name} is missing: ${needed[args.length].help}`, 2);
  }
  if (args.length > declared.length && !declared.at(-1)?.rest) {
    throw new CommandError(`unexpected argument "${args[declared.length]}" (nnrp ${command.name} --help)`, 2);
  }
  const { print, write, warn, terminal } = output;
  return { args, options: values, print, write, warn, signal, terminal };
}

function valueOf(
  option: CommandOption,
  given: unknown,
): string | number | boolean | readonly string[] | undefined {
  if (option.type === "list") {
    const list = Array.isArray(given) ? given.map(String) : [];
    if (list.includes("")) throw new CommandError(`--${option.name} wants a value`, 2);
    return list;
  }
  if (option.type === "boolean") return given === true || (given === undefined && option.default === true);
  if (given === undefined) {
    if (option.required) throw new CommandError(`--${option.name} is missing: ${option.help}`, 2);
    return option.default;
  }
  if (given === "") throw new CommandError(`--${option.name} wants a value`, 2);
  if (option.type === "string") return String(given);
  const number = Number(given);
  if (!Number.isFinite(number)) {
    throw new CommandError(`--${option.name} wants a number, got "${String(given)}"`, 2);
  }
  return number;
}

function withoutDashes(flag: string): string {
  let start = 0;
  while (flag[start] === "-") start++;
  return flag.slice(start);
}

/** One line for what a person can mend, and one for what to do if it is long; a stack only for what is our fault. */
function explain(error: unknown, command: Command, output: CliOutput): number {
  if (error instanceof CommandError) {
    output.warn(`nnrp ${command.name}: ${error.message}`);
    if (error.hint !== undefined) output.warn(error.hint);
    return error.exitCode;
  }
  if (error instanceof NnrpError) {
    output.warn(`nnrp ${command.name}: ${error.message}`);
    return 1;
  }
  output.warn(`nnrp ${command.name}: unexpected failure, please report it: ${error}`);
  const stack = error instanceof Error ? error.stack?.split("\n") ?? [] : [];
  for (const line of stack) if (line.trimStart().startsWith("at ")) output.warn(line);
  return 1;
}

/**
 * Help texts, made from the table of commands.
 *
 * @module
 */
import type { Command, CommandOption } from "./command.ts";

/** The list of all commands. */
export function overviewHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((c) => c.name.length));
  return [
    "nnrp: tools for NNRP/1, the neural network runtime protocol",
    "",
    "Usage: nnrp COMMAND [OPTIONS]",
    "",
    "Commands:",
    ...commands.map((c) => `  ${c.name.padEnd(width)}  ${c.summary}`),
    "",
    "nnrp COMMAND --help explains one, nnrp --version tells the version. Exit codes: 0 success, 1 failure, 2 wrong usage.",
  ].join("\n");
}

/** The page of one command. */
export function commandHelp(command: Command): string {
  const args = command.args ?? [];
  const options: readonly CommandOption[] = [...command.options ?? [], {
    name: "help",
    short: "h",
    type: "boolean",
    help: "show this",
  }];
  const usage = args.map((a) =>
    `${a.optional ? "[" : ""}${a.name}${a.rest ? "…" : ""}${a.optional ? "]" : ""}`
  );
  const heads = options.map(optionHead);
  const width = Math.max(...heads.map((h) => h.length), ...args.map((a) => a.name.length));
  const lines = [`nnrp ${command.name}: ${command.summary}`, ""];
  if (command.description) lines.push(command.description, "");
  lines.push(`Usage: nnrp ${[command.name, ...usage].join(" ")} [OPTIONS]`, "");
  if (args.length > 0) {
    lines.push("Arguments:", ...args.map((a) => `  ${a.name.padEnd(width)}  ${a.help}`), "");
  }
  lines.push("Options:", ...options.map((o, i) => `  ${heads[i].padEnd(width)}  ${o.help}${defaultOf(o)}`));
  if (command.examples?.length) lines.push("", "Examples:", ...command.examples.map((e) => `  nnrp ${e}`));
  return lines.join("\n");
}

function optionHead(option: CommandOption): string {
  const value = option.type === "boolean"
    ? ""
    : ` ${option.placeholder ?? (option.type === "number" ? "N" : "TEXT")}`;
  return `${option.short ? `-${option.short}, ` : ""}--${option.name}${value}`;
}

function defaultOf(option: CommandOption): string {
  if (option.required) return " (required)";
  return option.default === undefined || option.default === false ? "" : ` (default ${option.default})`;
}

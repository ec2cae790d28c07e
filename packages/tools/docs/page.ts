/**
 * `docs/cli.md` as text: every command of the table with its help, and what its demonstrations printed.
 *
 * @module
 */
import type { Command, CommandDemonstration } from "../src/command.ts";
import { commandHelp, overviewHelp } from "../src/help.ts";
import { NORMALISATIONS } from "./normalise.ts";

/** What a demonstration printed. */
export interface Shown {
  /** What was run. */
  readonly demonstration: CommandDemonstration;
  /** The line as the page shows it. */
  readonly line: string;
  /** Output and errors, normalised. */
  readonly lines: readonly string[];
  /** Exit code. */
  readonly exitCode: number;
  /** What the server printed meanwhile, if there was one. */
  readonly server: { readonly line: string; readonly lines: readonly string[] } | null;
}

/** Writes the page. */
export function cliPage(commands: readonly Command[], shown: ReadonlyMap<Command, readonly Shown[]>): string {
  const changing = [...new Set(NORMALISATIONS.map(({ what }) => what))];
  const parts = [
    "# The `nnrp` command",
    "",
    "<!-- Made by `deno task cli-docs` from the table of commands and from what they print. Do not edit. -->",
    "",
    "In a checkout `deno task nnrp …` runs it; the examples below write it as `nnrp …`. Every command has `--help`, those with",
    "results have `--json`. Output is coloured on a terminal only, and never with `NO_COLOR` set. Completion: `nnrp completion`.",
    "",
    "| exit code | meaning |",
    "|---|---|",
    "| 0 | success |",
    "| 1 | failure: one or two lines on standard error say what happened and what to do |",
    "| 2 | wrong usage: an unknown command, option or value |",
    "",
    "All output on this page is real: the task runs the commands, against a server where they need one. What changes from run to",
    `run (${list(changing)}) is replaced by an example, so that CI can compare.`,
    "",
    ...block(overviewHelp(commands).split("\n")),
    "",
  ];
  for (const command of commands) {
    parts.push(
      `## nnrp ${command.name}`,
      "",
      `${capital(command.summary)}. ${command.description ?? ""}`.trimEnd(),
      "",
    );
    parts.push(...block(commandHelp({ ...command, description: undefined }).split("\n").slice(2)), "");
    for (const each of shown.get(command) ?? []) parts.push(...demonstration(each), "");
  }
  return `${parts.join("\n").trimEnd()}\n`;
}

function demonstration({ demonstration, line, lines, exitCode, server }: Shown): string[] {
  const { about, maxLines = Infinity } = demonstration;
  const rest = lines.length - maxLines;
  const output = rest > 0 ? [...lines.slice(0, maxLines), `… ${rest} more lines`] : lines;
  return [
    ...(about === undefined ? [] : [about, ""]),
    ...(server === null ? [] : [...block([`$ nnrp ${server.line}`, ...server.lines]), ""]),
    ...block([`$ nnrp ${line}`, ...output, ...(exitCode === 0 ? [] : [`(exit code ${exitCode})`])]),
  ];
}

function block(lines: readonly string[]): string[] {
  return ["```text", ...lines, "```"];
}

function list(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

function capital(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}

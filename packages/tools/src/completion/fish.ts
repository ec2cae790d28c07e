/**
 * Completion for fish.
 *
 * @module
 */
import type { Command, CommandOption } from "../command.ts";
import { argumentValue, type Candidates, firstWords, isSomething, optionsOf, optionValue } from "./words.ts";

/** The script for `~/.config/fish/completions`. */
export function fishCompletion(commands: readonly Command[]): string {
  const first = firstWords(commands);
  const lines = [
    "# fish completion for nnrp, made from its table of commands",
    "# now:     nnrp completion fish | source",
    "# always:  nnrp completion fish > ~/.config/fish/completions/nnrp.fish",
    "function __nnrp_at",
    "    set -l words (commandline -opc)",
    "    set -e words[1]",
    '    test "$words" = "$argv"',
    "end",
    "function __nnrp_in",
    "    set -l words (commandline -opc)",
    "    set -e words[1]",
    '    string match -q -- "$argv *" "$words "',
    "end",
    "complete -c nnrp -f",
    ...first.map(({ word, summary }) =>
      `complete -c nnrp -n __nnrp_at -a ${quoted(word)} -d ${quoted(summary)}`
    ),
    ...first.flatMap(({ word, seconds }) =>
      seconds.map((second) =>
        `complete -c nnrp -n ${quoted(`__nnrp_at ${word}`)} -a ${quoted(second.word)} -d ${
          quoted(second.summary)
        }`
      )
    ),
    ...commands.flatMap(commandLines),
  ];
  return `${lines.join("\n")}\n`;
}

function commandLines(command: Command): string[] {
  const when = `complete -c nnrp -n ${quoted(`__nnrp_in ${command.name}`)}`;
  const values = (command.args ?? []).map(argumentValue).filter(isSomething);
  return [
    ...optionsOf(command).map((option) => `${when} ${optionWords(option)} -d ${quoted(option.help)}`),
    ...values.slice(0, 1).map((value) => `${when} ${candidates(value)}`),
  ];
}

function optionWords(option: CommandOption): string {
  const value = optionValue(option);
  const short = option.short === undefined ? "" : `-s ${option.short} `;
  const taken = value === null ? "" : !isSomething(value) ? " -x" : ` -r ${candidates(value)}`;
  return `${short}-l ${option.name}${taken}`;
}

function candidates({ words, paths }: Candidates): string {
  const all = [...words, ...(paths === "folders" ? ["(__fish_complete_directories)"] : [])].join(" ");
  return [paths === "files" ? "-F" : "-f", ...(all === "" ? [] : [`-a ${quoted(all)}`])].join(" ");
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/**
 * What can stand where on a command line, read from the table of commands; the shells' scripts are made of it.
 *
 * @module
 */
import type { Command, CommandArgument, CommandOption } from "../command.ts";

/** What completes a value. */
export interface Candidates {
  /** Words it may be. */
  readonly words: readonly string[];
  /** Whether it may be a path. */
  readonly paths: "files" | "folders" | null;
}

/** First words of the command line, with what they are. */
export interface FirstWord {
  /** The word. */
  readonly word: string;
  /** Summary of the command, or of the group. */
  readonly summary: string;
  /** Second words, if the first is none alone. */
  readonly seconds: readonly { readonly word: string; readonly summary: string }[];
}

/** All first words in the order of the table. */
export function firstWords(commands: readonly Command[]): FirstWord[] {
  const words = new Map<string, FirstWord>();
  for (const { name, summary } of commands) {
    const [first, second] = name.split(" ");
    const seconds = second === undefined ? [] : [{ word: second, summary }];
    const before = words.get(first);
    if (before === undefined) words.set(first, { word: first, summary, seconds });
    else {
      const all = [...before.seconds, ...seconds];
      words.set(first, { word: first, summary: all.map(({ word }) => word).join(", "), seconds: all });
    }
  }
  return [...words.values()];
}

/** What an option's value may be; null if it takes none. */
export function optionValue(option: CommandOption): Candidates | null {
  return option.type === "boolean" ? null : valueOf(option.placeholder ?? "");
}

/** What an argument may be. */
export function argumentValue({ choices, name }: CommandArgument): Candidates {
  return choices === undefined ? valueOf(name) : { words: choices, paths: null };
}

/** Whether there is anything to offer. */
export function isSomething({ words, paths }: Candidates): boolean {
  return words.length > 0 || paths !== null;
}

/** Lower-case alternatives are words; `FILE`, `PICTURE` and `DIR` are paths. */
function valueOf(placeholder: string): Candidates {
  const words = placeholder.split("|").filter((word) => /^[a-z0-9][a-z0-9-]*$/.test(word));
  const paths = /FILE|PICTURE/.test(placeholder) ? "files" : placeholder.includes("DIR") ? "folders" : null;
  return { words, paths };
}

/** Options of a command with `--help`. */
export function optionsOf(command: Command): readonly CommandOption[] {
  return [...command.options ?? [], { name: "help", short: "h", type: "boolean", help: "show this" }];
}

/** How an option is written: `--name`, then `-n` if it has a short form. */
export function spellings(option: CommandOption): string[] {
  return [`--${option.name}`, ...(option.short === undefined ? [] : [`-${option.short}`])];
}

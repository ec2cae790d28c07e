/**
 * Completion for zsh.
 *
 * @module
 */
import type { Command, CommandOption } from "../command.ts";
import { argumentValue, type Candidates, firstWords, optionsOf, optionValue, spellings } from "./words.ts";

/** The script for a folder of `fpath`. */
export function zshCompletion(commands: readonly Command[]): string {
  const first = firstWords(commands);
  const groups = first.filter(({ seconds }) => seconds.length > 0);
  return `#compdef nnrp
# zsh completion for nnrp, made from its table of commands
# now:     source <(nnrp completion zsh)
# always:  nnrp completion zsh > a folder of $fpath, as _nnrp
_nnrp() {
  local -a choices
  local command
  if (( CURRENT == 2 )); then
    choices=(
${first.map(({ word, summary }) => `      ${quoted(described(word, summary))}\n`).join("")}    )
    _describe 'command' choices
    return
  fi
  command=$words[2]
  case $command in
${
    groups.map(({ word, seconds }) =>
      `    (${word})
      if (( CURRENT == 3 )); then
        choices=(
${seconds.map((second) => `          ${quoted(described(second.word, second.summary))}\n`).join("")}        )
        _describe 'command' choices
        return
      fi
      command="$words[2] $words[3]"
      shift words
      (( CURRENT-- ))
      ;;
`
    ).join("")
  }  esac
  shift words
  (( CURRENT-- ))
  case $command in
${commands.map(commandCase).join("")}  esac
}
if [ "$funcstack[1]" = "_nnrp" ]; then _nnrp "$@"; else compdef _nnrp nnrp; fi
`;
}

function commandCase(command: Command): string {
  const specs = [
    ...optionsOf(command).map(optionSpec),
    ...(command.args ?? []).map((argument, i) =>
      quoted(
        `${argument.rest ? "*" : i + 1}:${argument.optional ? ":" : ""}${escaped(argument.name)}:${
          action(argumentValue(argument))
        }`,
      )
    ),
  ];
  return `    (${quoted(command.name)})\n      _arguments ${specs.join(" \\\n        ")}\n      ;;\n`;
}

function optionSpec(option: CommandOption): string {
  const words = spellings(option);
  const value = optionValue(option);
  const head = option.type === "list" ? "*" : words.length > 1 ? `(${words.join(" ")})` : "";
  const tail = `[${escaped(option.help)}]${
    value === null ? "" : `:${escaped(option.placeholder ?? "value")}:${action(value)}`
  }`;
  return words.length > 1
    ? `${quoted(head)}{${words.join(",")}}${quoted(tail)}`
    : quoted(`${head}${words[0]}${tail}`);
}

function action({ words, paths }: Candidates): string {
  const files = paths === null ? "" : paths === "files" ? "_files" : "_files -/";
  if (words.length === 0) return files === "" ? " " : files;
  return files === "" ? `(${words.join(" ")})` : `{compadd ${words.join(" ")}; ${files}}`;
}

function described(word: string, summary: string): string {
  return `${word}:${summary.replaceAll(":", "\\:")}`;
}

/** For the parts of a spec, where brackets and colons mean something. */
function escaped(text: string): string {
  return text.replace(/[\[\]:\\]/g, "\\$&");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

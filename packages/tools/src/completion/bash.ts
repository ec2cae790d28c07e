/**
 * Completion for bash.
 *
 * @module
 */
import type { Command } from "../command.ts";
import {
  argumentValue,
  type Candidates,
  firstWords,
  isSomething,
  optionsOf,
  optionValue,
  spellings,
} from "./words.ts";

/** The script that `source` takes. */
export function bashCompletion(commands: readonly Command[]): string {
  const first = firstWords(commands);
  const groups = first.filter(({ seconds }) => seconds.length > 0);
  return `# bash completion for nnrp, made from its table of commands
# now:     source <(nnrp completion bash)
# always:  nnrp completion bash > ~/.local/share/bash-completion/completions/nnrp
_nnrp() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local command=\${COMP_WORDS[1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    _nnrp_words "${[...first.map(({ word }) => word), "--help"].join(" ")}"
    return
  fi
  case $command in
${
    groups.map(({ word, seconds }) =>
      `    ${word})
      if ((COMP_CWORD == 2)); then
        _nnrp_words "${seconds.map((second) => second.word).join(" ")}"
        return
      fi
      command="${word} \${COMP_WORDS[2]}"
      ;;
`
    ).join("")
  }  esac
  case "$command $prev" in
${commands.flatMap(valueCases).join("")}  esac
  if [[ $cur == -* ]]; then
    case $command in
${
    commands.map((command) => `      ${quoted(command.name)}) _nnrp_words "${flags(command)}" ;;\n`).join("")
  }    esac
    return
  fi
  case $command in
${commands.flatMap(argumentCase).join("")}  esac
}
_nnrp_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_nnrp_paths() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -W "$2" -- "$cur"; compgen "$1" -- "$cur")
}
complete -F _nnrp nnrp
`;
}

/** What follows an option with a value. */
function valueCases(command: Command): string[] {
  return optionsOf(command).flatMap((option) => {
    const value = optionValue(option);
    if (value === null) return [];
    const patterns = spellings(option).map((word) => quoted(`${command.name} ${word}`)).join(" | ");
    return [`    ${patterns}) ${action(value)}; return ;;\n`];
  });
}

function argumentCase(command: Command): string[] {
  const values = (command.args ?? []).map(argumentValue);
  const value = values.find(isSomething);
  return value === undefined ? [] : [`    ${quoted(command.name)}) ${action(value)} ;;\n`];
}

function flags(command: Command): string {
  return optionsOf(command).flatMap(spellings).join(" ");
}

function action({ words, paths }: Candidates): string {
  if (paths === null) return words.length === 0 ? ":" : `_nnrp_words "${words.join(" ")}"`;
  return `_nnrp_paths ${paths === "files" ? "-f" : "-d"}${words.length === 0 ? "" : ` "${words.join(" ")}"`}`;
}

function quoted(text: string): string {
  return `"${text}"`;
}

/**
 * `nnrp completion SHELL`: a completion script, made from the table of commands.
 *
 * @module
 */
import { closest } from "../closest.ts";
import { type Command, CommandError } from "../command.ts";
import { printLines } from "../output_gate.ts";

const SHELLS = ["bash", "zsh", "fish"];

/**
 * The command.
 *
 * @param commands Gives the table that it stands in itself.
 */
export const completionCommand = (commands: () => readonly Command[]): Command => ({
  name: "completion",
  summary: "print a completion script for a shell",
  description:
    "The script completes commands, options, and those values that are words or files. Its first lines say where to put it.",
  args: [{ name: "SHELL", help: "bash, zsh or fish", choices: SHELLS }],
  examples: ["completion bash > ~/.local/share/bash-completion/completions/nnrp", "completion fish | source"],
  demonstrations: [{ line: "completion bash", maxLines: 8 }],
  async run({ args, print }) {
    const shell = args[0];
    if (!SHELLS.includes(shell)) {
      const near = closest(shell, SHELLS);
      throw new CommandError(
        `there is no script for ${shell}${near ? `; did you mean ${near}?` : ": bash, zsh or fish"}`,
        2,
      );
    }
    const { completionScript } = await import("../completion/mod.ts");
    printLines(print, completionScript(shell as "bash" | "zsh" | "fish", commands()).trimEnd());
    return 0;
  },
});

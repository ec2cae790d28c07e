/**
 * Completion scripts of all shells.
 *
 * @module
 */
import type { Command } from "../command.ts";
import { bashCompletion } from "./bash.ts";
import { fishCompletion } from "./fish.ts";
import { zshCompletion } from "./zsh.ts";

/** The completion script of a shell for a table of commands. */
export function completionScript(shell: "bash" | "zsh" | "fish", commands: readonly Command[]): string {
  return { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion }[shell](commands);
}

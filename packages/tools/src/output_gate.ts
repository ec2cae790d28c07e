/**
 * The one way from commands to a terminal: whatever is printed is made fit to be shown here, so no command has to think of what a
 * peer may have written. Colours pass because they are marked with a key that nobody outside this process knows.
 *
 * @module
 */
import { fitToShow } from "@nnrp/core";
import { COLOURED, PLAIN, type Style, type Terminal } from "./terminal_style.ts";

/** Where commands write. */
export interface CommandOutput {
  /** One line to standard output. */
  print(line: string): void;
  /** One line to standard error. */
  warn(line: string): void;
  /** Text of our own to standard output, lines and all, without ending the last. Default: line by line as `print`. */
  write?(text: string): void;
}

/** Marks the escape sequences of this process; a peer cannot guess it. */
const KEY = crypto.randomUUID();
const COLOUR = new RegExp(`\x1b${KEY}\\[([0-9;]+)m`, "g");

/** The same output behind the gate. `print` and `warn` take one line: a line end in it is somebody's words. */
export function gated<T extends CommandOutput>(output: T): T & CommandOutput {
  const { write } = output;
  return {
    ...output,
    print: (line: string) => output.print(fitLine(line)),
    warn: (line: string) => output.warn(fitLine(line)),
    ...(write === undefined
      ? {}
      : { write: (text: string) => write.call(output, text.split("\n").map(fitLine).join("\n")) }),
  };
}

/** Prints text of our own that has several lines. */
export function printLines(print: (line: string) => void, text: string): void {
  for (const line of text.split("\n")) print(line);
}

/** The style that suits a terminal behind the gate. */
export function gatedStyleOf(terminal: Terminal): Style {
  return terminal.colours ? MARKED : PLAIN;
}

/** As {@linkcode COLOURED}, with marked sequences. */
const MARKED: Style = Object.fromEntries(
  Object.entries(COLOURED).map(([name, style]) => [name, marked(style)]),
) as unknown as Style;

function marked(style: (text: string) => string): (text: string) => string {
  const [before, after] = style("\0").split("\0").map((sequence) => sequence.replace("\x1b", `\x1b${KEY}`));
  return (text) => text === "" ? "" : before + text + after;
}

function fitLine(line: string): string {
  let fit = "";
  let at = 0;
  for (const colour of line.matchAll(COLOUR)) {
    fit += `${fitToShow(line.slice(at, colour.index))}\x1b[${colour[1]}m`;
    at = colour.index + colour[0].length;
  }
  return fit + fitToShow(line.slice(at));
}

/**
 * Errors as people want them: the message, then the lines of the stack that stand in the project.
 *
 * @module
 */

/** Lines of a message that are shown. */
const MESSAGE_LINES = 40;
/** Lines of a stack that are shown. */
const STACK_LINES = 6;
/** Characters of a line that are shown. */
const LINE_LENGTH = 400;

const FRAME = /^\s*at\s|^\s+at\s|^.*\((?:file|node|ext|npm|https?):.*:\d+:\d+\)$/;
const RUNTIME_FRAME =
  /\b(?:node:|ext:)|\/cli\/40_test|node_modules\/|<anonymous>\)?$|Promise\.all \(index|\(native/;

/**
 * Message and stack of an error, shortened.
 *
 * @param error As the runtime has it.
 * @param root The folder to which files are shown, with a slash at its end.
 */
export function errorText(error: string, root: string): string[] {
  const message: string[] = [];
  const frames: string[] = [];
  for (const line of error.replaceAll(`file://${root}`, "").replaceAll(root, "").split("\n")) {
    if (!FRAME.test(line)) message.push(cut(line.trimEnd()));
    else if (!RUNTIME_FRAME.test(line)) frames.push(cut(line.trim()));
  }
  while (message.length > 0 && message[0] === "") message.shift();
  while (message.at(-1) === "") message.pop();
  return [...few(message, MESSAGE_LINES), ...few([...new Set(frames)], STACK_LINES).map((f) => `  ${f}`)];
}

/** The last lines of what was printed. */
export function outputText(output: string, lines: number): string[] {
  const all = output.trimEnd().split("\n").map(cut);
  if (all.length <= lines) return all[0] === "" && all.length === 1 ? [] : all;
  return [`… ${all.length - lines} lines before`, ...all.slice(-lines)];
}

function few(lines: readonly string[], most: number): string[] {
  return lines.length <= most ? [...lines] : [...lines.slice(0, most), `… ${lines.length - most} more lines`];
}

function cut(line: string): string {
  return line.length <= LINE_LENGTH ? line : `${line.slice(0, LINE_LENGTH)}…`;
}

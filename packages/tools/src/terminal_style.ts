/**
 * Colours for terminals: none where output is no terminal, or the user wants none (https://no-color.org).
 *
 * @module
 */

/** Where output goes, as far as it matters for how it looks. */
export interface Terminal {
  /** Whether colours may be used. */
  readonly colours: boolean;
  /** Width, characters; Infinity where lines may have any length. */
  readonly columns: number;
}

/** What pieces of output are, so that one place decides how they look. */
export interface Style {
  /** Titles. */
  readonly title: (text: string) => string;
  /** Names of structures. */
  readonly structure: (text: string) => string;
  /** What matters less: offsets, guides, hints. */
  readonly faint: (text: string) => string;
  /** Words for numbers. */
  readonly word: (text: string) => string;
  /** Text that was found in bytes. */
  readonly text: (text: string) => string;
  /** What is odd. */
  readonly note: (text: string) => string;
  /** What is wrong. */
  readonly problem: (text: string) => string;
  /** What is right. */
  readonly good: (text: string) => string;
}

const as = (code: string) => (text: string): string => text === "" ? "" : `\x1b[${code}m${text}\x1b[0m`;
const asIs = (text: string): string => text;

/** With colours, as escape sequences. */
export const COLOURED: Style = {
  title: as("1"),
  structure: as("1;36"),
  faint: as("2"),
  word: as("32"),
  text: as("33"),
  note: as("33"),
  problem: as("1;31"),
  good: as("32"),
};

/** Without. */
export const PLAIN: Style = {
  title: asIs,
  structure: asIs,
  faint: asIs,
  word: asIs,
  text: asIs,
  note: asIs,
  problem: asIs,
  good: asIs,
};

/** Output that is no terminal. */
export const NO_TERMINAL: Terminal = { colours: false, columns: Infinity };

/** The style that suits an output. */
export function styleOf(terminal: Terminal): Style {
  return terminal.colours ? COLOURED : PLAIN;
}

/**
 * What standard output is.
 *
 * @param stream Standard output.
 * @param env NO_COLOR (set to anything) and TERM=dumb turn colours off.
 */
export function terminalOf(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  if (!stream.isTTY) return NO_TERMINAL;
  return { colours: !env.NO_COLOR && env.TERM !== "dumb", columns: stream.columns ?? 100 };
}

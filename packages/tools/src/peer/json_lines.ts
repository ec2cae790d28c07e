/**
 * What the interop peers print: one compact JSON object per line, as the reference peer does, so that its `matrix` reads
 * them.
 *
 * @module
 */

/** A value that prints as JSON; a bigint prints as a number, as Python prints it. */
export type JsonValue =
  | string
  | number
  | boolean
  | bigint
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** One line of output. */
export type JsonLine = { readonly [key: string]: JsonValue | undefined };

/** Where lines go. */
export type Emit = (line: JsonLine) => void;

/**
 * Makes an {@linkcode Emit} of a line printer.
 *
 * @param print Writes one line.
 */
export function jsonLines(print: (line: string) => void): Emit {
  return (line) =>
    print(JSON.stringify(line, (_, value) => typeof value === "bigint" ? Number(value) : value));
}

/**
 * The ranges of numbers that are options: what nobody can work with is refused where it is given, by name. Compared with a limit that
 * is NaN nothing is ever too much, and of a limit of 0 nothing is ever enough: sides that got one waited for ever.
 *
 * @module
 */
import { NnrpValueError } from "@nnrp/core";

/** What an option takes: `whole` numbers or any, from `least` to `most`; Infinity too, where `most` is Infinity = no limit. */
export interface NumberRange {
  /** Least number. */
  readonly least: number;
  /** Whether fractions are refused. */
  readonly whole: boolean;
  /** Greatest number. */
  readonly most: number;
}

/** How many, or how many bytes, none among them. */
export const COUNT: NumberRange = { least: 0, whole: true, most: Infinity };
/** The same, at least one. */
export const SOME: NumberRange = { least: 1, whole: true, most: Infinity };
/** Milliseconds. */
export const TIME: NumberRange = { least: 0, whole: false, most: Infinity };
/** What goes into four bytes. */
export const U32: NumberRange = { least: 0, whole: true, most: 0xffff_ffff };

/**
 * Checks options that are numbers, as far as they are given.
 *
 * @param place Before their names in errors: "" or the name of the object they are in and a dot.
 * @param options Where they are; what is no object has none.
 * @param ranges By name.
 * @throws NnrpValueError that names the first one out of its range.
 */
export function checkRanges(
  place: string,
  options: object | boolean | null | undefined,
  ranges: Readonly<Record<string, NumberRange>>,
): void {
  if (typeof options !== "object" || options === null) return;
  for (const [name, { least, whole, most }] of Object.entries(ranges)) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) continue;
    // NaN is in no range.
    const fits = typeof value === "number" && value >= least && value <= most &&
      (!whole || value === Infinity || Number.isInteger(value));
    if (fits) continue;
    throw new NnrpValueError("not a number that this option takes", {
      field: `${place}${name}`,
      expected: `a ${whole ? "whole " : ""}number from ${least} to ${most}`,
      actual: typeof value === "number" ? value : typeof value,
    });
  }
}

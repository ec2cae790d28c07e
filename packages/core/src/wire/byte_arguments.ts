/**
 * What callers may give where bytes are wanted.
 *
 * @module
 */
import { NnrpValueError } from "../errors.ts";
import { shown } from "./integers.ts";

/**
 * Refuses everything but a Uint8Array; one of another realm (a test runner's sandbox, a frame) is fine.
 *
 * @param value What was given.
 * @param field Its name for the error.
 * @returns The value itself.
 * @throws NnrpValueError unless it is a Uint8Array.
 */
export function asBytes(value: Uint8Array, field: string): Uint8Array {
  if (value instanceof Uint8Array || Object.prototype.toString.call(value) === "[object Uint8Array]") {
    return value;
  }
  throw new NnrpValueError("bytes are wanted", { field, expected: "a Uint8Array", actual: shown(value) });
}

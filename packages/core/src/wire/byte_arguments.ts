/**
 * What callers may give where bytes are wanted, and how to tell that bytes they gave are not there any more.
 *
 * @module
 */
import { NnrpValueError } from "../errors.ts";
import { shown } from "./integers.ts";

/**
 * Refuses everything but a Uint8Array whose memory is there; one of another realm (a test runner's sandbox, a frame) is fine.
 *
 * @param value The value that was given.
 * @param field Its name for the error.
 * @returns The value itself.
 * @throws NnrpValueError unless it is a Uint8Array, or if its memory has vanished.
 */
export function asBytes(value: Uint8Array, field: string): Uint8Array {
  if (value instanceof Uint8Array || Object.prototype.toString.call(value) === "[object Uint8Array]") {
    if (value.length === 0 && hasVanished(value)) throw vanishedError(field);
    return value;
  }
  throw new NnrpValueError("bytes are wanted", { field, expected: "a Uint8Array", actual: shown(value) });
}

/** Of a view on memory, what is needed to see whether that memory is there. */
export interface MemoryView {
  /** Elements; 0 too if the memory is not there. */
  readonly length: number;
  /** An element. Throws a TypeError if the memory is not there. */
  at(index: number): unknown;
}

/**
 * Whether the memory of a view is not there any more: its buffer was transferred, it lies in WebAssembly memory that has grown, or
 * beyond the end of a buffer that was cut short. Such a view looks like an empty one.
 */
export function hasVanished(view: MemoryView): boolean {
  if (view.length > 0) return false;
  try {
    view.at(0);
    return false;
  } catch {
    return true;
  }
}

/**
 * The error of bytes that were given and are not there any more.
 *
 * @param field Where they were given, in the caller's names.
 * @param expected Their length at the call, bytes; left out where it was not known.
 * @param actual Their length now, bytes.
 */
export function vanishedError(field: string, expected?: number, actual = 0): NnrpValueError {
  return new NnrpValueError(
    "the memory of these bytes has vanished: its buffer was transferred or cut short, or is WebAssembly memory that has grown",
    {
      field,
      expected: expected === undefined ? "bytes that stay until they are sent" : `${expected} bytes`,
      actual: `${actual} bytes`,
    },
  );
}

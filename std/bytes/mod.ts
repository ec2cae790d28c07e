/**
 * Stand-in for `jsr:@std/bytes`; see `std/assert/mod.ts`.
 *
 * @module
 */
import * as impl from "deno-std/bytes/mod.js";

/** One array with the bytes of all parts. */
export const concat: (parts: readonly Uint8Array[]) => Uint8Array<ArrayBuffer> = impl.concat;
/** Whether both hold the same bytes. */
export const equals: (a: Uint8Array, b: Uint8Array) => boolean = impl.equals;
/** Whether `source` begins with `prefix`. */
export const startsWith: (source: Uint8Array, prefix: Uint8Array) => boolean = impl.startsWith;

/**
 * Alignment to 8 bytes and the zero bytes that fill it (wire spec §5, §8, §9).
 *
 * @module
 */
import { NnrpWireError } from "../errors.ts";
import type { Outbox } from "./outbox.ts";

/** `length` rounded up to a multiple of 8; exact up to 2^53. */
export function align8(length: number): number {
  const rest = length % 8;
  return rest === 0 ? length : length + 8 - rest;
}

/**
 * Refuses bytes other than 0 between `from` and `to`.
 *
 * @param bytes What is read.
 * @param from First byte of the padding.
 * @param to Byte after the padding.
 * @param field Name for the error.
 * @throws NnrpWireError at the first byte that is not 0.
 */
export function checkZeroBytes(bytes: Uint8Array, from: number, to: number, field: string): void {
  for (let at = from; at < to; at++) {
    if (bytes[at] !== 0) {
      throw new NnrpWireError("padding must be zero", { field, offset: at, expected: 0, actual: bytes[at] });
    }
  }
}

/** Adds `count` zero bytes to what is written. */
export function writeZeroBytes(out: Outbox, count: number): void {
  if (count === 0) return;
  const at = out.reserve(count);
  out.bytes.fill(0, at, at + count);
}

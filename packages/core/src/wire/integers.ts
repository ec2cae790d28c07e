/**
 * What fits a field: the one place that decides whether a value is an integer of a width (wire spec §1, §15.2).
 *
 * @module
 */
import { NnrpValueError } from "../errors.ts";

/** Largest u64. */
export const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** Whether a value is an integer 0…255. */
export function isU8(value: number): boolean {
  return typeof value === "number" && (value & 0xff) === value;
}

/** Whether a value is an integer 0…65535. */
export function isU16(value: number): boolean {
  return typeof value === "number" && (value & 0xffff) === value;
}

/** Whether a value is an integer 0…2³² − 1. */
export function isU32(value: number): boolean {
  return typeof value === "number" && (value >>> 0) === value;
}

/** Whether a value is a bigint 0…2⁶⁴ − 1. */
export function isU64(value: bigint): boolean {
  return typeof value === "bigint" && value >= 0n && value <= U64_MAX;
}

/** Reads a little-endian u64. Most are 0 on the wire, and that one costs no bigint. */
export function readU64(view: DataView, offset: number): bigint {
  return (view.getUint32(offset, true) | view.getUint32(offset + 4, true)) === 0
    ? 0n
    : view.getBigUint64(offset, true);
}

/** Writes a little-endian u64 that was checked. */
export function writeU64(view: DataView, offset: number, value: bigint): void {
  view.setBigUint64(offset, value, true);
}

/**
 * @param value The value that was given.
 * @param field Its name for the error.
 * @throws NnrpValueError unless it is an integer 0…255.
 */
export function checkU8(value: number, field: string): void {
  if (!isU8(value)) throw notFitting(value, field, "an integer 0…255");
}

/**
 * @param value The value that was given.
 * @param field Its name for the error.
 * @throws NnrpValueError unless it is an integer 0…65535.
 */
export function checkU16(value: number, field: string): void {
  if (!isU16(value)) throw notFitting(value, field, "an integer 0…65535");
}

/**
 * @param value The value that was given.
 * @param field Its name for the error.
 * @throws NnrpValueError unless it is an integer 0…2³² − 1.
 */
export function checkU32(value: number, field: string): void {
  if (!isU32(value)) throw notFitting(value, field, "an integer 0…4294967295");
}

/**
 * @param value The value that was given.
 * @param field Its name for the error.
 * @throws NnrpValueError unless it is a bigint 0…2⁶⁴ − 1.
 */
export function checkU64(value: bigint, field: string): void {
  if (!isU64(value)) throw notFitting(value, field, "a bigint 0…2^64-1");
}

function notFitting(value: unknown, field: string, expected: string): NnrpValueError {
  return new NnrpValueError("does not fit the field", { field, expected, actual: shown(value) });
}

/** A value as an error message shows it. */
export function shown(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  return typeof value === "number" || value === undefined || value === null || typeof value === "boolean"
    ? String(value)
    : typeof value;
}

/**
 * The words in which records are described: where a field lies, how wide it is, which values it takes. The tables made of
 * them are walked by the generic codec (`record.ts`), by `nnrp decode` and by the docs.
 *
 * @module
 */
import type { NamedNumbers } from "../enum_names.ts";

/** Width of a field; u64 fields are bigint, all others number. */
export type FieldType = "u8" | "u16" | "u32" | "u64";

/** Which values a field takes (wire spec §4: "plain" where nothing is said). */
export type FieldRule =
  /** Any number that fits. */
  | { readonly kind: "plain" }
  /** Reserved but part of the record: any number that fits, 0 where left out. */
  | { readonly kind: "kept" }
  /** Must be 0, both ways. */
  | { readonly kind: "zero" }
  /** A value of an enumeration; a closed one refuses all that is not in `allowed`. */
  | {
    readonly kind: "enum";
    readonly set: NamedNumbers;
    readonly closed: boolean;
    readonly allowed: ReadonlySet<number>;
  }
  /** Bits; a closed set refuses bits outside `mask`. */
  | { readonly kind: "flags"; readonly set: NamedNumbers; readonly closed: boolean; readonly mask: number };

/** What the number of a field counts; for people and tools only. */
export type FieldUnit = "bytes" | "ms" | "us" | "pixels" | "fps_x100" | "count" | "bitmap";

/** One field of a record. */
export interface Field<Type extends FieldType = FieldType> {
  /** Byte offset inside the record. */
  readonly offset: number;
  /** Width. */
  readonly type: Type;
  /** Which values it takes. */
  readonly rule: FieldRule;
  /** What it counts, if anything. */
  readonly unit?: FieldUnit;
}

/** Bytes of a record that no field holds: written 0. */
export interface Gap {
  /** Byte offset inside the record. */
  readonly offset: number;
  /** Length, bytes. */
  readonly size: number;
  /** Whether a reader refuses other bytes than 0; else it does not check. */
  readonly mustBeZero: boolean;
}

/** Width of each field type, bytes. */
export const FIELD_SIZE: Readonly<Record<FieldType, number>> = { u8: 1, u16: 2, u32: 4, u64: 8 };

const PLAIN: FieldRule = { kind: "plain" };
/** Rule of a reserved field that is kept. */
export const KEPT: FieldRule = { kind: "kept" };
/** Rule of a field that must be 0. */
export const ZERO: FieldRule = { kind: "zero" };

/** A closed enumeration, with values beside the set or values of the set that are refused here. */
export function closedEnum(
  set: NamedNumbers,
  options?: { readonly also?: number; readonly except?: number },
): FieldRule {
  const allowed = new Set(Object.values(set));
  if (options?.also !== undefined) allowed.add(options.also);
  if (options?.except !== undefined) allowed.delete(options.except);
  return { kind: "enum", set, closed: true, allowed };
}

/** An enumeration that names the known values of a field that takes any. */
export function openEnum(set: NamedNumbers): FieldRule {
  return { kind: "enum", set, closed: false, allowed: new Set(Object.values(set)) };
}

/** A closed bit set. */
export function closedFlags(set: NamedNumbers): FieldRule {
  return { kind: "flags", set, closed: true, mask: maskOf(set) };
}

/** A bit set that names the known bits of a field that takes any. */
export function openFlags(set: NamedNumbers): FieldRule {
  return { kind: "flags", set, closed: false, mask: maskOf(set) };
}

function maskOf(set: NamedNumbers): number {
  return Object.values(set).reduce((mask, bit) => (mask | bit) >>> 0, 0);
}

/** A field of one byte. */
export function u8(offset: number, rule: FieldRule = PLAIN, unit?: FieldUnit): Field<"u8"> {
  return { offset, type: "u8", rule, unit };
}

/** A field of two bytes. */
export function u16(offset: number, rule: FieldRule = PLAIN, unit?: FieldUnit): Field<"u16"> {
  return { offset, type: "u16", rule, unit };
}

/** A field of four bytes. */
export function u32(offset: number, rule: FieldRule = PLAIN, unit?: FieldUnit): Field<"u32"> {
  return { offset, type: "u32", rule, unit };
}

/** A field of eight bytes. */
export function u64(offset: number, rule: FieldRule = PLAIN, unit?: FieldUnit): Field<"u64"> {
  return { offset, type: "u64", rule, unit };
}

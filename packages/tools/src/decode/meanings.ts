/**
 * Numbers in words: what a field's value says beyond its digits. Enumerations and flags come from the records themselves; the
 * rest (bitmaps, cadences, numbers that mean "none") is a table by field name.
 *
 * @module
 */
import {
  CacheObjectKind,
  enumName,
  type Field,
  flagNames,
  LOSS_TOLERANCE_INHERIT,
  LossTolerance,
  type NamedNumbers,
  TensorDType,
  TensorLayout,
} from "@nnrp/core";

/** What a value says. */
export interface Meaning {
  /** In words. */
  readonly meaning?: string;
  /** Names of the bits that are set. */
  readonly flags?: readonly string[];
  /** What is odd about it. */
  readonly note?: string;
}

/** Objects that a submit may reference, by bit (wire spec §8.4). */
const REFERENCE_SLOTS: NamedNumbers = {
  CAMERA_BLOCK: 1,
  TILE_INDEX_BLOCK: 2,
  TENSOR_SECTION_TABLE: 4,
  PAYLOAD_LAYOUT_TEMPLATE: 8,
};

/** Codecs that rc2's tools use (wire spec §9); any number travels. */
const CODECS: NamedNumbers = { none: 0, lz4: 1 };
const CODEC_NAMES: readonly string[] = Object.keys(CODECS);

/** Bitmaps whose bit n stands for the value n (+ 1 where kinds begin at 1) of an enumeration. */
const BITMAPS: readonly (readonly [RegExp, NamedNumbers, number])[] = [
  [/_dtype_bitmap$/, TensorDType, 0],
  [/_layout_bitmap$/, TensorLayout, 0],
  [/^cache_object_bitmap$/, CacheObjectKind, 1],
  [/codec_bitmap$/, CODECS, 0],
];

/** Numbers with a meaning of their own, by field name. */
const NUMBERS: Readonly<Record<string, (value: number) => string | undefined>> = {
  auth_status: (n) => n === 0 ? "accepted" : "refused",
  accept_code: (n) => n === 0 ? "accepted" : "refused",
  is_fatal: (n) => n === 0 ? "no" : "yes, the session is over",
  codec_id: (n) => n in CODEC_NAMES ? codecName(n) : undefined,
  requested_session_id: (n) => n === 0 ? "any" : undefined,
};

/** Name of a codec, or its number. */
export function codecName(codec: number): string {
  return CODEC_NAMES[codec] ?? `codec ${codec}`;
}

/**
 * What a value says.
 *
 * @param field The field as its record describes it, with its name in the wire spec.
 * @param value Its value.
 */
export function meaningOf(
  field: Field & { readonly wireName: string },
  value: number | bigint,
): Meaning {
  if (field.rule.kind === "kept" || field.rule.kind === "zero") {
    const odd = field.rule.kind === "kept" && value != 0;
    return odd ? { note: "reserved, usually 0; readers keep it" } : {};
  }
  if (typeof value === "bigint") {
    if (field.wireName.endsWith("_lane_mask")) return { meaning: bits(value) };
    return {};
  }
  if (field.rule.kind === "enum") return enumMeaning(field.rule.set, value);
  if (field.rule.kind === "flags") return { flags: flagNames(field.rule.set, value) };
  if (field.wireName === "object_ref_mask") return { flags: flagNames(REFERENCE_SLOTS, value) };
  if (field.wireName === "version_major" && value !== 1) return { note: "sessions take version 1 only" };
  const named = NUMBERS[field.wireName]?.(value);
  if (named !== undefined) return { meaning: named };
  if (field.unit === "bitmap") return { meaning: bitmapMeaning(field.wireName, value) };
  if (field.unit === "fps_x100") return { meaning: `${value / 100} frames/s` };
  return {};
}

function enumMeaning(set: NamedNumbers, value: number): Meaning {
  if (set === LossTolerance && value === LOSS_TOLERANCE_INHERIT) return { meaning: "the session's" };
  if ("HEADER_SIZE" in set) return {};
  const known = Object.values(set).includes(value);
  return { meaning: known ? enumName(set, value) : "unknown" };
}

function bitmapMeaning(name: string, value: number): string {
  if (value === 0) return "none";
  const named = BITMAPS.find(([pattern]) => pattern.test(name));
  if (named === undefined) return bits(BigInt(value));
  const [, set, first] = named;
  const values: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    if ((value >>> bit & 1) === 0) continue;
    const found = Object.entries(set).find(([, n]) => n === bit + first);
    values.push(found === undefined ? `bit ${bit}` : found[0]);
  }
  return values.join(", ");
}

/** Which bits are set: `"bits 0–2, 5"`. */
function bits(value: bigint): string {
  const set: number[] = [];
  for (let bit = 0; value >> BigInt(bit) !== 0n; bit++) if ((value >> BigInt(bit) & 1n) === 1n) set.push(bit);
  return set.length === 0 ? "none" : `${set.length === 1 ? "bit" : "bits"} ${ranges(set)}`;
}

/** A list of numbers with its runs drawn together: `"0–12, 14, 20–31"`. */
export function ranges(numbers: ArrayLike<number>, maxParts = 12): string {
  const parts: string[] = [];
  let at = 0;
  while (at < numbers.length) {
    if (parts.length === maxParts) {
      parts.push(`… ${numbers.length - at} more`);
      break;
    }
    let end = at;
    while (end + 1 < numbers.length && numbers[end + 1] === numbers[end] + 1) end++;
    if (end - at < 2) {
      parts.push(String(numbers[at]));
      at++;
    } else {
      parts.push(`${numbers[at]}–${numbers[end]}`);
      at = end + 1;
    }
  }
  return parts.join(", ");
}

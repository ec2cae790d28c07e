/**
 * Fields of a recipe as the record wants them: the suite writes enumerations as names in snake_case, flag sets as lists of
 * names, all other values as numbers.
 *
 * @module
 */
import {
  type AnyRecord,
  LOSS_TOLERANCE_INHERIT,
  type NamedNumbers,
  NnrpValueError,
  type RecordField,
} from "@nnrp/core";
import type { Fields } from "./record_codecs.ts";

/** A recipe as it stands in the suite's file. */
export type Recipe = Readonly<Record<string, unknown>>;

/** Fields whose name in recipes is not that of the record. */
const RECIPE_NAMES: Readonly<Record<string, string>> = { msg_type: "message_type" };

/** Names of numbers that no set has. */
const FURTHER_NAMES: Readonly<Record<string, NamedNumbers>> = {
  loss_tolerance_policy: { INHERIT_SESSION: LOSS_TOLERANCE_INHERIT },
};

/**
 * Fields of a record. What the recipe leaves out is 0, the protocol's own default.
 *
 * @param table The record.
 * @param recipe Where its values stand.
 * @param names Names in this recipe that differ: name of the record's field → name in the recipe.
 * @throws NnrpValueError for a name that is unknown. Whether a number fits is the record's business.
 */
export function fieldsOf(
  table: AnyRecord,
  recipe: Recipe,
  names: Readonly<Record<string, string>> = RECIPE_NAMES,
): Fields {
  const fields: Record<string, number | bigint> = {};
  for (const field of table.fields) {
    const value = recipe[names[field.wireName] ?? field.wireName];
    fields[field.key] = value === undefined ? zero(field) : numberOf(field, value);
  }
  return fields;
}

/** The number behind a value that may be a name or a list of names, by the rule of its field. */
export function numberOf(field: RecordField, value: unknown): number | bigint {
  if (field.type === "u64") return BigInt(value as number);
  if (Array.isArray(value)) {
    return value.reduce((bits: number, item) => (bits | Number(numberOf(field, item))) >>> 0, 0);
  }
  if (typeof value !== "string") return value as number;
  const set = field.rule.kind === "enum" || field.rule.kind === "flags" ? field.rule.set : {};
  return valueOf({ ...set, ...FURTHER_NAMES[field.wireName] }, value, field.wireName);
}

/** The number of a name in snake_case. */
export function valueOf(set: NamedNumbers, name: string, field: string): number {
  const value = Object.hasOwn(set, name.toUpperCase()) ? set[name.toUpperCase()] : undefined;
  if (value === undefined) throw new NnrpValueError("not a known name", { field, actual: name });
  return value;
}

function zero(field: RecordField): number | bigint {
  return field.type === "u64" ? 0n : 0;
}

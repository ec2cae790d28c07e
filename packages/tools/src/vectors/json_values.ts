/**
 * Between JSON and the codec's values: hex and bytes, decimal strings and bigint, snake_case and camelCase; and the first
 * difference of two JSON values in words.
 *
 * @module
 */
import type { AnyRecord, RecordValues } from "@nnrp/core";
import { isObject, type Json, type JsonObject, VectorFormatError } from "./format.ts";

/** Bytes from lower or upper case hex. */
export function bytesOf(hex: Json | undefined): Uint8Array {
  if (typeof hex !== "string" || hex.length % 2 !== 0 || /[^0-9a-fA-F]/.test(hex)) {
    throw new VectorFormatError(`not hex: ${JSON.stringify(hex)?.slice(0, 60)}`);
  }
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Lower case hex. */
export function hexOf(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += HEX[byte];
  return hex;
}

/** Fields of a record as JSON, in the names of the wire spec. */
export function recordJson(record: AnyRecord, values: RecordValues): JsonObject {
  const json: Record<string, Json> = {};
  for (const { key, wireName } of record.fields) {
    const value = values[key];
    json[wireName] = typeof value === "bigint" ? value.toString() : value;
  }
  return json;
}

/** Fields of a record from JSON. Values are passed on as they are: judging them is the codec's work. */
export function recordValues(record: AnyRecord, json: Json | undefined): Record<string, unknown> {
  if (!isObject(json)) throw new VectorFormatError(`fields of ${record.name} are wanted`);
  const values: Record<string, unknown> = {};
  for (const [wireName, value] of Object.entries(json)) {
    const field = record.fields.find((field) => field.wireName === wireName);
    if (field === undefined) throw new VectorFormatError(`${record.name} has no field ${wireName}`);
    values[field.key] = field.type === "u64" ? u64Of(value) : value;
  }
  return values;
}

/** A 64-bit number from its decimal string. */
export function u64Of(value: Json): bigint {
  if (typeof value !== "string" && typeof value !== "number") {
    throw new VectorFormatError("a decimal string is wanted");
  }
  return BigInt(value);
}

/** snake_case to camelCase. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** A number of the context or fields. */
export function numberOf(json: JsonObject | undefined, key: string): number {
  const value = json?.[key];
  if (typeof value !== "number") throw new VectorFormatError(`a number "${key}" is wanted`);
  return value;
}

/** A list of the context or fields; empty where it is left out. */
export function listOf(json: JsonObject | undefined, key: string): readonly Json[] {
  const value = json?.[key];
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new VectorFormatError(`a list "${key}" is wanted`);
  return value;
}

/** A list of objects; empty where it is left out. */
export function objectsOf(json: JsonObject | undefined, key: string): readonly JsonObject[] {
  return listOf(json, key).map((item) => {
    if (!isObject(item)) throw new VectorFormatError(`a list of objects "${key}" is wanted`);
    return item;
  });
}

/**
 * The first difference of two JSON values in words, or null.
 *
 * @param expected What the vector says.
 * @param actual What was found.
 * @param where Path so far.
 */
export function difference(
  expected: Json | undefined,
  actual: Json | undefined,
  where = "fields",
): string | null {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    if (expected.length !== actual.length) {
      return `${where}: expected ${expected.length} items, got ${actual.length}`;
    }
    for (let i = 0; i < expected.length; i++) {
      const found = difference(expected[i], actual[i], `${where}[${i}]`);
      if (found !== null) return found;
    }
    return null;
  }
  if (isObject(expected) && isObject(actual)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      const found = difference(expected[key], actual[key], `${where}.${key}`);
      if (found !== null) return found;
    }
    return null;
  }
  return expected === actual ? null : `${where}: expected ${brief(expected)}, got ${brief(actual)}`;
}

function brief(json: Json | undefined): string {
  const text = JSON.stringify(json) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/**
 * Fixed records from tables: {@linkcode defineRecord} makes encode and decode out of a description that names every key of
 * the record's interface. The hot records (header, FRAME_SUBMIT, RESULT_PUSH) are written by hand beside their table, and a
 * test holds the two against each other.
 *
 * @module
 */
import { NnrpValueError, NnrpWireError, type WireStage } from "../../errors.ts";
import { enumName, flagNames } from "../enum_names.ts";
import { isU16, isU32, isU64, isU8, shown } from "../integers.ts";
import { type Field, FIELD_SIZE, type Gap } from "./fields.ts";

/** A rule between fields that was broken; the same rule holds for writing and reading. */
export interface RecordViolation {
  /** Key of the field that is wrong. */
  readonly key: string;
  /** The rule in words. */
  readonly message: string;
  /** What the rule asks for. */
  readonly expected: string | number;
  /** What was found. */
  readonly actual: string | number | bigint;
}

/** Description of a record: every key of `T`, 64-bit fields as bigint, all others as number. */
export interface RecordDefinition<T> {
  /** Name in the wire spec, snake_case, for example `"frame_submit"`. */
  readonly name: string;
  /** Length, bytes. */
  readonly size: number;
  /** Whom a refused record hurts; `"metadata"` where left out. */
  readonly stage?: WireStage;
  /** ASCII text that begins it. */
  readonly magic?: string;
  /** Its fields, in the order of their offsets. */
  readonly fields: {
    readonly [Key in keyof T]-?: Field<Required<T>[Key] extends bigint ? "u64" : "u8" | "u16" | "u32">;
  };
  /** Bytes that no field holds. */
  readonly gaps?: readonly Gap[];
  /** Rules between fields; called with values that each fit their field. */
  readonly check?: (fields: Required<T>) => RecordViolation | null;
}

/** One field with its names, for whoever walks a record. */
export interface RecordField extends Field {
  /** Name in TypeScript, camelCase. */
  readonly key: string;
  /** Name in the wire spec, snake_case. */
  readonly wireName: string;
}

/** Fields by name, whatever the record: u64 as bigint, all others as number. */
export type RecordValues = Readonly<Record<string, number | bigint>>;

/** A record whose shape is not known to the compiler, as tables hold it. */
export interface AnyRecord {
  /** Name in the wire spec. */
  readonly name: string;
  /** Length, bytes. */
  readonly size: number;
  /** Whom a refused record hurts. */
  readonly stage: WireStage;
  /** ASCII text that begins it; empty for all but the header. */
  readonly magic: string;
  /** Its fields, in the order of their offsets. */
  readonly fields: readonly RecordField[];
  /** Bytes that no field holds. */
  readonly gaps: readonly Gap[];
  /** As {@linkcode WireRecord.encode}, for fields that came from elsewhere: values of any type are refused by name. */
  readonly encodeValues: (values: Readonly<Record<string, unknown>>, view: DataView, offset: number) => void;
  /** As {@linkcode WireRecord.decode}. */
  readonly decodeValues: (view: DataView, offset: number, length: number) => RecordValues;
}

/** A record that can be written, read and walked. */
export interface WireRecord<T> extends AnyRecord {
  /** Checks all fields, then writes; throws NnrpValueError before the first byte. */
  readonly encode: (fields: T, view: DataView, offset: number) => void;
  /** Reads and checks; `length` must be the size. Throws NnrpWireError. */
  readonly decode: (view: DataView, offset: number, length: number) => Required<T>;
}

type Value = number | bigint;
type Values = Record<string, Value>;

/** Makes a record from its description. */
export function defineRecord<T>(definition: RecordDefinition<T>): WireRecord<T> {
  const { name, size, stage = "metadata", magic = "", gaps = [], check } = definition;
  const fields: RecordField[] = Object.entries(definition.fields as Record<string, Field>)
    .map(([key, field]) => ({ ...field, key, wireName: wireName(key) }));
  // All fields at once: an object that gets more than a dozen one by one becomes a hash table, ten times slower and 1.6 KB.
  const blank = JSON.parse(JSON.stringify(Object.fromEntries(fields.map(({ key }) => [key, 0])))) as Values;

  const encodeValues = (given: Readonly<Record<string, unknown>>, view: DataView, offset: number): void => {
    const values: Values = { ...blank };
    for (const field of fields) {
      const value = given[field.key];
      values[field.key] = value === undefined && field.rule.kind === "kept"
        ? (field.type === "u64" ? 0n : 0)
        : checkedValue(field, value);
    }
    const violation = check?.(values as Required<T>);
    if (violation) {
      const { key, message, expected, actual } = violation;
      throw new NnrpValueError(message, { field: key, expected, actual });
    }
    if (offset + size > view.byteLength) {
      throw new NnrpValueError(`no room for ${name}`, {
        field: "view",
        expected: `${size} bytes`,
        actual: view.byteLength - offset,
      });
    }
    for (let i = 0; i < magic.length; i++) view.setUint8(offset + i, magic.charCodeAt(i));
    for (const gap of gaps) for (let i = 0; i < gap.size; i++) view.setUint8(offset + gap.offset + i, 0);
    for (const field of fields) writeField(field, values[field.key], view, offset);
  };

  const decodeValues = (view: DataView, offset: number, length: number): RecordValues => {
    if (length !== size || offset + size > view.byteLength) {
      throw new NnrpWireError("has a fixed length", {
        field: name,
        expected: size,
        actual: Math.min(length, view.byteLength - offset),
        stage,
      });
    }
    for (let i = 0; i < magic.length; i++) {
      if (view.getUint8(offset + i) !== magic.charCodeAt(i)) {
        throw new NnrpWireError(`does not begin with ${magic}`, { field: `${name}.magic`, offset: i, stage });
      }
    }
    const values: Values = { ...blank };
    for (const field of fields) {
      const value = readField(field, view, offset);
      if (typeof value === "number") {
        const broken = brokenRule(field, value);
        if (broken !== null) {
          throw new NnrpWireError(broken, {
            field: `${name}.${field.wireName}`,
            offset: field.offset,
            expected: expectation(field),
            actual: value,
            stage,
          });
        }
      }
      values[field.key] = value;
    }
    for (const gap of gaps) if (gap.mustBeZero) checkGap(gap, view, offset, name, stage);
    const violation = check?.(values as Required<T>);
    if (violation) {
      const { key, message, expected, actual } = violation;
      const offset = fields.find((field) => field.key === key)?.offset;
      throw new NnrpWireError(message, {
        field: `${name}.${wireName(key)}`,
        offset,
        expected,
        actual,
        stage,
      });
    }
    return values;
  };

  return {
    name,
    size,
    stage,
    magic,
    fields,
    gaps,
    encodeValues,
    decodeValues,
    encode: (given: T, view: DataView, offset: number): void =>
      encodeValues(given as Record<string, unknown>, view, offset),
    decode: (view: DataView, offset: number, length: number): Required<T> =>
      decodeValues(view, offset, length) as Required<T>,
  };
}

/** camelCase to the snake_case of the wire spec. */
function wireName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A value that fits its field and obeys the field's rule. */
function checkedValue(field: RecordField, value: unknown): Value {
  if (field.type === "u64") {
    if (!isU64(value as bigint)) throw unfit(field, value, "does not fit the field");
    return value as bigint;
  }
  const number = value as number;
  const fits = field.type === "u8" ? isU8(number) : field.type === "u16" ? isU16(number) : isU32(number);
  if (!fits) throw unfit(field, value, "does not fit the field");
  const broken = brokenRule(field, number);
  if (broken !== null) throw unfit(field, value, broken);
  return number;
}

function unfit(field: RecordField, value: unknown, message: string): NnrpValueError {
  const named = typeof value === "number" && field.rule.kind === "flags"
    ? flagNames(field.rule.set, value).join("|")
    : "";
  const actual = named === "" ? shown(value) : `${shown(value)} = ${named}`;
  return new NnrpValueError(message, { field: field.key, expected: expectation(field), actual });
}

/** The rule that a fitting value breaks, in words, or null. */
function brokenRule(field: Field, value: number): string | null {
  const rule = field.rule;
  if (rule.kind === "zero") return value === 0 ? null : "must be 0";
  if (rule.kind === "enum") return !rule.closed || rule.allowed.has(value) ? null : "not a known value";
  if (rule.kind === "flags") return !rule.closed || (value & ~rule.mask) === 0 ? null : "has undefined bits";
  return null;
}

/** What a field takes, in words. */
function expectation(field: Field): string {
  const rule = field.rule;
  if (rule.kind === "zero") return "0";
  if (rule.kind === "enum" && rule.closed) {
    return `one of ${[...rule.allowed].map((value) => `${value} ${enumName(rule.set, value)}`).join(", ")}`;
  }
  if (rule.kind === "flags" && rule.closed) return `bits within 0x${rule.mask.toString(16)}`;
  return field.type === "u64" ? "a bigint 0…2^64-1" : `an integer 0…${2 ** (8 * FIELD_SIZE[field.type]) - 1}`;
}

function writeField(field: Field, value: Value, view: DataView, offset: number): void {
  const at = offset + field.offset;
  if (field.type === "u8") view.setUint8(at, value as number);
  else if (field.type === "u16") view.setUint16(at, value as number, true);
  else if (field.type === "u32") view.setUint32(at, value as number, true);
  else view.setBigUint64(at, value as bigint, true);
}

function readField(field: Field, view: DataView, offset: number): Value {
  const at = offset + field.offset;
  if (field.type === "u8") return view.getUint8(at);
  if (field.type === "u16") return view.getUint16(at, true);
  if (field.type === "u32") return view.getUint32(at, true);
  return view.getBigUint64(at, true);
}

function checkGap(gap: Gap, view: DataView, offset: number, name: string, stage: WireStage): void {
  for (let i = 0; i < gap.size; i++) {
    const actual = view.getUint8(offset + gap.offset + i);
    if (actual !== 0) {
      throw new NnrpWireError("reserved bytes must be 0", {
        field: name,
        offset: gap.offset + i,
        expected: 0,
        actual,
        stage,
      });
    }
  }
}

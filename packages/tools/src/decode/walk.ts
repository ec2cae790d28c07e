/**
 * Walks bytes and grows the tree: adds nodes for records, bytes and padding, and stops with a problem at the first rule that is
 * broken, or where the input ends. What was added until then stays.
 *
 * @module
 */
import {
  type AnyRecord,
  type FieldType,
  NnrpWireError,
  type RecordField,
  type RecordValues,
} from "@nnrp/core";
import { meaningOf } from "./meanings.ts";
import { specSection } from "./spec_sections.ts";
import { type GrowingNode, hexAt, textAt } from "./nodes.ts";
import type { DecodeOptions, DecodeProblem } from "./tree.ts";

const FIELD_BYTES: Readonly<Record<FieldType, number>> = { u8: 1, u16: 2, u32: 4, u64: 8 };

/** Thrown where a rule is broken; never leaves the decoder. */
export class BrokenRule extends Error {
  /** Which rule, where. */
  readonly problem: DecodeProblem;

  /** Stops the walk. */
  constructor(problem: DecodeProblem) {
    super(problem.rule);
    this.problem = problem;
  }
}

/** Thrown where the input ends before the packet does; never leaves the decoder. */
export class CutShort extends Error {}

/** Limits of the tree, all set. */
export type WalkLimits = Required<Omit<DecodeOptions, "offset">>;

/** What of a record may come next: a field, bytes without a name, or the magic that begins it. */
type Part = {
  readonly offset: number;
  readonly size: number;
  readonly field?: RecordField;
  readonly magic?: string;
};

/** A walk through one packet. */
export class Walk {
  /** The whole input. */
  readonly bytes: Uint8Array;
  /** The same memory. */
  readonly view: DataView;
  /** How much of long things is kept. */
  readonly limits: WalkLimits;
  /** Records that were met, by name: for problems that are told at one place and lie at another. */
  readonly places: Map<string, { readonly record: AnyRecord; readonly offset: number }> = new Map();
  /** Name of the message's record; decides between sections of the spec. */
  message = "";
  /** Whether the codec took the packet: what is not shown need not be looked at then. */
  accepted = false;

  /** Begins a walk. */
  constructor(bytes: Uint8Array, limits: WalkLimits) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.limits = limits;
  }

  /** Stops if `length` bytes at `offset` are not all there. */
  need(offset: number, length: number): void {
    if (offset + length > this.bytes.length) throw new CutShort();
  }

  /** Stops with a problem. */
  fail(
    field: string,
    offset: number,
    rule: string,
    expected: string | number | undefined,
    actual: string | number | undefined,
    stage: "framing" | "metadata" | "body" = "body",
  ): never {
    throw new BrokenRule({
      offset,
      field,
      rule,
      spec: specSection(field, stage, this.message),
      ...(expected === undefined ? {} : { expected: String(expected) }),
      ...(actual === undefined ? {} : { actual: String(actual) }),
    });
  }

  /** Adds a group. */
  group(
    parent: GrowingNode,
    name: string,
    offset: number,
    length: number,
    extra: Partial<GrowingNode> = {},
  ): GrowingNode {
    return add(parent, { kind: "group", name, offset, length, ...extra, children: [] });
  }

  /** Adds bytes; stops behind those that are there if some are missing. Of a secret only the length is told. */
  bytesAt(
    parent: GrowingNode,
    name: string,
    offset: number,
    length: number,
    options:
      & { readonly text?: boolean; readonly secret?: boolean }
      & Omit<Partial<GrowingNode>, "text" | "hidden"> = {},
  ): void {
    const { text = false, secret = false, kind = "bytes", ...extra } = options;
    const there = Math.max(0, Math.min(length, this.bytes.length - offset));
    if (secret && there > 0 && !this.limits.showSecrets) {
      add(parent, { kind, name, offset, length: there, hidden: true, ...extra });
    } else if (there > 0 || length === 0) {
      const words = text ? textAt(this.bytes, offset, there, this.limits.maxTextLength) : undefined;
      add(parent, {
        kind,
        name,
        offset,
        length: there,
        ...(words === undefined ? {} : { text: words }),
        ...extra,
        hex: hexAt(this.bytes, offset, there, this.limits.maxHexBytes),
      });
    }
    this.need(offset, length);
  }

  /** Adds zero bytes up to `end`, if there are any; stops at one that is not 0. */
  padding(parent: GrowingNode, offset: number, end: number, field: string): void {
    if (end === offset) return;
    this.bytesAt(parent, "padding", offset, end - offset, { kind: "padding" });
    for (let at = offset; at < end; at++) {
      if (this.bytes[at] !== 0) this.fail(field, at, "padding must be zero", 0, this.bytes[at]);
    }
  }

  /**
   * Adds the fields of a record, up to the first that is wrong.
   *
   * @returns Their values by key.
   */
  record(parent: GrowingNode, record: AnyRecord, offset: number): RecordValues {
    this.places.set(record.name, { record, offset });
    const there = Math.min(record.size, this.bytes.length - offset);
    const refusal = this.#refusal(record, offset, there);
    const values: Record<string, number | bigint> = {};
    for (const part of partsOf(record)) {
      const at = offset + part.offset;
      this.need(at, part.size);
      const wrong = refusal !== null && refusal.offset !== undefined && refusal.offset >= part.offset &&
        refusal.offset < part.offset + part.size;
      if (part.magic !== undefined) {
        add(parent, this.#magic(at, part.size));
        if (wrong) this.#refuse(refusal, offset, record);
      } else if (part.field === undefined) {
        add(parent, {
          kind: "padding",
          name: "reserved",
          offset: at,
          length: part.size,
          hex: this.#hex(at, part.size),
        });
        if (wrong) this.#refuse(refusal, offset, record);
      } else {
        const value = readNumber(this.view, at, part.field.type);
        values[part.field.key] = value;
        add(parent, this.#field(part.field, value, at));
        if (wrong && breaksOwnRule(part.field, value)) this.#refuse(refusal, offset, record);
      }
    }
    if (refusal !== null) this.#refuse(refusal, offset, record);
    return values;
  }

  /** Adds a number that is in no record. */
  number(
    parent: GrowingNode,
    name: string,
    offset: number,
    type: FieldType,
    extra: Partial<GrowingNode> = {},
  ): number {
    const length = FIELD_BYTES[type];
    this.need(offset, length);
    const value = readNumber(this.view, offset, type);
    add(parent, {
      kind: "field",
      name,
      offset,
      length,
      type,
      value: Number(value),
      ...extra,
      hex: this.#hex(offset, length),
    });
    return Number(value);
  }

  /**
   * Adds the items of a list; those beyond the limit only if they are wrong.
   *
   * @param build Goes on to item `index`, adds it to the parent unless that is null, and says whether there was such an item.
   */
  items(parent: GrowingNode, build: (parent: GrowingNode | null, index: number) => boolean): void {
    for (let i = 0;; i++) {
      if (i < this.limits.maxItems) {
        if (!build(parent, i)) return;
        continue;
      }
      if (this.accepted) {
        if (!build(null, i)) return;
        parent.hiddenItems = (parent.hiddenItems ?? 0) + 1;
        continue;
      }
      const aside: GrowingNode = { kind: "group", name: "", offset: 0, length: 0, children: [] };
      try {
        if (!build(aside, i)) return;
      } catch (stop) {
        parent.children!.push(...aside.children!);
        throw stop;
      }
      parent.hiddenItems = (parent.hiddenItems ?? 0) + 1;
    }
  }

  #hex(offset: number, length: number): string {
    return hexAt(this.bytes, offset, length, this.limits.maxHexBytes);
  }

  #magic(offset: number, length: number): GrowingNode {
    const text = String.fromCharCode(...this.bytes.subarray(offset, offset + length)).replace(/[^ -~]/g, "·");
    return {
      kind: "field",
      name: "magic",
      offset,
      length,
      type: "ascii",
      value: text,
      hex: this.#hex(offset, length),
    };
  }

  #field(field: RecordField, value: number | bigint, offset: number): GrowingNode {
    const length = FIELD_BYTES[field.type];
    return {
      kind: "field",
      name: field.wireName,
      offset,
      length,
      type: field.type,
      value: typeof value === "bigint" ? String(value) : value,
      ...(field.unit === undefined ? {} : { unit: field.unit }),
      ...meaningOf(field, value),
      hex: this.#hex(offset, length),
    };
  }

  /** What the codec says against a record; of one that is cut only what the bytes that are there break. */
  #refusal(record: AnyRecord, offset: number, there: number): NnrpWireError | null {
    const whole = there === record.size;
    let view = this.view;
    if (!whole) {
      const padded = new Uint8Array(record.size);
      padded.set(this.bytes.subarray(offset, offset + Math.max(0, there)));
      view = new DataView(padded.buffer);
    }
    try {
      record.decodeValues(view, whole ? offset : 0, record.size);
      return null;
    } catch (error) {
      if (!(error instanceof NnrpWireError)) throw error;
      return whole || (error.offset !== undefined && error.offset < there && !isBetweenFields(record, error))
        ? error
        : null;
    }
  }

  #refuse(refusal: NnrpWireError, offset: number, record: AnyRecord): never {
    const rule = ruleOf(refusal);
    const expected = refusal.field.endsWith(".magic") ? `"${record.magic}"` : refusal.expected;
    const field = refusal.field;
    throw new BrokenRule({
      offset: offset + (refusal.offset ?? 0),
      field,
      rule,
      spec: specSection(field, record.stage, this.message),
      ...(expected === undefined ? {} : { expected: String(expected) }),
      ...(refusal.actual === undefined ? {} : { actual: String(refusal.actual) }),
    });
  }
}

/** Adds a node to a group. */
export function add(parent: GrowingNode, node: GrowingNode): GrowingNode {
  parent.children!.push(node);
  return node;
}

/** The rule of a wire error without the field before it and the numbers after it. */
export function ruleOf(error: NnrpWireError): string {
  const where = error.offset === undefined ? error.field : `${error.field} at byte ${error.offset}`;
  const words = error.message.startsWith(`${where}: `)
    ? error.message.slice(where.length + 2)
    : error.message;
  const starts = words.endsWith(")") ? [words.indexOf(" (expected "), words.indexOf(" (got ")] : [];
  const numbers = starts.filter((start) => start >= 0);
  return numbers.length === 0 ? words : words.slice(0, Math.min(...numbers));
}

/** Magic, fields and gaps in the order of their offsets. */
function partsOf(record: AnyRecord): Part[] {
  const parts: Part[] = [
    ...record.fields.map((field) => ({ offset: field.offset, size: FIELD_BYTES[field.type], field })),
    ...record.gaps.map(({ offset, size }) => ({ offset, size })),
  ];
  if (record.magic !== "") parts.push({ offset: 0, size: record.magic.length, magic: record.magic });
  return parts.sort((a, b) => a.offset - b.offset);
}

/** Whether a field's value is refused whatever the others are. */
function breaksOwnRule({ rule }: RecordField, value: number | bigint): boolean {
  if (rule.kind === "zero") return value != 0;
  if (typeof value === "bigint") return false;
  if (rule.kind === "enum") return rule.closed && !rule.allowed.has(value);
  return rule.kind === "flags" && rule.closed && (value & ~rule.mask) !== 0;
}

/** Whether a refusal rests on more than the field that it names, so that bytes that are missing could mend it. */
function isBetweenFields(record: AnyRecord, { offset, actual }: NnrpWireError): boolean {
  const field = record.fields.find((f) => f.offset === offset);
  return field !== undefined && typeof actual === "number" && !breaksOwnRule(field, actual);
}

function readNumber(view: DataView, at: number, type: FieldType): number | bigint {
  if (type === "u8") return view.getUint8(at);
  if (type === "u16") return view.getUint16(at, true);
  if (type === "u32") return view.getUint32(at, true);
  return view.getBigUint64(at, true);
}

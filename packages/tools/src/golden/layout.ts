/**
 * Which field lies where in a golden vector: from the tables of the records, by the vector's kind and name. Values are read
 * as they stand, right or wrong.
 *
 * @module
 */
import {
  type AnyRecord,
  BODY_PRELUDE_RECORD,
  enumName,
  FIELD_SIZE,
  flagNames,
  HEADER_RECORD,
  HEADER_SIZE,
  type MessageInfo,
  messageInfo,
  MESSAGES,
  OBJECT_REFERENCE_RECORD,
  type RecordField,
  TYPED_PAYLOAD_RECORD,
} from "@nnrp/core";
import { hexOf } from "../vectors/json_values.ts";

/** A range of bytes with a name. */
export interface LaidField {
  /** Name, for example `flow_update.session_credit`. */
  readonly name: string;
  /** First byte in the vector. */
  readonly offset: number;
  /** Length, bytes. */
  readonly size: number;
  /** The value in bytes that are long enough, for people: `"0x21 ACK_REQUIRED|KEYFRAME"`. */
  readonly show: (bytes: Uint8Array) => string;
}

const RECORDS: Readonly<Record<string, AnyRecord>> = {
  header: HEADER_RECORD,
  body_region: BODY_PRELUDE_RECORD,
  object_reference: OBJECT_REFERENCE_RECORD,
  typed_payload_descriptor: TYPED_PAYLOAD_RECORD,
};

/**
 * The fields of a golden vector, in the order of their offsets; every byte belongs to one.
 *
 * @param kind Kind of the vector.
 * @param name Its name; the last part says which metadata it is.
 * @param bytes Its bytes.
 */
export function goldenLayout(kind: string, name: string, bytes: Uint8Array): LaidField[] {
  const fields: LaidField[] = [];
  if (kind === "packet") {
    fields.push(...recordFields(HEADER_RECORD, 0, "header."));
    const info: MessageInfo | undefined = messageInfo(bytes[6]);
    if (info?.record) fields.push(...recordFields(info.record, HEADER_SIZE, `${info.record.name}.`));
  } else if (kind === "metadata") {
    const wanted = name.slice(name.lastIndexOf(".") + 1);
    const record = MESSAGES.find((info) => info.record?.name === wanted)?.record;
    if (record) fields.push(...recordFields(record, 0, ""));
  } else if (kind === "typed_payload_descriptor_region") {
    for (let at = 0, i = 0; at < bytes.length; at += TYPED_PAYLOAD_RECORD.size, i++) {
      fields.push(...recordFields(TYPED_PAYLOAD_RECORD, at, `descriptors[${i}].`));
    }
  } else if (kind in RECORDS) {
    fields.push(...recordFields(RECORDS[kind], 0, ""));
  }
  const inside = fields.filter(({ offset, size }) => offset + size <= bytes.length);
  const end = inside.reduce((last, { offset, size }) => Math.max(last, offset + size), 0);
  if (end < bytes.length) inside.push(rawField("bytes", end, bytes.length - end));
  return inside;
}

/** Fields, magic and gaps of a record. */
function recordFields(record: AnyRecord, start: number, prefix: string): LaidField[] {
  const laid = record.fields.map((field): LaidField => ({
    name: `${prefix}${field.wireName}`,
    offset: start + field.offset,
    size: FIELD_SIZE[field.type],
    show: (bytes) => shownValue(field, bytes, start),
  }));
  if (record.magic !== "") laid.push(rawField(`${prefix}magic`, start, record.magic.length));
  for (const gap of record.gaps) laid.push(rawField(`${prefix}reserved bytes`, start + gap.offset, gap.size));
  return laid.sort((a, b) => a.offset - b.offset);
}

function rawField(name: string, offset: number, size: number): LaidField {
  return { name, offset, size, show: (bytes) => hexOf(bytes.subarray(offset, offset + size)) };
}

function shownValue(field: RecordField, bytes: Uint8Array, start: number): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = start + field.offset;
  if (field.type === "u64") return String(view.getBigUint64(at, true));
  const value = field.type === "u8"
    ? view.getUint8(at)
    : field.type === "u16"
    ? view.getUint16(at, true)
    : view.getUint32(at, true);
  const { rule } = field;
  if (rule.kind === "flags") {
    return `0x${value.toString(16)} ${flagNames(rule.set, value).join("|") || "none"}`;
  }
  if (rule.kind === "enum" && Object.values(rule.set).includes(value)) {
    return `${value} ${enumName(rule.set, value)}`;
  }
  return String(value);
}

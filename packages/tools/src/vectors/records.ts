/**
 * Record kinds of the vectors: which codecs read and write them. A record that has straight-line code beside its table has
 * both here, and every vector is put to both.
 *
 * @module
 */
import {
  type AnyRecord,
  BODY_PRELUDE_RECORD,
  decodeBodyPrelude,
  decodeExtensionFrameDescriptor,
  decodeFrameSubmitMetadata,
  decodeHeader,
  decodeInlineObjectHeader,
  decodeObjectReference,
  decodeResultPushMetadata,
  decodeTensorSectionDescriptor,
  decodeTypedPayloadDescriptor,
  encodeBodyPrelude,
  encodeExtensionFrameDescriptor,
  encodeFrameSubmitMetadata,
  encodeHeader,
  encodeInlineObjectHeader,
  encodeObjectReference,
  encodeResultPushMetadata,
  encodeTensorSectionDescriptor,
  encodeTypedPayloadDescriptor,
  EXTENSION_FRAME_RECORD,
  FRAME_SUBMIT_RECORD,
  HEADER_RECORD,
  INLINE_OBJECT_RECORD,
  KNOWN_EXTENSION_RECORDS,
  MESSAGES,
  OBJECT_REFERENCE_RECORD,
  RESULT_PUSH_RECORD,
  TENSOR_PROFILE_PATCH_ACK_RECORD,
  TENSOR_PROFILE_PATCH_RECORD,
  TENSOR_SECTION_RECORD,
  TYPED_PAYLOAD_RECORD,
} from "@nnrp/core";
import type { Json, JsonObject } from "./format.ts";
import { recordJson, recordValues } from "./json_values.ts";

/** One way of reading and writing a record. */
interface RecordCodec {
  readonly encode: (fields: never, view: DataView, offset: number) => void;
  readonly decode: (view: DataView, offset: number, length: number) => object;
}

/** Records by name; the table says the names of the fields. */
const RECORDS = new Map<string, AnyRecord>();
for (const { record } of MESSAGES) if (record !== null) RECORDS.set(record.name, record);
for (const record of KNOWN_EXTENSION_RECORDS.values()) RECORDS.set(record.name, record);
for (const record of [TENSOR_PROFILE_PATCH_RECORD, TENSOR_PROFILE_PATCH_ACK_RECORD]) {
  RECORDS.set(record.name, record);
}
RECORDS.set("header", HEADER_RECORD);
RECORDS.set("body_region_prelude", BODY_PRELUDE_RECORD);
RECORDS.set("extension_frame_descriptor", EXTENSION_FRAME_RECORD);
RECORDS.set("inline_object_block_header", INLINE_OBJECT_RECORD);
RECORDS.set("object_reference_block", OBJECT_REFERENCE_RECORD);
RECORDS.set("tensor_section_desc", TENSOR_SECTION_RECORD);
RECORDS.set("typed_payload_descriptor", TYPED_PAYLOAD_RECORD);

/** Records with code of their own. */
const BY_HAND = new Map<AnyRecord, RecordCodec>([
  [HEADER_RECORD, { encode: encodeHeader, decode: decodeHeader }],
  [FRAME_SUBMIT_RECORD, { encode: encodeFrameSubmitMetadata, decode: decodeFrameSubmitMetadata }],
  [RESULT_PUSH_RECORD, { encode: encodeResultPushMetadata, decode: decodeResultPushMetadata }],
  [BODY_PRELUDE_RECORD, { encode: encodeBodyPrelude, decode: decodeBodyPrelude }],
  [EXTENSION_FRAME_RECORD, {
    encode: encodeExtensionFrameDescriptor,
    decode: decodeExtensionFrameDescriptor,
  }],
  [INLINE_OBJECT_RECORD, { encode: encodeInlineObjectHeader, decode: decodeInlineObjectHeader }],
  [OBJECT_REFERENCE_RECORD, { encode: encodeObjectReference, decode: decodeObjectReference }],
  [TENSOR_SECTION_RECORD, { encode: encodeTensorSectionDescriptor, decode: decodeTensorSectionDescriptor }],
  [TYPED_PAYLOAD_RECORD, { encode: encodeTypedPayloadDescriptor, decode: decodeTypedPayloadDescriptor }],
]);

/** The table of a record kind, if it is one. */
export function recordOf(kind: string): AnyRecord | undefined {
  return RECORDS.get(kind);
}

/**
 * Reads a record in every way there is.
 *
 * @throws NnrpWireError if all of them refuse; Error if they disagree.
 */
export function decodeRecord(record: AnyRecord, bytes: Uint8Array): JsonObject {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return agreed(
    record,
    (codec) => recordJson(record, codec.decode(view, 0, bytes.length) as Record<string, number | bigint>),
  );
}

/**
 * Writes a record in every way there is.
 *
 * @throws NnrpValueError if all of them refuse; Error if they disagree.
 */
export function encodeRecord(record: AnyRecord, fields: Json | undefined): Uint8Array {
  const values = recordValues(record, fields);
  return agreed(record, (codec) => {
    const bytes = new Uint8Array(record.size).fill(0xee); // gaps must be written too
    codec.encode(values as never, new DataView(bytes.buffer), 0);
    return bytes;
  });
}

/** The outcome of all codecs of a record; the first one's error if all refuse. */
function agreed<T>(record: AnyRecord, run: (codec: RecordCodec) => T): T {
  const table: RecordCodec = { encode: record.encodeValues, decode: record.decodeValues };
  const first = outcome(() => run(BY_HAND.get(record) ?? table));
  const second = outcome(() => run(table));
  if (
    "error" in first !== "error" in second || JSON.stringify(first.value) !== JSON.stringify(second.value)
  ) {
    const refused = first.error ?? second.error;
    throw new Error(`table and straight-line code of ${record.name} disagree`, { cause: refused });
  }
  if ("error" in first) throw first.error;
  return first.value as T;
}

function outcome<T>(run: () => T): { value?: T; error?: unknown } {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}

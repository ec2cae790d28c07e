/**
 * The records of the wire by the names the suite gives them: each read and written by the function that sessions use.
 *
 * @module
 */
import {
  type AnyRecord,
  BODY_PRELUDE_RECORD,
  decodeBodyPrelude,
  decodeFrameSubmitMetadata,
  decodeHeader,
  decodeObjectReference,
  decodeResultPushMetadata,
  decodeTypedPayloadDescriptor,
  encodeBodyPrelude,
  encodeFrameSubmitMetadata,
  encodeHeader,
  encodeObjectReference,
  encodeResultPushMetadata,
  encodeTypedPayloadDescriptor,
  FRAME_SUBMIT_RECORD,
  HEADER_RECORD,
  MESSAGES,
  OBJECT_REFERENCE_RECORD,
  RESULT_PUSH_RECORD,
  TYPED_PAYLOAD_RECORD,
} from "@nnrp/core";
import { viewOf } from "./hex.ts";

/** Fields by the names of the packages; 64 bits as bigint. */
export type Fields = Readonly<Record<string, number | bigint>>;

/** One kind of record. */
export interface RecordCodec {
  /** Its fields with their names and rules. */
  readonly table: AnyRecord;
  /** Reads it; throws NnrpWireError. */
  readonly decode: (bytes: Uint8Array) => Fields;
  /** Writes it; throws NnrpValueError. */
  readonly encode: (fields: Fields) => Uint8Array;
}

function codec<T extends object>(
  table: AnyRecord,
  encode: (fields: T, view: DataView, offset: number) => void,
  decode: (view: DataView, offset: number, length: number) => T,
): RecordCodec {
  return {
    table,
    decode: (bytes) => decode(viewOf(bytes), 0, bytes.length) as unknown as Fields,
    encode: (fields) => {
      const bytes = new Uint8Array(table.size).fill(0xee); // every byte must be written
      encode(fields as unknown as T, viewOf(bytes), 0);
      return bytes;
    },
  };
}

/** Records by kind: `"header"`, `"client_hello_metadata"`, `"body_region_prelude"`, … */
export const RECORDS: ReadonlyMap<string, RecordCodec> = new Map<string, RecordCodec>([
  ...MESSAGES.flatMap(({ record }): [string, RecordCodec][] =>
    record === null
      ? []
      : [[`${record.name}_metadata`, codec(record, record.encodeValues, record.decodeValues)]]
  ),
  ["header", codec(HEADER_RECORD, encodeHeader, decodeHeader)],
  [
    "frame_submit_metadata",
    codec(FRAME_SUBMIT_RECORD, encodeFrameSubmitMetadata, decodeFrameSubmitMetadata),
  ],
  ["result_push_metadata", codec(RESULT_PUSH_RECORD, encodeResultPushMetadata, decodeResultPushMetadata)],
  ["body_region_prelude", codec(BODY_PRELUDE_RECORD, encodeBodyPrelude, decodeBodyPrelude)],
  ["object_reference_block", codec(OBJECT_REFERENCE_RECORD, encodeObjectReference, decodeObjectReference)],
  [
    "typed_payload_descriptor",
    codec(TYPED_PAYLOAD_RECORD, encodeTypedPayloadDescriptor, decodeTypedPayloadDescriptor),
  ],
]);

/** The record of a kind that is known to exist. */
export function recordOf(kind: string): RecordCodec {
  const found = RECORDS.get(kind);
  if (found === undefined) throw new Error(`no record is called ${kind}`);
  return found;
}

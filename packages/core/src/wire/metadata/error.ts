/**
 * Metadata of ERROR (wire spec §4.5): what failed and how far it reaches. The body is human-readable text.
 *
 * @module
 */
import { ErrorCode, ErrorScope } from "../enums.ts";
import { closedEnum, openEnum, u32 } from "./fields.ts";
import { defineRecord, type WireRecord } from "./record.ts";

/** Length of the metadata of ERROR, bytes (wire spec §4.5). */
export const ERROR_METADATA_SIZE = 32;

/** Metadata of ERROR (wire spec §4.5). */
export interface ErrorMetadata {
  /** ErrorCode names the known ones; any number travels. */
  readonly errorCode: number;
  /** ErrorScope. */
  readonly errorScope: number;
  /** Nonzero = fatal. */
  readonly isFatal: number;
  /** When trying again makes sense, ms; 0 = not specified. */
  readonly retryAfterMs: number;
  /** Session the error speaks of; 0 = none. */
  readonly relatedSessionId: number;
  /** Frame the error speaks of. */
  readonly relatedFrameId: number;
  /** View of that frame; u16 in the header. */
  readonly relatedViewId: number;
  /** Length of the body, bytes; not compared. */
  readonly diagnosticBytes: number;
}

/** ERROR as a table. */
export const ERROR_RECORD: WireRecord<ErrorMetadata> = defineRecord<ErrorMetadata>({
  name: "error",
  size: ERROR_METADATA_SIZE,
  fields: {
    errorCode: u32(0, openEnum(ErrorCode)),
    errorScope: u32(4, closedEnum(ErrorScope)),
    isFatal: u32(8),
    retryAfterMs: u32(12, undefined, "ms"),
    relatedSessionId: u32(16),
    relatedFrameId: u32(20),
    relatedViewId: u32(24),
    diagnosticBytes: u32(28, undefined, "bytes"),
  },
});

/**
 * Checks and writes the metadata of ERROR.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §4.5. Nothing was written.
 */
export function encodeErrorMetadata(fields: ErrorMetadata, view: DataView, offset: number): void {
  ERROR_RECORD.encode(fields, view, offset);
}

/**
 * Reads the metadata of ERROR.
 *
 * @param length Length of the metadata, bytes; must be 32.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §4.5.
 */
export function decodeErrorMetadata(view: DataView, offset: number, length: number): ErrorMetadata {
  return ERROR_RECORD.decode(view, offset, length);
}

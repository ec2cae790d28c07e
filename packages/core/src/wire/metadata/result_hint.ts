/**
 * Metadata of RESULT_HINT (wire spec §4.10): how results fare, beside or instead of one.
 *
 * @module
 */
import { ResultHintBudgetPolicy, ResultHintCongestionState, ResultHintReason } from "../enums.ts";
import { closedEnum, u32 } from "./fields.ts";
import { defineRecord, type WireRecord } from "./record.ts";

/** Length of the metadata of RESULT_HINT, bytes (wire spec §4.10). */
export const RESULT_HINT_METADATA_SIZE = 16;

/** Metadata of RESULT_HINT (wire spec §4.10). */
export interface ResultHintMetadata {
  /** ResultHintBudgetPolicy: an enumeration, not the BudgetPolicy bits. */
  readonly appliedBudgetPolicy: number;
  /** ResultHintCongestionState. */
  readonly congestionState: number;
  /** ResultHintReason. */
  readonly reason: number;
  /** When trying again makes sense, ms; 0 = not specified. */
  readonly retryAfterMs: number;
}

/** RESULT_HINT as a table. */
export const RESULT_HINT_RECORD: WireRecord<ResultHintMetadata> = defineRecord<ResultHintMetadata>({
  name: "result_hint",
  size: RESULT_HINT_METADATA_SIZE,
  fields: {
    appliedBudgetPolicy: u32(0, closedEnum(ResultHintBudgetPolicy)),
    congestionState: u32(4, closedEnum(ResultHintCongestionState)),
    reason: u32(8, closedEnum(ResultHintReason)),
    retryAfterMs: u32(12, undefined, "ms"),
  },
});

/**
 * Checks and writes the metadata of RESULT_HINT.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §4.10. Nothing was written.
 */
export function encodeResultHintMetadata(fields: ResultHintMetadata, view: DataView, offset: number): void {
  RESULT_HINT_RECORD.encode(fields, view, offset);
}

/**
 * Reads the metadata of RESULT_HINT.
 *
 * @param length Length of the metadata, bytes; must be 16.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §4.10.
 */
export function decodeResultHintMetadata(view: DataView, offset: number, length: number): ResultHintMetadata {
  return RESULT_HINT_RECORD.decode(view, offset, length);
}

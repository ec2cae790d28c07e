/**
 * Metadata of FLOW_UPDATE (wire spec §4.9): credit, pauses and when to try again, with the rules between its fields.
 *
 * @module
 */
import { enumName } from "../enum_names.ts";
import { FlowUpdateBackpressureLevel, FlowUpdateReason, FlowUpdateScopeKind } from "../enums.ts";
import { FlowUpdateFlags } from "../flags.ts";
import { closedEnum, closedFlags, u16, u32, u64, u8 } from "./fields.ts";
import { defineRecord, type RecordViolation, type WireRecord } from "./record.ts";

/** Length of the metadata of FLOW_UPDATE, bytes (wire spec §4.9). */
export const FLOW_UPDATE_METADATA_SIZE = 32;

/** Metadata of FLOW_UPDATE (wire spec §4.9). */
export interface FlowUpdateMetadata {
  /** FlowUpdateScopeKind: whose credit. */
  readonly scopeKind: number;
  /** FlowUpdateReason. */
  readonly updateReason: number;
  /** FlowUpdateBackpressureLevel. */
  readonly backpressureLevel: number;
  /** Frames the connection may have in flight; scope CONNECTION only. */
  readonly connectionCredit: number;
  /** Frames the session may have in flight; scope SESSION only. */
  readonly sessionCredit: number;
  /** Frames of one operation; scope OPERATION only. */
  readonly operationCredit: number;
  /** The operation; not 0 with scope OPERATION, else 0. */
  readonly operationId: bigint;
  /** When trying again makes sense, ms; needs flag RETRY_AFTER_VALID. */
  readonly retryAfterMs: number;
  /** Counts grants, so that old ones can be distinguished. */
  readonly creditEpoch: number;
  /** FlowUpdateFlags. */
  readonly flags: number;
}

/** FLOW_UPDATE as a table. */
export const FLOW_UPDATE_RECORD: WireRecord<FlowUpdateMetadata> = defineRecord<FlowUpdateMetadata>({
  name: "flow_update",
  size: FLOW_UPDATE_METADATA_SIZE,
  fields: {
    scopeKind: u8(0, closedEnum(FlowUpdateScopeKind)),
    updateReason: u8(1, closedEnum(FlowUpdateReason)),
    backpressureLevel: u8(2, closedEnum(FlowUpdateBackpressureLevel)),
    connectionCredit: u16(4, undefined, "count"),
    sessionCredit: u16(6, undefined, "count"),
    operationCredit: u16(8, undefined, "count"),
    operationId: u64(12),
    retryAfterMs: u32(20, undefined, "ms"),
    creditEpoch: u32(24),
    flags: u32(28, closedFlags(FlowUpdateFlags)),
  },
  gaps: [{ offset: 3, size: 1, mustBeZero: false }, { offset: 10, size: 2, mustBeZero: false }],
  check: brokenFlowRule,
});

/**
 * Checks and writes the metadata of FLOW_UPDATE.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §4.9. Nothing was written.
 */
export function encodeFlowUpdateMetadata(fields: FlowUpdateMetadata, view: DataView, offset: number): void {
  FLOW_UPDATE_RECORD.encode(fields, view, offset);
}

/**
 * Reads the metadata of FLOW_UPDATE.
 *
 * @param length Length of the metadata, bytes; must be 32.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §4.9.
 */
export function decodeFlowUpdateMetadata(view: DataView, offset: number, length: number): FlowUpdateMetadata {
  return FLOW_UPDATE_RECORD.decode(view, offset, length);
}

/** Which counters each scope leaves at 0. */
const EMPTY_IN_SCOPE: Readonly<Record<number, readonly (keyof FlowUpdateMetadata)[]>> = {
  [FlowUpdateScopeKind.CONNECTION]: ["sessionCredit", "operationCredit", "operationId"],
  [FlowUpdateScopeKind.SESSION]: ["connectionCredit", "operationCredit", "operationId"],
  [FlowUpdateScopeKind.OPERATION]: ["connectionCredit", "sessionCredit"],
};

function brokenFlowRule(fields: FlowUpdateMetadata): RecordViolation | null {
  if (fields.retryAfterMs !== 0 && (fields.flags & FlowUpdateFlags.RETRY_AFTER_VALID) === 0) {
    return {
      key: "retryAfterMs",
      message: "needs the flag RETRY_AFTER_VALID",
      expected: 0,
      actual: fields.retryAfterMs,
    };
  }
  for (const key of EMPTY_IN_SCOPE[fields.scopeKind]) {
    if (Number(fields[key]) !== 0) {
      const scope = enumName(FlowUpdateScopeKind, fields.scopeKind);
      return { key, message: `must be 0 in scope ${scope}`, expected: 0, actual: fields[key] };
    }
  }
  if (fields.scopeKind === FlowUpdateScopeKind.OPERATION && fields.operationId === 0n) {
    return { key: "operationId", message: "scope OPERATION names one", expected: "not 0", actual: 0 };
  }
  return null;
}

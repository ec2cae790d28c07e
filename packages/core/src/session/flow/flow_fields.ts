/**
 * FLOW_UPDATE in terms users have: the credit of the scope and flags that follow from what is given (behaviour spec §10).
 *
 * @module
 */
import { FlowUpdateReason, FlowUpdateScopeKind } from "../../wire/enums.ts";
import { FlowUpdateFlags } from "../../wire/flags.ts";
import type { FlowUpdateMetadata } from "../../wire/metadata/flow_update.ts";

/** A FLOW_UPDATE to send; what is left out is 0 or follows from the rest. */
export interface FlowUpdateFields {
  /** FlowUpdateScopeKind. Default SESSION. */
  readonly scopeKind?: number;
  /** FlowUpdateReason. Default GRANT. */
  readonly updateReason?: number;
  /** FlowUpdateBackpressureLevel. Default NONE. */
  readonly backpressureLevel?: number;
  /** Frames that may be in flight, u16: of the scope given. Sets CREDIT_VALID. */
  readonly credit?: number;
  /** The same by its wire name, scope CONNECTION. */
  readonly connectionCredit?: number;
  /** The same by its wire name, scope SESSION. */
  readonly sessionCredit?: number;
  /** The same by its wire name, scope OPERATION. */
  readonly operationCredit?: number;
  /** Operation of scope OPERATION. Default 0. */
  readonly operationId?: bigint;
  /** When trying again makes sense, ms. Sets RETRY_AFTER_VALID. */
  readonly retryAfterMs?: number;
  /** Order of updates; 0 (default) = unordered. */
  readonly creditEpoch?: number;
  /** FlowUpdateFlags; CREDIT_VALID and RETRY_AFTER_VALID are added where a credit or a time is given. */
  readonly flags?: number;
}

/** The metadata of a FLOW_UPDATE. */
export function flowUpdateOf(fields: FlowUpdateFields): FlowUpdateMetadata {
  const scopeKind = fields.scopeKind ?? FlowUpdateScopeKind.SESSION;
  const { credit } = fields;
  const of = (scope: number, named: number | undefined) =>
    named ?? (scopeKind === scope ? credit : undefined);
  const connection = of(FlowUpdateScopeKind.CONNECTION, fields.connectionCredit);
  const session = of(FlowUpdateScopeKind.SESSION, fields.sessionCredit);
  const operation = of(FlowUpdateScopeKind.OPERATION, fields.operationCredit);
  const given = connection !== undefined || session !== undefined || operation !== undefined;
  return {
    scopeKind,
    updateReason: fields.updateReason ?? FlowUpdateReason.GRANT,
    backpressureLevel: fields.backpressureLevel ?? 0,
    connectionCredit: connection ?? 0,
    sessionCredit: session ?? 0,
    operationCredit: operation ?? 0,
    operationId: fields.operationId ?? 0n,
    retryAfterMs: fields.retryAfterMs ?? 0,
    creditEpoch: fields.creditEpoch ?? 0,
    flags: (fields.flags ?? 0) | (given ? FlowUpdateFlags.CREDIT_VALID : 0) |
      (fields.retryAfterMs !== undefined ? FlowUpdateFlags.RETRY_AFTER_VALID : 0),
  };
}

/**
 * FLOW_UPDATE: which credit goes with which scope, when a retry time is valid, which flags there are (wire spec §4.9).
 *
 * @module
 */
import {
  buildFlowUpdatePacket,
  encodePacket,
  FlowUpdateBackpressureLevel,
  FlowUpdateFlags,
  type FlowUpdateMetadata,
  FlowUpdateReason,
  FlowUpdateScopeKind,
} from "@nnrp/core";
import { changed, type Check, exactLength, refused, refusedBytes, survives } from "../check.ts";
import { goldenBytes, matchesGolden } from "../golden.ts";
import { type Fields, recordOf } from "../record_codecs.ts";

const GOLDEN = "current.packet.flow_update";
const KIND = "flow_update_metadata";
const METADATA = 40;

/** The golden packet. */
export const goldenFlowUpdate: Check = () => matchesGolden(GOLDEN);

const { SESSION, CONNECTION, OPERATION } = FlowUpdateScopeKind;
const { CREDIT_VALID, RETRY_AFTER_VALID } = FlowUpdateFlags;

const BASE: FlowUpdateMetadata = {
  scopeKind: SESSION,
  updateReason: FlowUpdateReason.GRANT,
  backpressureLevel: FlowUpdateBackpressureLevel.NONE,
  connectionCredit: 0,
  sessionCredit: 0,
  operationCredit: 0,
  operationId: 0n,
  retryAfterMs: 0,
  creditEpoch: 0,
  flags: 0,
};

const VALID: readonly Partial<FlowUpdateMetadata>[] = [
  { scopeKind: CONNECTION, connectionCredit: 65535, flags: CREDIT_VALID },
  { scopeKind: SESSION, sessionCredit: 65535, flags: CREDIT_VALID },
  { scopeKind: OPERATION, operationCredit: 65535, operationId: (1n << 64n) - 1n, flags: CREDIT_VALID },
  { sessionCredit: 3 }, // a credit that does not count
  { flags: RETRY_AFTER_VALID },
  { flags: RETRY_AFTER_VALID, retryAfterMs: 0xffffffff },
  { flags: 0xf, creditEpoch: 0xffffffff },
];

const INVALID: readonly Partial<FlowUpdateMetadata>[] = [
  { scopeKind: CONNECTION, sessionCredit: 1 },
  { scopeKind: CONNECTION, operationCredit: 1 },
  { scopeKind: CONNECTION, operationId: 1n },
  { scopeKind: SESSION, connectionCredit: 1 },
  { scopeKind: SESSION, operationCredit: 1 },
  { scopeKind: SESSION, operationId: 1n },
  { scopeKind: OPERATION, operationId: 0n },
  { scopeKind: OPERATION, operationId: 1n, connectionCredit: 1 },
  { scopeKind: OPERATION, operationId: 1n, sessionCredit: 1 },
  { retryAfterMs: 1 },
  { retryAfterMs: 1, flags: CREDIT_VALID },
  { flags: 0x10 },
  { flags: 0x80000001 },
  { scopeKind: 3 },
  { updateReason: 5 },
  { backpressureLevel: 3 },
];

/** Valid and invalid combinations, alone and framed as a packet. */
export const flowUpdateRules: Check = () => {
  const { encode } = recordOf(KIND);
  for (const change of VALID) {
    const metadata = { ...BASE, ...change };
    survives(KIND, encode(metadata as unknown as Fields), describe(change));
    const sessionId = metadata.scopeKind === CONNECTION ? 0 : 5;
    survives(
      "flow_update_packet",
      encodePacket(buildFlowUpdatePacket({ metadata, sessionId, traceId: 0xfedcba9876543210n })),
      `packet with ${describe(change)}`,
    );
  }
  for (const updateReason of Object.values(FlowUpdateReason)) {
    for (const backpressureLevel of Object.values(FlowUpdateBackpressureLevel)) {
      survives(KIND, encode({ ...BASE, updateReason, backpressureLevel } as unknown as Fields));
    }
  }
  for (const change of INVALID) {
    const metadata = { ...BASE, ...change };
    refused(() => encode(metadata as unknown as Fields), `writing ${describe(change)}`);
    refusedBytes(KIND, unchecked(metadata), `reading ${describe(change)}`);
  }
  const ofNothing = { metadata: BASE, sessionId: 0 };
  refused(() => buildFlowUpdatePacket(ofNothing), "scope SESSION without a session");
  const ofConnection = { metadata: { ...BASE, scopeKind: CONNECTION }, sessionId: 5 };
  refused(() => buildFlowUpdatePacket(ofConnection), "scope CONNECTION with a session");

  const golden = goldenBytes(GOLDEN);
  exactLength("flow_update_packet", golden);
  exactLength(KIND, golden.subarray(METADATA));
  refusedBytes("flow_update_packet", changed(golden, 6, 0x18), "a packet of another message");
  refusedBytes("flow_update_packet", changed(golden, 12, 31), "metadata shorter than stated");
};

function describe(change: Partial<FlowUpdateMetadata>): string {
  return Object.entries(change).map(([key, value]) => `${key} ${value}`).join(", ");
}

/** Bytes of fields that the encoder refuses, at the offsets of wire spec §4.9. */
function unchecked(fields: FlowUpdateMetadata): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, fields.scopeKind);
  view.setUint8(1, fields.updateReason);
  view.setUint8(2, fields.backpressureLevel);
  view.setUint16(4, fields.connectionCredit, true);
  view.setUint16(6, fields.sessionCredit, true);
  view.setUint16(8, fields.operationCredit, true);
  view.setBigUint64(12, fields.operationId, true);
  view.setUint32(20, fields.retryAfterMs, true);
  view.setUint32(24, fields.creditEpoch, true);
  view.setUint32(28, fields.flags, true);
  return bytes;
}

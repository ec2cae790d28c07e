/**
 * The high-level builders by the names the vectors give them (wire spec §11), called with arguments from JSON.
 *
 * @module
 */
import * as core from "@nnrp/core";
import { camelObject, referenceOf, sectionDataOf, typedPayloadOf } from "./body_json.ts";
import { isObject, type Json, type JsonObject, VectorFormatError } from "./format.ts";
import { bytesOf, camelCase, objectsOf, recordValues, u64Of } from "./json_values.ts";
import { recordOf } from "./records.ts";

type Builder = (options: never) => core.NnrpPacket;

const BUILDERS: Readonly<Record<string, Builder>> = {
  client_hello: core.buildClientHelloPacket,
  degraded_result_push: core.buildDegradedResultPushPacket,
  flow_update: core.buildFlowUpdatePacket,
  frame_cancel: core.buildFrameCancelPacket,
  frame_submit: core.buildFrameSubmitPacket,
  frame_submit_mixed: core.buildFrameSubmitMixedPacket,
  frame_submit_typed_payload: core.buildFrameSubmitTypedPayloadPacket,
  header_only: core.buildHeaderOnlyPacket,
  partial_result_push: core.buildPartialResultPushPacket,
  ping: core.buildPingPacket,
  pong: core.buildPongPacket,
  result_drop: core.buildResultDropPacket,
  result_hint: core.buildResultHintPacket,
  result_push: core.buildResultPushPacket,
  result_push_mixed: core.buildResultPushMixedPacket,
  result_push_typed_payload: core.buildResultPushTypedPayloadPacket,
  server_hello_ack: core.buildServerHelloAckPacket,
  session_migrate: core.buildSessionMigratePacket,
  session_migrate_ack: core.buildSessionMigrateAckPacket,
  stale_reuse_result_push: core.buildStaleReuseResultPushPacket,
  transport_probe: core.buildTransportProbePacket,
  transport_probe_ack: core.buildTransportProbeAckPacket,
};

/** Arguments that are byte strings. */
const BYTES = new Set(["camera_block", "body", "auth_block", "control_extensions"]);

/**
 * Calls a builder.
 *
 * @param name Its name in the vectors, for example `"frame_submit"`.
 * @param args Its arguments in the names of wire spec §11.
 * @returns The packet's bytes.
 * @throws NnrpValueError if the builder or the packet writer refuses; VectorFormatError for an unknown builder.
 */
export function callBuilder(name: string, args: JsonObject): Uint8Array {
  const builder = Object.hasOwn(BUILDERS, name) ? BUILDERS[name] : undefined;
  if (builder === undefined) throw new VectorFormatError(`builder ${name} is unknown`);
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(args)) options[camelCase(key)] = argument(name, args, key, value);
  return core.encodePacket(builder(options as never));
}

function argument(builder: string, args: JsonObject, key: string, value: Json): unknown {
  if (key === "sections") return objectsOf(args, key).map(sectionDataOf);
  if (key === "frames") return objectsOf(args, key).map(typedPayloadOf);
  if (key === "trace_id") return u64Of(value);
  if (BYTES.has(key)) return bytesOf(value);
  if (key.endsWith("_reference")) return value === null ? null : referenceOf(value);
  if (key === "metadata") {
    const record = recordOf(builder);
    if (record === undefined) throw new VectorFormatError(`builder ${builder} takes no metadata`);
    return recordValues(record, value);
  }
  return isObject(value) ? camelObject(value) : value;
}

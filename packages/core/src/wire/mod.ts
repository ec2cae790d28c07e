/**
 * The wire half of the codec: enumerations, header, metadata records, control extensions, packets.
 *
 * @module
 */
// Numbers and their names
export * from "./enum_names.ts";
export * from "./enums.ts";
export * from "./flags.ts";

// Header and packets
export * from "./header.ts";
export * from "./packet.ts";

// Cutting and collecting packets
export * from "./limits.ts";
export * from "./outbox.ts";
export * from "./packet_cursor.ts";
export * from "./packet_reader.ts";

// Metadata records
export * from "./metadata/cache_ack.ts";
export * from "./metadata/cache_invalidate.ts";
export * from "./metadata/cache_put.ts";
export * from "./metadata/client_hello.ts";
export * from "./metadata/error.ts";
export {
  type Field,
  FIELD_SIZE,
  type FieldRule,
  type FieldType,
  type FieldUnit,
  type Gap,
} from "./metadata/fields.ts";
export * from "./metadata/flow_update.ts";
export * from "./metadata/frame_submit.ts";
export * from "./metadata/header_table.ts";
export type { AnyRecord, RecordField, RecordValues, WireRecord } from "./metadata/record.ts";
export * from "./metadata/registry.ts";
export * from "./metadata/result_hint.ts";
export * from "./metadata/result_push.ts";
export * from "./metadata/server_hello_ack.ts";
export * from "./metadata/session_migrate.ts";
export * from "./metadata/session_patch.ts";
export * from "./metadata/session_patch_ack.ts";
export * from "./metadata/transport_probe.ts";

// Bodies of control messages
export * from "./extensions.ts";
export * from "./hello_body.ts";
export * from "./known_extensions.ts";
export * from "./private_extensions.ts";
export * from "./session_patch_body.ts";

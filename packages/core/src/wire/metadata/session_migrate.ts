/**
 * Metadata of SESSION_MIGRATE and its answer (wire spec §4.12, §4.13): a session moves to another connection.
 *
 * @module
 */
import { TransportId } from "../enums.ts";
import { closedEnum, u32, u64 } from "./fields.ts";
import { defineRecord, type WireRecord } from "./record.ts";

/** A transport that something moves from or to: UNSPECIFIED is none. */
const TRANSPORT = closedEnum(TransportId, { except: TransportId.UNSPECIFIED });

/** Length of the metadata of SESSION_MIGRATE, bytes (wire spec §4.12). */
export const SESSION_MIGRATE_METADATA_SIZE = 24;

/** Metadata of SESSION_MIGRATE (wire spec §4.12). Equal transports pass. */
export interface SessionMigrateMetadata {
  /** TransportId left behind, 1 or 2. */
  readonly oldTransportId: number;
  /** TransportId of this connection, 1 or 2. */
  readonly newTransportId: number;
  /** Last frame whose result came; u64 although frame ids are u32. */
  readonly lastResultFrameId: bigint;
  /** When, µs of the client's clock. */
  readonly clientMigrateTsUs: bigint;
}

/** SESSION_MIGRATE as a table. */
export const SESSION_MIGRATE_RECORD: WireRecord<SessionMigrateMetadata> = defineRecord<
  SessionMigrateMetadata
>({
  name: "session_migrate",
  size: SESSION_MIGRATE_METADATA_SIZE,
  fields: {
    oldTransportId: u32(0, TRANSPORT),
    newTransportId: u32(4, TRANSPORT),
    lastResultFrameId: u64(8),
    clientMigrateTsUs: u64(16, undefined, "us"),
  },
});

/**
 * Checks and writes the metadata of SESSION_MIGRATE.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §4.12. Nothing was written.
 */
export function encodeSessionMigrateMetadata(
  fields: SessionMigrateMetadata,
  view: DataView,
  offset: number,
): void {
  SESSION_MIGRATE_RECORD.encode(fields, view, offset);
}

/**
 * Reads the metadata of SESSION_MIGRATE.
 *
 * @param length Length of the metadata, bytes; must be 24.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §4.12.
 */
export function decodeSessionMigrateMetadata(
  view: DataView,
  offset: number,
  length: number,
): SessionMigrateMetadata {
  return SESSION_MIGRATE_RECORD.decode(view, offset, length);
}

/** Length of the metadata of SESSION_MIGRATE_ACK, bytes (wire spec §4.13). */
export const SESSION_MIGRATE_ACK_METADATA_SIZE = 24;

/** Metadata of SESSION_MIGRATE_ACK (wire spec §4.13). */
export interface SessionMigrateAckMetadata {
  /** 0 = accepted; any number travels. */
  readonly acceptCode: number;
  /** Frame to go on from. */
  readonly resumeFromFrameId: bigint;
  /** How long the old connection is still read, ms. */
  readonly graceWindowMs: number;
  /** When, µs of the server's clock. */
  readonly serverMigrateTsUs: bigint;
}

/** SESSION_MIGRATE_ACK as a table. */
export const SESSION_MIGRATE_ACK_RECORD: WireRecord<SessionMigrateAckMetadata> = defineRecord<
  SessionMigrateAckMetadata
>({
  name: "session_migrate_ack",
  size: SESSION_MIGRATE_ACK_METADATA_SIZE,
  fields: {
    acceptCode: u32(0),
    resumeFromFrameId: u64(4),
    graceWindowMs: u32(12, undefined, "ms"),
    serverMigrateTsUs: u64(16, undefined, "us"),
  },
});

/**
 * Checks and writes the metadata of SESSION_MIGRATE_ACK.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §4.13. Nothing was written.
 */
export function encodeSessionMigrateAckMetadata(
  fields: SessionMigrateAckMetadata,
  view: DataView,
  offset: number,
): void {
  SESSION_MIGRATE_ACK_RECORD.encode(fields, view, offset);
}

/**
 * Reads the metadata of SESSION_MIGRATE_ACK.
 *
 * @param length Length of the metadata, bytes; must be 24.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §4.13.
 */
export function decodeSessionMigrateAckMetadata(
  view: DataView,
  offset: number,
  length: number,
): SessionMigrateAckMetadata {
  return SESSION_MIGRATE_ACK_RECORD.decode(view, offset, length);
}

/**
 * Metadata of TRANSPORT_PROBE and its answer (wire spec §4.11). Times are µs of the writer's own monotonic clock.
 *
 * @module
 */
import { KEPT, u32, u64 } from "./fields.ts";
import { defineRecord, type WireRecord } from "./record.ts";

/** Length of the metadata of TRANSPORT_PROBE, bytes (wire spec §4.11). */
export const TRANSPORT_PROBE_METADATA_SIZE = 16;

/** Metadata of TRANSPORT_PROBE (wire spec §4.11). */
export interface TransportProbeMetadata {
  /** Number of the probe. */
  readonly probeId: number;
  /** Length of the body, bytes; compared by builder and responder, not here. */
  readonly probePayloadBytes: number;
  /** When the client sent it, µs of its clock. */
  readonly clientSendTsUs: bigint;
}

/** TRANSPORT_PROBE as a table. */
export const TRANSPORT_PROBE_RECORD: WireRecord<TransportProbeMetadata> = defineRecord<
  TransportProbeMetadata
>({
  name: "transport_probe",
  size: TRANSPORT_PROBE_METADATA_SIZE,
  fields: {
    probeId: u32(0),
    probePayloadBytes: u32(4, undefined, "bytes"),
    clientSendTsUs: u64(8, undefined, "us"),
  },
});

/**
 * Checks and writes the metadata of TRANSPORT_PROBE.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §4.11. Nothing was written.
 */
export function encodeTransportProbeMetadata(
  fields: TransportProbeMetadata,
  view: DataView,
  offset: number,
): void {
  TRANSPORT_PROBE_RECORD.encode(fields, view, offset);
}

/**
 * Reads the metadata of TRANSPORT_PROBE.
 *
 * @param length Length of the metadata, bytes; must be 16.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §4.11.
 */
export function decodeTransportProbeMetadata(
  view: DataView,
  offset: number,
  length: number,
): TransportProbeMetadata {
  return TRANSPORT_PROBE_RECORD.decode(view, offset, length);
}

/** Length of the metadata of TRANSPORT_PROBE_ACK, bytes (wire spec §4.11). */
export const TRANSPORT_PROBE_ACK_METADATA_SIZE = 16;

/** Metadata of TRANSPORT_PROBE_ACK (wire spec §4.11). */
export interface TransportProbeAckMetadata {
  /** Number of the probe. */
  readonly probeId: number;
  /** Kept; default 0. */
  readonly reserved?: number;
  /** When the server received it, µs of its clock. */
  readonly serverRecvTsUs: bigint;
}

/** TRANSPORT_PROBE_ACK as a table. */
export const TRANSPORT_PROBE_ACK_RECORD: WireRecord<TransportProbeAckMetadata> = defineRecord<
  TransportProbeAckMetadata
>({
  name: "transport_probe_ack",
  size: TRANSPORT_PROBE_ACK_METADATA_SIZE,
  fields: {
    probeId: u32(0),
    reserved: u32(4, KEPT),
    serverRecvTsUs: u64(8, undefined, "us"),
  },
});

/**
 * Checks and writes the metadata of TRANSPORT_PROBE_ACK.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §4.11. Nothing was written.
 */
export function encodeTransportProbeAckMetadata(
  fields: TransportProbeAckMetadata,
  view: DataView,
  offset: number,
): void {
  TRANSPORT_PROBE_ACK_RECORD.encode(fields, view, offset);
}

/**
 * Reads the metadata of TRANSPORT_PROBE_ACK.
 *
 * @param length Length of the metadata, bytes; must be 16.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §4.11.
 */
export function decodeTransportProbeAckMetadata(
  view: DataView,
  offset: number,
  length: number,
): TransportProbeAckMetadata {
  return TRANSPORT_PROBE_ACK_RECORD.decode(view, offset, length);
}

/**
 * Packets of control messages and result drops from their arguments (wire spec §11). Builders of frames are in
 * `frame_builders.ts`, those of the two hellos in `hello_builders.ts`. For tools, tests and raw use: sessions write without
 * making a packet first.
 *
 * @module
 */
import { NnrpValueError } from "../errors.ts";
import { FlowUpdateScopeKind, MessageType } from "../wire/enums.ts";
import { checkHeaderIds } from "../wire/header.ts";
import { shown } from "../wire/integers.ts";
import { FLOW_UPDATE_RECORD, type FlowUpdateMetadata } from "../wire/metadata/flow_update.ts";
import type { WireRecord } from "../wire/metadata/record.ts";
import { RESULT_HINT_RECORD, type ResultHintMetadata } from "../wire/metadata/result_hint.ts";
import {
  SESSION_MIGRATE_ACK_RECORD,
  SESSION_MIGRATE_RECORD,
  type SessionMigrateAckMetadata,
  type SessionMigrateMetadata,
} from "../wire/metadata/session_migrate.ts";
import {
  TRANSPORT_PROBE_ACK_RECORD,
  TRANSPORT_PROBE_RECORD,
  type TransportProbeAckMetadata,
  type TransportProbeMetadata,
} from "../wire/metadata/transport_probe.ts";
import { asBytes } from "../wire/byte_arguments.ts";
import { makePacket, type NnrpPacket } from "../wire/packet.ts";

/** Header fields of every builder. */
export interface HeaderOptions {
  /** Session, u32. Default 0 where a builder does not demand it. */
  readonly sessionId?: number;
  /** Route, u16. Default 0. */
  readonly routeId?: number;
  /** Opaque number, u64. Default 0n. */
  readonly traceId?: bigint;
  /** HeaderFlags, u32. Default 0. */
  readonly flags?: number;
}

/** Header fields of packets about a frame. */
export interface FrameHeaderOptions extends HeaderOptions {
  /** Session, u32. */
  readonly sessionId: number;
  /** Frame, u32. */
  readonly frameId: number;
  /** View, u16. Default 0. */
  readonly viewId?: number;
}

/** Arguments of {@linkcode buildHeaderOnlyPacket}. */
export interface HeaderOnlyOptions extends HeaderOptions {
  /** FRAME_CANCEL, PING or PONG. */
  readonly msgType: number;
  /** Frame, u32. Default 0. */
  readonly frameId?: number;
  /** View, u16. Default 0. */
  readonly viewId?: number;
}

/**
 * A packet that is a header and nothing else.
 *
 * @throws NnrpValueError for other types than FRAME_CANCEL, PING and PONG, or a number that does not fit.
 */
export function buildHeaderOnlyPacket(options: HeaderOnlyOptions): NnrpPacket {
  const { msgType } = options;
  if (msgType !== MessageType.FRAME_CANCEL && msgType !== MessageType.PING && msgType !== MessageType.PONG) {
    throw new NnrpValueError("not a message without metadata and body", {
      field: "msgType",
      expected: "FRAME_CANCEL, PING or PONG",
      actual: shown(msgType),
    });
  }
  return checked(options, msgType);
}

/**
 * A PING.
 *
 * @throws NnrpValueError if a number does not fit.
 */
export function buildPingPacket(options: HeaderOptions = {}): NnrpPacket {
  return checked(options, MessageType.PING);
}

/**
 * A PONG. Echo the ping's trace id.
 *
 * @throws NnrpValueError if a number does not fit.
 */
export function buildPongPacket(options: HeaderOptions = {}): NnrpPacket {
  return checked(options, MessageType.PONG);
}

/**
 * A FRAME_CANCEL.
 *
 * @throws NnrpValueError if a number does not fit.
 */
export function buildFrameCancelPacket(options: FrameHeaderOptions): NnrpPacket {
  return checked(options, MessageType.FRAME_CANCEL);
}

/**
 * A RESULT_DROP.
 *
 * @throws NnrpValueError if a number does not fit.
 */
export function buildResultDropPacket(options: FrameHeaderOptions): NnrpPacket {
  return checked(options, MessageType.RESULT_DROP);
}

/** Arguments of {@linkcode buildFlowUpdatePacket}. */
export interface FlowUpdateOptions extends HeaderOptions {
  /** What to say. */
  readonly metadata: FlowUpdateMetadata;
}

/**
 * A FLOW_UPDATE.
 *
 * @throws NnrpValueError if the metadata breaks a rule, or its scope does not go with the session id: CONNECTION wants 0, the
 * others a session.
 */
export function buildFlowUpdatePacket(options: FlowUpdateOptions): NnrpPacket {
  const { metadata, sessionId = 0 } = options;
  const ofConnection = metadata.scopeKind === FlowUpdateScopeKind.CONNECTION;
  if (ofConnection !== (sessionId === 0)) {
    throw new NnrpValueError("does not go with the scope of the update", {
      field: "sessionId",
      expected: ofConnection ? "0 in scope CONNECTION" : "a session",
      actual: shown(sessionId),
    });
  }
  return checked(options, MessageType.FLOW_UPDATE, FLOW_UPDATE_RECORD, metadata);
}

/** Arguments of {@linkcode buildResultHintPacket}. */
export interface ResultHintOptions extends HeaderOptions {
  /** What to say. */
  readonly metadata: ResultHintMetadata;
  /** Frame, u32; 0 (default) = the session. */
  readonly frameId?: number;
  /** View, u16. Default 0. */
  readonly viewId?: number;
}

/**
 * A RESULT_HINT.
 *
 * @throws NnrpValueError if the metadata breaks a rule or a number does not fit.
 */
export function buildResultHintPacket(options: ResultHintOptions): NnrpPacket {
  return checked(options, MessageType.RESULT_HINT, RESULT_HINT_RECORD, options.metadata);
}

/** Arguments of {@linkcode buildTransportProbePacket}. */
export interface TransportProbeOptions extends HeaderOptions {
  /** What to say; its length must be that of the body. */
  readonly metadata: TransportProbeMetadata;
  /** Bytes whose way is measured. */
  readonly body: Uint8Array;
}

/**
 * A TRANSPORT_PROBE.
 *
 * @throws NnrpValueError if `probePayloadBytes` is not the length of the body, or a number does not fit.
 */
export function buildTransportProbePacket(options: TransportProbeOptions): NnrpPacket {
  const { metadata } = options;
  const body = asBytes(options.body, "body");
  if (metadata.probePayloadBytes !== body.length) {
    throw new NnrpValueError("must be the length of the body", {
      field: "probePayloadBytes",
      expected: body.length,
      actual: shown(metadata.probePayloadBytes),
    });
  }
  return checked(options, MessageType.TRANSPORT_PROBE, TRANSPORT_PROBE_RECORD, metadata, body);
}

/** Arguments of {@linkcode buildTransportProbeAckPacket}. */
export interface TransportProbeAckOptions extends HeaderOptions {
  /** What to say. */
  readonly metadata: TransportProbeAckMetadata;
}

/**
 * A TRANSPORT_PROBE_ACK.
 *
 * @throws NnrpValueError if a number does not fit.
 */
export function buildTransportProbeAckPacket(options: TransportProbeAckOptions): NnrpPacket {
  return checked(options, MessageType.TRANSPORT_PROBE_ACK, TRANSPORT_PROBE_ACK_RECORD, options.metadata);
}

/** Arguments of {@linkcode buildSessionMigratePacket}. */
export interface SessionMigrateOptions extends HeaderOptions {
  /** What to say. */
  readonly metadata: SessionMigrateMetadata;
  /** Session that moves, u32. */
  readonly sessionId: number;
  /** Opaque bytes, for example a migration token. Default none. */
  readonly body?: Uint8Array;
}

/**
 * A SESSION_MIGRATE.
 *
 * @throws NnrpValueError if a transport is unknown or a number does not fit.
 */
export function buildSessionMigratePacket(options: SessionMigrateOptions): NnrpPacket {
  return checked(
    options,
    MessageType.SESSION_MIGRATE,
    SESSION_MIGRATE_RECORD,
    options.metadata,
    options.body,
  );
}

/** Arguments of {@linkcode buildSessionMigrateAckPacket}. */
export interface SessionMigrateAckOptions extends HeaderOptions {
  /** What to say. */
  readonly metadata: SessionMigrateAckMetadata;
  /** Session that moved, u32. */
  readonly sessionId: number;
  /** Opaque bytes, for example the next migration token. Default none. */
  readonly body?: Uint8Array;
}

/**
 * A SESSION_MIGRATE_ACK.
 *
 * @throws NnrpValueError if a number does not fit.
 */
export function buildSessionMigrateAckPacket(options: SessionMigrateAckOptions): NnrpPacket {
  const { metadata, body } = options;
  return checked(options, MessageType.SESSION_MIGRATE_ACK, SESSION_MIGRATE_ACK_RECORD, metadata, body);
}

/** Checks the numbers of the header and writes the metadata. */
function checked<T = never>(
  options: HeaderOptions & { readonly frameId?: number; readonly viewId?: number },
  msgType: number,
  record?: WireRecord<T>,
  fields?: T,
  body?: Uint8Array,
): NnrpPacket {
  const { sessionId = 0, frameId = 0, viewId = 0, routeId = 0, traceId = 0n, flags = 0 } = options;
  checkHeaderIds(flags, sessionId, frameId, viewId, routeId, traceId);
  const metadata = new Uint8Array(record?.size ?? 0);
  record?.encode(fields!, new DataView(metadata.buffer), 0);
  if (body !== undefined) asBytes(body, "body");
  return makePacket({ msgType, flags, sessionId, frameId, viewId, routeId, traceId, metadata, body });
}

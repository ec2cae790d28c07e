/**
 * Moving a session to another path: what a caller asks for, what the server answers, and the words exchanged on the new
 * connection before it carries the session (behaviour spec §11).
 *
 * @module
 */
import {
  type Carrier,
  type CarrierDialer,
  decodeErrorMetadata,
  decodeSessionMigrateAckMetadata,
  encodeSessionMigrateMetadata,
  enumName,
  MessageType,
  NnrpUnexpectedMessageError,
  type PacketCursor,
  PacketWriter,
  protocolError,
  SESSION_MIGRATE_METADATA_SIZE,
  type SessionMigrateAckMetadata,
  type SessionMigrateMetadata,
} from "@nnrp/core";
import type { TransportPorts } from "./dial_plan.ts";
import type { WaitOptions } from "@nnrp/runtime";

/** Where a session is to move. What is left out is as it was dialled. */
export interface MigrateOptions extends WaitOptions {
  /** Host of the server. Default: the one that was dialled. */
  readonly host?: string;
  /** Port. Default: the one that was dialled. */
  readonly port?: number;
  /** Ports by transport, where they differ. */
  readonly ports?: TransportPorts;
  /** Carriers to choose from. Default: those of the dial. */
  readonly carriers?: readonly CarrierDialer[];
  /** Name of the carrier to move to, for example `"websocket"`. Default: the first one that is not in use. */
  readonly carrier?: string;
  /** TransportId to move to. Default: any other path. */
  readonly selectedTransportId?: number;
  /** As `selectedTransportId`; both must be equal if both are given. */
  readonly forcedTransportId?: number;
  /** Last frame whose result came, told to the server. Default: the greatest one of this session. */
  readonly lastResultFrameId?: number;
  /** Whether the token may travel in plain text to another machine. Default false. */
  readonly allowPlaintextAuth?: boolean;
  /** Longest time for all of it, ms. Default 10,000. */
  readonly timeoutMs?: number;
}

/** What became of a move, without the session it happened to. */
export interface MoveOutcome {
  /** `"success"`; `"failed"`: the server refused, the session goes on where it was; `"skipped"`: there was no reason to move. */
  readonly status: "success" | "failed" | "skipped";
  /** Whether the server accepted. */
  readonly accepted: boolean;
  /** TransportId before. */
  readonly previousTransportId: number;
  /** TransportId now. */
  readonly currentTransportId: number;
  /** Carrier name before. */
  readonly previousCarrier: string;
  /** Carrier name now. */
  readonly currentCarrier: string;
  /** The server's answer; null if it was not asked. */
  readonly ackMetadata: SessionMigrateAckMetadata | null;
  /** Frame from which submits go on towards servers without tokens; 0 = not told. */
  readonly resumeFromFrameId: number;
}

/** The server's answer to a SESSION_MIGRATE. */
export interface MigrateAnswer {
  /** Its metadata. */
  readonly ack: SessionMigrateAckMetadata;
  /** Token for the next move; empty = none. */
  readonly nextToken: Uint8Array;
}

const SESSION_MIGRATE = { size: SESSION_MIGRATE_METADATA_SIZE, encode: encodeSessionMigrateMetadata };

/** Says SESSION_MIGRATE, the first packet on a new connection. */
export function askToMigrate(
  carrier: Carrier,
  sessionId: number,
  metadata: SessionMigrateMetadata,
  proof: Uint8Array,
  traceId: bigint,
): void {
  const writer = new PacketWriter(carrier);
  writer.sessionId = sessionId;
  writer.record(MessageType.SESSION_MIGRATE, SESSION_MIGRATE, metadata, { traceId }, proof);
}

/**
 * Reads what comes on the new connection until the answer.
 *
 * @returns The answer; undefined for a PING, which was answered.
 * @throws NnrpProtocolError for an ERROR, NnrpUnexpectedMessageError for anything else, NnrpWireError for bad metadata.
 */
export function readMigrateAnswer(
  cursor: PacketCursor,
  carrier: Carrier,
  sessionId: number,
): MigrateAnswer | undefined {
  const { msgType } = cursor;
  if (msgType === MessageType.PING) {
    const { traceId, routeId } = cursor;
    new PacketWriter(carrier).headerOnly(MessageType.PONG, { sessionId: cursor.sessionId, traceId, routeId });
    return undefined;
  }
  if (msgType === MessageType.ERROR) {
    const fields = decodeErrorMetadata(cursor.view, cursor.metaOffset, cursor.metaLength);
    const diagnostic = new TextDecoder().decode(cursor.body());
    throw protocolError({ ...fields, fatal: true, diagnostic }, sessionId, true);
  }
  if (msgType !== MessageType.SESSION_MIGRATE_ACK || cursor.sessionId !== sessionId) {
    const whose = cursor.sessionId === sessionId ? "" : ` of session ${cursor.sessionId}`;
    throw new NnrpUnexpectedMessageError("SESSION_MIGRATE_ACK", enumName(MessageType, msgType) + whose);
  }
  return {
    ack: decodeSessionMigrateAckMetadata(cursor.view, cursor.metaOffset, cursor.metaLength),
    nextToken: cursor.body().slice(),
  };
}

/**
 * The client's words on a connection that is to carry its session: SESSION_MIGRATE, and what comes until the answer (behaviour spec
 * §11).
 *
 * @module
 */
import { NnrpUnexpectedMessageError } from "../../errors.ts";
import { MessageType } from "../../wire/enums.ts";
import { enumName } from "../../wire/enum_names.ts";
import {
  SESSION_MIGRATE_ACK_RECORD,
  SESSION_MIGRATE_RECORD,
  type SessionMigrateAckMetadata,
  type SessionMigrateMetadata,
} from "../../wire/metadata/session_migrate.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import { readError } from "../control/error_exchange.ts";
import { answerPing } from "../control/keepalive.ts";
import { type PacketOutput, PacketWriter } from "../engine/packet_writer.ts";
import { exchangeReception, ReceptionCode } from "../engine/states.ts";

/** The server's answer to a SESSION_MIGRATE. */
export interface MigrateAnswer {
  /** Its metadata; `acceptCode` 0 = the session goes on here. */
  readonly ack: SessionMigrateAckMetadata;
  /** Token for the next move; a copy, empty = none. */
  readonly nextToken: Uint8Array;
}

/** What a SESSION_MIGRATE says, but for the time. */
export type MoveRequest = Omit<SessionMigrateMetadata, "clientMigrateTsUs">;

const RECEPTION = exchangeReception("move");

/**
 * Sends a PING on a path that a session has left and still reads: to its server it is a sign of life there.
 */
export function signOn(oldPath: PacketOutput, sessionId: number): void {
  new PacketWriter(oldPath).headerOnly(MessageType.PING, { sessionId });
}

/** One try to move. Made by `ClientEngine.beginMove`. */
export class MoveExchange {
  /** Trace id of the SESSION_MIGRATE: what the server says about this move carries it. */
  readonly traceId: bigint;
  readonly #writer: PacketWriter;

  /**
   * A move that was not requested yet.
   *
   * @param output The new connection.
   * @param sessionId The session.
   * @param traceId A trace id of the session.
   */
  constructor(output: PacketOutput, sessionId: number, traceId: bigint) {
    this.traceId = traceId;
    this.#writer = new PacketWriter(output);
    this.#writer.sessionId = sessionId;
  }

  /**
   * Sends SESSION_MIGRATE, the first packet on the connection.
   *
   * @param request What it says.
   * @param proof The token, or the auth block for servers without tokens.
   * @param nowMs Time, ms of the host's clock.
   * @throws NnrpValueError for fields that do not fit; nothing was sent then.
   */
  ask(request: MoveRequest, proof: Uint8Array, nowMs: number): void {
    const fields = { ...request, clientMigrateTsUs: BigInt(Math.round(nowMs * 1000)) };
    const { traceId } = this;
    this.#writer.record(MessageType.SESSION_MIGRATE, SESSION_MIGRATE_RECORD, fields, { traceId }, proof);
  }

  /**
   * Takes a packet that came on the connection.
   *
   * @returns The answer; undefined for what may come before it.
   * @throws NnrpProtocolError for an ERROR, NnrpUnexpectedMessageError for anything else, NnrpWireError for bad metadata.
   */
  receive(cursor: PacketCursor): MigrateAnswer | undefined {
    const { msgType, sessionId } = cursor;
    if (RECEPTION[msgType] === ReceptionCode.refuse) {
      throw new NnrpUnexpectedMessageError("SESSION_MIGRATE_ACK", enumName(MessageType, msgType));
    }
    if (msgType === MessageType.ERROR) throw readError(cursor, true).error;
    if (msgType === MessageType.PING) answerPing(this.#writer, cursor);
    if (msgType !== MessageType.SESSION_MIGRATE_ACK) return undefined;
    if (sessionId !== this.#writer.sessionId) {
      throw new NnrpUnexpectedMessageError(
        "SESSION_MIGRATE_ACK",
        `SESSION_MIGRATE_ACK of session ${sessionId}`,
      );
    }
    return {
      ack: SESSION_MIGRATE_ACK_RECORD.decode(cursor.view, cursor.metaOffset, cursor.metaLength),
      nextToken: cursor.bytes.slice(cursor.bodyOffset, cursor.bodyOffset + cursor.bodyLength),
    };
  }
}

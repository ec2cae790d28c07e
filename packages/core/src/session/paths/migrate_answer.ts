/**
 * The server's side of SESSION_MIGRATE: reading one, and what it answers (behaviour spec §11). Whether the session moves is judged in
 * migration.ts.
 *
 * @module
 */
import { MessageType } from "../../wire/enums.ts";
import { SESSION_MIGRATE_ACK_RECORD, SESSION_MIGRATE_RECORD } from "../../wire/metadata/session_migrate.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import type { PacketWriter } from "../engine/packet_writer.ts";
import { MigrateAcceptCode, type MigrateRequest } from "./migration.ts";

const NOTHING = new Uint8Array(0);
const LAST_FRAME_ID = 0xffff_ffffn;

/**
 * Reads a SESSION_MIGRATE.
 *
 * @throws NnrpWireError (stage metadata) if its metadata breaks a rule.
 */
export function readMigrateRequest(cursor: PacketCursor): MigrateRequest {
  return {
    metadata: SESSION_MIGRATE_RECORD.decode(cursor.view, cursor.metaOffset, cursor.metaLength),
    sessionId: cursor.sessionId,
    proof: cursor.bytes.slice(cursor.bodyOffset, cursor.bodyOffset + cursor.bodyLength),
    traceId: cursor.traceId,
  };
}

/** Refuses a SESSION_MIGRATE. */
export function writeMigrateRefusal(
  writer: PacketWriter,
  request: MigrateRequest,
  acceptCode: number,
  nowMs: number,
): void {
  write(writer, request, { acceptCode, resumeFromFrameId: 0n, graceWindowMs: 0 }, NOTHING, nowMs);
}

/**
 * Accepts a SESSION_MIGRATE.
 *
 * @param writer Where the answer goes: the new connection.
 * @param request What came.
 * @param highestFrameId Greatest id of a frame that came so far.
 * @param graceWindowMs How long the old path is still read, ms.
 * @param token The next token; empty for a client that has none.
 * @param nowMs Time, ms of the host's clock.
 */
export function writeMigrateAccept(
  writer: PacketWriter,
  request: MigrateRequest,
  highestFrameId: number,
  graceWindowMs: number,
  token: Uint8Array,
  nowMs: number,
): void {
  const { lastResultFrameId } = request.metadata;
  const highest = BigInt(highestFrameId);
  const last = lastResultFrameId > highest ? lastResultFrameId : highest;
  // Beyond the last id there is none that could grow: 0 = the rule does not apply, and ids begin anew.
  const resumeFromFrameId = last < LAST_FRAME_ID ? last + 1n : 0n;
  const acceptCode = MigrateAcceptCode.ACCEPTED;
  write(
    writer,
    request,
    { acceptCode, resumeFromFrameId, graceWindowMs: wholeMs(graceWindowMs) },
    token,
    nowMs,
  );
}

/** Whole ms as a field of 32 bits takes them. */
function wholeMs(ms: number): number {
  return ms >= 0xffffffff ? 0xffffffff : ms > 0 ? Math.round(ms) : 0;
}

function write(
  writer: PacketWriter,
  { sessionId, traceId }: MigrateRequest,
  fields: { acceptCode: number; resumeFromFrameId: bigint; graceWindowMs: number },
  body: Uint8Array,
  nowMs: number,
): void {
  const ack = { ...fields, serverMigrateTsUs: BigInt(Math.max(0, Math.round(nowMs * 1000))) };
  writer.record(
    MessageType.SESSION_MIGRATE_ACK,
    SESSION_MIGRATE_ACK_RECORD,
    ack,
    { sessionId, traceId },
    body,
  );
}

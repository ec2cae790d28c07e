/**
 * A SERVER_HELLO_ACK from its packet; what it means is in accepted_hello.ts.
 *
 * @module
 */
import type { CarrierLimits } from "../../carrier.ts";
import { NnrpError } from "../../errors.ts";
import { DEFAULT_MAX_BODY_BYTES } from "../../wire/limits.ts";
import { SERVER_HELLO_ACK_RECORD } from "../../wire/metadata/server_hello_ack.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import { MAX_RESULT_BYTES } from "../limits.ts";
import { type AcceptedHello, readHelloAck } from "./accepted_hello.ts";

/**
 * Takes a SERVER_HELLO_ACK; its body is copied.
 *
 * @param cursor The packet.
 * @returns What was agreed, or why the client must not go on.
 * @throws NnrpWireError (stage metadata) if its metadata breaks a rule.
 */
export function takeHelloAck(cursor: PacketCursor): AcceptedHello | NnrpError {
  const metadata = SERVER_HELLO_ACK_RECORD.decode(cursor.view, cursor.metaOffset, cursor.metaLength);
  const body = cursor.bytes.slice(cursor.bodyOffset, cursor.bodyOffset + cursor.bodyLength);
  try {
    return readHelloAck(metadata, body);
  } catch (error) {
    if (error instanceof NnrpError) return error;
    throw error;
  }
}

/**
 * From now on results are taken: as large as submits may be, and not smaller than what rc2 sends by default.
 *
 * @param limits Those of the carrier.
 * @param maxBodyBytes Largest body that the server takes.
 */
export function admitResults(limits: CarrierLimits, maxBodyBytes: number): void {
  const resultLimit = Math.max(Math.min(maxBodyBytes, MAX_RESULT_BYTES), DEFAULT_MAX_BODY_BYTES);
  limits.maxBodyBytes = Math.max(limits.maxBodyBytes, resultLimit);
  limits.skipsBodies = true;
}

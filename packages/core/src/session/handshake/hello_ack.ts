/**
 * A SERVER_HELLO_ACK from its packet; what it means is in accepted_hello.ts.
 *
 * @module
 */
import { NnrpError } from "../../errors.ts";
import { SERVER_HELLO_ACK_RECORD } from "../../wire/metadata/server_hello_ack.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
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

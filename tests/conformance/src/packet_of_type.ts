/**
 * A packet that must be of one certain type.
 *
 * @module
 */
import { decodePacket, enumName, MessageType, type NnrpPacket, NnrpWireError } from "@nnrp/core";

/**
 * Reads a packet.
 *
 * @param bytes The packet, nothing after it.
 * @param msgType MessageType it must have.
 * @throws NnrpWireError if it is none or of another type.
 */
export function packetOfType(bytes: Uint8Array, msgType: number): NnrpPacket {
  const packet = decodePacket(bytes);
  const actual = packet.header.msgType;
  if (actual === msgType) return packet;
  throw new NnrpWireError("another message", {
    field: "header.msg_type",
    expected: enumName(MessageType, msgType),
    actual: enumName(MessageType, actual),
    stage: "framing",
  });
}

/**
 * SESSION_MIGRATE by hand, for tests of servers.
 *
 * @module
 */
import {
  decodeSessionMigrateAckMetadata,
  encodeSessionMigrateMetadata,
  makePacket,
  MessageType,
  type NnrpPacket,
} from "@nnrp/core";
import { RawPeer } from "../support/raw_peer.ts";

/** A SESSION_MIGRATE; transports default to TCP. */
export function migratePacket(
  sessionId: number,
  proof: Uint8Array,
  oldTransportId = 2,
  newTransportId = 2,
): NnrpPacket {
  const metadata = new Uint8Array(24);
  encodeSessionMigrateMetadata(
    { oldTransportId, newTransportId, lastResultFrameId: 0n, clientMigrateTsUs: 1n },
    new DataView(metadata.buffer),
    0,
  );
  return makePacket({ msgType: MessageType.SESSION_MIGRATE, sessionId, metadata, body: proof });
}

/** What a server answered to a SESSION_MIGRATE. */
export interface MoveAnswer {
  /** Its accept code. */
  readonly code: number;
  /** The next token; empty = none. */
  readonly next: Uint8Array;
  /** The connection it was asked on. */
  readonly peer: RawPeer;
  /** The packet. */
  readonly packet: NnrpPacket;
}

/** Asks on a new connection for a session. */
export async function askToMove(port: number, packet: NnrpPacket): Promise<MoveAnswer> {
  const peer = await RawPeer.connect(port);
  peer.send(packet);
  return await moveAnswer(peer);
}

/** The answer on a connection where somebody asked. */
export async function moveAnswer(peer: RawPeer): Promise<MoveAnswer> {
  const packet = await peer.next("SESSION_MIGRATE_ACK");
  const view = new DataView(packet.metadata.buffer, packet.metadata.byteOffset);
  return { code: decodeSessionMigrateAckMetadata(view, 0, 24).acceptCode, next: packet.body, peer, packet };
}

/** The token in a SERVER_HELLO_ACK: the payload of extension 0xF002, behind an eight byte head. */
export function tokenOf(ack: NnrpPacket): Uint8Array {
  const view = new DataView(ack.body.buffer, ack.body.byteOffset, ack.body.byteLength);
  for (let at = 0; at + 8 <= ack.body.length;) {
    const length = view.getUint32(at + 4, true);
    if (view.getUint16(at, true) === 0xf002) return ack.body.slice(at + 8, at + 8 + length);
    at += 8 + Math.ceil(length / 8) * 8;
  }
  throw new Error("no token");
}

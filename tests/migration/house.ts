/**
 * A server with several doors: its listeners claim different transports and certificates for whoever comes in.
 *
 * @module
 */
import { type Carrier, TransportId } from "@nnrp/core";
import { TypedPayload } from "@nnrp/client";
import { type AuthValidator, serve, type ServeOptions, type ServerLogEvent } from "@nnrp/server";
import { tcp } from "@nnrp/tcp";
import { submitPacket } from "@nnrp/testing/packets";
import { certificateOf, type Disguise, disguised } from "../support/disguise.ts";
import { helloPacket, RawPeer } from "../support/raw_peer.ts";
import { askToMove, migratePacket, tokenOf } from "./migrate_packets.ts";

const { QUIC, TCP } = TransportId;
/** Bytes as text. */
export const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
/** Text as bytes. */
export const bytes = (words: string) => new TextEncoder().encode(words);
/** No bytes. */
export const NOTHING = new Uint8Array(0);

/** Where connections arrive. Sessions begin at the first two and move to the others, which are another transport. */
export const DOORS = {
  plain: {},
  alice: { peerIdentity: certificateOf("alice") },
  elsewhere: { transport: QUIC },
  same: { transport: QUIC, peerIdentity: certificateOf("alice") },
  renewed: { transport: QUIC, peerIdentity: certificateOf("alice", 2) },
  mallory: { transport: QUIC, peerIdentity: certificateOf("mallory") },
} satisfies Record<string, Disguise>;
/** Name of a door. */
export type Door = keyof typeof DOORS;

/** Makes a new principal each time, as validators do that look it up. */
export const byName: AuthValidator = ({ authBlock, peerIdentity }) => {
  if (peerIdentity !== undefined) return { principal: { name: peerIdentity.commonName } };
  return text(authBlock) === "sesame" ? { principal: { name: "alice" } } : false;
};
/** Lets everybody in, and names nobody. */
export const anybody: AuthValidator = () => true;
/** Lets everybody in under one name. */
export const guests: AuthValidator = () => ({ principal: "guest" });

/** A server with all doors, whose handler answers with the principal it sees. */
export async function house(options: ServeOptions = {}) {
  const log: ServerLogEvent[] = [];
  const carriers: Carrier[] = [];
  const server = await serve({
    ...options,
    listen: Object.values(DOORS).map((door) => disguised(tcp({ port: 0 }), door, (c) => carriers.push(c))),
    log: (event) => log.push(event),
  }, (_frame, { principal }) => ({
    typedPayloads: [TypedPayload.tokenChunk(`principal ${JSON.stringify(principal ?? null)}.`)],
  }));
  const port = (door: Door) => server.addresses[Object.keys(DOORS).indexOf(door)].port;
  /** A client in its session; its token, or null. */
  const begin = async (door: Door, hello: { auth?: string; token?: boolean; id?: number } = {}) => {
    const peer = await RawPeer.connect(port(door));
    const { auth, token = false, id = 9 } = hello;
    peer.send(helloPacket({ requestedSessionId: id, auth, migrationToken: token }));
    const ack = await peer.next("SERVER_HELLO_ACK");
    return { peer, token: token ? tokenOf(ack) : null };
  };
  const refusals = () => log.filter(({ type }) => type === "migration-refused");
  return {
    server,
    log,
    carriers,
    refusals,
    port,
    begin,
    move: (d: Door, p: Uint8Array) => move(port(d), d, p),
  };
}

function move(port: number, door: Door, proof: Uint8Array) {
  return askToMove(port, toDoor(door, proof));
}

/** A SESSION_MIGRATE to a door. */
export function toDoor(door: Door, proof: Uint8Array, id = 9) {
  return migratePacket(id, proof, TCP, (DOORS[door] as Disguise).transport ?? TCP);
}

/** Whom the handler sees when a frame comes on this connection. */
export async function seenBy(peer: RawPeer, frameId: number): Promise<unknown> {
  peer.send(submitPacket(frameId, { sessionId: 9 }));
  const { body } = await peer.next("RESULT_PUSH");
  return JSON.parse(/principal (.*)\./.exec(text(body))![1]);
}

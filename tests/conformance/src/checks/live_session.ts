/**
 * A real session over a carrier: hello, one submit, its result. With the peer that was named, or, where none was, with a
 * server of our own.
 *
 * @module
 */
import { type CarrierDialer, tensorSection, TransportId } from "@nnrp/core";
import { dialClient } from "@nnrp/client";
import { serve } from "@nnrp/server";
import { tcp } from "@nnrp/tcp";
import { type Check, CheckSkipped, equal, must, type Peer } from "../check.ts";

const TIMEOUT = { timeoutMs: 10_000 };
const TILE_IDS = [1, 4, 9];
const TRACE_ID = 0xfedcba9876543210n;

/** A session over TCP. */
export const tcpSession: Check = async (peer) => {
  if (peer?.tcp_port !== undefined) {
    await session(peer.host, peer.tcp_port, tcp());
    return;
  }
  if (peer !== null) throw new CheckSkipped("peer_unavailable", "the peer has no TCP port");
  await using server = await serve(
    { host: "127.0.0.1", port: 0 },
    ({ tileIds, sections }) => ({ tileIds, sections }),
  );
  await session("127.0.0.1", server.port, tcp());
};

/** A session over QUIC. */
export const quicSession: Check = () => {
  throw new CheckSkipped("transport_unavailable", "QUIC is not there yet");
};

async function session(host: Peer["host"], port: number, carrier: CarrierDialer): Promise<void> {
  const session = await dialClient(host, port, { carriers: [carrier], requestedSessionId: 7, ...TIMEOUT });
  try {
    must(session.sessionId !== 0, "the server gives the session a number");
    equal([session.transport, session.carrierName], [TransportId.TCP, "tcp"], "the carrier");
    const tiles = TILE_IDS.map((id) => Uint8Array.of(id, id, 0));
    const request = {
      frameId: 11,
      viewId: 2,
      traceId: TRACE_ID,
      srcWidth: 96,
      srcHeight: 32,
      tileWidth: 32,
      tileHeight: 32,
      tileIds: TILE_IDS,
      sections: [tensorSection({ role: 5, dtype: "uint8", tiles })],
    };
    const result = await session.submit(request, TIMEOUT);
    must(result.isPush, "the frame gets a result");
    equal([result.frameId, result.viewId], [11, 2], "the result's frame");
    must(result.hasTensorCoverage, "the result speaks of tiles");
    const section = result.sections.find(({ roleId }) => roleId === 5);
    if (section !== undefined) { // a server that echoes
      equal(result.tileIds, TILE_IDS, "the echo's tiles");
      equal(section.tilePayloads, tiles, "the echo's bytes");
      equal(result.traceId, TRACE_ID, "the echo's trace id");
    }
    equal(session.stats.inFlight, 0, "frames in flight after the result");
  } finally {
    await session.close();
  }
}

/**
 * A real session over a carrier: hello, one submit, its result. With the peer that was named, or, where none was, with a
 * server of our own.
 *
 * @module
 */
import { type CarrierDialer, tensorSection, TransportId } from "@nnrp/core";
import { readFileSync } from "node:fs";
import { dialClient, probeClientTransport, selectTransport, type TransportPorts } from "@nnrp/client";
import { quic } from "@nnrp/quic";
import { type Handler, serve } from "@nnrp/server";
import { tcp } from "@nnrp/tcp";
import { type Check, CheckSkipped, equal, must, type Peer } from "../check.ts";

const echo: Handler = ({ tileIds, sections }) => ({ tileIds, sections });
const TIMEOUT = { timeoutMs: 10_000 };
const TILE_IDS = [1, 4, 9];
const TRACE_ID = 0xfedcba9876543210n;

/** A session over TCP. */
export const tcpSession: Check = async (peer) => {
  if (peer?.tcp_port !== undefined && peer.tcp_port !== null) {
    await session(peer.host, peer.tcp_port, tcp());
    return;
  }
  if (peer !== null) throw new CheckSkipped("peer_unavailable", "the peer has no TCP port");
  await using server = await serve({ host: "127.0.0.1", port: 0 }, echo);
  await session("127.0.0.1", server.port, tcp());
};

/** A session over QUIC. */
export const quicSession: Check = async (peer) => {
  if (peer?.quic_port !== undefined && peer.quic_port !== null) {
    await session(peer.host, peer.quic_port, quicOf(peer));
    return;
  }
  if (peer !== null) throw new CheckSkipped("peer_unavailable", "the peer has no QUIC port");
  const { ca, cert, key } = await certificates();
  await using server = await serve({ listen: [quic({ port: 0, cert, key })] }, echo);
  await session("127.0.0.1", server.port, quic({ caCerts: [ca] }));
};

/** Both transports are probed, and a session begins on the one that wins. */
export const probedSession: Check = async (peer) => {
  if (peer === null) {
    const { ca, cert, key } = await certificates();
    await using server = await serve({ listen: [quic({ port: 0, cert, key }), tcp({ port: 0 })] }, echo);
    const [udp, stream] = server.addresses;
    await probed("127.0.0.1", { quic: udp.port, tcp: stream.port }, [quic({ caCerts: [ca] }), tcp()]);
    return;
  }
  const { host, quic_port, tcp_port } = peer;
  if (!quic_port || !tcp_port) {
    throw new CheckSkipped("peer_unavailable", "probing needs a QUIC and a TCP port");
  }
  await probed(host, { quic: quic_port, tcp: tcp_port }, [quicOf(peer), tcp()]);
};

/** Loaded when there is no peer only: the suite names one. */
async function certificates(): Promise<{ ca: string; cert: string; key: string }> {
  return (await import("@nnrp/tools/cert")).makeDevCertificates();
}

function quicOf({ cafile }: Peer): CarrierDialer {
  return quic({ caCerts: cafile ? [readFileSync(cafile, "utf8")] : undefined });
}

async function probed(host: string, ports: TransportPorts, carriers: CarrierDialer[]): Promise<void> {
  const selection = await probeClientTransport(host, { ports, carriers, ...TIMEOUT });
  const { quicSummary, tcpSummary, selectedTransportId } = selection;
  equal([quicSummary?.successCount, tcpSummary?.successCount], [3, 3], "answered probes");
  const best = selectTransport({ quic: quicSummary, tcp: tcpSummary });
  equal(selectedTransportId, best.selectedTransportId, "the winner");
  const winner = carriers.find((carrier) => carrier.transport === selectedTransportId)!;
  await session(host, winner.transport === TransportId.QUIC ? ports.quic! : ports.tcp!, winner);
}

async function session(host: Peer["host"], port: number, carrier: CarrierDialer): Promise<void> {
  const session = await dialClient(host, port, { carriers: [carrier], requestedSessionId: 7, ...TIMEOUT });
  try {
    must(session.sessionId !== 0, "the server gives the session a number");
    equal([session.transport, session.carrierName], [carrier.transport, carrier.name], "the carrier");
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

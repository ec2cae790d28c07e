/**
 * A server by script that answers probes: truly, wrongly, late or never.
 *
 * @module
 */
import {
  decodeTransportProbeMetadata,
  encodeTransportProbeAckMetadata,
  makePacket,
  MessageType,
  type NnrpPacket,
  type TransportProbeMetadata,
} from "@nnrp/core";
import { type Script, welcoming } from "./fake_carriers.ts";

/** How probes are answered. */
export interface ProbeAnswers {
  /** Not at all. */
  readonly silent?: boolean;
  /** Added to the probe's id. Default 0. */
  readonly wrongBy?: number;
  /** After so many ms. Default: at once. */
  readonly delayMs?: () => number;
}

/** Metadata of a TRANSPORT_PROBE. */
export function probeOf(packet: NnrpPacket): TransportProbeMetadata {
  const { buffer, byteOffset, length } = packet.metadata;
  return decodeTransportProbeMetadata(new DataView(buffer, byteOffset, length), 0, length);
}

/** TRANSPORT_PROBE_ACK of a probe. */
export function probeAck(probeId: number): NnrpPacket {
  const metadata = new Uint8Array(16);
  encodeTransportProbeAckMetadata(
    { probeId: probeId >>> 0, reserved: 0, serverRecvTsUs: 77n },
    new DataView(metadata.buffer),
    0,
  );
  return makePacket({ msgType: MessageType.TRANSPORT_PROBE_ACK, metadata });
}

/** A server that welcomes hellos and answers probes like this. */
export function answeringProbes(answers: ProbeAnswers = {}): Script {
  return (packet, peer) => {
    if (packet.header.msgType !== MessageType.TRANSPORT_PROBE) return welcoming(packet, peer);
    if (answers.silent) return;
    const ack = probeAck(probeOf(packet).probeId + (answers.wrongBy ?? 0));
    if (answers.delayMs === undefined) peer.send(ack);
    else setTimeout(() => peer.isClosed || peer.send(ack), answers.delayMs());
  };
}

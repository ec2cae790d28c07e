/**
 * Probing transports: the two messages, and the choice that follows from the answers (wire spec §4.11, behaviour spec §5.3).
 *
 * @module
 */
import {
  buildTransportProbeAckPacket,
  buildTransportProbePacket,
  encodePacket,
  type TransportProbeAckMetadata,
  type TransportProbeMetadata,
} from "@nnrp/core";
import { changed, type Check, equal, exactLength, hex, refused, survives } from "../check.ts";
import { probedTransport, type ProbeSide } from "../probe_request.ts";
import { recordOf } from "../record_codecs.ts";

const PROBE = hex("efbeadde 00800000 1032547698badcfe");
const ACK = hex("efbeadde 00000000 0100000000000080");

/** Both messages in fixed bytes. */
export const fixedProbe: Check = () => {
  const probe = { probeId: 0xdeadbeef, probePayloadBytes: 32768, clientSendTsUs: 0xfedcba9876543210n };
  const ack = { probeId: 0xdeadbeef, reserved: 0, serverRecvTsUs: 0x8000000000000001n };
  for (const [kind, bytes, fields] of [["probe", PROBE, probe], ["probe_ack", ACK, ack]] as const) {
    const { decode, encode } = recordOf(`transport_${kind}_metadata`);
    equal(encode(fields), bytes, kind);
    equal(decode(bytes), fields, `fields of ${kind}`);
  }
};

/** Messages and their answers; the rule of choice on answers that differ in one point each. */
export const probeRules: Check = () => {
  for (const [kind, bytes] of [["probe", PROBE], ["probe_ack", ACK]] as const) {
    const name = `transport_${kind}_metadata`;
    survives(name, bytes);
    survives(name, new Uint8Array(16).fill(0xff), `${kind} with all numbers at their greatest`);
    exactLength(name, bytes);
  }
  const body = new Uint8Array(32768).fill(0x50);
  const metadata = recordOf("transport_probe_metadata").decode(PROBE) as unknown as TransportProbeMetadata;
  survives("transport_probe_packet", encodePacket(buildTransportProbePacket({ metadata, body })));
  const ack = recordOf("transport_probe_ack_metadata").decode(changed(ACK, 4, 1)) as unknown;
  const answer = buildTransportProbeAckPacket({ metadata: ack as TransportProbeAckMetadata });
  survives("transport_probe_ack_packet", encodePacket(answer), "an answer with its reserved field set");
  refused(
    () => buildTransportProbePacket({ metadata, body: body.subarray(1) }),
    "a probe whose body is not as long as it says",
  );

  const side = (roundTrips: readonly number[], failures = 0, payload = 1000): ProbeSide => ({
    samples: roundTrips.map((round_trip_us) => ({ payload_bytes: payload, round_trip_us })),
    failures,
  });
  const choices: readonly (readonly [string, ProbeSide, ProbeSide, string])[] = [
    ["equal transports", side([10, 20]), side([20, 10]), "quic"],
    ["more answers", side([1]), side([900, 900]), "tcp"],
    ["more throughput", side([20, 20, 20]), side([10, 10, 10]), "tcp"],
    ["a shorter round trip at equal throughput", side([20], 0, 2000), side([10]), "tcp"],
    ["failures beside as many answers", side([10], 9), side([11]), "quic"],
    ["QUIC silent", side([], 3), side([900_000]), "tcp"],
    ["TCP silent", side([900_000]), side([], 3), "quic"],
  ];
  for (const [what, quic, tcp, chosen] of choices) equal(probedTransport(quic, tcp), chosen, what);
  refused(() => probedTransport(side([], 3), side([], 3)), "choosing without an answer");
};

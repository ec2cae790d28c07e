/**
 * Probe results as the suite writes them, and the transport they choose.
 *
 * @module
 */
import { TransportId } from "@nnrp/core";
import { selectTransport, TransportProbeResult, TransportProbeSummary } from "@nnrp/client";

/** Probes of one transport. */
export interface ProbeSide {
  /** Answered ones. */
  readonly samples?: readonly {
    /** Bytes sent. */
    readonly payload_bytes: number;
    /** Round trip, µs. */
    readonly round_trip_us: number;
  }[];
  /** How many were not answered. */
  readonly failures?: number;
}

/**
 * Chooses.
 *
 * @throws NnrpProbeError if neither side has an answered probe.
 */
export function probedTransport(
  quic: ProbeSide | null | undefined,
  tcp: ProbeSide | null | undefined,
): "quic" | "tcp" {
  const selection = selectTransport({
    quic: summaryOf(TransportId.QUIC, quic),
    tcp: summaryOf(TransportId.TCP, tcp),
  });
  return selection.selectedTransportId === TransportId.QUIC ? "quic" : "tcp";
}

function summaryOf(transportId: number, side: ProbeSide | null | undefined): TransportProbeSummary {
  const results = (side?.samples ?? []).map(({ payload_bytes, round_trip_us }, probeId) =>
    new TransportProbeResult({
      transportId,
      probeId,
      probePayloadBytes: payload_bytes,
      clientSendTsUs: 0n,
      serverRecvTsUs: 0n,
      ackRecvTsUs: BigInt(Math.trunc(round_trip_us)),
    })
  );
  return new TransportProbeSummary({ transportId, results, failureCount: side?.failures ?? 0 });
}

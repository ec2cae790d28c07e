/**
 * Which transport a client takes after probing (behaviour spec §5.3): samples, their medians, and the choice. Pure
 * arithmetic; who opens connections and reads the clock is not its business.
 *
 * @module
 */
import { NnrpError, NnrpValueError, TransportId } from "@nnrp/core";

/** No transport answered its probes. */
export class NnrpProbeError extends NnrpError {
  /**
   * Nothing was answered.
   *
   * @param message What was tried.
   */
  constructor(message: string) {
    super("PROBE", message);
  }
}

/** What one answered probe has shown. */
export interface TransportProbeSample {
  /** TransportId that was probed. */
  readonly transportId: number;
  /** Number of the probe, u32. */
  readonly probeId: number;
  /** Bytes that were sent as its body. */
  readonly probePayloadBytes: number;
  /** This side's clock just before sending, µs. */
  readonly clientSendTsUs: bigint;
  /** The server's own clock, µs: no origin in common with this side's, so never subtract it. */
  readonly serverRecvTsUs: bigint;
  /** This side's clock when the answer was there, µs. */
  readonly ackRecvTsUs: bigint;
}

/** One answered probe and what follows from it. */
export class TransportProbeResult implements TransportProbeSample {
  /** TransportId that was probed. */
  readonly transportId: number;
  /** Number of the probe, u32. */
  readonly probeId: number;
  /** Bytes that were sent as its body. */
  readonly probePayloadBytes: number;
  /** This side's clock just before sending, µs. */
  readonly clientSendTsUs: bigint;
  /** The server's own clock, µs. */
  readonly serverRecvTsUs: bigint;
  /** This side's clock when the answer was there, µs. */
  readonly ackRecvTsUs: bigint;

  /**
   * The result of one measurement.
   *
   * @param sample What was measured.
   */
  constructor(sample: TransportProbeSample) {
    this.transportId = sample.transportId;
    this.probeId = sample.probeId;
    this.probePayloadBytes = sample.probePayloadBytes;
    this.clientSendTsUs = sample.clientSendTsUs;
    this.serverRecvTsUs = sample.serverRecvTsUs;
    this.ackRecvTsUs = sample.ackRecvTsUs;
  }

  /** From sending to the answer, µs, at least 1: setting up the connection is not in it. */
  get roundTripUs(): number {
    return Math.max(Number(this.ackRecvTsUs - this.clientSendTsUs), 1);
  }

  /** Bytes per second that this round trip makes. */
  get effectiveThroughputBytesPerSec(): number {
    return this.probePayloadBytes * 1_000_000 / this.roundTripUs;
  }
}

/** All probes of one transport. */
export interface TransportProbeSummaryOptions {
  /** TransportId that was probed. */
  readonly transportId: number;
  /** Answered probes, warm-ups not among them. Default none. */
  readonly results?: readonly TransportProbeResult[];
  /** Probes that were not answered or wrongly, warm-ups not counted. Default 0. */
  readonly failureCount?: number;
}

/** Summary of all probes of one transport. */
export class TransportProbeSummary {
  /** TransportId that was probed. */
  readonly transportId: number;
  /** Answered probes. */
  readonly results: readonly TransportProbeResult[];
  /** Probes that failed. */
  readonly failureCount: number;

  /**
   * A summary of probes.
   *
   * @param options The probes.
   */
  constructor(options: TransportProbeSummaryOptions) {
    this.transportId = options.transportId;
    this.results = options.results ?? [];
    this.failureCount = options.failureCount ?? 0;
  }

  /** Answered probes. */
  get successCount(): number {
    return this.results.length;
  }

  /**
   * Median throughput, bytes per second.
   *
   * @throws NnrpValueError if no probe was answered.
   */
  get medianThroughputBytesPerSec(): number {
    return this.#median((result) => result.effectiveThroughputBytesPerSec);
  }

  /**
   * Median round trip, µs, cut to a whole number.
   *
   * @throws NnrpValueError if no probe was answered.
   */
  get medianRoundTripUs(): number {
    return Math.trunc(this.#median((result) => result.roundTripUs));
  }

  /** The probe nearest to the median throughput, then the quickest, then the one with the lowest number; null if none. */
  get representativeResult(): TransportProbeResult | null {
    if (this.results.length === 0) return null;
    const target = this.medianThroughputBytesPerSec;
    const distance = (result: TransportProbeResult) =>
      Math.abs(result.effectiveThroughputBytesPerSec - target);
    return this.results.reduce((best, result) => {
      const order = distance(result) - distance(best) || result.roundTripUs - best.roundTripUs ||
        result.probeId - best.probeId;
      return order < 0 ? result : best;
    });
  }

  #median(value: (result: TransportProbeResult) => number): number {
    if (this.results.length === 0) {
      throw new NnrpValueError("no probe was answered", {
        field: "results",
        expected: "at least one",
        actual: 0,
      });
    }
    const sorted = this.results.map(value).sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}

/** A choice and what it rests on. */
export interface TransportProbeSelectionOptions {
  /** TransportId that was chosen. */
  readonly selectedTransportId: number;
  /** Probes of QUIC. Default: made of `quicResult`, if that is given. */
  readonly quicSummary?: TransportProbeSummary | null;
  /** Probes of TCP. Default: made of `tcpResult`, if that is given. */
  readonly tcpSummary?: TransportProbeSummary | null;
  /** The probe that stands for QUIC. Default: the representative one of the summary. */
  readonly quicResult?: TransportProbeResult | null;
  /** The probe that stands for TCP. Default: the representative one of the summary. */
  readonly tcpResult?: TransportProbeResult | null;
}

/** Which transport was chosen, and the probes behind it. */
export class TransportProbeSelection {
  /** TransportId that was chosen. */
  readonly selectedTransportId: number;
  /** Probes of QUIC, if there were any. */
  readonly quicSummary: TransportProbeSummary | null;
  /** Probes of TCP, if there were any. */
  readonly tcpSummary: TransportProbeSummary | null;
  /** The probe that stands for QUIC. */
  readonly quicResult: TransportProbeResult | null;
  /** The probe that stands for TCP. */
  readonly tcpResult: TransportProbeResult | null;

  /**
   * A choice and the probes behind it.
   *
   * @param options The choice and the probes.
   * @throws NnrpValueError if a summary is of another transport.
   */
  constructor(options: TransportProbeSelectionOptions) {
    this.selectedTransportId = options.selectedTransportId;
    this.quicSummary = summaryOf(TransportId.QUIC, options.quicSummary, options.quicResult, "quicSummary");
    this.tcpSummary = summaryOf(TransportId.TCP, options.tcpSummary, options.tcpResult, "tcpSummary");
    this.quicResult = options.quicResult ?? this.quicSummary?.representativeResult ?? null;
    this.tcpResult = options.tcpResult ?? this.tcpSummary?.representativeResult ?? null;
  }

  /**
   * Probes of the chosen transport.
   *
   * @throws NnrpValueError if there are none.
   */
  get selectedSummary(): TransportProbeSummary {
    return this.#selected(this.quicSummary, this.tcpSummary, "selectedSummary");
  }

  /**
   * The probe that stands for the chosen transport.
   *
   * @throws NnrpValueError if there is none.
   */
  get selectedResult(): TransportProbeResult {
    return this.#selected(this.quicResult, this.tcpResult, "selectedResult");
  }

  #selected<T>(quic: T | null, tcp: T | null, field: string): T {
    const id = this.selectedTransportId;
    const found = id === TransportId.QUIC ? quic : id === TransportId.TCP ? tcp : null;
    if (found === null) throw new NnrpValueError("the chosen transport has no probes", { field, actual: id });
    return found;
  }
}

function summaryOf(
  transportId: number,
  summary: TransportProbeSummary | null | undefined,
  result: TransportProbeResult | null | undefined,
  field: string,
): TransportProbeSummary | null {
  if (!summary) return result ? new TransportProbeSummary({ transportId, results: [result] }) : null;
  if (summary.transportId !== transportId) {
    throw new NnrpValueError("is of another transport", {
      field,
      expected: transportId,
      actual: summary.transportId,
    });
  }
  return summary;
}

/**
 * Chooses a transport: most answered probes, then the greatest median throughput, then the shortest median round trip; QUIC
 * where all are equal. A transport without an answered probe is out.
 *
 * @param probes Summaries of the transports that were probed.
 * @throws NnrpProbeError if nothing was answered, NnrpValueError if a summary is of another transport.
 */
export function selectTransport(
  probes: { readonly quic?: TransportProbeSummary | null; readonly tcp?: TransportProbeSummary | null },
): TransportProbeSelection {
  const candidates = [probes.quic, probes.tcp].filter((summary) => !!summary && summary.successCount > 0);
  if (candidates.length === 0) {
    throw new NnrpProbeError("transport probing failed on both QUIC and TCP bindings");
  }
  const best = candidates.reduce((best, summary) => isBetter(summary!, best!) ? summary : best)!;
  return new TransportProbeSelection({
    selectedTransportId: best.transportId,
    quicSummary: probes.quic,
    tcpSummary: probes.tcp,
  });
}

/** Strictly, so that the first of two equals stays: QUIC. */
function isBetter(a: TransportProbeSummary, b: TransportProbeSummary): boolean {
  if (a.successCount !== b.successCount) return a.successCount > b.successCount;
  if (a.medianThroughputBytesPerSec !== b.medianThroughputBytesPerSec) {
    return a.medianThroughputBytesPerSec > b.medianThroughputBytesPerSec;
  }
  return a.medianRoundTripUs < b.medianRoundTripUs;
}

/** @module */
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { NnrpValueError, TransportId } from "@nnrp/core";
import {
  NnrpProbeError,
  selectTransport,
  TransportProbeResult,
  TransportProbeSelection,
  TransportProbeSummary,
} from "./probe_selection.ts";

function probe(transportId: number, roundTripUs: number, probePayloadBytes = 1000, probeId = 1) {
  return new TransportProbeResult({
    transportId,
    probeId,
    probePayloadBytes,
    clientSendTsUs: 5n,
    serverRecvTsUs: 0n,
    ackRecvTsUs: 5n + BigInt(roundTripUs),
  });
}

function summary(transportId: number, roundTrips: readonly number[], failureCount = 0) {
  const results = roundTrips.map((roundTripUs, probeId) => probe(transportId, roundTripUs, 1000, probeId));
  return new TransportProbeSummary({ transportId, results, failureCount });
}

const quic = (...roundTrips: number[]) => summary(TransportId.QUIC, roundTrips);
const tcp = (...roundTrips: number[]) => summary(TransportId.TCP, roundTrips);

test("a round trip lasts at least a microsecond", () => {
  assertEquals([probe(1, 0).roundTripUs, probe(1, -7).roundTripUs, probe(1, 3).roundTripUs], [1, 1, 3]);
  assertEquals(probe(1, 500, 2000).effectiveThroughputBytesPerSec, 4_000_000);
});

test("medians of an even count are the mean of the middle two, the round trip cut to whole microseconds", () => {
  const { medianRoundTripUs, medianThroughputBytesPerSec } = quic(10, 5, 1000, 2);
  assertEquals(medianRoundTripUs, 7);
  assertEquals(medianThroughputBytesPerSec, 150_000_000);
});

test("without an answered probe there is neither median nor representative", () => {
  const none = summary(TransportId.QUIC, [], 3);
  assertEquals([none.successCount, none.failureCount, none.representativeResult], [0, 3, null]);
  assertThrows(() => none.medianRoundTripUs, NnrpValueError);
  assertThrows(() => none.medianThroughputBytesPerSec, NnrpValueError);
});

test("the representative probe is nearest to the median throughput, then quickest, then of the lowest number", () => {
  const nearest = quic(100, 400, 1000);
  assertStrictEquals(nearest.representativeResult, nearest.results[1]);
  const equallyFar = new TransportProbeSummary({
    transportId: 1,
    results: [probe(1, 1000, 3000), probe(1, 1000, 1000), probe(1, 500, 500)],
  });
  assertStrictEquals(equallyFar.representativeResult, equallyFar.results[2]);
  const twins = new TransportProbeSummary({
    transportId: 1,
    results: [probe(1, 9, 9, 8), probe(1, 9, 9, 2), probe(1, 9, 9, 5)],
  });
  assertEquals(twins.representativeResult?.probeId, 2);
});

test("answered probes count before throughput, throughput before round trip, and QUIC wins a draw", () => {
  const chosen = (...[a, b]: Parameters<typeof pair>) => pair(a, b).selectedTransportId;
  assertEquals(chosen(quic(1), tcp(900, 900)), TransportId.TCP);
  assertEquals(chosen(quic(20, 20), tcp(10, 10)), TransportId.TCP);
  assertEquals(chosen(quic(10, 10), tcp(10, 10)), TransportId.QUIC);
  assertEquals(chosen(quic(), tcp(10)), TransportId.TCP);
  // Equal median throughput from other sizes: the shorter round trip.
  const slow = new TransportProbeSummary({ transportId: 1, results: [probe(1, 20, 2000)] });
  assertEquals(chosen(slow, tcp(10)), TransportId.TCP);
});

test("failed probes alone count for nothing", () => {
  const flaky = summary(TransportId.QUIC, [10, 10], 5);
  assertEquals(pair(flaky, tcp(11, 11)).selectedTransportId, TransportId.QUIC);
});

test("no answered probe on either side is an error, and so is a summary of another transport", () => {
  assertThrows(() => selectTransport({ quic: quic(), tcp: tcp() }), NnrpProbeError);
  assertThrows(() => selectTransport({}), NnrpProbeError);
  assertThrows(() => selectTransport({ quic: tcp(1) }), NnrpValueError);
});

test("a selection knows the summary and the probe of the chosen transport", () => {
  const selection = pair(quic(10, 20, 30), tcp(400));
  assertEquals(selection.selectedSummary.medianRoundTripUs, 20);
  assertEquals(selection.selectedResult.roundTripUs, 20);
  assertEquals(selection.tcpResult?.roundTripUs, 400);
});

test("a selection made of single probes gets summaries of one sample, and lacks what was not given", () => {
  const selection = new TransportProbeSelection({
    selectedTransportId: TransportId.TCP,
    quicResult: probe(TransportId.QUIC, 8),
  });
  assertEquals(selection.quicSummary?.successCount, 1);
  assertThrows(() => selection.selectedSummary, NnrpValueError);
  assertThrows(() => selection.selectedResult, NnrpValueError);
});

function pair(quic: TransportProbeSummary, tcp: TransportProbeSummary): TransportProbeSelection {
  return selectTransport({ quic, tcp });
}

/** @module */
import { assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { NnrpValueError, TransportId } from "@nnrp/core";
import { MigrationTriggerMonitor } from "./path_monitor.ts";
import { TransportProbeResult } from "./probe_selection.ts";

test("a window that is not full says nothing", () => {
  const monitor = new MigrationTriggerMonitor({ windowSize: 2, consecutiveDegradedWindows: 1 });
  const first = monitor.observe({ timedOut: true });
  assertEquals([first.sampleCount, first.timeoutRate, first.medianRoundTripUs, first.shouldTrigger], [
    1,
    0,
    null,
    false,
  ]);
  assertEquals(monitor.observe({ timedOut: true }).shouldTrigger, true);
});

test("round trip and jitter are medians over the answered samples, cut to whole microseconds", () => {
  const monitor = new MigrationTriggerMonitor();
  let last = monitor.observe({ roundTripUs: 5 });
  for (const sample of [{ roundTripUs: 7, timedOut: true }, { roundTripUs: 100 }, { roundTripUs: 104 }]) {
    last = monitor.observe(sample);
  }
  assertEquals([last.medianRoundTripUs, last.jitterUs, last.timeoutRate], [100, 49, 0.25]);
  assertEquals(last.isDegraded, false);
});

test("the trigger needs degraded windows in a row and stays until a healthy one", () => {
  const monitor = new MigrationTriggerMonitor({ windowSize: 1, maxMedianRoundTripUs: 1000 });
  const seen = [2000, 500, 2000, 2000, 2000, 1000].map((roundTripUs) => monitor.observe({ roundTripUs }));
  assertEquals(seen.map((s) => s.consecutiveDegradedWindows), [1, 0, 1, 2, 3, 0]);
  assertEquals(seen.map((s) => s.shouldTrigger), [false, false, false, true, true, false]);
});

test("reasons come in the order of the reference and a value on its bound is no reason", () => {
  const policy = {
    windowSize: 3,
    minMedianThroughputBytesPerSec: 10,
    maxMedianRoundTripUs: 5,
    maxJitterUs: 3,
  };
  const bad = new MigrationTriggerMonitor({ ...policy, maxTimeoutRate: 0.3 });
  bad.observe({ roundTripUs: 6, effectiveThroughputBytesPerSec: 9 });
  bad.observe({ timedOut: true });
  const { degradedReasons } = bad.observe({ roundTripUs: 10, effectiveThroughputBytesPerSec: 9 });
  assertEquals(degradedReasons, ["timeout_rate", "throughput", "round_trip", "jitter"]);
  const edge = new MigrationTriggerMonitor({ ...policy, windowSize: 2, maxTimeoutRate: 0 });
  edge.observe({ roundTripUs: 5, effectiveThroughputBytesPerSec: 10 });
  assertEquals(edge.observe({ roundTripUs: 5, effectiveThroughputBytesPerSec: 10 }).degradedReasons, []);
});

test("policies and samples out of range are refused", () => {
  for (
    const policy of [{ windowSize: 0 }, { windowSize: 2.5 }, { consecutiveDegradedWindows: 0 }, {
      maxTimeoutRate: 1.1,
    }, {
      maxJitterUs: -1,
    }]
  ) {
    assertThrows(() => new MigrationTriggerMonitor(policy), NnrpValueError);
  }
  assertThrows(() => new MigrationTriggerMonitor().observe({ roundTripUs: -1 }), NnrpValueError);
});

test("a policy may leave fields undefined", () => {
  const { windowSize, maxTimeoutRate } = new MigrationTriggerMonitor({ windowSize: undefined }).policy;
  assertEquals([windowSize, maxTimeoutRate], [4, 0.25]);
});

test("an answered probe is a sample of the path", () => {
  const monitor = new MigrationTriggerMonitor({ windowSize: 1 }, TransportId.TCP);
  const { medianRoundTripUs, medianEffectiveThroughputBytesPerSec } = monitor.observeProbeResult(
    new TransportProbeResult({
      transportId: TransportId.TCP,
      probeId: 1,
      probePayloadBytes: 100,
      clientSendTsUs: 10n,
      serverRecvTsUs: 0n,
      ackRecvTsUs: 60n,
    }),
  );
  assertEquals([monitor.activeTransportId, medianRoundTripUs, medianEffectiveThroughputBytesPerSec], [
    2,
    50,
    2_000_000,
  ]);
});

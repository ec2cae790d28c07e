/**
 * Decides from measured samples whether the present path has become bad enough to leave it (behaviour spec
 * §11.1). Pure arithmetic over a sliding window; who measures and who migrates is not its business.
 *
 * @module
 */
import { NnrpValueError, TransportId } from "@nnrp/core";
import type { TransportProbeResult } from "./probe_selection.ts";

/** One measurement of a path. */
export interface PathHealthSample {
  /** Round trip, µs. Default 0. */
  readonly roundTripUs?: number;
  /** Throughput, bytes per second. Default 0. */
  readonly effectiveThroughputBytesPerSec?: number;
  /** Whether no answer came; round trip and throughput then do not count. Default false. */
  readonly timedOut?: boolean;
}

/** The sample that an answered probe makes. */
export function pathHealthSampleOf(result: TransportProbeResult): PathHealthSample {
  const { roundTripUs, effectiveThroughputBytesPerSec } = result;
  return { roundTripUs, effectiveThroughputBytesPerSec, timedOut: false };
}

/** When a window counts as degraded and how many of them trigger. A threshold left out never counts. */
export interface MigrationTriggerPolicy {
  /** Samples in a window, at least 1. Default 4. */
  readonly windowSize?: number;
  /** Degraded windows in a row that trigger, at least 1. Default 2. */
  readonly consecutiveDegradedWindows?: number;
  /** Share of timed out samples above which a window is degraded, 0…1. Default 0.25. */
  readonly maxTimeoutRate?: number;
  /** Median throughput below which a window is degraded, bytes per second. */
  readonly minMedianThroughputBytesPerSec?: number;
  /** Median round trip above which a window is degraded, µs. */
  readonly maxMedianRoundTripUs?: number;
  /** Jitter above which a window is degraded, µs. */
  readonly maxJitterUs?: number;
}

/** Why a window is degraded. */
export type DegradedReason = "timeout_rate" | "throughput" | "round_trip" | "jitter";

/** State of the window after a sample. */
export interface MigrationTriggerSnapshot {
  /** Samples in the window. */
  readonly sampleCount: number;
  /** Median round trip, µs, whole; null before the window is full or if every sample timed out. */
  readonly medianRoundTripUs: number | null;
  /** Median throughput, bytes per second; null likewise. */
  readonly medianEffectiveThroughputBytesPerSec: number | null;
  /** Median change from one round trip to the next, µs, whole; null also with fewer than two round trips. */
  readonly jitterUs: number | null;
  /** Share of timed out samples; 0 before the window is full. */
  readonly timeoutRate: number;
  /** Empty = healthy or not known yet. */
  readonly degradedReasons: readonly DegradedReason[];
  /** Degraded windows in a row up to now. */
  readonly consecutiveDegradedWindows: number;
  /** Whether it is time to leave the path. */
  readonly shouldTrigger: boolean;
  /** Whether there is a reason. */
  readonly isDegraded: boolean;
}

/** Watches one path. */
export class MigrationTriggerMonitor {
  /** TransportId of the path that is watched; UNSPECIFIED if not given. */
  readonly activeTransportId: number;
  /** The policy, defaults filled in. */
  readonly policy:
    & Readonly<
      Required<Pick<MigrationTriggerPolicy, "windowSize" | "consecutiveDegradedWindows" | "maxTimeoutRate">>
    >
    & MigrationTriggerPolicy;
  readonly #window: Required<PathHealthSample>[] = [];
  #streak = 0;

  /**
   * A monitor that has seen nothing yet.
   *
   * @param policy What counts as degraded.
   * @param activeTransportId TransportId of the path.
   * @throws NnrpValueError for sizes that are not whole numbers of at least 1, a rate outside 0…1 or a negative threshold.
   */
  constructor(policy: MigrationTriggerPolicy = {}, activeTransportId: number = TransportId.UNSPECIFIED) {
    const { windowSize = 4, consecutiveDegradedWindows = 2, maxTimeoutRate = 0.25 } = policy;
    this.activeTransportId = activeTransportId;
    this.policy = { ...policy, windowSize, consecutiveDegradedWindows, maxTimeoutRate };
    for (const [field, size] of Object.entries({ windowSize, consecutiveDegradedWindows })) {
      demand(Number.isInteger(size) && size >= 1, field, "a whole number of at least 1", size);
    }
    demand(maxTimeoutRate >= 0 && maxTimeoutRate <= 1, "maxTimeoutRate", "0…1", maxTimeoutRate);
    for (const name of ["minMedianThroughputBytesPerSec", "maxMedianRoundTripUs", "maxJitterUs"] as const) {
      const threshold = this.policy[name];
      if (threshold !== undefined) demand(threshold >= 0, name, "0 or more", threshold);
    }
  }

  /**
   * Adds a sample; the oldest leaves a full window. Every sample beyond a full window is a window of its own.
   *
   * @param sample What was measured.
   * @throws NnrpValueError for negative values.
   */
  observe(sample: PathHealthSample): MigrationTriggerSnapshot {
    const { roundTripUs = 0, effectiveThroughputBytesPerSec = 0, timedOut = false } = sample;
    demand(roundTripUs >= 0, "roundTripUs", "0 or more", roundTripUs);
    demand(
      effectiveThroughputBytesPerSec >= 0,
      "effectiveThroughputBytesPerSec",
      "0 or more",
      effectiveThroughputBytesPerSec,
    );
    this.#window.push({ roundTripUs, effectiveThroughputBytesPerSec, timedOut });
    if (this.#window.length < this.policy.windowSize) return this.#snapshot(UNKNOWN, []);
    if (this.#window.length > this.policy.windowSize) this.#window.shift();
    const values = measure(this.#window);
    const reasons = degraded(values, this.policy);
    this.#streak = reasons.length > 0 ? this.#streak + 1 : 0;
    return this.#snapshot(values, reasons);
  }

  /**
   * Adds an answered probe of the path as a sample.
   *
   * @param result The probe.
   */
  observeProbeResult(result: TransportProbeResult): MigrationTriggerSnapshot {
    return this.observe(pathHealthSampleOf(result));
  }

  #snapshot(values: WindowValues, degradedReasons: readonly DegradedReason[]): MigrationTriggerSnapshot {
    const full = this.#window.length === this.policy.windowSize;
    return {
      sampleCount: this.#window.length,
      ...values,
      degradedReasons,
      consecutiveDegradedWindows: this.#streak,
      shouldTrigger: full && this.#streak >= this.policy.consecutiveDegradedWindows,
      isDegraded: degradedReasons.length > 0,
    };
  }
}

type WindowValues = Pick<
  MigrationTriggerSnapshot,
  "medianRoundTripUs" | "medianEffectiveThroughputBytesPerSec" | "jitterUs" | "timeoutRate"
>;

const UNKNOWN: WindowValues = {
  medianRoundTripUs: null,
  medianEffectiveThroughputBytesPerSec: null,
  jitterUs: null,
  timeoutRate: 0,
};

function measure(window: readonly Required<PathHealthSample>[]): WindowValues {
  const answered = window.filter((sample) => !sample.timedOut);
  const trips = answered.map((sample) => sample.roundTripUs);
  const changes = trips.slice(1).map((trip, before) => Math.abs(trip - trips[before]));
  return {
    medianRoundTripUs: whole(median(trips)),
    medianEffectiveThroughputBytesPerSec: median(answered.map((s) => s.effectiveThroughputBytesPerSec)),
    jitterUs: whole(median(changes)),
    timeoutRate: (window.length - answered.length) / window.length,
  };
}

/** All comparisons are strict, in the order of the reference. */
function degraded(values: WindowValues, policy: MigrationTriggerMonitor["policy"]): DegradedReason[] {
  const { minMedianThroughputBytesPerSec, maxMedianRoundTripUs, maxJitterUs } = policy;
  const reasons: DegradedReason[] = [];
  if (values.timeoutRate > policy.maxTimeoutRate) reasons.push("timeout_rate");
  if (above(minMedianThroughputBytesPerSec, values.medianEffectiveThroughputBytesPerSec)) {
    reasons.push("throughput");
  }
  if (above(values.medianRoundTripUs, maxMedianRoundTripUs)) reasons.push("round_trip");
  if (above(values.jitterUs, maxJitterUs)) reasons.push("jitter");
  return reasons;
}

function above(value: number | null | undefined, bound: number | null | undefined): boolean {
  return value != null && bound != null && value > bound;
}

/** Mean of the middle two for an even count; null for none. */
function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function whole(value: number | null): number | null {
  return value === null ? null : Math.trunc(value);
}

function demand(holds: boolean, field: string, expected: string, actual: number): void {
  if (!holds) throw new NnrpValueError("is out of range", { field, expected, actual });
}

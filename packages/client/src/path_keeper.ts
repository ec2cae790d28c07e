/**
 * Keeps a session on its best path: measures the present one and the others from time to time and moves when one is clearly
 * better, or when the present one fails (the seeds' MigrationTriggerPolicy; behaviour spec §11.1).
 *
 * @module
 */
import { callBack, type CarrierDialer, NnrpTimeoutError, NnrpValueError, roundTripWait } from "@nnrp/core";
import { isPrivate } from "./dial_target.ts";
import { LOOK_TIMEOUT_MS, PROBE_SAMPLE_COUNT } from "./defaults.ts";
import type { MigrateOptions } from "./migration.ts";
import { probeCarrier } from "./probe.ts";
import type { ClientSession, MigrationOutcome } from "./session.ts";
import { sleep } from "./time_limit.ts";

/** When to measure, and when to move. */
export interface PathPolicy {
  /** How much shorter the median round trip of another path must be, ms; 0 = any bit. Default 5. */
  readonly minRttImprovementMs?: number;
  /** Time between two measurements, ms; Infinity = only when `look()` is called. Default 10,000. */
  readonly probeIntervalMs?: number;
  /** Pings in a row that the present path may leave unanswered. Default 3. */
  readonly maxConsecutiveFailures?: number;
  /** Longest wait for a ping or probe, ms. Default 1,000, or three round trips of the session (10,000 at most) if they take longer. */
  readonly timeoutMs?: number;
  /** Bytes of a probe's body. Default 1,200: round trips are compared, not throughput. */
  readonly payloadBytes?: number;
  /** How to move: carriers, ports, host. */
  readonly migrate?: MigrateOptions;
  /** Called after each measurement. */
  readonly onLook?: (look: PathLook) => void;
}

/** What one measurement has shown. */
export interface PathLook {
  /** Median round trip of the present path, ms; undefined if no ping was answered. */
  readonly presentRttMs: number | undefined;
  /** Median round trips of the other paths by carrier name, ms; those that did not answer are missing. */
  readonly otherRttMs: Readonly<Record<string, number>>;
  /** Unanswered measurements in a row on the present path. */
  readonly failures: number;
  /** What was done; `"skipped"` = nothing. */
  readonly outcome: MigrationOutcome["status"];
}

/**
 * Watches the paths of a session until it is closed.
 *
 * ```ts
 * const keeper = new PathKeeper(session, { probeIntervalMs: 5000, minRttImprovementMs: 10 });
 * // …
 * keeper.close();
 * ```
 */
export class PathKeeper {
  readonly #session: ClientSession;
  readonly #policy: PathPolicy;
  readonly #stop = new AbortController();
  #failures = 0;

  /**
   * Starts watching.
   *
   * @param session A session that was dialled by address.
   * @param policy When to measure and when to move.
   * @throws NnrpValueError for numbers out of range.
   */
  constructor(session: ClientSession, policy: PathPolicy = {}) {
    const { minRttImprovementMs = 5, probeIntervalMs = 10_000, maxConsecutiveFailures = 3 } = policy;
    demand(minRttImprovementMs >= 0, "minRttImprovementMs", "0 or more", minRttImprovementMs);
    demand(probeIntervalMs > 0, "probeIntervalMs", "more than 0", probeIntervalMs);
    demand(maxConsecutiveFailures >= 1, "maxConsecutiveFailures", "1 or more", maxConsecutiveFailures);
    this.#session = session;
    this.#policy = { ...policy, minRttImprovementMs, probeIntervalMs, maxConsecutiveFailures };
    void session.closed.then(() => this.close());
    void this.#watch();
  }

  /** Stops watching; the session stays where it is. */
  close(): void {
    this.#stop.abort(new Error("the keeper was closed"));
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await sleep(this.#session.runtime, this.#policy.probeIntervalMs!, signal);
        const look = await this.look();
        if (!signal.aborted) callBack(() => this.#policy.onLook?.(look), () => {});
      } catch {
        // A measurement that failed has moved nothing; the next one follows.
      }
    }
  }

  /** Measures once, now, and moves if the policy decides so. */
  async look(): Promise<PathLook> {
    const session = this.#session;
    const { timeoutMs = roundTripWait(LOOK_TIMEOUT_MS, session.stats.rttMs), payloadBytes = 1200 } =
      this.#policy;
    const presentRttMs = await this.#presentRtt(timeoutMs);
    this.#failures = presentRttMs === undefined ? this.#failures + 1 : 0;
    const otherRttMs: Record<string, number> = {};
    const target = session.origin?.target;
    for (const carrier of target?.carriers ?? []) {
      if (!this.#mayMoveTo(carrier)) continue;
      const how = {
        sampleCount: PROBE_SAMPLE_COUNT,
        payloadBytes,
        warmup: false,
        timeoutMs,
        signal: this.#stop.signal,
        runtime: session.runtime,
      };
      const summary = await probeCarrier(carrier, target!, how);
      if (summary.successCount > 0) otherRttMs[carrier.name] = summary.medianRoundTripUs / 1000;
    }
    const failures = this.#failures;
    const best = Object.entries(otherRttMs).sort((a, b) => a[1] - b[1])[0];
    const { minRttImprovementMs, maxConsecutiveFailures } = this.#policy;
    const gainMs = best === undefined || presentRttMs === undefined ? 0 : presentRttMs - best[1];
    const better = gainMs > 0 && gainMs >= minRttImprovementMs!;
    const lost = best !== undefined && failures >= maxConsecutiveFailures!;
    let outcome: PathLook["outcome"] = "skipped";
    if (better || lost) {
      try {
        outcome = (await session.migrate({ carrier: best[0], ...this.#policy.migrate })).status;
        this.#failures = 0;
      } catch {
        outcome = "failed";
      }
    }
    return { presentRttMs, otherRttMs, failures, outcome };
  }

  /** What `migrate()` would refuse is not worth a probe. */
  #mayMoveTo(carrier: CarrierDialer): boolean {
    const { origin, accepted, carrierName, transport } = this.#session;
    const open = this.#policy.migrate?.allowPlaintextAuth ?? origin!.allowPlaintextAuth;
    return carrier.name !== carrierName &&
      (accepted.migrationToken !== null || carrier.transport !== transport) &&
      (open || isPrivate(carrier, origin!.target.endpoint));
  }

  async #presentRtt(timeoutMs: number): Promise<number | undefined> {
    const rtts: number[] = [];
    for (let i = 0; i < PROBE_SAMPLE_COUNT; i++) {
      try {
        rtts.push(await this.#session.ping({ timeoutMs }));
      } catch (error) {
        if (!(error instanceof NnrpTimeoutError)) throw error;
        break; // one unanswered ping is enough for this measurement
      }
    }
    return rtts.sort((a, b) => a - b)[rtts.length >> 1];
  }
}

function demand(condition: boolean, field: string, expected: string, actual: number): void {
  if (!condition) throw new NnrpValueError("is out of range", { field, expected, actual });
}

/**
 * The scenario about the health of a path: no network effect, synthetic samples only.
 *
 * @module
 */
import { MigrationTriggerMonitor } from "@nnrp/client";
import { check } from "../check.ts";
import type { ScenarioEnvironment } from "../environment.ts";

/** The monitor triggers after two degraded windows (behaviour spec §11.1). */
export async function monitor(env: ScenarioEnvironment): Promise<void> {
  await env.dial();
  const watch = new MigrationTriggerMonitor({
    windowSize: 3,
    consecutiveDegradedWindows: 2,
    maxMedianRoundTripUs: 1000,
  });
  const triggers = [500, 5000, 6000, 7000].map((roundTripUs) =>
    watch.observe({ roundTripUs, effectiveThroughputBytesPerSec: 1 }).shouldTrigger
  );
  check(triggers.join() === "false,false,false,true", "triggers", triggers);
}

/**
 * The suite's first task: a plan in, a report out, one row for each case.
 *
 * @module
 */
import { NnrpError } from "@nnrp/core";
import { CheckFailure, CheckSkipped, type Peer } from "./check.ts";
import { checksFor } from "./features.ts";

/** A case of the plan; what is not used here is left out. */
export interface PlannedCase {
  /** Name of the case. */
  readonly id: string;
  /** `"L0"`, `"L1"`, `"L3"`. */
  readonly layer: string;
  /** What is to be checked. */
  readonly feature: string;
}

/** A plan; what is not used here is left out. */
export interface Plan {
  /** Copied to the report. */
  readonly protocol_version: string;
  /** Copied to the report. */
  readonly implementation_name: string;
  /** The cases. */
  readonly cases: readonly PlannedCase[];
}

/** Outcome of one case. */
export interface ReportRow {
  /** Name of the case. */
  readonly id: string;
  /** `fail`: the implementation is wrong; `error`: the check broke; `skip`: it could not be made. */
  readonly outcome: "pass" | "fail" | "skip" | "error";
  /** Why not `pass`, for programs. */
  readonly failure_kind?: string;
  /** Why not `pass`, for people. */
  readonly message?: string;
}

/** What answers a plan. */
export interface Report {
  /** That of the plan. */
  readonly protocol_version: string;
  /** That of the plan. */
  readonly implementation_name: string;
  /** In the order of the plan. */
  readonly results: readonly ReportRow[];
}

/**
 * Runs the checks of a plan, one after another.
 *
 * @param plan What to check.
 * @param peer Server for transport cases; null = one of our own.
 */
export async function runPlan(plan: Plan, peer: Peer | null): Promise<Report> {
  const results: ReportRow[] = [];
  for (const planned of plan.cases) results.push(await runCase(planned, peer));
  const { protocol_version, implementation_name } = plan;
  return { protocol_version, implementation_name, results };
}

async function runCase({ id, layer, feature }: PlannedCase, peer: Peer | null): Promise<ReportRow> {
  const checks = checksFor(layer, feature);
  if (checks.length === 0) {
    const message = `no check is known for ${feature} on layer ${layer}`;
    return { id, outcome: "skip", failure_kind: "unknown_case", message };
  }
  try {
    for (const check of checks) await check(peer);
    return { id, outcome: "pass" };
  } catch (error) {
    return { id, ...verdictOf(error) };
  }
}

function verdictOf(error: unknown): Omit<ReportRow, "id"> {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof CheckSkipped) return { outcome: "skip", failure_kind: error.failureKind, message };
  if (error instanceof CheckFailure) return { outcome: "fail", failure_kind: error.failureKind, message };
  // What the packages throw where a check expects them to work is a finding too.
  if (error instanceof NnrpError) return { outcome: "fail", failure_kind: error.code.toLowerCase(), message };
  return { outcome: "error", failure_kind: "exception", message };
}

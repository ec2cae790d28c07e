/**
 * Which phases the demo streams: with the budget that was asked for, and twice with about half of what a frame needs, so
 * that every machine shows what the protocol does when time is short.
 *
 * @module
 */
import { BudgetPolicy } from "@nnrp/client";
import { percentile } from "../report/statistics.ts";
import type { PhaseOptions, PhaseRecord } from "./phase.ts";

/** Part of a budget that is not told to the server: the way there and back, and this side's own work, ms. */
const WAY_MS = 2;
/** A short budget: at least the way, and a moment for the server, ms. */
const LEAST_MS = WAY_MS + 2;
/** Part of a whole frame's cost that a short budget leaves. */
const SHORT = 0.5;
/** Frames that tell what a tile costs: times come in whole ms, so few tiles tell nothing. */
const TELLING_TILES = 8;

/** What the phases have in common. */
export interface PhasePlan {
  /** All phases together, s. */
  readonly seconds: number;
  /** Frames of the view per second. */
  readonly fps: number;
  /** Latency budget that was asked for, ms. */
  readonly budgetMs: number;
}

/**
 * Parts, or else old tiles. Not ALLOW_DROP: with it a frame that is late by a moment is gone, with what was done for it;
 * a viewer is better served by some tiles a moment late.
 */
const PARTS_OR_OLD = BudgetPolicy.ALLOW_PARTIAL | BudgetPolicy.ALLOW_STALE_REUSE;

/** The first phase: half of the time, the budget that was asked for. */
export function openingPhase(plan: PhasePlan): PhaseOptions {
  return {
    name: `${plan.budgetMs} ms`,
    title: `Budget ${plan.budgetMs} ms`,
    explanation:
      `Every frame has ${plan.budgetMs} ms from submit to answer. What does not fit may be cut (PARTIAL) or answered with ` +
      "old tiles (STALE_REUSE).",
    durationMs: plan.seconds * 500,
    fps: plan.fps,
    budgetMs: plan.budgetMs,
    serverBudgetMs: serverBudget(plan.budgetMs),
    policy: PARTS_OR_OLD,
  };
}

/** The phases with too little time. */
export function shortPhases(plan: PhasePlan, budgetMs: number): PhaseOptions[] {
  const common = {
    durationMs: plan.seconds * 250,
    fps: plan.fps,
    budgetMs,
    serverBudgetMs: serverBudget(budgetMs),
  };
  return [
    {
      ...common,
      name: `${budgetMs} ms, parts`,
      title: `Too little time, parts allowed: ${budgetMs} ms`,
      explanation:
        `The same view with ${budgetMs} ms, on purpose too little for a whole frame here. The server answers as ` +
        "many tiles as fit and says so (PARTIAL); the client shows the others by bicubic interpolation and asks for them first " +
        "in the next frame.",
      policy: PARTS_OR_OLD,
    },
    {
      ...common,
      name: `${budgetMs} ms, whole or old`,
      title: `Too little time, whole frames or old ones: ${budgetMs} ms`,
      explanation:
        `Again ${budgetMs} ms, but now parts are not allowed. What cannot be answered whole is answered with tiles ` +
        "of an earlier frame (STALE_REUSE); the client then asks for fewer tiles at once, and for more again when that works.",
      policy: BudgetPolicy.ALLOW_STALE_REUSE,
    },
  ];
}

/**
 * A budget that is too short here.
 *
 * @param record The opening phase.
 * @param tiles Tiles of a whole frame.
 */
export function shortBudget(record: PhaseRecord, tiles: number): number {
  const { budgetMs } = record.options;
  const costs = record.frames.filter((f) => f.className !== "STALE_REUSE" && f.covered >= TELLING_TILES)
    .map((f) => f.inferenceMs / f.covered).sort((a, b) => a - b);
  const most = Math.max(LEAST_MS, Math.floor(budgetMs / 2));
  if (costs.length === 0) return most; // not even a few tiles fitted: anything is too short
  return Math.min(most, Math.max(LEAST_MS, Math.round(WAY_MS + 1 + SHORT * tiles * percentile(costs, 0.5))));
}

function serverBudget(budgetMs: number): number {
  return Math.max(1, Math.min(0xffff, budgetMs - WAY_MS));
}

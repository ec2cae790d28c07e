/**
 * One stretch of streaming under one budget and policy, and what is remembered of it.
 *
 * @module
 */
import type { Plane } from "@nnrp/backends";
import { mean, percentile, share } from "../report/statistics.ts";
import { type FrameClass, ResultTally } from "../result_tally.ts";
import type { Shown } from "./canvas.ts";

/** What is to be streamed. */
export interface PhaseOptions {
  /** Short name, for tables. */
  readonly name: string;
  /** Heading in the report. */
  readonly title: string;
  /** What to look at, for the report. */
  readonly explanation: string;
  /** How long, ms. */
  readonly durationMs: number;
  /** Frames of the view per second. */
  readonly fps: number;
  /** Time from submit to answer that the viewer allows, ms. */
  readonly budgetMs: number;
  /** What of it is told to the server, ms: the rest is for the way there and back. */
  readonly serverBudgetMs: number;
  /** BudgetPolicy bits. */
  readonly policy: number;
}

/** What became of one frame. */
export interface FrameRecord {
  /** Time since the phase began, ms. */
  readonly atMs: number;
  /** What moved. */
  readonly motion: "pan" | "rest" | "window";
  /** Tiles asked for; 0 = nothing had changed, or the frame was held back. */
  readonly asked: number;
  /** Class of the answer; null = not submitted. */
  readonly className: string | null;
  /** Whether it was not submitted because too many were under way. */
  readonly held: boolean;
  /** Tiles that the answer brought, new or old. */
  readonly covered: number;
  /** Submit to answer, ms; NaN = not submitted. */
  readonly latencyMs: number;
  /** Time in the model as the server tells, ms. */
  readonly inferenceMs: number;
  /** Places that show the network's answer to this very picture, 0…1. */
  readonly fresh: number;
  /** Places that show an older answer, 0…1. */
  readonly kept: number;
  /** Luma against the original as the viewer sees it, dB. */
  readonly psnr: number;
  /** The same if all were bicubic, dB. */
  readonly bicubicPsnr: number;
}

/** The numbers of a phase. */
export interface PhaseNumbers {
  /** Frames of the view that were drawn, per second. */
  readonly framesPerSecond: number;
  /** Frames that were submitted. */
  readonly submitted: number;
  /** Answers by class. */
  readonly results: ResultTally;
  /** Latencies, ms; NaN without answers. */
  readonly p50: number;
  /** 90th percentile, ms. */
  readonly p90: number;
  /** 99th percentile, ms. */
  readonly p99: number;
  /** Part of the answers that came within the budget, 0…1. */
  readonly withinBudget: number;
  /** Mean part of the tiles of a submit that its answer brought, 0…1. */
  readonly coverage: number;
  /** The same over the answers of one class; NaN without any. */
  readonly coverageOf: (className: FrameClass) => number;
  /** Mean part of the view that showed the network's present answer, 0…1. */
  readonly fresh: number;
  /** Mean PSNR as seen, dB. */
  readonly psnr: number;
  /** Mean PSNR of bicubic, dB. */
  readonly bicubicPsnr: number;
}

/** A phase that runs or ran. */
export class PhaseRecord {
  /** What was streamed. */
  readonly options: PhaseOptions;
  /** What became of the frames, in the order in which they ended. */
  readonly frames: FrameRecord[] = [];
  /** One frame as the viewer saw it, and what its tiles showed; null = none yet. */
  snapshot: { readonly picture: Plane; readonly shown: readonly Shown[] } | null = null;
  /** Frames of the view that were never drawn because this side was late. */
  skipped = 0;
  /** How long it took, ms. */
  elapsedMs = 0;

  /**
   * Makes a PhaseRecord.
   *
   * @param options What is to be streamed.
   */
  constructor(options: PhaseOptions) {
    this.options = options;
  }

  /** The numbers so far. */
  numbers(): PhaseNumbers {
    const answered = this.frames.filter((frame) => frame.className !== null);
    const results = new ResultTally();
    for (const frame of answered) results.add(frame.className!);
    const latencies = answered.map((frame) => frame.latencyMs).sort((a, b) => a - b);
    return {
      framesPerSecond: this.elapsedMs === 0 ? 0 : this.frames.length / this.elapsedMs * 1000,
      submitted: answered.length,
      results,
      p50: percentile(latencies, 0.5),
      p90: percentile(latencies, 0.9),
      p99: percentile(latencies, 0.99),
      withinBudget: share(answered, (frame) => frame.latencyMs <= this.options.budgetMs),
      coverage: coverage(answered),
      coverageOf: (name) => coverage(answered.filter((frame) => frame.className === name)),
      fresh: mean(this.frames.map((frame) => frame.fresh)),
      psnr: mean(this.frames.map((frame) => frame.psnr)),
      bicubicPsnr: mean(this.frames.map((frame) => frame.bicubicPsnr)),
    };
  }
}

function coverage(frames: readonly FrameRecord[]): number {
  return mean(frames.map((frame) => frame.covered / frame.asked));
}

/**
 * The last frames and their numbers.
 *
 * @module
 */

/** What is kept of a frame. */
export interface FrameNumbers {
  /** When it came back, ms on the page's clock. */
  readonly atMs: number;
  /** Result class. */
  readonly className: string;
  /** There and back, ms. */
  readonly latencyMs: number;
  /** In the network, ms. */
  readonly inferenceMs: number;
  /** Its budget, ms. */
  readonly budgetMs: number;
  /** How near bicubic comes to the truth, dB. */
  readonly bicubicDb: number;
  /** How near the network's picture comes, dB. */
  readonly networkDb: number;
}

/** How far back charts look, ms. */
export const WINDOW_MS = 12_000;

/** See the module. */
export class History {
  readonly #frames: FrameNumbers[] = [];
  /** Frames by class since the start. */
  readonly counts = new Map<string, number>();

  /** Takes a frame in. */
  add(frame: FrameNumbers): void {
    this.#frames.push(frame);
    while (this.#frames[0].atMs < frame.atMs - WINDOW_MS) this.#frames.shift();
    this.counts.set(frame.className, (this.counts.get(frame.className) ?? 0) + 1);
  }

  /** Those of the last seconds. */
  get recent(): readonly FrameNumbers[] {
    return this.#frames;
  }

  /** A quantile of the latencies of the last seconds, ms; NaN without frames. */
  latency(quantile: number): number {
    const sorted = this.#frames.map((f) => f.latencyMs).sort((a, b) => a - b);
    return sorted.length === 0
      ? NaN
      : sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))];
  }

  /** Mean distance to the truth over the last two seconds, dB; NaN without frames. */
  meanDb(of: "bicubicDb" | "networkDb", nowMs: number): number {
    const last = this.#frames.filter((f) => f.atMs > nowMs - 2000);
    return last.reduce((sum, f) => sum + f[of], 0) / last.length;
  }

  /** Frames of the last second. */
  rate(nowMs: number): number {
    return this.#frames.filter((f) => f.atMs > nowMs - 1000).length;
  }
}

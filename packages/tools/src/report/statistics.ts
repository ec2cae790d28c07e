/**
 * The few statistics of the reports.
 *
 * @module
 */

/**
 * The value below which a part of the samples lies (nearest rank).
 *
 * @param sorted Samples in ascending order.
 * @param part 0…1.
 * @returns NaN without samples.
 */
export function percentile(sorted: readonly number[], part: number): number {
  if (sorted.length === 0) return NaN;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))];
}

/** Mean of the finite samples; NaN without any. */
export function mean(samples: readonly number[]): number {
  const finite = samples.filter(Number.isFinite);
  return finite.length === 0 ? NaN : finite.reduce((sum, x) => sum + x, 0) / finite.length;
}

/** Part of the samples that have a property, 0…1; NaN without samples. */
export function share<T>(samples: readonly T[], has: (sample: T) => boolean): number {
  return samples.length === 0 ? NaN : samples.filter(has).length / samples.length;
}

/** One bar of a histogram. */
export interface Bin {
  /** Least value that falls into it. */
  readonly from: number;
  /** Least value that falls into the next one; Infinity for the last. */
  readonly to: number;
  /** Samples in it. */
  readonly count: number;
}

/**
 * Counts samples in bins of equal width from 0; what lies beyond falls into one last, open bin.
 *
 * @param samples The samples, none negative.
 * @param width Width of a bin.
 * @param limit Where the open bin begins, a multiple of `width`.
 */
export function histogram(samples: readonly number[], width: number, limit: number): Bin[] {
  const closed = Math.round(limit / width);
  const counts = new Array<number>(closed + 1).fill(0);
  for (const sample of samples) counts[Math.min(closed, Math.floor(sample / width))]++;
  return counts.map((count, i) => ({
    from: i * width,
    to: i === closed ? Infinity : (i + 1) * width,
    count,
  }));
}

/** 1, 2 or 5 times a power of ten, at least `value`. */
export function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return (([1, 2, 5].find((factor) => factor * power >= value * (1 - 1e-9))) ?? 10) * power;
}

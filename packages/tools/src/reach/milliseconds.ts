/**
 * Times for people.
 *
 * @module
 */

/** Milliseconds with three digits that count. */
export function milliseconds(ms: number): string {
  return `${
    ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms >= 1 ? ms.toFixed(2) : ms.toFixed(3)
  } ms`;
}

/** Milliseconds without digits below a microsecond: clocks do not tell them. */
export function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/**
 * Counts answers to frames by class.
 *
 * @module
 */

/** Classes in the order in which they are told; names as `Result.className` has them, and ERROR for failed frames. */
export const RESULT_CLASSES = ["COMPLETE", "PARTIAL", "STALE_REUSE", "DEGRADED", "DROP", "ERROR"] as const;

/** How a frame ended. */
export type FrameClass = typeof RESULT_CLASSES[number];

/** Answers counted by class. */
export class ResultTally {
  readonly #counts = new Map<FrameClass, number>();

  /** Counts one answer; a class of another name counts as DEGRADED, "not what was asked for". */
  add(className: string, count = 1): void {
    const known = RESULT_CLASSES.find((name) => name === className) ?? "DEGRADED";
    this.#counts.set(known, this.of(known) + count);
  }

  /** Answers of one class. */
  of(className: FrameClass): number {
    return this.#counts.get(className) ?? 0;
  }

  /** All answers. */
  get total(): number {
    return RESULT_CLASSES.reduce((sum, name) => sum + this.of(name), 0);
  }

  /** Counts by name, those of 0 left out. */
  toJSON(): Record<string, number> {
    return Object.fromEntries(
      RESULT_CLASSES.filter((name) => this.of(name) > 0).map((name) => [name, this.of(name)]),
    );
  }

  /** For people: `"12 COMPLETE, 3 PARTIAL"`, or `"none"`. */
  toString(): string {
    return Object.entries(this.toJSON()).map(([name, count]) => `${count} ${name}`).join(", ") || "none";
  }
}

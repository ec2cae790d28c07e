/**
 * What an oracle has to say against a run.
 *
 * @module
 */

/** A promise of the library that was not kept. */
export interface Finding {
  /** Name of the oracle: a key of `ORACLES`. */
  readonly oracle: string;
  /** What happened, for people: what was promised, what came. */
  readonly what: string;
  /** When, ms of virtual time. */
  readonly atMs: number;
  /** The client it happened to, `"c0"` …; `""` = the system. */
  readonly client: string;
  /** Circumstances, for `known_faults.ts`: kind of work, carrier, what was done before. */
  readonly tags: ReadonlySet<string>;
}

/** Findings kept of one run; more only repeat them. */
const MAX_KEPT = 200;

/** The findings of a run. */
export class Findings {
  /** Those kept, first first. */
  readonly all: Finding[] = [];
  /** Those beyond. */
  left = 0;

  /** Adds one. The same words of one oracle about one client count once: false = it was there. */
  add(finding: Finding): boolean {
    const { oracle, what, client } = finding;
    if (this.all.some((one) => one.oracle === oracle && one.client === client && one.what === what)) {
      return false;
    }
    if (this.all.length < MAX_KEPT) this.all.push(finding);
    else this.left++;
    return true;
  }
}

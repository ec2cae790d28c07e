/**
 * Faults that are known and not mended yet: each row explains what an oracle finds under a condition, so that a run tells them from
 * news. A row goes when its fault does; then what it explained fails the run.
 *
 * @module
 */
import type { Finding } from "./finding.ts";

/** A known fault. */
export interface KnownFault {
  /** Its row in the table of issue 13, or where else it is told. */
  readonly row: string;
  /** The oracle that finds it. */
  readonly oracle: string;
  /** Which of that oracle's findings it explains. */
  readonly explains: (finding: Finding) => boolean;
}

/** The quarantine. */
export const KNOWN_FAULTS: readonly KnownFault[] = [];

/**
 * The known fault that explains a finding; undefined = it is news.
 *
 * @param finding What an oracle found.
 * @param known The rows. Default: the quarantine.
 */
export function knownFault(
  finding: Finding,
  known: readonly KnownFault[] = KNOWN_FAULTS,
): KnownFault | undefined {
  return known.find((row) => row.oracle === finding.oracle && row.explains(finding));
}

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

/** Whether a finding has one of these tags. */
function has(...tags: readonly string[]): (finding: Finding) => boolean {
  return (finding) => tags.some((tag) => finding.tags.has(tag));
}

/** Whether its words are like this. */
function says(words: RegExp): (finding: Finding) => boolean {
  return (finding) => words.test(finding.what);
}

/** The quarantine. */
export const KNOWN_FAULTS: readonly KnownFault[] = [
  {
    row: "moves: frames fail where the path is slow (t95)",
    oracle: "moves",
    explains: has("slow"),
  },
  {
    row: "our lateness blamed on the peer (t05, t52, report 04)",
    oracle: "give-up",
    explains: has("stopped", "blocked"),
  },
  {
    row: "half-open peers noticed late (report 12)",
    oracle: "half-open",
    explains: has("silent"),
  },
  {
    row: "a connection that ends inside a packet is a fault of the session, not a loss of its path (seed 32)",
    oracle: "session-ends",
    explains: says(/stream ended inside a packet/),
  },
];

/** The known fault that explains a finding; undefined = it is news. */
export function knownFault(finding: Finding): KnownFault | undefined {
  return KNOWN_FAULTS.find((known) => known.oracle === finding.oracle && known.explains(finding));
}

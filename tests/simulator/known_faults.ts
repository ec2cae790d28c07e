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
    row: "an answer reaches another frame (t93, t92, t60)",
    oracle: "answers",
    explains: has("id used again", "own id"), // the one that came before is met, or the one that comes after
  },
  {
    row: "an answer reaches another frame (t93, t92, t60)",
    oracle: "endings",
    explains: (finding) => has("id used again")(finding) && says(/never ended/)(finding),
  },
  {
    row: "iterators: one failing frame ends the results() loop (t08)",
    oracle: "endings",
    explains: has("results loop"),
  },
  {
    row: "iterators: a part that cannot be sent never runs the handler's finally (t02)",
    oracle: "iterators",
    explains: has("spoils"),
  },
  {
    row: "iterators: next() pending at return() hangs (t09)",
    oracle: "calls",
    explains: says(/^a step of a stream after return\(\) has not settled/),
  },
  {
    row: "iterators: return() does not reach an iterator that waits (t02, t55, report 09)",
    oracle: "iterators",
    explains: has("source"),
  },
  {
    row: "closing loses results (t47, t47b)",
    oracle: "closing",
    explains: says(/was lost by close/),
  },
  {
    row: "moves: frames fail where the path is slow (t95)",
    oracle: "moves",
    explains: has("slow"),
  },
  {
    row: "moves: counters do not add up after a resubmit (t69)",
    oracle: "stats",
    explains: has("moved", "reconnected", "with reconnect"),
  },
  {
    row: "foreign memory: a handler that reuses its buffer sends corrupt results (t51)",
    oracle: "answers",
    explains: (finding) => has("reuses")(finding) && has("corrupt")(finding),
  },
  {
    row: "foreign memory: bytes that vanish end the session (report 03)",
    oracle: "session-ends",
    explains: (finding) => has("vanished bytes")(finding) && has("INTERNAL", "MALFORMED_BODY")(finding),
  },
  {
    row: "foreign memory: bytes that vanish end the session (report 03)",
    oracle: "calls",
    explains: (finding) => has("vanished bytes")(finding) && says(/NnrpInternalError/)(finding),
  },
  {
    row: "speed: a handler may return a plain iterable or array of parts",
    oracle: "answers",
    explains: (finding) => has("plain", "array")(finding) && has("incomplete")(finding),
  },
  {
    row: "figures: inferenceMs 0 for a handler that blocks, times read from a clock that stood still (t101)",
    oracle: "lateness",
    explains: has("blocks", "blocked", "stopped"),
  },
  {
    row: "reconnect covers crashes only: an orderly close ends every session for good (report 06)",
    oracle: "session-ends",
    explains: has("orderly restart"),
  },
  {
    row: "ordinary use ends the session (t10, t11)",
    oracle: "session-ends",
    explains: (finding) => has("LIMIT_EXCEEDED")(finding) && has("many first", "many flow updates")(finding),
  },
  {
    row: "ordinary use ends the session: a result over the body limit",
    oracle: "session-ends",
    explains: says(/body_len .* longer than this side accepts/),
  },
  {
    row: "memory outside the books: a client that does not read, unsent results (t21)",
    oracle: "memory",
    explains: has("unsent"),
  },
  {
    row: "our lateness blamed on the peer (t05, t52, report 04)",
    oracle: "give-up",
    explains: has("stopped", "blocked"),
  },
  {
    row: "small: dials aborted around acceptance leave sessions suspended",
    oracle: "leaks",
    explains: has("aborted dial"),
  },
  {
    row: "half-open peers noticed late (report 12)",
    oracle: "half-open",
    explains: has("silent"),
  },
];

/** The known fault that explains a finding; undefined = it is news. */
export function knownFault(finding: Finding): KnownFault | undefined {
  return KNOWN_FAULTS.find((known) => known.oracle === finding.oracle && known.explains(finding));
}

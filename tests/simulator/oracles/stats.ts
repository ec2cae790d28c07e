/**
 * The counters of a session add up: what was submitted has ended somehow, or is in flight.
 *
 * @module
 */
import type { SessionRun } from "../session_run.ts";

/** Looks at a session that is over. */
export function checkStats(run: SessionRun): void {
  const {
    submitted,
    complete,
    partial,
    staleReuse,
    degraded,
    dropped,
    failed,
    cancelled,
    discarded,
    timedOut,
    inFlight,
  } = run.session.stats;
  const ended = complete + partial + staleReuse + degraded + dropped + failed + cancelled + discarded +
    timedOut;
  // Frames that ended before they were sent count among the ends only.
  if (submitted <= ended + inFlight) return;
  run.stage.found(
    "stats",
    "the counters of a session do not add up: more frames submitted than ended or in flight",
    run.client.name,
    run.tags(),
  );
}

/**
 * The counters of a session add up at any moment: each frame that was submitted has ended in one way, or has not ended in one way.
 *
 * @module
 */
import type { SessionRun } from "../session_run.ts";

/** Looks at a session, whatever it is doing. */
export function checkStats(run: SessionRun): void {
  const { stats } = run.session;
  const ended = stats.complete + stats.partial + stats.staleReuse + stats.degraded + stats.dropped +
    stats.failed +
    stats.cancelled + stats.discarded;
  const open = stats.inFlight + stats.lateDue + stats.resubmitting;
  run.stage.judged("stats");
  if (stats.submitted !== ended + open) {
    run.stage.found("stats", "the counters of a session do not add up", run.client.name, run.tags());
  }
  if (run.session.state === "closed" && open > 0) {
    run.stage.found(
      "stats",
      "a session that is over has frames that have not ended",
      run.client.name,
      run.tags(),
    );
  }
}

/**
 * No client has more frames in flight than it was allowed, as the server sees it; no server runs more handlers than it said.
 *
 * @module
 */
import type { Handling } from "../handlers.ts";
import type { SimServer } from "../server.ts";

/** A handler begins. */
export function checkCredit(server: SimServer, { frame, context }: Handling): void {
  const { stage, plan, running } = server;
  const { run } = frame;
  stage.judged("credit");
  if (running.size >= plan.concurrency) {
    // Processes that are being replaced have handlers of their own; only one at a time is counted exactly.
    const here = [...running].filter((one) =>
      one.context.session !== undefined && !one.received.settled
    ).length;
    if (here >= plan.concurrency && server.closing.size === 0) {
      stage.found("credit", "more handlers run at once than concurrency allows", "", run.tags(frame));
    }
  }
  const allowed = Math.min(run.client.plan.maxInFlight, plan.maxConcurrentFrames);
  const { inFlight } = context.session.stats;
  if (inFlight <= allowed) return;
  // Whoever gives a frame up has its place at once, the server hears of it later.
  let given = 0;
  for (const one of stage.ledger.of(run)) {
    if (one.overMs >= 0 && (one.running || one.handled === 0 || one.answeredMs < 0)) given++;
  }
  if (inFlight > allowed + given) {
    stage.found("credit", `more frames in flight than were allowed`, run.client.name, run.tags(frame));
  }
}

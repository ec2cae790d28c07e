/**
 * Drain means drained: what was in flight when somebody closed in order is answered, while its time lasts and bytes move.
 *
 * @module
 */
import { type Frame, kindOf } from "../ledger.ts";
import type { SimServer } from "../server.ts";
import type { Stage } from "../stage.ts";

/** What a close may take beyond the time it was given, ms. */
const SLACK_MS = 15_000;

/** A frame failed while its client was closing. */
export function checkClosingFrame(stage: Stage, frame: Frame): void {
  const { run } = frame;
  if (run.closing === null || frame.submittedMs >= run.closing.atMs || frame.handled === 0) return;
  const { atMs, drainMs } = run.closing;
  stage.judged("closing");
  const leftMs = atMs + drainMs - frame.overMs;
  // What the handler refused or the network took is not the close's doing.
  if (leftMs < 1000 || !/^(CLOSED|CANCELLED|STATE)/.test(frame.outcome) || frame.givenUp) return;
  if (
    stage.trouble.since(
      run.client.plan,
      atMs - 30_000,
      "silent",
      "cut",
      "stopped",
      "blocked",
      "killed",
      "restarted",
    )
  ) return;
  stage.found(
    "closing",
    `a frame in flight was lost by close({ drainMs }) long before its time was over: ${kindOf(frame)}`,
    run.client.name,
    [...run.tags(frame), "client close"],
  );
}

/** A server begins to close; the function that is returned says that it has. */
export function judgeClosing(server: SimServer, drainMs: number): () => void {
  const { stage, host, plan } = server;
  const atMs = host.now();
  const inFlight = [...server.running].map(({ frame }) => frame);
  let isClosed = false;
  const limitMs = Math.min(drainMs, 120_000) + SLACK_MS;
  stage.world.after(limitMs, () => {
    if (isClosed || host.isKilled || stage.trouble.ofServerSince(plan.index, atMs + 2000)) return;
    // Handlers that are at work may take as long as they do where there is no other limit.
    if (drainMs === Infinity && server.running.size > 0) return;
    stage.found("closing", "close() of a server took longer than its drainMs", "", [
      "server close",
      `drain ${drainMs}`,
    ]);
  });
  return () => {
    isClosed = true;
    for (const frame of inFlight) {
      if (frame.answeredMs < 0 || frame.answeredMs > atMs + drainMs - 1000) continue;
      const { run } = frame;
      const lost = frame.overMs >= 0 && /^CLOSED/.test(frame.outcome) && !frame.givenUp;
      if (
        !lost ||
        stage.trouble.since(run.client.plan, atMs - 30_000, "silent", "cut", "stopped", "blocked", "killed")
      ) continue;
      stage.found(
        "closing",
        `a result was lost by close() of its server before its time was over: ${kindOf(frame)}`,
        run.client.name,
        [...run.tags(frame), "server close"],
      );
    }
  };
}

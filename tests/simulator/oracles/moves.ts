/**
 * A move costs no frame: those in flight are answered, on the old path or the new one, however slow the paths are.
 *
 * @module
 */
import { type Frame, kindOf } from "../ledger.ts";
import type { Stage } from "../stage.ts";

/** How long after a move a frame may be lost by it, ms. */
const AFTER_MS = 12_000;

/** A frame failed. */
export function checkMovedFrame(stage: Stage, frame: Frame): void {
  const { run } = frame;
  if (run.movedMs >= 0) stage.judged("moves");
  if (run.movedMs < 0 || frame.submittedMs > run.movedMs || frame.overMs > run.movedMs + AFTER_MS) return;
  if (!/^CLOSED/.test(frame.outcome) || run.closing !== null || run.session.state !== "active") return;
  if (
    run.session.stats.reconnects > 0 || stage.trouble.since(run.client.plan, run.movedMs - 30_000, ...EXCUSES)
  ) return;
  stage.found("moves", `a move lost a frame in flight: ${kindOf(frame)}`, run.client.name, run.tags(frame));
}

const EXCUSES = ["silent", "cut", "stopped", "blocked", "killed", "restarted", "dials"] as const;

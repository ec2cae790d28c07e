/**
 * A result that is later than its budget says so; the times that results tell are true to 1 ms.
 *
 * @module
 */
import type { Result } from "@nnrp/client";
import { type Frame, kindOf } from "../ledger.ts";
import type { Stage } from "../stage.ts";

/** Whole ms are told, each rounded for itself: two of them may be off by as much. */
const SLACK_MS = 2;

/** A frame was answered. Only answers in one piece are timed exactly here. */
export function checkFigures(stage: Stage, frame: Frame, result: Result | undefined): void {
  const { run, order, startedMs, answeredMs, receivedMs } = frame;
  if (result === undefined || result.isDrop || order.parts > 0 || frame.handled !== 1 || answeredMs < 0) {
    return;
  }
  const told = result.metadata;
  if (told === null) return;
  stage.judged("lateness");
  const workedMs = answeredMs - startedMs;
  const totalMs = answeredMs - receivedMs;
  const found = (what: string) =>
    stage.found("lateness", `${what}: ${kindOf(frame)}`, run.client.name, run.tags(frame));
  if (frame.budgetMs > 0 && totalMs > frame.budgetMs + SLACK_MS && told.serverTotalMs <= frame.budgetMs) {
    found("a result came after its budget and does not say so");
  }
  // A machine that stood still while the answer was written makes the figure greater, and rightly.
  if (told.inferenceMs < workedMs - SLACK_MS) found("inferenceMs is less than the handler worked");
  const disturbed = stage.trouble.since(run.client.plan, receivedMs, "stopped", "blocked");
  if (!disturbed && told.inferenceMs > workedMs + SLACK_MS) {
    found("inferenceMs is more than the handler worked");
  }
}

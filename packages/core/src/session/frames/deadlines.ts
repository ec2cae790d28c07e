/**
 * Time a frame may take: what the server does with a frame whose budget passed before it was started, and how the client's
 * three ways to say "until when" become one (behaviour spec §14.1 SubmitRequest; docs/architecture.md, "Deadlines").
 *
 * @module
 */
import { NnrpProtocolError, NnrpValueError } from "../../errors.ts";
import { ErrorCode, ErrorScope } from "../../wire/enums.ts";
import { BudgetPolicy } from "../../wire/flags.ts";

/**
 * What to do with a frame when its turn comes: `"run"` it; `"drop"` it (RESULT_DROP and RESULT_HINT BUDGET_EXCEEDED);
 * `"ask"` the handler for what {@linkcode lateAnswers} allows.
 */
export type StartVerdict = "run" | "drop" | "ask";

/**
 * When a frame's budget ends, ms on the receiver's clock; Infinity if it has none. The budget counts from arrival, since
 * the clocks of both sides are not comparable.
 *
 * @param receivedMs When its submit arrived, ms.
 * @param latencyBudgetMs Its budget, ms; 0 = none.
 */
export function budgetEndsMs(receivedMs: number, latencyBudgetMs: number): number {
  return latencyBudgetMs === 0 ? Infinity : receivedMs + latencyBudgetMs;
}

/**
 * Judges a frame that is about to be started.
 *
 * @param budgetEnds {@linkcode budgetEndsMs} of the frame.
 * @param budgetPolicy Its {@linkcode BudgetPolicy} bits.
 * @param nowMs Monotonic time, ms.
 */
export function judgeStart(budgetEnds: number, budgetPolicy: number, nowMs: number): StartVerdict {
  if (nowMs < budgetEnds) return "run";
  if (budgetPolicy & BudgetPolicy.ALLOW_DROP) return "drop";
  return lateAnswers(budgetPolicy) === 0 ? "run" : "ask";
}

/** The bits of a budget policy that let a handler answer late in another way: partial, stale, degraded. */
export function lateAnswers(budgetPolicy: number): number {
  return budgetPolicy &
    (BudgetPolicy.ALLOW_PARTIAL | BudgetPolicy.ALLOW_STALE_REUSE | BudgetPolicy.ALLOW_DEGRADED);
}

/** The ways in which a caller says how long a frame may take. */
export interface TimeWishes {
  /** Budget that travels to the server, ms; 0 = none. */
  readonly latencyBudgetMs?: number;
  /** Another name for the same; both must be equal if both are given. */
  readonly inferenceBudgetMs?: number;
  /** Unix time in ms after which the answer is worthless; local, does not travel. */
  readonly deadlineMs?: number;
}

/**
 * The budget of a request.
 *
 * @param wishes As the caller gave them.
 * @returns What goes into `latency_budget_ms`; 0 = none.
 * @throws NnrpValueError if the two names disagree.
 */
export function latencyBudgetOf(wishes: TimeWishes): number {
  const { latencyBudgetMs, inferenceBudgetMs } = wishes;
  if (
    latencyBudgetMs !== undefined && inferenceBudgetMs !== undefined && latencyBudgetMs !== inferenceBudgetMs
  ) {
    throw new NnrpValueError("is another name for latencyBudgetMs and must not differ from it", {
      field: "inferenceBudgetMs",
      expected: latencyBudgetMs,
      actual: inferenceBudgetMs,
    });
  }
  return latencyBudgetMs ?? inferenceBudgetMs ?? 0;
}

/**
 * Turns an absolute deadline into a moment on the session's clock, once, when the frame is submitted.
 *
 * @param deadlineMs Unix time, ms; undefined = none.
 * @param unixNowMs Unix time now, ms (`Date.now()` of the host).
 * @param nowMs Monotonic time now, ms.
 * @param frameId Frame, for the error.
 * @param viewId View, for the error.
 * @returns The moment at which the waiter times out, ms; Infinity = never.
 * @throws NnrpProtocolError FRAME_EXPIRED (frame scope, local) if the deadline has passed: nothing may be sent.
 * @throws NnrpValueError if it is no number.
 */
export function expiryOf(
  deadlineMs: number | undefined,
  unixNowMs: number,
  nowMs: number,
  frameId = 0,
  viewId = 0,
): number {
  if (deadlineMs === undefined) return Infinity;
  if (typeof deadlineMs !== "number" || Number.isNaN(deadlineMs)) {
    throw new NnrpValueError("must be a Unix time in ms", {
      field: "deadlineMs",
      actual: String(deadlineMs),
    });
  }
  const leftMs = deadlineMs - unixNowMs;
  if (leftMs > 0) return nowMs + leftMs;
  throw new NnrpProtocolError({
    errorCode: ErrorCode.FRAME_EXPIRED,
    codeName: "FRAME_EXPIRED",
    errorScope: ErrorScope.FRAME,
    relatedFrameId: frameId,
    relatedViewId: viewId,
    diagnostic: `deadlineMs passed ${-leftMs} ms before the frame was submitted`,
  });
}

/**
 * What users submit: a SubmitRequest whose frame id may be left out, with the time limits of the seeds (behaviour spec §8.5,
 * §14.1).
 *
 * @module
 */
import { latencyBudgetOf, NnrpValueError, type SubmitRequest } from "@nnrp/core";

/** A frame to submit. All but the content is optional. */
export interface FrameRequest extends Omit<SubmitRequest, "frameId"> {
  /** Frame id, u32, unique among the frames in flight of its view. Default: the session's next free one. */
  readonly frameId?: number;
  /** Another name for `latencyBudgetMs`; both must be equal if both are given. */
  readonly inferenceBudgetMs?: number;
  /** Unix time in ms after which the answer is worthless. Local: it ends the wait, it does not travel. */
  readonly deadlineMs?: number;
}

/**
 * The request as the engine takes it, which gets the frame id beside it.
 *
 * @throws NnrpValueError if the budgets disagree.
 */
export function completeRequest(request: FrameRequest): SubmitRequest {
  if (request.inferenceBudgetMs === undefined) return request as SubmitRequest;
  return { ...request, frameId: 0, latencyBudgetMs: latencyBudgetOf(request) };
}

/** Throws unless a given frame id is a u32. */
export function checkFrameId(frameId: number): void {
  if (Number.isInteger(frameId) && frameId >= 0 && frameId <= 0xffffffff) return;
  throw new NnrpValueError("is no frame id", {
    field: "frameId",
    expected: "0 to 4294967295",
    actual: String(frameId),
  });
}

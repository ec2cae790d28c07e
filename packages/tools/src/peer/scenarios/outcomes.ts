/**
 * Scenarios about frames that end otherwise than with a complete result.
 *
 * @module
 */
import type { ClientSession, Result } from "@nnrp/client";
import {
  BudgetPolicy,
  ErrorScope,
  NnrpCancelledError,
  NnrpProtocolError,
  ResultClass,
  ResultFlags,
  type SubmitRequest,
  TypedPayload,
} from "@nnrp/core";
import { check, refusal, sleep, started } from "../check.ts";
import type { ScenarioEnvironment } from "../environment.ts";
import { blob, tensorRequest } from "../frames.ts";
import type { JsonLine } from "../json_lines.ts";

/** Every third frame is dropped. */
export async function drop(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial({ ignoreMaxConcurrentFrames: true });
  const waits = Array.from(
    { length: 9 },
    (_, i) => session.submit(tensorRequest(i + 1), { timeoutMs: env.timeoutMs }),
  );
  const dropped = (await Promise.all(waits)).filter((result) => result.isDrop);
  const drops = dropped.map((result) => result.frameId);
  check(drops.join() === "3,6,9", "dropped frames", drops);
  const empty = dropped.every(({ packet }) => packet.metadata.length === 0 && packet.body.length === 0);
  check(empty, "a drop has no metadata and no body");
  return { drops };
}

/** PARTIAL, STALE_REUSE and DEGRADED with matching flags, policy and coverage. */
export async function resultClasses(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial();
  const budgetPolicy = BudgetPolicy.ALLOW_PARTIAL | BudgetPolicy.ALLOW_STALE_REUSE |
    BudgetPolicy.ALLOW_DEGRADED;
  const seen: string[] = [];
  for (let i = 1; i <= 6; i++) {
    const request = tensorRequest(i, { tiles: [1, 2, 3, 4], request: { budgetPolicy } });
    const result = await session.submit(request, { timeoutMs: env.timeoutMs });
    classMatches(result, i - 1);
    seen.push(result.className);
  }
  check(seen.join() === "COMPLETE,PARTIAL,STALE_REUSE,PARTIAL,DEGRADED,PARTIAL", "classes", seen);
  return { seen };
}

function classMatches(result: Result, last: number): void {
  const { metadata } = result;
  check(metadata, "expected RESULT_PUSH");
  const { resultClass, resultFlags, appliedBudgetPolicy } = metadata;
  const says = (flag: number, policy: number) =>
    (resultFlags & flag) !== 0 && (appliedBudgetPolicy & policy) !== 0;
  if (resultClass === ResultClass.PARTIAL) {
    check(says(ResultFlags.PARTIAL, BudgetPolicy.ALLOW_PARTIAL), "partial", metadata);
    check(metadata.coveredTileCount === 3 && metadata.droppedTileCount === 1, "coverage", metadata);
  } else if (resultClass === ResultClass.STALE_REUSE) {
    check(says(ResultFlags.STALE, BudgetPolicy.ALLOW_STALE_REUSE), "stale", metadata);
    check(metadata.reusedFrameId === last, "reused_frame_id", metadata.reusedFrameId);
  } else if (resultClass === ResultClass.DEGRADED) {
    check(says(ResultFlags.FALLBACK, BudgetPolicy.ALLOW_DEGRADED), "degraded", metadata);
  }
}

/** A frame ERROR ends its frame only. */
export async function frameError(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial();
  const submit = (i: number) => session.submit(tensorRequest(i), { timeoutMs: env.timeoutMs });
  check((await submit(1)).isPush, "result of frame 1");
  const error = await refusal(submit(2), "frame 2");
  check(error instanceof NnrpProtocolError, "expected the server's ERROR", String(error));
  const about = error.errorScope === ErrorScope.FRAME && error.relatedFrameId === 2 && !error.fatal;
  check(about, "error", error.message);
  check((await submit(3)).isPush, "result of frame 3");
  return { code: error.errorCode };
}

/** A frame cancelled while it is worked on gets no result. */
export async function cancel(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial();
  return await cancelFirst(env, session, tensorRequest(1), () => sleep(100));
}

/** A cancel right behind a 2 MiB frame. */
export async function cancelEarly(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial();
  const request = { frameId: 1, typedPayloads: [TypedPayload.opaqueBytes(blob(3, 2 << 20))] };
  return await cancelFirst(env, session, request, () => Promise.resolve());
}

async function cancelFirst(
  env: ScenarioEnvironment,
  session: ClientSession,
  request: SubmitRequest,
  pause: () => Promise<void>,
): Promise<JsonLine> {
  const options = { timeoutMs: env.timeoutMs };
  const first = started(refusal(session.submit(request, options), "the cancelled frame"));
  const second = started(session.submit(tensorRequest(2), options));
  await pause();
  session.cancelFrame(1);
  const error = await first;
  check(error instanceof NnrpCancelledError, "expected the wait to end as cancelled", String(error));
  check((await second).isPush, "the other frame");
  return { first: "cancelled", second: "push" };
}

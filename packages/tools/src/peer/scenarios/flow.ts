/**
 * Scenarios about flow control: frames handed over while the server has paused the session wait for its RESUME. The
 * server counts what really left; here only the order of events is checked.
 *
 * @module
 */
import type { ClientSession } from "@nnrp/client";
import {
  FlowUpdateBackpressureLevel,
  type FlowUpdateEvent,
  FlowUpdateFlags,
  FlowUpdateReason,
} from "@nnrp/core";
import { check, nextOf, started } from "../check.ts";
import type { ScenarioEnvironment } from "../environment.ts";
import { sameTensor, tensorRequest } from "../frames.ts";
import type { JsonLine } from "../json_lines.ts";

/** PAUSE, a frame that waits, RESUME; the client sends a FLOW_UPDATE of its own. */
export async function flow(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial();
  const updates = session.flowUpdates();
  session.sendFlowUpdate({ updateReason: FlowUpdateReason.GRANT, sessionCredit: 4, creditEpoch: 1 });
  const early = started(submitAll(env, session, [1, 2]));
  const pause = await next(env, updates, FlowUpdateReason.PAUSE, FlowUpdateBackpressureLevel.HARD);
  const start = performance.now();
  check(
    (pause.flags & FlowUpdateFlags.CREDIT_VALID) !== 0 && pause.sessionCredit === 0,
    "pause credit",
    pause,
  );
  const held = started(submitAll(env, session, [3]));
  const resume = await next(env, updates, FlowUpdateReason.RESUME, FlowUpdateBackpressureLevel.NONE);
  check(resume.creditEpoch > pause.creditEpoch, "epochs rise", [pause.creditEpoch, resume.creditEpoch]);
  await early;
  await held;
  return { pause_ms: Math.round(performance.now() - start) };
}

/** Six frames wait for the RESUME and then keep to its credit. */
export async function flowHold(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial();
  const updates = session.flowUpdates();
  const early = started(submitAll(env, session, [1, 2]));
  const pause = await next(env, updates, FlowUpdateReason.PAUSE, FlowUpdateBackpressureLevel.HARD);
  const retry = (pause.flags & FlowUpdateFlags.RETRY_AFTER_VALID) !== 0 && pause.retryAfterMs > 0;
  check(retry, "retry time of the pause", pause);
  const held = started(submitAll(env, session, [3, 4, 5, 6, 7, 8]));
  await early;
  const resume = await next(env, updates, FlowUpdateReason.RESUME, FlowUpdateBackpressureLevel.NONE);
  check(resume.sessionCredit === 2, "credit of the resume", resume);
  await held;
  return { held: 6 };
}

async function submitAll(env: ScenarioEnvironment, session: ClientSession, ids: number[]): Promise<void> {
  const requests = ids.map((frameId) => tensorRequest(frameId));
  const waits = requests.map((request) => session.submit(request, { timeoutMs: env.timeoutMs }));
  (await Promise.all(waits)).forEach((result, at) => sameTensor(requests[at], result));
}

async function next(
  env: ScenarioEnvironment,
  updates: AsyncIterator<FlowUpdateEvent>,
  reason: number,
  level: number,
): Promise<FlowUpdateEvent["metadata"]> {
  const { metadata } = await nextOf(updates, env.timeoutMs, "a FLOW_UPDATE");
  check(metadata.updateReason === reason && metadata.backpressureLevel === level, "flow update", metadata);
  return metadata;
}

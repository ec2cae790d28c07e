/**
 * Scenarios about many frames at once: each result reaches its own waiter, whatever the order of arrival.
 *
 * @module
 */
import { NnrpTimeoutError } from "@nnrp/core";
import { check, refusal } from "../check.ts";
import type { ScenarioEnvironment } from "../environment.ts";
import { sameTensor, tensorRequest } from "../frames.ts";
import type { JsonLine } from "../json_lines.ts";
import { echoOne } from "./echo.ts";

/** 64 frames in flight through the router, awaited in order. */
export async function pipeline(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial({ ignoreMaxConcurrentFrames: true });
  const router = session.manageResults();
  const requests = Array.from({ length: 64 }, (_, i) => tensorRequest(i + 1));
  for (const request of requests) await router.sendSubmit(request);
  for (const request of requests) {
    sameTensor(request, await router.receive(request.frameId, 0, { timeoutMs: env.timeoutMs }));
  }
  router.close();
  return { frames: requests.length };
}

/** The server answers newest first; arrival order shows it, content stays right. */
export async function outOfOrder(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial({ ignoreMaxConcurrentFrames: true });
  const requests = new Map(Array.from({ length: 16 }, (_, i) => [i + 1, tensorRequest(i + 1)]));
  for (const request of requests.values()) await session.submitNowait(request);
  const order: number[] = [];
  for await (const result of session.results()) {
    if (result.error !== null) throw result.error;
    const request = requests.get(result.frameId);
    check(request, "a frame nobody sent", result.frameId);
    sameTensor(request, result);
    order.push(result.frameId);
    if (order.length === requests.size) break;
  }
  check(new Set(order).size === requests.size, "every frame exactly once", order);
  check(order.some((frameId, at) => at > 0 && frameId < order[at - 1]), "server did not reorder", order);
  return { order };
}

/** One frame id on three views: three independent results. */
export async function views(env: ScenarioEnvironment): Promise<void> {
  const session = await env.dial({ profile: { maxViews: 3 } });
  const requests = [0, 1, 2].map((viewId) =>
    tensorRequest(5, { tiles: [viewId, viewId + 10], request: { viewId } })
  );
  for (const request of requests) await session.submitNowait(request);
  for (const viewId of [2, 0, 1]) {
    const result = await session.receiveResult({ frameId: 5, viewId, timeoutMs: env.timeoutMs });
    sameTensor(requests[viewId], result);
  }
}

/** A wait that timed out does not lose the late result. */
export async function late(env: ScenarioEnvironment): Promise<void> {
  const session = await env.dial();
  const request = tensorRequest(1);
  await session.submitNowait(request);
  const error = await refusal(session.receiveResult({ frameId: 1, timeoutMs: 100 }), "the early wait");
  check(error instanceof NnrpTimeoutError, "expected a time-out", String(error));
  sameTensor(request, await session.receiveResult({ frameId: 1, timeoutMs: env.timeoutMs }));
}

/** Eight sessions at once, ten frames each, no cross-talk. */
export async function manyClients(env: ScenarioEnvironment): Promise<JsonLine> {
  const one = async (k: number) => {
    const session = await env.dial({ requestedSessionId: 2000 + k });
    check(session.sessionId === 2000 + k, "session id", session.sessionId);
    for (let i = 1; i <= 10; i++) await echoOne(env, session, i, { tiles: [k, k + 20], sizes: [k + 1] });
    await session.close();
  };
  await Promise.all(Array.from({ length: 8 }, (_, k) => one(k)));
  return { sessions: 8 };
}

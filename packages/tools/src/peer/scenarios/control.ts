/**
 * Scenarios about single control messages: ping, hints and session patches.
 *
 * @module
 */
import type { ClientSession } from "@nnrp/client";
import {
  enumName,
  ResultHintCongestionState,
  type SessionPatchAckMetadata,
  SessionPatchAckStatus,
  SessionPatchField,
  SessionPatchRejectReason,
} from "@nnrp/core";
import { check, nextOf, started } from "../check.ts";
import type { ScenarioEnvironment } from "../environment.ts";
import { sameTensor, tensorRequest } from "../frames.ts";
import type { JsonLine } from "../json_lines.ts";
import { echoOne } from "./echo.ts";

/** Three PINGs, one of them while a frame is on its way. */
export async function ping(env: ScenarioEnvironment): Promise<void> {
  const session = await env.dial();
  const options = { timeoutMs: env.timeoutMs };
  await session.ping(options);
  const request = tensorRequest(1);
  const result = started(session.submit(request, options));
  await session.ping(options);
  await session.ping(options);
  sameTensor(request, await result);
}

/** Two hints arrive, results are unaffected. */
export async function hints(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial();
  for (let i = 1; i <= 4; i++) await echoOne(env, session, i);
  const arriving = session.resultHints();
  for (const frameId of [2, 4]) {
    const hint = await nextOf(arriving, env.timeoutMs, "a hint");
    check(hint.frameId === frameId, "hint's frame", hint);
    check(hint.metadata.congestionState === ResultHintCongestionState.SATURATED, "hint's state", hint);
  }
  return { hints: 2 };
}

/** A patch of cadence and quality tier is accepted as it is. */
export async function patchAccept(env: ScenarioEnvironment): Promise<void> {
  const session = await env.dial();
  const ack = await patch(env, session, { targetCadence: 30, qualityTier: 1 });
  const asked = SessionPatchField.TARGET_CADENCE | SessionPatchField.QUALITY_TIER;
  check(ack.ackStatus === SessionPatchAckStatus.ACCEPTED, "status", ack);
  check(ack.appliedPatchMask === asked && ack.rejectedPatchMask === 0, "masks", ack);
  check(ack.effectiveTargetCadenceX100 === 3000 && ack.effectiveQualityTier === 1, "effective values", ack);
}

/** The codec is refused, the cadence applied. */
export async function patchPartial(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial();
  const ack = await patch(env, session, { targetCadence: 30, preferredCodecs: 1 });
  check(ack.ackStatus === SessionPatchAckStatus.PARTIALLY_APPLIED, "status", ack);
  check(ack.appliedPatchMask === SessionPatchField.TARGET_CADENCE, "applied", ack);
  check(ack.rejectedPatchMask === SessionPatchField.PREFERRED_CODEC, "rejected", ack);
  check(ack.rejectReason !== SessionPatchRejectReason.NONE, "reason", ack);
  await echoOne(env, session, 1);
  return { reason: enumName(SessionPatchRejectReason, ack.rejectReason) };
}

/** The second patch comes too soon. */
export async function patchRateLimit(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial();
  await patch(env, session, { qualityTier: 1 });
  const ack = await patch(env, session, { qualityTier: 1 });
  check(ack.ackStatus === SessionPatchAckStatus.REJECTED, "status", ack);
  check(ack.rejectReason === SessionPatchRejectReason.RATE_LIMITED && ack.retryAfterMs > 0, "reason", ack);
  return { retry_after_ms: ack.retryAfterMs };
}

async function patch(
  env: ScenarioEnvironment,
  session: ClientSession,
  fields: Parameters<ClientSession["patch"]>[0],
): Promise<SessionPatchAckMetadata> {
  return (await session.patch(fields, { timeoutMs: env.timeoutMs })).metadata;
}

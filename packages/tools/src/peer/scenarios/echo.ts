/**
 * Scenarios about one frame at a time: what goes up comes down unchanged.
 *
 * @module
 */
import type { ClientSession, Result } from "@nnrp/client";
import { HeaderFlags, TileIndexMode } from "@nnrp/core";
import { check } from "../check.ts";
import type { ScenarioEnvironment } from "../environment.ts";
import { samePayloads, sameTensor, type TensorFrame, tensorRequest, typedPayloads } from "../frames.ts";
import type { JsonLine } from "../json_lines.ts";

/**
 * Sends one tensor frame and checks that it comes back unchanged.
 *
 * @param env Limits.
 * @param session Where to send it.
 * @param frameId Its id.
 * @param frame What differs from the usual frame.
 */
export async function echoOne(
  env: ScenarioEnvironment,
  session: ClientSession,
  frameId: number,
  frame: TensorFrame = {},
): Promise<Result> {
  const request = tensorRequest(frameId, frame);
  const result = await session.submit(request, { timeoutMs: env.timeoutMs });
  check(result.frameId === frameId, "frame id", result.frameId);
  check(result.packet.header.sessionId === session.sessionId, "session id", result.packet.header.sessionId);
  sameTensor(request, result);
  return result;
}

/** Twenty frames one after another, with empty and odd-sized tiles and cameras. */
export async function echoTensor(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial();
  for (let i = 1; i <= 20; i++) {
    await echoOne(env, session, i, {
      tiles: Array.from({ length: i }, (_, k) => 3 * k),
      sizes: [i, 0, 7 * i + 1],
      request: { cameraBlock: new Uint8Array(i % 11).fill(0x63) },
    });
  }
  return { frames: 20 };
}

/** Tile index DENSE_RANGE with a base id. */
export async function echoDense(env: ScenarioEnvironment): Promise<void> {
  const tiles = Array.from({ length: 40 }, (_, k) => 100 + k);
  const request = { tileIndexMode: TileIndexMode.DENSE_RANGE, tileBaseId: 100 };
  await echoOne(env, await env.dial(), 1, { tiles, request });
}

/** Tile indices DELTA_U16 and BITSET. */
export async function echoIndexModes(env: ScenarioEnvironment): Promise<void> {
  const session = await env.dial();
  const delta = { tileIndexMode: TileIndexMode.DELTA_U16 };
  await echoOne(env, session, 1, { tiles: [5, 9, 12, 700], request: delta });
  const bitset = { tileIndexMode: TileIndexMode.BITSET };
  await echoOne(env, session, 2, { tiles: [3, 4, 17, 90], request: bitset });
}

/** View, route and a 64-bit trace id come back. */
export async function echoHeaders(env: ScenarioEnvironment): Promise<void> {
  const ids = { viewId: 3, routeId: 17, traceId: 0xfedcba9876543210n };
  const flags = HeaderFlags.KEYFRAME | HeaderFlags.ACK_REQUIRED;
  const session = await env.dial();
  const request = tensorRequest(9, { request: { ...ids, flags } });
  const result = await session.submit(request, { timeoutMs: env.timeoutMs });
  const { frameId, viewId, routeId, traceId } = result;
  const same = frameId === 9 && viewId === ids.viewId && routeId === ids.routeId && traceId === ids.traceId;
  check(same, "header fields", { frameId, viewId, routeId, traceId });
}

/** Typed payloads of all six kinds. */
export async function echoTyped(env: ScenarioEnvironment): Promise<void> {
  const session = await env.dial();
  const payloads = typedPayloads();
  const result = await session.submit({ frameId: 1, typedPayloads: payloads }, { timeoutMs: env.timeoutMs });
  check(result.isPush, "expected RESULT_PUSH", result.className);
  samePayloads(payloads, result.typedPayloads);
  check(result.metadata?.payloadFrameCount === 6, "payload_frame_count", result.metadata);
  check(result.tensorCoveredTileCount === undefined, "no tensor coverage", result.tensorCoveredTileCount);
}

/** Tensor sections and typed payloads in one frame. */
export async function echoMixed(env: ScenarioEnvironment): Promise<void> {
  const session = await env.dial();
  const payloads = typedPayloads().slice(0, 3);
  const request = tensorRequest(1, { request: { typedPayloads: payloads } });
  const result = await session.submit(request, { timeoutMs: env.timeoutMs });
  sameTensor(request, result);
  samePayloads(payloads, result.typedPayloads);
  check(result.tensorCoveredTileCount === 3, "tensor coverage", result.tensorCoveredTileCount);
}

/** 6 MiB there and back, then a small frame. */
export async function big(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial();
  await echoOne(env, session, 1, { tiles: [0, 1, 2, 3, 4, 5], sizes: [1 << 20], sections: 1 });
  await echoOne(env, session, 2);
  return { mib: 6 };
}

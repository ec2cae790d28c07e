/**
 * Scenarios about the session cache: objects put once, referenced by later frames, invalidated and missed.
 *
 * @module
 */
import type { ClientSession } from "@nnrp/client";
import {
  CacheAckStatus,
  CacheInvalidateScope,
  CacheObjectKind,
  encodeTensorBody,
  encodeTileIndex,
  ErrorCode,
  ErrorScope,
  NnrpProtocolError,
  type ObjectReference,
  PacketBuffer,
  SubmitMode,
  type TensorSectionData,
  TileIndexMode,
} from "@nnrp/core";
import { check, refusal } from "../check.ts";
import type { ScenarioEnvironment } from "../environment.ts";
import { sameTensor, tensorRequest } from "../frames.ts";
import type { JsonLine } from "../json_lines.ts";
import { echoOne } from "./echo.ts";

const NAMESPACE = 3;
const KEY = 0x1122334455667788n;
/** Slots 0, 1, 2 of `object_ref_mask`: camera, tile index, section table (wire spec §8.4). */
const ALL_SLOTS = 7;
const CAMERA_SLOT = 1;

/** References resolve; after an invalidation the frame is a CACHE_MISS and the session lives. */
export async function cache(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial();
  const options = { timeoutMs: env.timeoutMs };
  const camera = new TextEncoder().encode("cam");
  const want = tensorRequest(1, { tiles: [2, 4, 6] });
  const index = encodeTileIndex(TileIndexMode.RAW_U16, want.tileIds);
  const table = sectionTable(want.sections);
  const put = async (kind: number, data: Uint8Array, status: number): Promise<ObjectReference> => {
    const object = { kind, namespace: NAMESPACE, key: KEY, data, ttlMs: 60_000, reusable: true };
    const outcome = await session.putCache(object, options);
    check(outcome.status === status, "cache ack", { kind, status: outcome.status });
    return outcome.reference;
  };
  const cameraReference = await put(CacheObjectKind.CAMERA_BLOCK, camera, CacheAckStatus.ACCEPTED);
  const tileIndexReference = await put(CacheObjectKind.TILE_INDEX_BLOCK, index, CacheAckStatus.ACCEPTED);
  await put(CacheObjectKind.TENSOR_SECTION_TABLE, table, CacheAckStatus.ACCEPTED);
  const tensorSectionTableReference = await put(
    CacheObjectKind.TENSOR_SECTION_TABLE,
    table,
    CacheAckStatus.REPLACED,
  );
  const full = {
    ...want,
    cameraBlock: undefined,
    submitMode: SubmitMode.REFERENCE,
    objectRefMask: ALL_SLOTS,
    cameraReference,
    tileIndexReference,
    tensorSectionTableReference,
  };
  sameTensor(want, await session.submit({ ...full, frameId: 2 }, options));
  const part = {
    ...want,
    cameraBlock: undefined,
    submitMode: SubmitMode.MIXED,
    objectRefMask: CAMERA_SLOT,
    cameraReference,
  };
  sameTensor(want, await session.submit({ ...part, frameId: 3 }, options));
  await session.invalidateCache({ scope: CacheInvalidateScope.NAMESPACE, namespace: NAMESPACE });
  const error = await refusal(
    session.submit({ ...full, frameId: 4 }, options),
    "a frame with lost references",
  );
  check(error instanceof NnrpProtocolError, "expected the server's ERROR", String(error));
  check(
    error.errorCode === ErrorCode.CACHE_MISS && error.errorScope === ErrorScope.FRAME,
    "miss",
    error.message,
  );
  check(error.relatedFrameId === 4 && !error.fatal, "miss's frame", error.message);
  await echoOne(env, session, 5);
  return { diagnostic: error.diagnostic };
}

/** An object over the server's limit is rejected. */
export async function cacheLimit(env: ScenarioEnvironment): Promise<JsonLine> {
  const session: ClientSession = await env.dial();
  const data = new Uint8Array(65).fill(0x78);
  const object = { kind: CacheObjectKind.CAMERA_BLOCK, namespace: NAMESPACE, key: 9n, data };
  const outcome = await session.putCache(object, { timeoutMs: env.timeoutMs });
  check(outcome.status === CacheAckStatus.REJECTED, "status", outcome);
  check(outcome.acceptedTtlMs === 0 && outcome.maxObjectBytes === 64, "limit", outcome);
  return { detail: outcome.detailCode };
}

/** A tensor body without index: a dense range needs no bytes (wire spec §9, §10). */
function sectionTable(sections: readonly TensorSectionData[]): Uint8Array {
  const tileIds = sections[0].tilePayloads.map((_, place) => place);
  const out = new PacketBuffer();
  encodeTensorBody(out, { tileIds, sections, tileIndexMode: TileIndexMode.DENSE_RANGE });
  return out.toBytes();
}

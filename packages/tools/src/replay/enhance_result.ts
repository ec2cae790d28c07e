/**
 * A recorded result as a RESULT_PUSH (behaviour spec §15, "enhance_result").
 *
 * @module
 */
import {
  BudgetPolicy,
  buildResultPushPacket,
  CacheObjectKind,
  encodePacket,
  type NnrpPacket,
  NnrpValueError,
  ResultClass,
  ResultFlags,
  TensorDType,
} from "@nnrp/core";
import type { RecordedEnhanceResult, RecordedResultTile, ReplayIds } from "./recorded.ts";
import { replayReference, replaySessionId, replayTraceId, wholeNumber } from "./recorded_values.ts";
import { buildReferencedResult } from "./referenced_result.ts";
import { type NumberedTile, numberTiles, replaySections, type SectionPlan, tileColumn } from "./tiles.ts";
import { summarizeWirePacket, type WireSummary } from "./wire_summary.ts";

/** Numbers of a result's packet that a recorded result does not tell. */
export interface EnhanceResultOptions extends ReplayIds {
  /** Profile that made the result, u16. Default 0. */
  readonly activeProfileId?: number;
}

const PLANS: readonly SectionPlan<RecordedResultTile>[] = [
  {
    roleId: 100,
    dtypeId: TensorDType.UINT8,
    payload: (tile) => tile.srResidual,
    compression: (tile) => tile.srResidualCompression,
  },
  {
    roleId: 101,
    dtypeId: TensorDType.UINT8,
    payload: (tile) => tile.detailResidual,
    compression: (tile) => tile.detailResidualCompression,
  },
];

/**
 * Turns a recorded result into the packet that delivers it. Flags, class and policy follow from stale, degraded and dropped
 * tiles where they are not given. With a reference the body is composed; the reference's own readers refuse such a result
 * (behaviour spec §8.3), it is good for measuring.
 *
 * @param result The recorded result.
 * @param options Numbers that it does not tell.
 * @throws NnrpValueError naming the field at fault.
 */
export function enhanceResultToPacket(
  result: RecordedEnhanceResult,
  options: EnhanceResultOptions = {},
): NnrpPacket {
  const recordedTiles = [...result.tiles ?? []];
  const tileSize = wholeNumber(result.tileSize ?? 1, "tileSize");
  const widest = recordedTiles.reduce((most, tile) => Math.max(most, tileColumn(tile)), -Infinity);
  const srcWidth = wholeNumber(
    result.srcWidth ?? ((recordedTiles.length === 0 ? 0 : widest) + 1) * tileSize,
    "srcWidth",
  );
  const tiles = numberTiles(recordedTiles, srcWidth, tileSize);
  const dropped = wholeNumber(result.droppedTileCount ?? 0, "droppedTileCount");
  const tileIds = resultTileIds(result, tiles, dropped);
  const byId = tilesById(tiles);
  const sections = replaySections(tileIds.map((id) => byId.get(id)), PLANS);
  const outcome = outcomeOf(result, dropped);
  const fields = {
    sessionId: replaySessionId(result.sessionId, options.sessionId),
    frameId: wholeNumber(result.frameId, "frameId"),
    viewId: options.viewId,
    traceId: replayTraceId(result.requestId || result.clientTraceId, options.traceId),
    tileIds,
    sections,
    ...outcome,
    activeProfileId: options.activeProfileId,
    inferenceMs: wholeNumber(result.inferenceMs ?? 0, "inferenceMs"),
    queueMs: wholeNumber(result.queueMs ?? 0, "queueMs"),
    serverTotalMs: wholeNumber(result.roundTripMs ?? 0, "roundTripMs"),
    reusedFrameId: wholeNumber(result.reusedFrameId ?? 0, "reusedFrameId"),
    coveredTileCount: wholeNumber(result.coveredTileCount ?? tileIds.length, "coveredTileCount"),
    droppedTileCount: dropped,
  };
  const tileIndexReference = replayReference(
    result.tileIndexReference,
    CacheObjectKind.TILE_INDEX_BLOCK,
    "tileIndexReference",
  );
  const tensorSectionTableReference = replayReference(
    result.tensorSectionTableReference,
    CacheObjectKind.TENSOR_SECTION_TABLE,
    "tensorSectionTableReference",
  );
  return tileIndexReference === undefined && tensorSectionTableReference === undefined
    ? buildResultPushPacket(fields)
    : buildReferencedResult(fields, tileIndexReference, tensorSectionTableReference);
}

/**
 * The bytes of {@linkcode enhanceResultToPacket}.
 *
 * @param result The recorded result.
 * @param options Numbers that it does not tell.
 * @throws NnrpValueError naming the field at fault.
 */
export function enhanceResultToWireBytes(
  result: RecordedEnhanceResult,
  options?: EnhanceResultOptions,
): Uint8Array {
  return encodePacket(enhanceResultToPacket(result, options));
}

/**
 * The sizes of {@linkcode enhanceResultToPacket}.
 *
 * @param result The recorded result.
 * @param options Numbers that it does not tell.
 * @throws NnrpValueError naming the field at fault.
 */
export function enhanceResultToWireSummary(
  result: RecordedEnhanceResult,
  options?: EnhanceResultOptions,
): WireSummary {
  return summarizeWirePacket(enhanceResultToPacket(result, options), "result_push");
}

/** Flags, class and policy: as recorded, else what they follow from. */
function outcomeOf(
  result: RecordedEnhanceResult,
  dropped: number,
): { resultFlags: number; resultClass: number; appliedBudgetPolicy: number } {
  const { stale, degraded } = result;
  const partial = dropped > 0;
  return {
    resultFlags: result.resultFlags ??
      ((stale ? ResultFlags.STALE : 0) | (degraded ? ResultFlags.FALLBACK : 0) |
        (partial ? ResultFlags.PARTIAL : 0)),
    resultClass: result.resultClass ??
      (stale
        ? ResultClass.STALE_REUSE
        : degraded
        ? ResultClass.DEGRADED
        : partial
        ? ResultClass.PARTIAL
        : ResultClass.COMPLETE),
    appliedBudgetPolicy: result.appliedBudgetPolicy ??
      ((stale ? BudgetPolicy.ALLOW_STALE_REUSE : 0) | (degraded ? BudgetPolicy.ALLOW_DEGRADED : 0) |
        (partial ? BudgetPolicy.ALLOW_PARTIAL : 0)),
  };
}

/** The ids of the packet: those that were asked for, else those that were delivered. */
function resultTileIds(
  result: RecordedEnhanceResult,
  delivered: readonly NumberedTile<unknown>[],
  dropped: number,
): number[] {
  const requested = result.requestedTileIds ?? undefined;
  const ids = requested === undefined
    ? delivered.map(({ id }) => id)
    : Array.from(requested, (id) => wholeNumber(id, "requestedTileIds")).sort((a, b) => a - b);
  if (requested !== undefined) {
    const known = new Set(ids);
    if (known.size !== ids.length) {
      throw new NnrpValueError("must not contain a tile twice", { field: "requestedTileIds" });
    }
    const missing = delivered.find(({ id }) => !known.has(id));
    if (missing !== undefined) {
      throw new NnrpValueError("must contain every delivered tile", {
        field: "requestedTileIds",
        expected: missing.id,
      });
    }
  }
  const covered = result.coveredTileCount ?? undefined;
  const told = covered === undefined ? delivered.length : wholeNumber(covered, "coveredTileCount") + dropped;
  if (told > ids.length) {
    throw new NnrpValueError("must name the dropped tiles too", {
      field: "requestedTileIds",
      expected: `at least ${told} ids`,
      actual: ids.length,
    });
  }
  return ids;
}

function tilesById<Tile>(tiles: readonly NumberedTile<Tile>[]): Map<number, Tile> {
  const byId = new Map<number, Tile>();
  for (const { id, tile } of tiles) {
    if (byId.has(id)) {
      throw new NnrpValueError("a tile was delivered twice", { field: "tiles", actual: id });
    }
    byId.set(id, tile);
  }
  return byId;
}

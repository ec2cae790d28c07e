/**
 * A recorded frame as a FRAME_SUBMIT (behaviour spec §15, "frame_features").
 *
 * @module
 */
import {
  BudgetPolicy,
  buildFrameSubmitPacket,
  CacheObjectKind,
  encodePacket,
  encodeReplayCameraBlock,
  InputProfile,
  type NnrpPacket,
  SubmitMode,
  TensorDType,
  TileIndexMode,
} from "@nnrp/core";
import type { RecordedFeatureTile, RecordedFrameFeatures, ReplayIds } from "./recorded.ts";
import { replayReference, replaySessionId, replayTraceId, wholeNumber } from "./recorded_values.ts";
import { numberTiles, replaySections, type SectionPlan } from "./tiles.ts";
import { summarizeWirePacket, type WireSummary } from "./wire_summary.ts";

/** Numbers of a submit that a recorded frame does not tell. */
export interface FrameFeaturesOptions extends ReplayIds {
  /** FrameClass, u8. Default 0. */
  readonly frameClass?: number;
}

const compression = (tile: RecordedFeatureTile) => tile.compressionAlgorithm;
const PLANS: readonly SectionPlan<RecordedFeatureTile>[] = [
  { roleId: 1, dtypeId: TensorDType.FP16, payload: (tile) => tile.depthFp16, compression },
  { roleId: 2, dtypeId: TensorDType.UINT8, payload: (tile) => tile.normalOct, compression },
  { roleId: 3, dtypeId: TensorDType.INT16, payload: (tile) => tile.motionI16, compression },
  { roleId: 4, dtypeId: TensorDType.UINT8, payload: (tile) => tile.roughMetal, compression },
  { roleId: 5, dtypeId: TensorDType.UINT8, payload: (tile) => tile.lumaHint, compression },
];

/**
 * Turns a recorded frame into the packet that submits it: tiles sorted by id, a section per kind of payload, and the camera
 * block, which is written even for no camera. With a reference the body is composed: mode REFERENCE if nothing is left to
 * carry, else MIXED.
 *
 * @param features The recorded frame.
 * @param options Numbers that it does not tell.
 * @throws NnrpValueError naming the field at fault.
 */
export function frameFeaturesToPacket(
  features: RecordedFrameFeatures,
  options: FrameFeaturesOptions = {},
): NnrpPacket {
  const srcWidth = wholeNumber(features.srcWidth, "srcWidth");
  const tileSize = wholeNumber(features.tileSize, "tileSize");
  const tiles = numberTiles(features.tiles ?? [], srcWidth, tileSize);
  const sections = replaySections(tiles.map(({ tile }) => tile), PLANS);
  const cameraReference = replayReference(
    features.cameraReference,
    CacheObjectKind.CAMERA_BLOCK,
    "cameraReference",
  );
  const tileIndexReference = replayReference(
    features.tileIndexReference,
    CacheObjectKind.TILE_INDEX_BLOCK,
    "tileIndexReference",
  );
  const tensorSectionTableReference = replayReference(
    features.tensorSectionTableReference,
    CacheObjectKind.TENSOR_SECTION_TABLE,
    "tensorSectionTableReference",
  );
  const references = [cameraReference, tileIndexReference, tensorSectionTableReference];
  const carriesNothing = cameraReference !== undefined &&
    (tileIndexReference !== undefined || tiles.length === 0) &&
    (tensorSectionTableReference !== undefined || sections.length === 0);
  return buildFrameSubmitPacket({
    sessionId: replaySessionId(features.sessionId, options.sessionId),
    frameId: wholeNumber(features.frameId, "frameId"),
    viewId: options.viewId,
    traceId: replayTraceId(features.clientTraceId, options.traceId),
    srcWidth,
    srcHeight: wholeNumber(features.srcHeight, "srcHeight"),
    tileWidth: tileSize,
    tileHeight: tileSize,
    tileIds: tiles.map(({ id }) => id),
    sections,
    cameraBlock: cameraBlock(features.camera),
    frameClass: options.frameClass,
    inputProfile: inputProfile(features.inputProfile),
    tileIndexMode: TileIndexMode.RAW_U16,
    latencyBudgetMs: wholeNumber(features.latencyBudgetMs ?? 0, "latencyBudgetMs"),
    budgetPolicy: features.allowStaleReuse ? BudgetPolicy.ALLOW_STALE_REUSE : BudgetPolicy.NONE,
    submitMode: references.every((reference) => reference === undefined)
      ? SubmitMode.INLINE
      : carriesNothing
      ? SubmitMode.REFERENCE
      : SubmitMode.MIXED,
    cameraReference,
    tileIndexReference,
    tensorSectionTableReference,
  });
}

/**
 * The bytes of {@linkcode frameFeaturesToPacket}.
 *
 * @param features The recorded frame.
 * @param options Numbers that it does not tell.
 * @throws NnrpValueError naming the field at fault.
 */
export function frameFeaturesToWireBytes(
  features: RecordedFrameFeatures,
  options?: FrameFeaturesOptions,
): Uint8Array {
  return encodePacket(frameFeaturesToPacket(features, options));
}

/**
 * The sizes of {@linkcode frameFeaturesToPacket}.
 *
 * @param features The recorded frame.
 * @param options Numbers that it does not tell.
 * @throws NnrpValueError naming the field at fault.
 */
export function frameFeaturesToWireSummary(
  features: RecordedFrameFeatures,
  options?: FrameFeaturesOptions,
): WireSummary {
  return summarizeWirePacket(frameFeaturesToPacket(features, options), "frame_submit");
}

function cameraBlock(camera: RecordedFrameFeatures["camera"]): Uint8Array {
  const { view = [], proj = [], prevViewProj = [], jitterX = 0, jitterY = 0 } = camera ?? {};
  return encodeReplayCameraBlock({ view, proj, prevViewProj, jitterX, jitterY });
}

function inputProfile(name: string | null | undefined): number {
  const known = String(name ?? "").trim().toUpperCase();
  return known === "CHANGED_TILES_LUMA" || known === "DENSE_LUMA_FRAME"
    ? InputProfile[known]
    : InputProfile.UNSPECIFIED;
}

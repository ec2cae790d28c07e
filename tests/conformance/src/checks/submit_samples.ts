/**
 * Tensors, payloads and references that the checks of frames share, small enough to be read.
 *
 * @module
 */
import {
  CacheObjectKind,
  decodeFrameSubmitBody,
  decodeFrameSubmitMetadata,
  type FrameSubmitBody,
  type FrameSubmitMetadata,
  type FrameSubmitOptions,
  type NnrpPacket,
  type ObjectReference,
  TensorDType,
  TensorLayout,
  type TensorSectionData,
  TileIndexMode,
  TypedPayload,
} from "@nnrp/core";
import { viewOf } from "../hex.ts";

/** Three tiles. */
export const TILE_IDS: readonly number[] = [3, 9, 700];

const tile = (...bytes: number[]) => Uint8Array.from(bytes);

/** Sections of three tiles: back to back, with a stride, with codecs of their own. */
export const SECTIONS: readonly TensorSectionData[] = [
  { roleId: 1, dtypeId: TensorDType.UINT8, tilePayloads: [tile(1, 2, 3), tile(), tile(4)] },
  {
    roleId: 5,
    dtypeId: TensorDType.FP16,
    layoutId: TensorLayout.NCHW,
    payloadStrideBytes: 6,
    elementCountPerTile: 3,
    tilePayloads: [tile(1, 2), tile(3, 4, 5, 6, 7, 8), tile()],
  },
  {
    roleId: 100,
    dtypeId: TensorDType.INT16,
    defaultCodecId: 1,
    codecIds: [1, 0, 1],
    tilePayloads: [tile(9), tile(8, 7), tile(6, 5, 4)],
  },
];

/** A reference to a cached object of a kind. */
export function referenceTo(objectKind: number, cacheKeyLo = 8): ObjectReference {
  return { objectKind, refFlags: 0, cacheNamespace: 7, cacheKeyHi: 0xfedcba98, cacheKeyLo };
}

/** References to the three slots of a submit. */
export const REFERENCES = {
  cameraReference: referenceTo(CacheObjectKind.CAMERA_BLOCK),
  tileIndexReference: referenceTo(CacheObjectKind.TILE_INDEX_BLOCK),
  tensorSectionTableReference: referenceTo(CacheObjectKind.TENSOR_SECTION_TABLE),
} as const;

/** One payload of every kind. */
export const PAYLOADS: readonly TypedPayload[] = [
  TypedPayload.tokenChunk("to", 1),
  TypedPayload.audioChunk("a", 2),
  TypedPayload.videoChunk("", 3),
  TypedPayload.structuredEvent("event", 0xffff),
  TypedPayload.toolDelta("tool"),
  TypedPayload.opaqueBytes(Uint8Array.of(0, 255)),
];

/** A tensor submit with all fields set. */
export const TENSOR_SUBMIT: FrameSubmitOptions = {
  sessionId: 0xfffffffe,
  frameId: 0xffffffff,
  viewId: 2,
  routeId: 3,
  traceId: 0xfedcba9876543210n,
  flags: 0x21,
  srcWidth: 640,
  srcHeight: 360,
  tileWidth: 32,
  tileHeight: 16,
  tileIds: TILE_IDS,
  sections: SECTIONS,
  cameraBlock: new TextEncoder().encode("a camera"),
  frameClass: 1,
  inputProfile: 2,
  tileIndexMode: TileIndexMode.RAW_U16,
  latencyBudgetMs: 8,
  targetFpsX100: 6000,
  retryOfFrame: 4,
  budgetPolicy: 0xf,
  dependencyFrameId: 41,
  lossTolerancePolicy: 2,
};

/** Metadata and body of a submit, read. */
export function readSubmit(packet: NnrpPacket): { metadata: FrameSubmitMetadata; body: FrameSubmitBody } {
  const metadata = decodeFrameSubmitMetadata(viewOf(packet.metadata), 0, packet.metadata.length);
  return { metadata, body: decodeFrameSubmitBody(metadata, packet.body) };
}

/** Sections by what was given to write them. */
export function sectionShapes(sections: readonly TensorSectionData[] | null): unknown {
  return sections?.map((section) => ({
    role: section.roleId,
    dtype: section.dtypeId,
    layout: section.layoutId ?? 0,
    stride: section.payloadStrideBytes ?? 0,
    elements: section.elementCountPerTile ?? 0,
    codec: section.defaultCodecId ?? 0,
    codecs: Array.from(section.codecIds ?? []),
    tiles: section.tilePayloads,
  }));
}

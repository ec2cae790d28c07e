/**
 * Reading the body of FRAME_SUBMIT (wire spec §8.1, §8.4). Nothing is copied: bytes are views on the body.
 *
 * @module
 */
import { NnrpWireError } from "../errors.ts";
import { CacheObjectKind, SubmitMode } from "../wire/enums.ts";
import { PayloadKind } from "../wire/flags.ts";
import type { PacketHeader } from "../wire/header.ts";
import type { FrameSubmitMetadata } from "../wire/metadata/frame_submit.ts";
import {
  checkPromisedPayloads,
  checkStatedBytes,
  findSlot,
  inlineBytesAt,
  readSectionTable,
  type SlotPlace,
  slotReference,
} from "./composed_reader.ts";
import type { ExtensionFrame } from "./extension_frames.ts";
import { INLINE_OBJECT_HEADER_SIZE } from "./inline_objects.ts";
import { OBJECT_REFERENCE_SIZE, type ObjectReference } from "./object_references.ts";
import { align8 } from "../wire/padding.ts";
import { BodyRegions } from "./regions.ts";
import type { SubmitRequest } from "./submit_request.ts";
import { readTensorBody } from "./tensor_body.ts";
import type { TensorSection } from "./tensor_sections.ts";
import { readTileIndex } from "./tile_index.ts";
import type { TypedPayload } from "./typed_payloads.ts";

/** The body of a submit. Bytes are views on the packet. */
export interface FrameSubmitBody {
  /** Which of the two layouts the metadata implies. */
  readonly layout: "plain" | "composed";
  /** Camera that is carried, or null. */
  readonly cameraBlock: Uint8Array | null;
  /** Ids of the tiles; null if the index is referenced. */
  readonly tileIds: readonly number[] | null;
  /** Sections; null if the table is referenced. */
  readonly sections: readonly TensorSection[] | null;
  /** Typed payloads. */
  readonly typedPayloads: readonly TypedPayload[];
  /** All references, in their order. */
  readonly references: readonly ObjectReference[];
  /** Reference to the camera, or null. */
  readonly cameraReference: ObjectReference | null;
  /** Reference to the tile index, or null. */
  readonly tileIndexReference: ObjectReference | null;
  /** Reference to the section table, or null. */
  readonly tensorSectionTableReference: ObjectReference | null;
  /** Extension frames, known or not. */
  readonly extensionFrames: readonly ExtensionFrame[];
  /** The regions of a composed body, with all that is not listed here; null for a plain one. */
  readonly regions: BodyRegions | null;
}

/** The slots that a reference mask names: the bit and the kind of object, by ascending bit (wire spec §8.4). */
const SLOTS: readonly (readonly [number, number])[] = [
  [1, CacheObjectKind.CAMERA_BLOCK],
  [2, CacheObjectKind.TILE_INDEX_BLOCK],
  [4, CacheObjectKind.TENSOR_SECTION_TABLE],
  [8, CacheObjectKind.PAYLOAD_LAYOUT_TEMPLATE],
];

/**
 * Reads the body of a submit.
 *
 * @param metadata Its metadata, as `decodeFrameSubmitMetadata` read it.
 * @param body The body, nothing after it.
 * @throws NnrpWireError (stage body) if it breaks a rule of wire spec §8–§10.
 */
export function decodeFrameSubmitBody(metadata: FrameSubmitMetadata, body: Uint8Array): FrameSubmitBody {
  const plain = metadata.submitMode === SubmitMode.INLINE && metadata.objectRefMask === 0 &&
    metadata.payloadFrameCount === 0 && metadata.payloadKindBitmap === PayloadKind.TENSOR;
  return plain ? decodePlain(metadata, body) : decodeComposed(metadata, new BodyRegions(body));
}

function decodePlain(metadata: FrameSubmitMetadata, body: Uint8Array): FrameSubmitBody {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const { cameraBytes, tileIndexBytes, tileCount } = metadata;
  // rc2 cuts a camera that is longer than the body and never checks the padding after it (wire spec §8.1).
  const start = Math.min(align8(cameraBytes), body.length);
  const sections = readTensorBody(
    body,
    view,
    start,
    body.length,
    tileIndexBytes,
    metadata.sectionCount,
    tileCount,
  );
  const tileIds = readTileIndex(
    view,
    start,
    tileIndexBytes,
    metadata.tileIndexMode,
    tileCount,
    metadata.tileBaseId,
  );
  return {
    layout: "plain",
    cameraBlock: cameraBytes === 0 ? null : body.subarray(0, cameraBytes),
    tileIds,
    sections,
    typedPayloads: [],
    references: [],
    cameraReference: null,
    tileIndexReference: null,
    tensorSectionTableReference: null,
    extensionFrames: [],
    regions: null,
  };
}

function decodeComposed(metadata: FrameSubmitMetadata, regions: BodyRegions): FrameSubmitBody {
  checkPromisedPayloads(regions, metadata.payloadKindBitmap, metadata.payloadFrameCount);
  const slots = checkSlots(metadata, regions);
  const [camera, index, table] = slots;
  checkStatedBytes(
    "frame_submit.camera_bytes",
    metadata.cameraBytes,
    camera.inline < 0 ? 0 : inlineBytesAt(regions, camera.inline),
  );
  const tileIds = readIndex(metadata, regions, index);
  const sections = readSectionTable(regions, table, metadata.sectionCount, metadata.tileCount);
  const cameraBlock = camera.inline < 0 ? null : inlinePayload(regions, camera.inline);
  return new ComposedBody(regions, slots, cameraBlock, tileIds, sections);
}

/** A composed body; lists that not everybody asks for are made at the first access. */
class ComposedBody implements FrameSubmitBody {
  readonly layout = "composed";
  readonly regions: BodyRegions;
  readonly cameraBlock: Uint8Array | null;
  readonly tileIds: readonly number[] | null;
  readonly sections: readonly TensorSection[] | null;
  readonly cameraReference: ObjectReference | null;
  readonly tileIndexReference: ObjectReference | null;
  readonly tensorSectionTableReference: ObjectReference | null;

  constructor(
    regions: BodyRegions,
    slots: readonly SlotPlace[],
    cameraBlock: Uint8Array | null,
    tileIds: readonly number[] | null,
    sections: readonly TensorSection[] | null,
  ) {
    this.regions = regions;
    this.cameraBlock = cameraBlock;
    this.tileIds = tileIds;
    this.sections = sections;
    this.cameraReference = slotReference(regions, slots[0]);
    this.tileIndexReference = slotReference(regions, slots[1]);
    this.tensorSectionTableReference = slotReference(regions, slots[2]);
  }

  get typedPayloads(): readonly TypedPayload[] {
    return this.regions.typedPayloads;
  }

  get references(): readonly ObjectReference[] {
    return this.regions.objectReferences;
  }

  get extensionFrames(): readonly ExtensionFrame[] {
    return this.regions.extensionFrames;
  }
}

/** Judges mode, mask, blocks and references against each other; returns where each slot's object is. */
function checkSlots(metadata: FrameSubmitMetadata, regions: BodyRegions): SlotPlace[] {
  const { objectRefMask: mask, submitMode } = metadata;
  if ((mask & ~0xf) !== 0) throw badMask("undefined bits", "bits within 0xf", mask);
  if (submitMode === SubmitMode.INLINE && (mask !== 0 || regions.referenceCount > 0)) {
    throw badMask("submit mode INLINE takes no references", "mask 0 and no references", mask);
  }
  const { view } = regions;
  let at = regions.referenceStart;
  const places = SLOTS.map(([bit, kind]) => {
    const place = findSlot(regions, kind);
    const wanted = (mask & bit) !== 0;
    if (wanted !== place.reference >= 0) {
      throw badMask(
        `bit ${bit} must go with a reference of kind ${kind}`,
        wanted ? "a reference" : "none",
        mask,
      );
    }
    if (submitMode === SubmitMode.REFERENCE && place.inline >= 0) {
      throw new NnrpWireError("submit mode REFERENCE carries no slot object", {
        field: "inline_objects",
        offset: place.inline,
        actual: `kind ${kind}`,
      });
    }
    if (wanted) {
      if (at !== place.reference) throw badOrder(at, kind, view.getUint16(at, true));
      at += OBJECT_REFERENCE_SIZE;
    }
    return place;
  });
  if (at !== regions.typedTableStart) throw badOrder(at, "none", view.getUint16(at, true));
  return places;
}

function readIndex(metadata: FrameSubmitMetadata, regions: BodyRegions, index: SlotPlace): number[] | null {
  const { tileIndexBytes, tileCount } = metadata;
  if (index.inline >= 0) {
    const length = inlineBytesAt(regions, index.inline);
    checkStatedBytes("frame_submit.tile_index_bytes", tileIndexBytes, length);
    const start = index.inline + INLINE_OBJECT_HEADER_SIZE;
    return readTileIndex(regions.view, start, length, metadata.tileIndexMode, tileCount, metadata.tileBaseId);
  }
  if (index.reference >= 0) {
    checkStatedBytes("frame_submit.tile_index_bytes", tileIndexBytes, 0);
    return null;
  }
  if (tileCount !== 0) {
    throw new NnrpWireError("no tile index", {
      field: "frame_submit.tile_count",
      expected: 0,
      actual: tileCount,
    });
  }
  return [];
}

function inlinePayload(regions: BodyRegions, offset: number): Uint8Array {
  const start = offset + INLINE_OBJECT_HEADER_SIZE;
  return regions.bytes.subarray(start, start + inlineBytesAt(regions, offset));
}

/**
 * What was received, in the form in which it can be submitted again: for handlers, relays and replay. Byte views stay views.
 *
 * @param header Header of the packet.
 * @param metadata Its metadata.
 * @param body Its body, as {@linkcode decodeFrameSubmitBody} read it.
 */
export function toSubmitRequest(
  header: PacketHeader,
  metadata: FrameSubmitMetadata,
  body: FrameSubmitBody,
): SubmitRequest {
  return {
    frameId: header.frameId,
    viewId: header.viewId,
    routeId: header.routeId,
    traceId: header.traceId,
    flags: header.flags,
    srcWidth: metadata.srcWidth,
    srcHeight: metadata.srcHeight,
    tileWidth: metadata.tileWidth,
    tileHeight: metadata.tileHeight,
    tileIds: body.tileIds ?? [],
    sections: body.sections ?? [],
    cameraBlock: body.cameraBlock ?? undefined,
    frameClass: metadata.frameClass,
    inputProfile: metadata.inputProfile,
    tileIndexMode: metadata.tileIndexMode,
    latencyBudgetMs: metadata.latencyBudgetMs,
    targetFpsX100: metadata.targetFpsX100,
    retryOfFrame: metadata.retryOfFrame,
    tileBaseId: metadata.tileBaseId,
    submitMode: metadata.submitMode,
    objectRefMask: metadata.objectRefMask,
    cameraReference: body.cameraReference,
    tileIndexReference: body.tileIndexReference,
    tensorSectionTableReference: body.tensorSectionTableReference,
    budgetPolicy: metadata.budgetPolicy,
    dependencyFrameId: metadata.dependencyFrameId,
    lossTolerancePolicy: metadata.lossTolerancePolicy,
    payloadKindBitmap: metadata.payloadKindBitmap,
    payloadFrameCount: metadata.payloadFrameCount,
    typedPayloads: body.typedPayloads,
  };
}

function badMask(message: string, expected: string, actual: number): NnrpWireError {
  return new NnrpWireError(message, { field: "frame_submit.object_ref_mask", offset: 56, expected, actual });
}

function badOrder(offset: number, expected: string | number, actual: number): NnrpWireError {
  return new NnrpWireError("references must be those of the mask, in its order", {
    field: "object_references",
    offset,
    expected,
    actual,
  });
}

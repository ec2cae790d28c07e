/**
 * Reading the body of RESULT_PUSH (wire spec §7, §8.1, §8.5). Nothing is copied: bytes are views on the body.
 *
 * @module
 */
import { NnrpWireError } from "../errors.ts";
import { CacheObjectKind, ResultClass, TileIndexMode } from "../wire/enums.ts";
import { PayloadKind, ResultFlags } from "../wire/flags.ts";
import type { ResultPushMetadata } from "../wire/metadata/result_push.ts";
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
import {
  compareObjectReferences,
  OBJECT_REFERENCE_SIZE,
  type ObjectReference,
  objectReferenceAt,
} from "./object_references.ts";
import { BodyRegions } from "./regions.ts";
import { readTensorBody } from "./tensor_body.ts";
import type { TensorSection } from "./tensor_sections.ts";
import { readTileIndex } from "./tile_index.ts";
import type { TypedPayload } from "./typed_payloads.ts";

/** The body of a result. Bytes are views on the packet. */
export interface ResultPushBody {
  /** Which layout the metadata implies; `"none"`: metadata only, the body is not read. */
  readonly layout: "plain" | "composed" | "none";
  /** Ids of the tiles; null ("unresolved") if the index is referenced. */
  readonly tileIds: readonly number[] | null;
  /** Sections; null if the table is referenced. */
  readonly sections: readonly TensorSection[] | null;
  /** Typed payloads. */
  readonly typedPayloads: readonly TypedPayload[];
  /** All references, ascending. */
  readonly references: readonly ObjectReference[];
  /** Reference to the tile index, or null. */
  readonly tileIndexReference: ObjectReference | null;
  /** Reference to the section table, or null. */
  readonly tensorSectionTableReference: ObjectReference | null;
  /** Extension frames, known or not. */
  readonly extensionFrames: readonly ExtensionFrame[];
  /** The regions of a composed body, with all that is not listed here; null for the others. */
  readonly regions: BodyRegions | null;
}

const NONE: readonly never[] = Object.freeze([]);

const WITHOUT_OBJECTS = {
  typedPayloads: NONE,
  references: NONE,
  tileIndexReference: null,
  tensorSectionTableReference: null,
  extensionFrames: NONE,
  regions: null,
} as const;

const NOTHING: ResultPushBody = { layout: "none", tileIds: NONE, sections: NONE, ...WITHOUT_OBJECTS };

/**
 * Reads the body of a result with rc2's verdict: one with references and bitmap TENSOR alone counts as plain and is
 * refused. See {@linkcode decodeResultPushBodyLenient}.
 *
 * @param metadata Its metadata, as `decodeResultPushMetadata` read it.
 * @param body The body, nothing after it.
 * @throws NnrpWireError (stage body) if it breaks a rule of wire spec §7–§10.
 */
export function decodeResultPushBody(metadata: ResultPushMetadata, body: Uint8Array): ResultPushBody {
  const { payloadFrameCount, payloadKindBitmap } = metadata;
  if (payloadFrameCount === 0) {
    if (payloadKindBitmap === PayloadKind.TENSOR) return decodePlain(metadata, body);
    if (payloadKindBitmap === 0) return NOTHING;
    if ((payloadKindBitmap & PayloadKind.TENSOR) === 0 && body.length === 0) return NOTHING;
  }
  return decodeComposed(metadata, new BodyRegions(body));
}

/**
 * Reads the body of a result as {@linkcode decodeResultPushBody}, but tries a plain-looking one that is refused again as a
 * composed one, since other peers write references that way (behaviour spec §8.3, last paragraph).
 *
 * @throws NnrpWireError (stage body) if neither reading holds: that of the composed one if the body begins with a prelude
 * whose lengths add up, else that of the plain one.
 */
export function decodeResultPushBodyLenient(metadata: ResultPushMetadata, body: Uint8Array): ResultPushBody {
  try {
    return decodeResultPushBody(metadata, body);
  } catch (refusal) {
    const looksPlain = metadata.payloadFrameCount === 0 && metadata.payloadKindBitmap === PayloadKind.TENSOR;
    if (!(refusal instanceof NnrpWireError) || !looksPlain) throw refusal;
    let regions: BodyRegions;
    try {
      regions = new BodyRegions(body);
    } catch {
      throw refusal; // no prelude whose lengths add up: it was meant to be plain
    }
    return decodeComposed(metadata, regions);
  }
}

function decodePlain(metadata: ResultPushMetadata, body: Uint8Array): ResultPushBody {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const { tileIndexBytes, sectionCount, tileCount } = metadata;
  const sections = readTensorBody(body, view, 0, body.length, tileIndexBytes, sectionCount, tileCount);
  const tileIds = readIds(metadata, view, 0);
  checkCoverage(metadata);
  return { layout: "plain", tileIds, sections, ...WITHOUT_OBJECTS };
}

function decodeComposed(metadata: ResultPushMetadata, regions: BodyRegions): ResultPushBody {
  if ((metadata.payloadKindBitmap & PayloadKind.TENSOR) !== 0) checkCoverage(metadata);
  checkPromisedPayloads(regions, metadata.payloadKindBitmap, metadata.payloadFrameCount);
  checkAscending(regions);
  const index = findSlot(regions, CacheObjectKind.TILE_INDEX_BLOCK);
  const table = findSlot(regions, CacheObjectKind.TENSOR_SECTION_TABLE);
  const tileIds = readIndex(metadata, regions, index);
  const sections = readSectionTable(regions, table, metadata.sectionCount, metadata.tileCount);
  return new ComposedBody(regions, index, table, tileIds, sections);
}

/** A composed body; lists that not everybody asks for are made at the first access. */
class ComposedBody implements ResultPushBody {
  readonly layout = "composed";
  readonly regions: BodyRegions;
  readonly tileIds: readonly number[] | null;
  readonly sections: readonly TensorSection[] | null;
  readonly tileIndexReference: ObjectReference | null;
  readonly tensorSectionTableReference: ObjectReference | null;

  constructor(
    regions: BodyRegions,
    index: SlotPlace,
    table: SlotPlace,
    tileIds: readonly number[] | null,
    sections: readonly TensorSection[] | null,
  ) {
    this.regions = regions;
    this.tileIds = tileIds;
    this.sections = sections;
    this.tileIndexReference = slotReference(regions, index);
    this.tensorSectionTableReference = slotReference(regions, table);
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

/** Tile ids at `offset`; the length of the index tells the mode, no field does (wire spec §7). */
function readIds(metadata: ResultPushMetadata, view: DataView, offset: number): number[] {
  const { tileIndexBytes, tileCount, tileBaseId } = metadata;
  const mode = tileIndexBytes === 0 ? TileIndexMode.DENSE_RANGE : TileIndexMode.RAW_U16;
  return readTileIndex(view, offset, tileIndexBytes, mode, tileCount, tileBaseId);
}

function readIndex(metadata: ResultPushMetadata, regions: BodyRegions, index: SlotPlace): number[] | null {
  const { tileIndexBytes, tileCount } = metadata;
  if (index.inline >= 0) {
    checkStatedBytes("result_push.tile_index_bytes", tileIndexBytes, inlineBytesAt(regions, index.inline));
    return readIds(metadata, regions.view, index.inline + INLINE_OBJECT_HEADER_SIZE);
  }
  if (index.reference >= 0) {
    checkStatedBytes("result_push.tile_index_bytes", tileIndexBytes, 0);
    return null;
  }
  if (tileCount !== 0) {
    throw new NnrpWireError("no tile index", {
      field: "result_push.tile_count",
      expected: 0,
      actual: tileCount,
    });
  }
  return [];
}

function checkCoverage(metadata: ResultPushMetadata): void {
  const { coveredTileCount: covered, droppedTileCount: dropped, tileCount } = metadata;
  if (covered + dropped !== tileCount) {
    throw new NnrpWireError("covered and dropped tiles must be all tiles", {
      field: "result_push.covered_tile_count",
      offset: 52,
      expected: tileCount,
      actual: `${covered} + ${dropped}`,
    });
  }
  const partial = metadata.resultClass === ResultClass.PARTIAL ||
    (metadata.resultFlags & ResultFlags.PARTIAL) !== 0;
  if (partial && dropped === 0) {
    throw new NnrpWireError("a PARTIAL tensor result drops tiles", {
      field: "result_push.dropped_tile_count",
      offset: 54,
      expected: "more than 0",
      actual: 0,
    });
  }
}

function checkAscending(regions: BodyRegions): void {
  let before: ObjectReference | null = null;
  for (let at = regions.referenceStart; at < regions.typedTableStart; at += OBJECT_REFERENCE_SIZE) {
    const reference = objectReferenceAt(regions.view, at);
    if (before !== null && compareObjectReferences(before, reference) >= 0) {
      throw new NnrpWireError("references must strictly ascend", { field: "object_references", offset: at });
    }
    before = reference;
  }
}

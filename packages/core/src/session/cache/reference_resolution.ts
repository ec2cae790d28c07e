/**
 * Filling a submit's camera, tile index and section table from the session's cache (behaviour spec §9, §10; wire spec §8.4). An
 * object that is not there is a CACHE_MISS, never silently empty; one that does not decode is a malformed body.
 *
 * @module
 */
import type { FrameSubmitBody } from "../../body/frame_submit.ts";
import type { ObjectReference } from "../../body/object_references.ts";
import { SECTION_DESCRIPTOR_SIZE } from "../../body/section_descriptor.ts";
import { readTensorBody } from "../../body/tensor_body.ts";
import type { TensorSection } from "../../body/tensor_sections.ts";
import { decodeTileIndex, MAX_TILES } from "../../body/tile_index.ts";
import { NnrpWireError } from "../../errors.ts";
import { CacheObjectKind, TileIndexMode } from "../../wire/enums.ts";
import { enumName } from "../../wire/enum_names.ts";
import type { FrameSubmitMetadata } from "../../wire/metadata/frame_submit.ts";
import { align8 } from "../../wire/padding.ts";
import { type CacheDirectory, CacheUse } from "./cache.ts";

/** Outcome of resolving a submit's references. */
export type ReferenceResolution =
  | {
    /** All objects were there. */
    readonly kind: "resolved";
    /** The body with camera, tile ids and sections filled in; views on the cache's memory: do not change them. */
    readonly body: FrameSubmitBody;
    /** What it uses of the cache, to be released when the frame has ended. */
    readonly use: CacheUse;
  }
  | {
    /** Answer with ERROR CACHE_MISS, frame scope, not fatal. */
    readonly kind: "miss";
    /** All references that lead nowhere. */
    readonly missing: readonly ObjectReference[];
    /** Diagnostic text sent to the client. */
    readonly diagnostic: string;
  }
  | {
    /** Answer with ERROR MALFORMED_BODY, frame scope, not fatal. */
    readonly kind: "malformed";
    /** What is wrong with a cached object. */
    readonly error: NnrpWireError;
    /** Diagnostic text sent to the client. */
    readonly diagnostic: string;
  };

/**
 * Looks up all references of a submit and decodes what they lead to by the submit's metadata. A client that has nothing but
 * the references cannot count tiles and sections: a count of 0 beside a referenced object means "as many as there are".
 *
 * @param body The body as it was decoded.
 * @param metadata Its metadata.
 * @param cache Objects of the session.
 * @param nowMs Monotonic time, ms.
 */
export function resolveReferences(
  body: FrameSubmitBody,
  metadata: FrameSubmitMetadata,
  cache: CacheDirectory,
  nowMs: number,
): ReferenceResolution {
  const objects = new Map<number, Uint8Array>();
  const missing: ObjectReference[] = [];
  const use = new CacheUse(cache);
  for (const reference of body.references) {
    const bytes = use.lookup(reference, nowMs);
    if (bytes === undefined) missing.push(reference);
    else objects.set(reference.objectKind, bytes); // a kind is referenced once at most
  }
  if (missing.length > 0) {
    use.release();
    return {
      kind: "miss",
      missing,
      diagnostic: `not in the cache: ${missing.map(referenceName).join(", ")}`,
    };
  }
  try {
    return { kind: "resolved", body: fillIn(body, metadata, objects), use };
  } catch (error) {
    use.release();
    if (!(error instanceof NnrpWireError)) throw error;
    return {
      kind: "malformed",
      error,
      diagnostic: `a cached object does not fit the frame: ${error.message}`,
    };
  }
}

/** A reference in words: kind, namespace and key in hexadecimal, `TILE_INDEX_BLOCK 3/00000001deadbeef`. */
export function referenceName(
  { objectKind, cacheNamespace, cacheKeyHi, cacheKeyLo }: ObjectReference,
): string {
  const key = [cacheKeyHi, cacheKeyLo].map((half) => half.toString(16).padStart(8, "0")).join("");
  return `${enumName(CacheObjectKind, objectKind)} ${cacheNamespace}/${key}`;
}

function fillIn(
  body: FrameSubmitBody,
  metadata: FrameSubmitMetadata,
  objects: ReadonlyMap<number, Uint8Array>,
): FrameSubmitBody {
  const index = objects.get(CacheObjectKind.TILE_INDEX_BLOCK);
  const table = objects.get(CacheObjectKind.TENSOR_SECTION_TABLE);
  // null: a dense run whose length only the section table tells
  const tileCount = index === undefined ? body.tileIds?.length ?? 0 : tilesIn(index, metadata);
  const sections = table === undefined ? body.sections ?? [] : readTable(table, metadata, tileCount ?? -1);
  const tileIds = index === undefined ? body.tileIds ?? [] : decodeTileIndex(
    index,
    metadata.tileIndexMode,
    tileCount ?? sections[0]?.tileCount ?? 0,
    metadata.tileBaseId,
  );
  checkTileCounts(sections, tileIds.length);
  return {
    layout: body.layout,
    cameraBlock: objects.get(CacheObjectKind.CAMERA_BLOCK) ?? body.cameraBlock,
    tileIds,
    sections,
    get typedPayloads() {
      return body.typedPayloads;
    },
    get references() {
      return body.references;
    },
    cameraReference: body.cameraReference,
    tileIndexReference: body.tileIndexReference,
    tensorSectionTableReference: body.tensorSectionTableReference,
    get extensionFrames() {
      return body.extensionFrames;
    },
    regions: body.regions,
  };
}

/** Tiles of a cached index; null if nothing but the section table can tell. */
function tilesIn(index: Uint8Array, { tileCount, tileIndexMode }: FrameSubmitMetadata): number | null {
  if (tileCount !== 0) return tileCount;
  let count: number;
  if (tileIndexMode === TileIndexMode.DENSE_RANGE) return null;
  if (tileIndexMode === TileIndexMode.BITSET) {
    count = 0;
    for (let byte of index) for (; byte !== 0; byte &= byte - 1) count++;
  } else count = index.length >>> 1; // an odd byte is refused when the index is read
  if (count <= MAX_TILES) return count;
  throw new NnrpWireError("the cached index has more tiles than a frame", {
    field: "tile_index",
    expected: `at most ${MAX_TILES}`,
    actual: count,
  });
}

function readTable(
  table: Uint8Array,
  { sectionCount }: FrameSubmitMetadata,
  tileCount: number,
): TensorSection[] {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const count = sectionCount === 0 ? sectionsIn(view) : sectionCount;
  return readTensorBody(table, view, 0, table.length, 0, count, tileCount);
}

/** Sections in a table that is yet to be judged: follows the stated lengths as far as they lead. */
function sectionsIn(view: DataView): number {
  let count = 0;
  for (let at = 0; at < view.byteLength; count++) {
    at = align8(at);
    if (at + SECTION_DESCRIPTOR_SIZE > view.byteLength) return count + 1; // cut: refused when it is read
    at += SECTION_DESCRIPTOR_SIZE + view.getUint32(at + 12, true) + view.getUint32(at + 16, true) +
      view.getUint32(at + 20, true);
  }
  return count;
}

/** Sections and index can come from different places, so they are compared here at last. */
function checkTileCounts(sections: readonly TensorSection[], tileCount: number): void {
  for (const section of sections) {
    if (section.tileCount === tileCount) continue;
    throw new NnrpWireError("a section has another number of tiles than the index", {
      field: `section role ${section.roleId}`,
      expected: tileCount,
      actual: section.tileCount,
    });
  }
}

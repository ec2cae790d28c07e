/**
 * Bodies built anew from what was read of them: tile ids, sections, payloads, references.
 *
 * @module
 */
import {
  type BodyRegions,
  CacheObjectKind,
  encodeBodyRegions,
  encodeTensorBody,
  encodeTileIndex,
  type InlineObjectData,
  NnrpValueError,
  PacketBuffer,
  type TensorSectionData,
  TileIndexMode,
} from "@nnrp/core";

/** Tile ids and how they are written. */
export interface TileIndex {
  /** The ids. */
  readonly tileIds: readonly number[];
  /** TileIndexMode. */
  readonly tileIndexMode: number;
  /** First id of a dense range. */
  readonly tileBaseId: number;
}

/** Tensors of a composed body; null for what is a reference. */
export interface ComposedTensors extends Omit<TileIndex, "tileIds"> {
  /** The ids. */
  readonly tileIds: readonly number[] | null;
  /** The sections. */
  readonly sections: readonly TensorSectionData[] | null;
}

/**
 * An index that has the same bytes and that a writer takes. Readers let repeated, descending and too large ids pass (wire
 * spec §14), writers do not: such a delta index is written as the words it consists of, such a range as one from 0.
 */
export function writableIndex(index: TileIndex): TileIndex {
  const { tileIds, tileIndexMode, tileBaseId } = index;
  try {
    encodeTileIndex(tileIndexMode, tileIds, tileBaseId);
    return index;
  } catch (error) {
    if (!(error instanceof NnrpValueError)) throw error;
  }
  if (tileIndexMode === TileIndexMode.DENSE_RANGE) return rangeOf(tileIds.length);
  const words = tileIds.map((id, i) => (id - (i === 0 ? 0 : tileIds[i - 1])) & 0xffff);
  return { tileIds: words, tileIndexMode: TileIndexMode.RAW_U16, tileBaseId: 0 };
}

/** So many ids in no bytes at all. */
export function rangeOf(tileCount: number): TileIndex {
  const tileIds = Array.from({ length: tileCount }, (_, id) => id);
  return { tileIds, tileIndexMode: TileIndexMode.DENSE_RANGE, tileBaseId: 0 };
}

/** A composed body of the same parts, in the same order. */
export function rebuildComposed(
  regions: BodyRegions,
  tensors: ComposedTensors,
): { body: Uint8Array; tileIndexBytes: number | null } {
  const { objectReferences, typedPayloads, extensionFrames } = regions;
  let tileIndexBytes: number | null = null;
  const inlineObjects = regions.inlineObjects.map((object): InlineObjectData => {
    const { objectKind, profileId } = object;
    let { payload } = object;
    if (objectKind === CacheObjectKind.TILE_INDEX_BLOCK && tensors.tileIds !== null) {
      const { tileIndexMode, tileIds, tileBaseId } = writableIndex({ ...tensors, tileIds: tensors.tileIds });
      payload = encodeTileIndex(tileIndexMode, tileIds, tileBaseId);
      tileIndexBytes = payload.length;
    }
    if (objectKind === CacheObjectKind.TENSOR_SECTION_TABLE && tensors.sections !== null) {
      payload = sectionTable(tensors.sections);
    }
    return { objectKind, profileId, payload };
  });
  const out = new PacketBuffer();
  encodeBodyRegions(out, { inlineObjects, objectReferences, typedPayloads, extensionFrames });
  return { body: out.toBytes(), tileIndexBytes };
}

/** The object that holds sections: a tensor body whose index takes no bytes. */
function sectionTable(sections: readonly TensorSectionData[]): Uint8Array {
  const out = new PacketBuffer();
  encodeTensorBody(out, { ...rangeOf(sections[0]?.tilePayloads.length ?? 0), sections });
  return out.toBytes();
}

/**
 * Tiles of recordings: their ids, their order, and the sections their payloads become (behaviour spec §15).
 *
 * @module
 */
import {
  NnrpValueError,
  ScalePolicy,
  type TensorDType,
  TensorLayout,
  type TensorSectionData,
} from "@nnrp/core";
import type { RecordedPosition } from "./recorded.ts";
import { wholeNumber } from "./recorded_values.ts";

/** A recorded tile and its id. */
export interface NumberedTile<Tile> {
  /** Row times tiles per row, plus column. */
  readonly id: number;
  /** The tile. */
  readonly tile: Tile;
}

/** A section that replay writes if any tile has bytes for it. */
export interface SectionPlan<Tile> {
  /** Role on the wire. */
  readonly roleId: number;
  /** TensorDType. */
  readonly dtypeId: TensorDType;
  /** Its bytes in a tile. */
  readonly payload: (tile: Tile) => Uint8Array | null | undefined;
  /** Name of the compression of these bytes. */
  readonly compression: (tile: Tile) => string | null | undefined;
}

/** Codecs that recordings name; on the wire a codec is any u8. */
const CODEC_IDS: Readonly<Record<string, number>> = { none: 0, lz4: 1 };
const NO_BYTES = new Uint8Array(0);

/** Column of a recorded tile. */
export function tileColumn(tile: RecordedPosition): number {
  return tile.coord ? wholeNumber(tile.coord.x, "coord.x") : wholeNumber(tile.tileX, "tileX");
}

/**
 * Numbers tiles and sorts them by id; tiles with the same id stay in their order.
 *
 * @param tiles Recorded tiles.
 * @param srcWidth Width of the source, pixels.
 * @param tileSize Width of a tile, pixels.
 * @throws NnrpValueError if a position is missing, or the tile size is not positive.
 */
export function numberTiles<Tile extends RecordedPosition>(
  tiles: Iterable<Tile>,
  srcWidth: number,
  tileSize: number,
): NumberedTile<Tile>[] {
  const perRow = Math.max(1, Math.ceil(srcWidth / tileSize));
  const numbered = Array.from(tiles, (tile) => {
    const x = tileColumn(tile);
    const y = tile.coord ? wholeNumber(tile.coord.y, "coord.y") : wholeNumber(tile.tileY, "tileY");
    if (tileSize <= 0) {
      throw new NnrpValueError("must be positive", { field: "tileSize", actual: tileSize });
    }
    return { id: y * perRow + x, tile };
  });
  return numbered.sort((a, b) => a.id - b.id);
}

/**
 * The sections of tiles: one per plan for which any tile has bytes.
 *
 * @param tiles One entry per tile id of the packet, in their order; undefined for a tile without data.
 * @param plans Sections in ascending order of their roles.
 * @throws NnrpValueError if a compression is unknown.
 */
export function replaySections<Tile>(
  tiles: readonly (Tile | undefined)[],
  plans: readonly SectionPlan<Tile>[],
): TensorSectionData[] {
  const sections: TensorSectionData[] = [];
  for (const { roleId, dtypeId, payload, compression } of plans) {
    const tilePayloads = tiles.map((tile) => (tile === undefined ? null : payload(tile)) ?? NO_BYTES);
    if (tilePayloads.every((bytes) => bytes.length === 0)) continue;
    const codecIds = tiles.map((tile) => codecId(tile === undefined ? null : compression(tile)));
    sections.push({
      roleId,
      dtypeId,
      tilePayloads,
      codecIds,
      defaultCodecId: mostFrequent(codecIds),
      layoutId: TensorLayout.NHWC,
      scalePolicy: ScalePolicy.NONE,
      payloadStrideBytes: 0,
      elementCountPerTile: 0,
    });
  }
  return sections;
}

function codecId(compression: string | null | undefined): number {
  const name = String(compression || "none").trim().toLowerCase() || "none";
  if (!Object.hasOwn(CODEC_IDS, name)) {
    throw new NnrpValueError("unknown compression", {
      field: "compression",
      expected: Object.keys(CODEC_IDS).join(" or "),
      actual: String(compression),
    });
  }
  return CODEC_IDS[name];
}

/** The value that comes most often; of several the one that came first. */
function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  let best = values[0];
  for (const [value, count] of counts) if (count > counts.get(best)!) best = value;
  return best;
}

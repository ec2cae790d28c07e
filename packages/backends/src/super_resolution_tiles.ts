/**
 * The client's side of super-resolution: cuts a luma plane into tiles with their surroundings, finds the tiles that
 * changed, and pastes answers into the large picture. See `docs/super-resolution.md`.
 *
 * @module
 */
import { InputProfile, NnrpValueError, TensorDType, type TensorSectionData } from "@nnrp/core";
import { type Plane, plane } from "./plane.ts";
import {
  LUMA_ROLE,
  SUPER_RESOLUTION_HALO,
  SUPER_RESOLUTION_ROLE,
  SUPER_RESOLUTION_SCALE,
} from "./super_resolution_frame.ts";

/** Where the tiles of a picture lie. Tile id = row · columns + column. */
export interface TileGrid {
  /** Picture, pixels. */
  readonly width: number;
  /** Picture, pixels. */
  readonly height: number;
  /** Side of a tile without its halo, pixels. */
  readonly tileSize: number;
  /** Surroundings of a tile on each side, pixels. */
  readonly halo: number;
  /** Tiles in a row; the last one may reach beyond the picture. */
  readonly columns: number;
  /** Rows of tiles; the last one may reach beyond the picture. */
  readonly rows: number;
}

/**
 * The grid of a picture.
 *
 * @param width Picture, pixels, 1…65535.
 * @param height Picture, pixels, 1…65535.
 * @param tileSize Side of a tile, pixels. Default 32.
 * @param halo Halo of the model, pixels. Default 4, the packaged network's.
 * @throws NnrpValueError if a number does not fit the wire (65,536 tiles at most).
 */
export function tileGrid(
  width: number,
  height: number,
  tileSize = 32,
  halo: number = SUPER_RESOLUTION_HALO,
): TileGrid {
  for (
    const [field, value, least] of [["width", width, 1], ["height", height, 1], ["tileSize", tileSize, 1], [
      "halo",
      halo,
      0,
    ]] as const
  ) {
    if (!Number.isInteger(value) || value < least || value > 0xffff) {
      throw new NnrpValueError("not a size in pixels", { field, expected: `${least}…65535`, actual: value });
    }
  }
  const columns = Math.ceil(width / tileSize);
  const rows = Math.ceil(height / tileSize);
  if (columns * rows > 0xffff) {
    throw new NnrpValueError("too many tiles, take larger ones", {
      field: "tileSize",
      expected: "at most 65535 tiles",
      actual: columns * rows,
    });
  }
  return { width, height, tileSize, halo, columns, rows };
}

/** All tile ids of a grid, in order. */
export function allTiles(grid: TileGrid): number[] {
  return Array.from({ length: grid.columns * grid.rows }, (_, id) => id);
}

/**
 * One tile with its halo; what lies beyond the picture repeats its edge.
 *
 * @param picture The luma plane.
 * @param grid Its grid.
 * @param id Which tile.
 * @returns (tileSize + 2 · halo)² bytes, row-major.
 */
export function cutTile(picture: Plane, grid: TileGrid, id: number): Uint8Array {
  const { x, y } = place(grid, id);
  checkSize(picture, grid, 1);
  const side = grid.tileSize + 2 * grid.halo;
  const tile = new Uint8Array(side * side);
  const left = x - grid.halo;
  for (let row = 0; row < side; row++) {
    const from = clamp(y - grid.halo + row, grid.height) * grid.width;
    const to = row * side;
    if (left >= 0 && left + side <= grid.width) {
      tile.set(picture.data.subarray(from + left, from + left + side), to);
    } else {
      for (let column = 0; column < side; column++) {
        tile[to + column] = picture.data[from + clamp(left + column, grid.width)];
      }
    }
  }
  return tile;
}

/**
 * The tiles whose answer may differ between two pictures: a pixel of the tile or of its halo changed.
 *
 * @param before The picture before.
 * @param after The picture now.
 * @param grid The grid of both.
 * @param threshold Largest difference of a pixel that does not count as a change, levels. Default 0.
 */
export function changedTiles(before: Plane, after: Plane, grid: TileGrid, threshold = 0): number[] {
  checkSize(before, grid, 1);
  checkSize(after, grid, 1);
  return allTiles(grid).filter((id) => {
    const { x, y } = place(grid, id);
    const left = Math.max(0, x - grid.halo);
    const right = Math.min(grid.width, x + grid.tileSize + grid.halo);
    const bottom = Math.min(grid.height, y + grid.tileSize + grid.halo);
    for (let row = Math.max(0, y - grid.halo); row < bottom; row++) {
      for (let i = row * grid.width + left; i < row * grid.width + right; i++) {
        if (Math.abs(before.data[i] - after.data[i]) > threshold) return true;
      }
    }
    return false;
  });
}

/** The fields of a submit that this convention fills. */
export interface TileSubmit {
  /** Width of the picture, pixels. */
  readonly srcWidth: number;
  /** Height of the picture, pixels. */
  readonly srcHeight: number;
  /** Side of a tile without its halo, pixels. */
  readonly tileWidth: number;
  /** The same. */
  readonly tileHeight: number;
  /** Ids of the tiles. */
  readonly tileIds: readonly number[];
  /** One section: luma tiles with their halo. */
  readonly sections: readonly TensorSectionData[];
  /** DENSE_LUMA_FRAME or CHANGED_TILES_LUMA. */
  readonly inputProfile: number;
}

/**
 * The submit of a picture or of some of its tiles. Add budget and policy:
 * `session.submit({ ...tileSubmit(luma, grid), latencyBudgetMs: 50, budgetPolicy: BudgetPolicy.ALLOW_PARTIAL })`.
 *
 * @param picture The luma plane.
 * @param grid Its grid.
 * @param tileIds Which tiles, the most important first: when time runs out the last ones are left out. Default: all.
 */
export function tileSubmit(
  picture: Plane,
  grid: TileGrid,
  tileIds: readonly number[] = allTiles(grid),
): TileSubmit {
  return {
    srcWidth: grid.width,
    srcHeight: grid.height,
    tileWidth: grid.tileSize,
    tileHeight: grid.tileSize,
    tileIds,
    sections: [{
      roleId: LUMA_ROLE,
      dtypeId: TensorDType.UINT8,
      tilePayloads: tileIds.map((id) => cutTile(picture, grid, id)),
    }],
    inputProfile: tileIds.length === grid.columns * grid.rows
      ? InputProfile.DENSE_LUMA_FRAME
      : InputProfile.CHANGED_TILES_LUMA,
  };
}

/** A plane for the answers of a grid. */
export function answerPlane(grid: TileGrid): Plane {
  return plane(grid.width * SUPER_RESOLUTION_SCALE, grid.height * SUPER_RESOLUTION_SCALE);
}

/**
 * Pastes one answered tile; what lies beyond the picture is cut off.
 *
 * @param target The large plane.
 * @param grid The grid of the small picture.
 * @param id Which tile.
 * @param answer (2 · tileSize)² bytes, row-major.
 */
export function pasteTile(target: Plane, grid: TileGrid, id: number, answer: Uint8Array): void {
  const { x, y } = place(grid, id);
  checkSize(target, grid, SUPER_RESOLUTION_SCALE);
  const side = grid.tileSize * SUPER_RESOLUTION_SCALE;
  if (answer.length !== side * side) {
    throw new NnrpValueError("not an answered tile", {
      field: "answer.length",
      expected: side * side,
      actual: answer.length,
    });
  }
  const left = x * SUPER_RESOLUTION_SCALE;
  const top = y * SUPER_RESOLUTION_SCALE;
  const width = Math.min(side, target.width - left);
  const height = Math.min(side, target.height - top);
  for (let row = 0; row < height; row++) {
    target.data.set(answer.subarray(row * side, row * side + width), (top + row) * target.width + left);
  }
}

/** A result, as far as pasting reads it. The client's `Result` fits. */
export interface TileAnswer {
  /** Ids of all tiles, answered and dropped. */
  readonly tileIds: readonly number[];
  /** Sections; the one of role 100 is read. */
  readonly sections: readonly { readonly roleId: number; readonly tilePayloads: readonly Uint8Array[] }[];
}

/**
 * Pastes all tiles of a result that are there.
 *
 * @param target The large plane.
 * @param grid The grid of the small picture.
 * @param result The result.
 * @returns The ids of the tiles that are not there: the place keeps what it has.
 */
export function pasteAnswer(target: Plane, grid: TileGrid, result: TileAnswer): number[] {
  const section = result.sections.find((s) => s.roleId === SUPER_RESOLUTION_ROLE);
  const missing: number[] = [];
  result.tileIds.forEach((id, i) => {
    const answer = section?.tilePayloads[i];
    if (answer === undefined || answer.length === 0) missing.push(id);
    else pasteTile(target, grid, id, answer);
  });
  return missing;
}

function place(grid: TileGrid, id: number): { x: number; y: number } {
  if (!Number.isInteger(id) || id < 0 || id >= grid.columns * grid.rows) {
    throw new NnrpValueError("no tile of the grid", {
      field: "tile id",
      expected: `0…${grid.columns * grid.rows - 1}`,
      actual: id,
    });
  }
  return { x: id % grid.columns * grid.tileSize, y: Math.floor(id / grid.columns) * grid.tileSize };
}

function checkSize(picture: Plane, grid: TileGrid, scale: number): void {
  if (picture.width !== grid.width * scale || picture.height !== grid.height * scale) {
    throw new NnrpValueError("the plane does not fit the grid", {
      field: "picture",
      expected: `${grid.width * scale}x${grid.height * scale}`,
      actual: `${picture.width}x${picture.height}`,
    });
  }
}

function clamp(value: number, size: number): number {
  return value < 0 ? 0 : value >= size ? size - 1 : value;
}

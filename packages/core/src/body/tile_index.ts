/**
 * Tile ids as bytes and back, in the four modes of the tile index (wire spec §10). Writers are stricter than readers: they
 * take ids of 16 bits only, and strictly increasing ones where the mode implies an order.
 *
 * @module
 */
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import { TileIndexMode } from "../wire/enums.ts";
import { isU16, shown } from "../wire/integers.ts";

/** Most tiles of a frame: the count has 16 bits (wire spec §13). */
export const MAX_TILES = 0xffff;

/**
 * Checks tile ids and returns how many bytes their index takes.
 *
 * @param mode A TileIndexMode.
 * @param ids Tile ids, 0…65535 each, at most 65535 of them.
 * @param base First id of a dense range; ignored in other modes.
 * @throws NnrpValueError naming `tileIndexMode`, `tileIds` or the id at fault, such as `tileIds[3]`.
 */
export function measureTileIndex(mode: number, ids: ArrayLike<number>, base: number): number {
  const count = ids.length;
  if (!(count >= 0 && count <= MAX_TILES)) { // no list at all has no length
    throw new NnrpValueError("too many tiles", {
      field: "tileIds",
      expected: `at most ${MAX_TILES}`,
      actual: count,
    });
  }
  switch (mode) {
    case TileIndexMode.RAW_U16:
      for (let i = 0; i < count; i++) {
        if (!isU16(ids[i])) throw badId(ids, i);
      }
      return count * 2;
    case TileIndexMode.DENSE_RANGE:
      for (let i = 0; i < count; i++) {
        if (!isU16(ids[i])) throw badId(ids, i);
        if (ids[i] !== base + i) {
          throw new NnrpValueError("ids of a dense range run from tileBaseId without gaps", {
            field: `tileIds[${i}]`,
            expected: base + i,
            actual: ids[i],
          });
        }
      }
      return 0;
    case TileIndexMode.DELTA_U16:
    case TileIndexMode.BITSET:
      for (let i = 0; i < count; i++) {
        if (!isU16(ids[i])) throw badId(ids, i);
        if (i > 0 && ids[i] <= ids[i - 1]) {
          throw new NnrpValueError("ids must strictly increase in this tile index mode", {
            field: `tileIds[${i}]`,
            expected: `more than ${ids[i - 1]}`,
            actual: ids[i],
          });
        }
      }
      if (mode === TileIndexMode.DELTA_U16) return count * 2;
      return count === 0 ? 0 : (ids[count - 1] >> 3) + 1;
    default:
      throw new NnrpValueError("unknown tile index mode", {
        field: "tileIndexMode",
        expected: "0…3",
        actual: shown(mode),
      });
  }
}

/**
 * Writes the index of ids that {@linkcode measureTileIndex} accepted.
 *
 * @param view Where to write.
 * @param offset First byte of the index.
 * @param mode A TileIndexMode.
 * @param ids Tile ids.
 */
export function writeTileIndex(view: DataView, offset: number, mode: number, ids: ArrayLike<number>): void {
  const count = ids.length;
  switch (mode) {
    case TileIndexMode.RAW_U16:
      for (let i = 0; i < count; i++) view.setUint16(offset + i * 2, ids[i], true);
      break;
    case TileIndexMode.DELTA_U16:
      for (let i = 0, before = 0; i < count; i++) {
        view.setUint16(offset + i * 2, ids[i] - before, true);
        before = ids[i];
      }
      break;
    case TileIndexMode.BITSET: {
      let at = 0;
      let bits = 0;
      for (let i = 0; i < count; i++) {
        for (const target = ids[i] >> 3; at < target; at++) {
          view.setUint8(offset + at, bits);
          bits = 0;
        }
        bits |= 1 << (ids[i] & 7);
      }
      if (count > 0) view.setUint8(offset + at, bits);
      break;
    }
  }
}

/**
 * A tile index alone.
 *
 * @param mode A TileIndexMode.
 * @param ids Tile ids, 0…65535 each.
 * @param base First id of a dense range.
 * @throws NnrpValueError as {@linkcode measureTileIndex}.
 */
export function encodeTileIndex(mode: number, ids: ArrayLike<number>, base = 0): Uint8Array {
  const bytes = new Uint8Array(measureTileIndex(mode, ids, base));
  writeTileIndex(new DataView(bytes.buffer), 0, mode, ids);
  return bytes;
}

/**
 * Reads tile ids. Ids above 65535, repeated and descending ones pass, as rc2 lets them (wire spec §14).
 *
 * @param view What is read.
 * @param offset First byte of the index.
 * @param length Its length, bytes.
 * @param mode A TileIndexMode.
 * @param count Tiles that the metadata states.
 * @param base First id of a dense range.
 * @throws NnrpWireError if the length or the number of ids is wrong.
 */
export function readTileIndex(
  view: DataView,
  offset: number,
  length: number,
  mode: number,
  count: number,
  base: number,
): number[] {
  const ids: number[] = [];
  switch (mode) {
    case TileIndexMode.DENSE_RANGE:
      if (length !== 0) throw badLength(offset, 0, length);
      for (let i = 0; i < count; i++) ids.push(base + i);
      return ids;
    case TileIndexMode.RAW_U16:
      if (length !== count * 2) throw badLength(offset, count * 2, length);
      for (let i = 0; i < count; i++) ids.push(view.getUint16(offset + i * 2, true));
      return ids;
    case TileIndexMode.DELTA_U16:
      if (length !== count * 2) throw badLength(offset, count * 2, length);
      for (let i = 0, id = 0; i < count; i++) {
        id += view.getUint16(offset + i * 2, true);
        ids.push(id);
      }
      return ids;
    case TileIndexMode.BITSET:
      readBits(view, offset, length, count, ids);
      return ids;
    default:
      throw new NnrpWireError("unknown tile index mode", {
        field: "tile_index_mode",
        expected: "0…3",
        actual: mode,
      });
  }
}

/**
 * Reads a tile index that stands alone.
 *
 * @param bytes The index, nothing after it.
 * @param mode A TileIndexMode.
 * @param count Tiles that the metadata states.
 * @param base First id of a dense range.
 * @throws NnrpWireError as {@linkcode readTileIndex}.
 */
export function decodeTileIndex(bytes: Uint8Array, mode: number, count: number, base = 0): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return readTileIndex(view, 0, bytes.length, mode, count, base);
}

function readBits(view: DataView, offset: number, length: number, count: number, ids: number[]): void {
  for (let at = 0; at < length; at++) {
    const bits = view.getUint8(offset + at);
    for (let bit = 0; bits >> bit !== 0; bit++) {
      if ((bits >> bit & 1) === 0) continue;
      if (ids.length === count) {
        throw new NnrpWireError("more bits set than tiles", {
          field: "tile_index",
          offset: offset + at,
          expected: count,
        });
      }
      ids.push(at * 8 + bit);
    }
  }
  if (ids.length !== count) {
    throw new NnrpWireError("fewer bits set than tiles", {
      field: "tile_index",
      offset,
      expected: count,
      actual: ids.length,
    });
  }
}

function badLength(offset: number, expected: number, actual: number): NnrpWireError {
  return new NnrpWireError("wrong length", { field: "tile_index", offset, expected, actual });
}

function badId(ids: ArrayLike<number>, index: number): NnrpValueError {
  return new NnrpValueError("a tile id has 16 bits", {
    field: `tileIds[${index}]`,
    expected: "integer 0…65535",
    actual: shown(ids[index]),
  });
}

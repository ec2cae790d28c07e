/**
 * A picture of one frame of the stream, with the tiles marked that do not show the network's present answer.
 *
 * @module
 */
import type { Plane } from "@nnrp/backends";
import type { Picture } from "../picture/picture.ts";
import type { Shown } from "./canvas.ts";

/** How a tile's mark mixes with its pixels: part of the mark, and its colour. */
const MARKS: Readonly<Record<Shown, { part: number; color: readonly [number, number, number] } | null>> = {
  fresh: null,
  kept: { part: 0.45, color: [123, 92, 196] },
  bicubic: { part: 0.6, color: [20, 22, 26] },
};

/**
 * Draws it.
 *
 * @param picture Luma as seen.
 * @param shown What the tiles show, by id.
 * @param tileSide Side of a tile in it, pixels.
 */
export function snapshotPicture(picture: Plane, shown: readonly Shown[], tileSide: number): Picture {
  const { width, height, data } = picture;
  const columns = Math.ceil(width / tileSide);
  const rgb = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const mark = MARKS[shown[Math.floor(y / tileSide) * columns + Math.floor(x / tileSide)]];
      for (let c = 0; c < 3; c++) {
        rgb[3 * i + c] = mark === null
          ? data[i]
          : Math.round(data[i] * (1 - mark.part) + mark.color[c] * mark.part);
      }
    }
  }
  return { width, height, rgb, alpha: null, gray: shown.every((what) => what === "fresh") };
}

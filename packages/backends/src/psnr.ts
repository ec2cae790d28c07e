/**
 * How alike two pictures are.
 *
 * @module
 */
import { NnrpValueError } from "@nnrp/core";
import type { Plane } from "./plane.ts";

/**
 * Peak signal-to-noise ratio in decibel; higher is closer, Infinity for equal planes.
 *
 * @param a A plane.
 * @param b A plane of the same size.
 * @param border Pixels at each edge that do not count, where enlarging has to guess. Default 4.
 * @throws NnrpValueError if the sizes differ or nothing is left inside the border.
 */
export function psnr(a: Plane, b: Plane, border = 4): number {
  if (a.width !== b.width || a.height !== b.height) {
    throw new NnrpValueError("planes of different sizes cannot be compared", {
      field: "b",
      expected: `${a.width}x${a.height}`,
      actual: `${b.width}x${b.height}`,
    });
  }
  if (Math.min(a.width, a.height) <= 2 * border) {
    throw new NnrpValueError("nothing is left inside the border", { field: "border", actual: border });
  }
  let sum = 0;
  for (let y = border; y < a.height - border; y++) {
    for (let i = y * a.width + border; i < (y + 1) * a.width - border; i++) {
      const difference = a.data[i] - b.data[i];
      sum += difference * difference;
    }
  }
  const count = (a.width - 2 * border) * (a.height - 2 * border);
  return 10 * Math.log10(255 * 255 * count / sum);
}

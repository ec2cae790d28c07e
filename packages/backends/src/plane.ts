/**
 * A plane of a picture: one byte per pixel. Luma, Cb and Cr are planes.
 *
 * @module
 */
import { NnrpValueError } from "@nnrp/core";

/** One byte per pixel, row-major, without gaps. */
export interface Plane {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** width × height bytes. */
  readonly data: Uint8Array;
}

/**
 * A plane of zeros, or around bytes that are there.
 *
 * @param width Pixels per row, at least 1.
 * @param height Rows, at least 1.
 * @param data width × height bytes; used, not copied.
 * @throws NnrpValueError if the sizes do not fit each other.
 */
export function plane(
  width: number,
  height: number,
  data: Uint8Array = new Uint8Array(width * height),
): Plane {
  for (const [field, value] of [["width", width], ["height", height]] as const) {
    if (!Number.isInteger(value) || value < 1) {
      throw new NnrpValueError("not a size", { field, expected: "a whole number from 1", actual: value });
    }
  }
  if (data.length !== width * height) {
    throw new NnrpValueError("not one byte per pixel", {
      field: "data.length",
      expected: width * height,
      actual: data.length,
    });
  }
  return { width, height, data };
}

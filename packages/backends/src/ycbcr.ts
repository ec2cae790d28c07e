/**
 * Colour pictures as luma and two colour differences, and back: BT.601 at full range, as JPEG has it. The network works
 * on luma; eyes do not mind when Cb and Cr are enlarged more simply.
 *
 * @module
 */
import { NnrpValueError } from "@nnrp/core";
import { type Plane, plane } from "./plane.ts";

/** The three planes of a colour picture. */
export interface YCbCr {
  /** Luma. */
  readonly y: Plane;
  /** Blue difference, 128 = none. */
  readonly cb: Plane;
  /** Red difference, 128 = none. */
  readonly cr: Plane;
}

/**
 * Splits a picture into planes.
 *
 * @param width Pixels per row.
 * @param height Rows.
 * @param pixels Three (RGB) or four (RGBA, alpha is ignored) bytes per pixel, row-major.
 * @throws NnrpValueError if the number of bytes fits neither.
 */
export function splitYCbCr(width: number, height: number, pixels: Uint8Array | Uint8ClampedArray): YCbCr {
  const channels = pixels.length / (width * height);
  if (channels !== 3 && channels !== 4) {
    throw new NnrpValueError("not a picture of that size", {
      field: "pixels.length",
      expected: `${3 * width * height} or ${4 * width * height}`,
      actual: pixels.length,
    });
  }
  const y = plane(width, height);
  const cb = plane(width, height);
  const cr = plane(width, height);
  for (let i = 0, p = 0; i < y.data.length; i++, p += channels) {
    const r = pixels[p];
    const g = pixels[p + 1];
    const b = pixels[p + 2];
    y.data[i] = byte(0.299 * r + 0.587 * g + 0.114 * b);
    cb.data[i] = byte(128 - 0.168736 * r - 0.331264 * g + 0.5 * b);
    cr.data[i] = byte(128 + 0.5 * r - 0.418688 * g - 0.081312 * b);
  }
  return { y, cb, cr };
}

/**
 * Puts the planes together again.
 *
 * @param planes Three planes of one size.
 * @returns RGB, three bytes per pixel, row-major.
 * @throws NnrpValueError if their sizes differ.
 */
export function joinYCbCr(planes: YCbCr): Uint8Array {
  const { y, cb, cr } = planes;
  for (const [field, p] of [["cb", cb], ["cr", cr]] as const) {
    if (p.width !== y.width || p.height !== y.height) {
      throw new NnrpValueError("the plane has another size than luma", {
        field,
        expected: `${y.width}x${y.height}`,
        actual: `${p.width}x${p.height}`,
      });
    }
  }
  const rgb = new Uint8Array(3 * y.data.length);
  for (let i = 0, p = 0; i < y.data.length; i++, p += 3) {
    const luma = y.data[i];
    const blue = cb.data[i] - 128;
    const red = cr.data[i] - 128;
    rgb[p] = byte(luma + 1.402 * red);
    rgb[p + 1] = byte(luma - 0.344136 * blue - 0.714136 * red);
    rgb[p + 2] = byte(luma + 1.772 * blue);
  }
  return rgb;
}

function byte(value: number): number {
  return value <= 0 ? 0 : value >= 254.5 ? 255 : value + 0.5; // storing cuts the fraction off
}

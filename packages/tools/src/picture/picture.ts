/**
 * A picture as the tools hold it: colour, and how much of it is there.
 *
 * @module
 */

/** A picture with eight bits per channel. */
export interface Picture {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Red, green, blue of each pixel, row-major. */
  readonly rgb: Uint8Array;
  /** Opacity of each pixel, 255 = opaque; null if all are. */
  readonly alpha: Uint8Array | null;
  /** Whether it has no colour, so that it may be written with one channel. */
  readonly gray: boolean;
}

/** The rectangle of a picture that begins at `left`, `top`. Opaque. */
export function cropPicture(
  picture: Picture,
  left: number,
  top: number,
  width: number,
  height: number,
): Picture {
  const rgb = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const from = 3 * ((top + y) * picture.width + left);
    rgb.set(picture.rgb.subarray(from, from + 3 * width), 3 * y * width);
  }
  return { width, height, rgb, alpha: null, gray: picture.gray };
}

/**
 * Twice as large and half as large, without a network: what the network is measured against, and what enlarges Cb and
 * Cr. The two belong together: the centre of output pixel i lies at (i + 0.5) / 2 − 0.5 of the small picture, which is
 * where the mean of 2×2 pixels puts it.
 *
 * @module
 */
import { type Plane, plane } from "./plane.ts";

/** Weights of the four neighbours for a sample a quarter pixel before a pixel; after it they are the other way round. */
const TAPS: readonly number[] = [-2, -1, 0, 1].map((k) => cubic(k + 0.25));

/** The cubic convolution kernel with a = −0.5 (Catmull-Rom), as common image software has it. */
function cubic(distance: number): number {
  const d = Math.abs(distance);
  return d <= 1 ? 1.5 * d ** 3 - 2.5 * d ** 2 + 1 : -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2;
}

/** Twice the size by bicubic interpolation; pixels beyond the edge repeat it. */
export function bicubicX2(source: Plane): Plane {
  const { width, height, data } = source;
  const wide = new Float32Array(2 * width * height);
  for (let y = 0; y < height; y++) stretch(data, y * width, 1, width, wide, 2 * y * width, 1);
  const tall = new Float32Array(4 * width * height);
  for (let x = 0; x < 2 * width; x++) stretch(wide, x, 2 * width, height, tall, x, 2 * width);
  const target = plane(2 * width, 2 * height);
  for (let i = 0; i < tall.length; i++) {
    target.data[i] = tall[i] <= 0 ? 0 : tall[i] >= 254.5 ? 255 : tall[i] + 0.5;
  }
  return target;
}

/** Doubles one row or column: `count` samples from `from`, `step` apart, to twice as many. */
function stretch(
  source: ArrayLike<number>,
  from: number,
  step: number,
  count: number,
  target: Float32Array,
  to: number,
  stride: number,
): void {
  const at = (i: number) => source[from + step * (i < 0 ? 0 : i >= count ? count - 1 : i)];
  for (let i = 0; i < count; i++) {
    const [a, b, c, d, e] = [at(i - 2), at(i - 1), at(i), at(i + 1), at(i + 2)];
    target[to + 2 * i * stride] = TAPS[0] * a + TAPS[1] * b + TAPS[2] * c + TAPS[3] * d;
    target[to + (2 * i + 1) * stride] = TAPS[3] * b + TAPS[2] * c + TAPS[1] * d + TAPS[0] * e;
  }
}

/** Half the size by the mean of 2×2 pixels, rounded; an odd last row or column is left out. */
export function meanX2(source: Plane): Plane {
  const target = plane(source.width >> 1, source.height >> 1);
  for (let y = 0; y < target.height; y++) {
    for (let x = 0; x < target.width; x++) {
      const i = 2 * y * source.width + 2 * x;
      const j = i + source.width;
      const sum = source.data[i] + source.data[i + 1] + source.data[j] + source.data[j + 1];
      target.data[y * target.width + x] = (sum + 2) >> 2;
    }
  }
  return target;
}

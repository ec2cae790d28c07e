/**
 * Half precision for runtimes without Float16Array: the conversion of IEEE 754, round to nearest, ties to even.
 *
 * @module
 */

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** The bit pattern of the nearest half-precision number; infinity beyond the range, NaN stays NaN. */
export function toHalf(value: number): number {
  const magnitude = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  if (magnitude !== magnitude) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00; // half-way between the largest half and the next power of two
  if (magnitude < 2 ** -14) return sign | roundEven(magnitude * 2 ** 24); // subnormal: steps of 2^-24
  // Exponent of the value: from its single-precision form, unless rounding to single moved it up.
  single[0] = magnitude;
  let exponent = (bits[0] >>> 23) - 127;
  if (magnitude < 2 ** exponent) exponent--;
  // 1024 steps between powers of two; a carry out of them is the next exponent, as the format wants it.
  return sign | (((exponent + 15) << 10) + roundEven((magnitude / 2 ** exponent - 1) * 1024));
}

/** The number of a half-precision bit pattern. */
export function fromHalf(pattern: number): number {
  const sign = pattern & 0x8000 ? -1 : 1;
  const exponent = (pattern >>> 10) & 0x1f;
  const fraction = pattern & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The nearest integer; of two equally near ones the even one. */
function roundEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/**
 * Serial numbers of 32 bits: a number is above another if it is less than half the circle ahead (RFC 1982), so that
 * counters may wrap (behaviour spec §10, credit epochs).
 *
 * @module
 */

/**
 * Whether `a` comes after `b`. Equal numbers and numbers exactly half the circle apart do not.
 *
 * @param a u32.
 * @param b u32.
 */
export function isSerialAbove(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/**
 * Offset and length of a payload in the region behind a descriptor table: the same rule for typed payloads and extension
 * frames (wire spec §8.2, "Offsets").
 *
 * @module
 */
import { NnrpWireError } from "../errors.ts";

/**
 * Judges the u32 offset and u32 length at `at`. Gaps are allowed, overlaps and anything beyond the region are not.
 *
 * @param view What is read.
 * @param at Where the offset stands; the length follows it.
 * @param free End of the payload before this one, in the region.
 * @param regionBytes Length of the region.
 * @param record Name of the descriptor for the error.
 * @returns End of this payload in the region.
 * @throws NnrpWireError if the payload begins before `free` or ends beyond the region.
 */
export function checkDescribedRange(
  view: DataView,
  at: number,
  free: number,
  regionBytes: number,
  record: string,
): number {
  const start = view.getUint32(at, true);
  if (start < free) {
    throw new NnrpWireError("payloads must not overlap or descend", {
      field: `${record}.payload_offset`,
      offset: at,
      expected: `at least ${free}`,
      actual: start,
    });
  }
  const end = start + view.getUint32(at + 4, true);
  if (end > regionBytes) {
    throw new NnrpWireError("payload beyond its region", {
      field: `${record}.payload_length`,
      offset: at + 4,
      expected: `end at ${regionBytes} at most`,
      actual: end,
    });
  }
  return end;
}

/** The error for a descriptor table that is no whole number of descriptors or longer than what there is. */
export function partialTable(field: string, actual: number): NnrpWireError {
  return new NnrpWireError("partial descriptor", {
    field,
    expected: "a multiple of 16 bytes within the block",
    actual,
  });
}

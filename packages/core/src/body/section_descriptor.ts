/**
 * The 32 bytes that describe a tensor section, as a record: sizes and closed sets, nothing between fields (wire spec §9).
 *
 * @module
 */
import { NnrpValueError } from "../errors.ts";
import { ScalePolicy, TensorDType, TensorLayout } from "../wire/enums.ts";
import { SectionFlags } from "../wire/flags.ts";
import { isU8, shown } from "../wire/integers.ts";
import { closedEnum, KEPT, openFlags, u16, u32, u8 } from "../wire/metadata/fields.ts";
import { defineRecord, type WireRecord } from "../wire/metadata/record.ts";

/** Length of a section descriptor, bytes. */
export const SECTION_DESCRIPTOR_SIZE = 32;

/** Fields of a section descriptor. */
export interface TensorSectionDescriptor {
  /** Role, u16. */
  readonly roleId: number;
  /** Default codec, u8. */
  readonly codecId: number;
  /** TensorDType, closed. */
  readonly dtypeId: number;
  /** TensorLayout, closed. */
  readonly layoutId: number;
  /** ScalePolicy, closed. */
  readonly scalePolicy: number;
  /** SectionFlags, u16, open. */
  readonly flags: number;
  /** Elements of each tile, u32. */
  readonly elementCountPerTile: number;
  /** Length of the codec table, bytes. */
  readonly codecTableBytes: number;
  /** Length of the length table, bytes. */
  readonly lengthTableBytes: number;
  /** Length of the payload, bytes. */
  readonly payloadBytes: number;
  /** Distance of tiles, bytes; 0 = back to back. */
  readonly payloadStrideBytes: number;
  /** Kept; default 0. */
  readonly reserved?: number;
}

/** A section descriptor as a table. */
export const TENSOR_SECTION_RECORD: WireRecord<TensorSectionDescriptor> = defineRecord<
  TensorSectionDescriptor
>({
  name: "tensor_section_desc",
  size: SECTION_DESCRIPTOR_SIZE,
  stage: "body",
  fields: {
    roleId: u16(0),
    codecId: u8(2),
    dtypeId: u8(3, closedEnum(TensorDType)),
    layoutId: u8(4, closedEnum(TensorLayout)),
    scalePolicy: u8(5, closedEnum(ScalePolicy)),
    flags: u16(6, openFlags(SectionFlags)),
    elementCountPerTile: u32(8, undefined, "count"),
    codecTableBytes: u32(12, undefined, "bytes"),
    lengthTableBytes: u32(16, undefined, "bytes"),
    payloadBytes: u32(20, undefined, "bytes"),
    payloadStrideBytes: u32(24, undefined, "bytes"),
    reserved: u32(28, KEPT),
  },
});

/**
 * Checks and writes a descriptor, 32 bytes.
 *
 * @throws NnrpValueError if a field does not fit or is outside its set. Nothing was written.
 */
export function encodeTensorSectionDescriptor(
  descriptor: TensorSectionDescriptor,
  view: DataView,
  offset: number,
): void {
  TENSOR_SECTION_RECORD.encode(descriptor, view, offset);
}

/**
 * Reads a descriptor.
 *
 * @param view What is read.
 * @param offset Where it begins.
 * @param length How many bytes there are for it, 32.
 * @throws NnrpWireError if it is cut or a closed set does not know a value.
 */
export function decodeTensorSectionDescriptor(
  view: DataView,
  offset: number,
  length: number,
): Required<TensorSectionDescriptor> {
  return TENSOR_SECTION_RECORD.decode(view, offset, length);
}

/**
 * Judges the length and the closed sets of the descriptor at `offset` without allocating anything.
 *
 * @throws NnrpWireError naming the field at fault.
 */
export function checkSectionDescriptor(view: DataView, offset: number, end: number): void {
  if (
    end - offset >= SECTION_DESCRIPTOR_SIZE && view.getUint8(offset + 3) <= TensorDType.UINT16 &&
    view.getUint8(offset + 4) <= TensorLayout.NCHW && view.getUint8(offset + 5) <= ScalePolicy.ZERO_POINT
  ) return;
  TENSOR_SECTION_RECORD.decode(view, offset, Math.min(end - offset, SECTION_DESCRIPTOR_SIZE));
}

/**
 * Refuses values outside the three closed sets of a section.
 *
 * @param list Name of the list that the section is in, and `index` its place there, for the error.
 * @throws NnrpValueError naming the field at fault.
 */
export function checkTensorSets(
  dtypeId: number,
  layoutId: number,
  scalePolicy: number,
  list: string,
  index: number,
): void {
  if (!isWithin(dtypeId, TensorDType.UINT16)) {
    throw outside(`${list}[${index}].dtypeId`, dtypeId, TensorDType.UINT16);
  }
  if (!isWithin(layoutId, TensorLayout.NCHW)) {
    throw outside(`${list}[${index}].layoutId`, layoutId, TensorLayout.NCHW);
  }
  if (!isWithin(scalePolicy, ScalePolicy.ZERO_POINT)) {
    throw outside(`${list}[${index}].scalePolicy`, scalePolicy, ScalePolicy.ZERO_POINT);
  }
}

/** Whether a value is in an enumeration that runs from 0 to `last`. */
function isWithin(value: number, last: number): boolean {
  return isU8(value) && value <= last;
}

function outside(field: string, actual: number, last: number): NnrpValueError {
  return new NnrpValueError("not a known value", { field, expected: `0…${last}`, actual: shown(actual) });
}

/**
 * Reading typed payloads: the descriptor table and the views it describes (wire spec §8.2).
 *
 * @module
 */
import { PayloadKind } from "../wire/flags.ts";
import { closedEnum, u16, u32, u8, ZERO } from "../wire/metadata/fields.ts";
import { defineRecord, type WireRecord } from "../wire/metadata/record.ts";
import { checkDescribedRange, partialTable } from "./described_ranges.ts";
import { DESCRIPTOR_SIZE } from "./prelude.ts";
import type { TypedPayload } from "./typed_payloads.ts";

/** Descriptor of a typed payload as it is on the wire. */
export interface TypedPayloadDescriptor {
  /** PayloadKind, exactly one. */
  readonly payloadKind: number;
  /** Always 0. */
  readonly descriptorFlags: number;
  /** Profile, u16. */
  readonly profileId: number;
  /** Where the payload begins in its region, bytes. */
  readonly payloadOffset: number;
  /** Length of the payload, bytes. */
  readonly payloadLength: number;
  /** Always 0. */
  readonly reserved: number;
}

/** A typed payload descriptor as a table. Kind TENSOR passes here; packets refuse it (wire spec §8.2). */
export const TYPED_PAYLOAD_RECORD: WireRecord<TypedPayloadDescriptor> = defineRecord<TypedPayloadDescriptor>({
  name: "typed_payload_descriptor",
  size: DESCRIPTOR_SIZE,
  stage: "body",
  fields: {
    payloadKind: u8(0, closedEnum(PayloadKind, { except: PayloadKind.NONE })),
    descriptorFlags: u8(1, ZERO),
    profileId: u16(2),
    payloadOffset: u32(4, undefined, "bytes"),
    payloadLength: u32(8, undefined, "bytes"),
    reserved: u32(12, ZERO),
  },
});

/**
 * Checks and writes a descriptor, 16 bytes. Kind TENSOR passes here (wire spec §8.2).
 *
 * @throws NnrpValueError if a field does not fit, the kind is not exactly one or a reserved field not 0. Nothing was written.
 */
export function encodeTypedPayloadDescriptor(
  descriptor: TypedPayloadDescriptor,
  view: DataView,
  offset: number,
): void {
  TYPED_PAYLOAD_RECORD.encode(descriptor, view, offset);
}

/**
 * Reads a descriptor. Kind TENSOR passes here (wire spec §8.2).
 *
 * @param view What is read.
 * @param offset Where it begins.
 * @param length How many bytes there are for it, 16.
 * @throws NnrpWireError if it is cut, the kind is not exactly one or a reserved field not 0.
 */
export function decodeTypedPayloadDescriptor(
  view: DataView,
  offset: number,
  length: number,
): TypedPayloadDescriptor {
  return TYPED_PAYLOAD_RECORD.decode(view, offset, length);
}

/**
 * Judges a table of descriptors against its payload region without allocating anything.
 *
 * @param view What is read.
 * @param table Where the table begins.
 * @param tableBytes Its length, a multiple of 16.
 * @param regionBytes Length of the payload region.
 * @throws NnrpWireError if a descriptor is refused, payloads overlap, descend or reach beyond the region.
 */
export function checkTypedPayloads(
  view: DataView,
  table: number,
  tableBytes: number,
  regionBytes: number,
): void {
  let free = 0;
  for (let at = table; at < table + tableBytes; at += DESCRIPTOR_SIZE) {
    checkDescriptor(view, at);
    free = checkDescribedRange(view, at + 4, free, regionBytes, "typed_payload_descriptor");
  }
}

/**
 * One typed payload of a table that was checked. Its payload is a view.
 *
 * @param bytes What is read.
 * @param view The same memory.
 * @param descriptor Where its descriptor begins.
 * @param region Where the payload region begins.
 */
export function typedPayloadAt(
  bytes: Uint8Array,
  view: DataView,
  descriptor: number,
  region: number,
): TypedPayload {
  const start = region + view.getUint32(descriptor + 4, true);
  return {
    payloadKind: view.getUint8(descriptor),
    payload: bytes.subarray(start, start + view.getUint32(descriptor + 8, true)),
    profileId: view.getUint16(descriptor + 2, true),
    descriptorFlags: 0,
  };
}

/** All typed payloads of a table that was checked; parameters as {@linkcode typedPayloadAt}. */
export function typedPayloadsAt(
  bytes: Uint8Array,
  view: DataView,
  table: number,
  count: number,
  region: number,
): TypedPayload[] {
  // The usual one: a literal has room for it alone, a pushed-to array for seventeen.
  if (count === 1) return [typedPayloadAt(bytes, view, table, region)];
  const payloads: TypedPayload[] = [];
  for (let i = 0; i < count; i++) {
    payloads.push(typedPayloadAt(bytes, view, table + i * DESCRIPTOR_SIZE, region));
  }
  return payloads;
}

/**
 * Reads a table of descriptors and the payload region after it.
 *
 * @param bytes Table and region, nothing after them.
 * @param descriptorBytes Length of the table.
 * @throws NnrpWireError as {@linkcode checkTypedPayloads}.
 */
export function decodeTypedPayloads(bytes: Uint8Array, descriptorBytes: number): TypedPayload[] {
  if (descriptorBytes % DESCRIPTOR_SIZE !== 0 || descriptorBytes > bytes.length) {
    throw partialTable("typed_payload_descriptor_region", descriptorBytes);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkTypedPayloads(view, 0, descriptorBytes, bytes.length - descriptorBytes);
  return typedPayloadsAt(bytes, view, 0, descriptorBytes / DESCRIPTOR_SIZE, descriptorBytes);
}

/** One bit for each kind in byte 0, and descriptor_flags 0 in byte 1: the only values of the first u16. */
function isOneKind(kindAndFlags: number): boolean {
  return kindAndFlags !== 0 && kindAndFlags < 0x80 && (kindAndFlags & (kindAndFlags - 1)) === 0;
}

/** Allocates nothing; the table composes the error. */
function checkDescriptor(view: DataView, offset: number): void {
  if (isOneKind(view.getUint16(offset, true)) && view.getUint32(offset + 12, true) === 0) return;
  TYPED_PAYLOAD_RECORD.decode(view, offset, DESCRIPTOR_SIZE);
}

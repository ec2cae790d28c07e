/**
 * Extension frames: numbered additions at the end of a composed body, described by 16 bytes each (wire spec §8.2). rc2
 * neither reads nor writes them; readers here hand them on as they are.
 *
 * @module
 */
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import { ExtensionFrameFlags } from "../wire/flags.ts";
import { checkU16, shown } from "../wire/integers.ts";
import { closedFlags, u16, u32, ZERO } from "../wire/metadata/fields.ts";
import { defineRecord, type WireRecord } from "../wire/metadata/record.ts";
import { asBytes } from "../wire/byte_arguments.ts";
import { checkDescribedRange, partialTable } from "./described_ranges.ts";
import { DESCRIPTOR_SIZE } from "./prelude.ts";

/** One extension frame. */
export interface ExtensionFrame {
  /** Number of the extension, u16. */
  readonly extensionKind: number;
  /** ExtensionFrameFlags. Default 0. */
  readonly extensionFlags?: number;
  /** Profile, u16. Default 0. */
  readonly profileId?: number;
  /** The bytes; a view on the packet where it was received. */
  readonly payload: Uint8Array;
}

/** Descriptor of an extension frame as it is on the wire. */
export interface ExtensionFrameDescriptor {
  /** Number of the extension, u16. */
  readonly extensionKind: number;
  /** ExtensionFrameFlags, closed. */
  readonly extensionFlags: number;
  /** Profile, u16. */
  readonly profileId: number;
  /** Always 0. */
  readonly reserved0: number;
  /** Where the payload begins in its region, bytes. */
  readonly payloadOffset: number;
  /** Length of the payload, bytes. */
  readonly payloadLength: number;
}

/** An extension frame descriptor as a table. */
export const EXTENSION_FRAME_RECORD: WireRecord<ExtensionFrameDescriptor> = defineRecord<
  ExtensionFrameDescriptor
>({
  name: "extension_frame_descriptor",
  size: DESCRIPTOR_SIZE,
  stage: "body",
  fields: {
    extensionKind: u16(0),
    extensionFlags: u16(2, closedFlags(ExtensionFrameFlags)),
    profileId: u16(4),
    reserved0: u16(6, ZERO),
    payloadOffset: u32(8, undefined, "bytes"),
    payloadLength: u32(12, undefined, "bytes"),
  },
});

/**
 * Checks and writes a descriptor, 16 bytes.
 *
 * @throws NnrpValueError if a field does not fit, a flag is unknown or the reserved field not 0. Nothing was written.
 */
export function encodeExtensionFrameDescriptor(
  descriptor: ExtensionFrameDescriptor,
  view: DataView,
  offset: number,
): void {
  EXTENSION_FRAME_RECORD.encode(descriptor, view, offset);
}

/**
 * Reads a descriptor.
 *
 * @param view What is read.
 * @param offset Where it begins.
 * @param length How many bytes there are for it, 16.
 * @throws NnrpWireError if it is cut, a flag is unknown or the reserved field not 0.
 */
export function decodeExtensionFrameDescriptor(
  view: DataView,
  offset: number,
  length: number,
): ExtensionFrameDescriptor {
  return EXTENSION_FRAME_RECORD.decode(view, offset, length);
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
export function checkExtensionFrames(
  view: DataView,
  table: number,
  tableBytes: number,
  regionBytes: number,
): void {
  let free = 0;
  for (let at = table; at < table + tableBytes; at += DESCRIPTOR_SIZE) {
    checkDescriptor(view, at);
    free = checkDescribedRange(view, at + 8, free, regionBytes, "extension_frame_descriptor");
  }
}

/** All extension frames of a table that was checked. Payloads are views. */
export function extensionFramesAt(
  bytes: Uint8Array,
  view: DataView,
  table: number,
  count: number,
  region: number,
): ExtensionFrame[] {
  const frames: ExtensionFrame[] = [];
  for (let i = 0; i < count; i++) {
    const at = table + i * DESCRIPTOR_SIZE;
    const start = region + view.getUint32(at + 8, true);
    frames.push({
      extensionKind: view.getUint16(at, true),
      extensionFlags: view.getUint16(at + 2, true),
      profileId: view.getUint16(at + 4, true),
      payload: bytes.subarray(start, start + view.getUint32(at + 12, true)),
    });
  }
  return frames;
}

/**
 * Reads a table of descriptors and the payload region after it.
 *
 * @param bytes Table and region, nothing after them.
 * @param descriptorBytes Length of the table.
 * @param knownKinds If given, unknown kinds are skipped, and unknown critical ones refused.
 * @throws NnrpWireError as {@linkcode checkExtensionFrames}, or for an unknown critical frame.
 */
export function decodeExtensionFrames(
  bytes: Uint8Array,
  descriptorBytes: number,
  knownKinds?: ReadonlySet<number> | readonly number[],
): ExtensionFrame[] {
  if (descriptorBytes % DESCRIPTOR_SIZE !== 0 || descriptorBytes > bytes.length) {
    throw partialTable("extension_descriptor_region", descriptorBytes);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkExtensionFrames(view, 0, descriptorBytes, bytes.length - descriptorBytes);
  const frames = extensionFramesAt(bytes, view, 0, descriptorBytes / DESCRIPTOR_SIZE, descriptorBytes);
  return knownKinds === undefined ? frames : selectExtensionFrames(frames, knownKinds);
}

/**
 * Leaves out frames of unknown kinds.
 *
 * @throws NnrpWireError if one of them is critical.
 */
export function selectExtensionFrames(
  frames: readonly ExtensionFrame[],
  knownKinds: ReadonlySet<number> | readonly number[],
): ExtensionFrame[] {
  const known = new Set(knownKinds);
  return frames.filter((frame, index) => {
    if (known.has(frame.extensionKind)) return true;
    if (((frame.extensionFlags ?? 0) & ExtensionFrameFlags.CRITICAL) === 0) return false;
    throw new NnrpWireError("unknown critical extension", {
      field: `extension_frames[${index}].extension_kind`,
      expected: `one of ${[...known].join(", ")}`,
      actual: frame.extensionKind,
    });
  });
}

/**
 * Checks frames that are to be written and returns how many bytes their payloads have together.
 *
 * @throws NnrpValueError naming the one at fault, for example `extensionFrames[0].extensionFlags`.
 */
export function measureExtensionFrames(frames: readonly ExtensionFrame[]): number {
  let bytes = 0;
  frames.forEach((frame, index) => {
    const field = `extensionFrames[${index}]`;
    checkU16(frame.extensionKind, `${field}.extensionKind`);
    checkFlags(frame.extensionFlags ?? 0, `${field}.extensionFlags`);
    checkU16(frame.profileId ?? 0, `${field}.profileId`);
    bytes += asBytes(frame.payload, `${field}.payload`).length;
  });
  return bytes;
}

/** Writes the descriptors of frames that {@linkcode measureExtensionFrames} accepted, packed back to back. */
export function writeExtensionFrameTable(
  view: DataView,
  offset: number,
  frames: readonly ExtensionFrame[],
): void {
  let payloadOffset = 0;
  frames.forEach((frame, index) => {
    writeDescriptor(view, offset + index * DESCRIPTOR_SIZE, {
      extensionKind: frame.extensionKind,
      extensionFlags: frame.extensionFlags ?? 0,
      profileId: frame.profileId ?? 0,
      payloadOffset,
      payloadLength: frame.payload.length,
    });
    payloadOffset += frame.payload.length;
  });
}

function writeDescriptor(
  view: DataView,
  offset: number,
  descriptor: Omit<ExtensionFrameDescriptor, "reserved0">,
): void {
  view.setUint16(offset, descriptor.extensionKind, true);
  view.setUint16(offset + 2, descriptor.extensionFlags, true);
  view.setUint32(offset + 4, descriptor.profileId, true);
  view.setUint32(offset + 8, descriptor.payloadOffset, true);
  view.setUint32(offset + 12, descriptor.payloadLength, true);
}

function checkFlags(flags: number, field: string): void {
  if (flags !== 0 && flags !== ExtensionFrameFlags.CRITICAL) {
    throw new NnrpValueError("unknown flag", { field, expected: "0 or 1", actual: shown(flags) });
  }
}

/** Allocates nothing; the table composes the error. */
function checkDescriptor(view: DataView, offset: number): void {
  if (
    view.getUint16(offset + 2, true) <= ExtensionFrameFlags.CRITICAL && view.getUint16(offset + 6, true) === 0
  ) return;
  EXTENSION_FRAME_RECORD.decode(view, offset, DESCRIPTOR_SIZE);
}

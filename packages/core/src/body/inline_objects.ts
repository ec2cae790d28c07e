/**
 * Inline object blocks: cache objects carried in a composed body (wire spec §8.2). A block is a header of 16 bytes, the
 * payload, and zero bytes up to a multiple of 8.
 *
 * @module
 */
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import { CacheObjectKind } from "../wire/enums.ts";
import { checkU16, checkU32, shown } from "../wire/integers.ts";
import { closedEnum, u16, u32, ZERO } from "../wire/metadata/fields.ts";
import { defineRecord, type WireRecord } from "../wire/metadata/record.ts";
import type { Outbox } from "../wire/outbox.ts";
import { asBytes } from "../wire/byte_arguments.ts";
import { align8, checkZeroBytes, writeZeroBytes } from "../wire/padding.ts";

/** Length of a block's header, bytes. */
export const INLINE_OBJECT_HEADER_SIZE = 16;
/** Largest CacheObjectKind; the smallest is 1. Closed for readers and writers. */
export const MAX_OBJECT_KIND = 9;

/** Header of an inline object block. */
export interface InlineObjectHeader {
  /** CacheObjectKind, 1…9. */
  readonly objectKind: number;
  /** Always 0. */
  readonly objectFlags: number;
  /** Profile, u16. */
  readonly profileId: number;
  /** Always 0. */
  readonly reserved0: number;
  /** Length of the payload without padding, bytes. */
  readonly objectBytes: number;
  /** Always 0. */
  readonly reserved1: number;
}

/** A received inline object. */
export interface InlineObject extends InlineObjectHeader {
  /** The object, a view on what was read. */
  readonly payload: Uint8Array;
}

/** What is given to write an inline object. */
export interface InlineObjectData {
  /** CacheObjectKind, 1…9. */
  readonly objectKind: number;
  /** The object. */
  readonly payload: Uint8Array;
  /** Profile, u16. Default 0. */
  readonly profileId?: number;
}

/** Header of an inline object block as a table. */
export const INLINE_OBJECT_RECORD: WireRecord<InlineObjectHeader> = defineRecord<InlineObjectHeader>({
  name: "inline_object_block_header",
  size: INLINE_OBJECT_HEADER_SIZE,
  stage: "body",
  fields: {
    objectKind: u16(0, closedEnum(CacheObjectKind)),
    objectFlags: u16(2, ZERO),
    profileId: u16(4),
    reserved0: u16(6, ZERO),
    objectBytes: u32(8, undefined, "bytes"),
    reserved1: u32(12, ZERO),
  },
});

/**
 * Checks and writes the header of a block, 16 bytes.
 *
 * @throws NnrpValueError if a field does not fit, the kind is unknown or a reserved field is not 0. Nothing was written.
 */
export function encodeInlineObjectHeader(header: InlineObjectHeader, view: DataView, offset: number): void {
  INLINE_OBJECT_RECORD.encode(header, view, offset);
}

/** Writes a header whose numbers were checked before. */
export function writeInlineObjectHeader(
  view: DataView,
  offset: number,
  objectKind: number,
  profileId: number,
  objectBytes: number,
): void {
  view.setUint32(offset, objectKind, true);
  view.setUint32(offset + 4, profileId, true);
  view.setUint32(offset + 8, objectBytes, true);
  view.setUint32(offset + 12, 0, true);
}

/**
 * Reads the header of a block.
 *
 * @param view What is read.
 * @param offset Where the header begins.
 * @param length How many bytes there are for it, 16.
 * @throws NnrpWireError if it is cut, the kind is unknown or a reserved field is not 0.
 */
export function decodeInlineObjectHeader(view: DataView, offset: number, length: number): InlineObjectHeader {
  return INLINE_OBJECT_RECORD.decode(view, offset, length);
}

/**
 * Judges the block at `offset` without allocating anything.
 *
 * @param bytes What is read.
 * @param view The same memory.
 * @param offset Where the block begins.
 * @param end Where the region ends.
 * @returns Where the next block begins.
 * @throws NnrpWireError if the block is cut, its header refused or its padding not zero.
 */
export function checkInlineObject(bytes: Uint8Array, view: DataView, offset: number, end: number): number {
  checkHeader(view, offset, end);
  const objectBytes = view.getUint32(offset + 8, true);
  const next = offset + INLINE_OBJECT_HEADER_SIZE + align8(objectBytes);
  if (next > end) throw refused("object beyond the region", offset + 8, end - offset, objectBytes);
  checkZeroBytes(
    bytes,
    offset + INLINE_OBJECT_HEADER_SIZE + objectBytes,
    next,
    "inline_object_block.padding",
  );
  return next;
}

/** The block at `offset`, which {@linkcode checkInlineObject} accepted. The payload is a view. */
export function inlineObjectAt(bytes: Uint8Array, view: DataView, offset: number): InlineObject {
  const objectBytes = view.getUint32(offset + 8, true);
  const start = offset + INLINE_OBJECT_HEADER_SIZE;
  return {
    objectKind: view.getUint16(offset, true),
    objectFlags: 0,
    profileId: view.getUint16(offset + 4, true),
    reserved0: 0,
    objectBytes,
    reserved1: 0,
    payload: bytes.subarray(start, start + objectBytes),
  };
}

/** All blocks between `start` and `end`, a region that was checked. */
export function inlineObjectsAt(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): InlineObject[] {
  const objects: InlineObject[] = [];
  for (let at = start; at < end;) {
    const object = inlineObjectAt(bytes, view, at);
    objects.push(object);
    at += INLINE_OBJECT_HEADER_SIZE + align8(object.objectBytes);
  }
  return objects;
}

/**
 * Reads a region of inline objects.
 *
 * @param region The region, nothing after it.
 * @throws NnrpWireError as {@linkcode checkInlineObject}.
 */
export function decodeInlineObjects(region: Uint8Array): InlineObject[] {
  const view = new DataView(region.buffer, region.byteOffset, region.byteLength);
  for (let at = 0; at < region.length;) at = checkInlineObject(region, view, at, region.length);
  return inlineObjectsAt(region, view, 0, region.length);
}

/**
 * Reads one block.
 *
 * @param block The block with its padding, nothing after it.
 * @throws NnrpWireError as {@linkcode checkInlineObject}, and for bytes after the block.
 */
export function decodeInlineObject(block: Uint8Array): InlineObject {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const end = checkInlineObject(block, view, 0, block.length);
  if (end !== block.length) throw refused("bytes after the block", end, end, block.length);
  return inlineObjectAt(block, view, 0);
}

/**
 * Checks an object that is to be written and returns the length of its block, bytes.
 *
 * @throws NnrpValueError if a field does not fit; `field` is the prefix of its name.
 */
export function measureInlineObject(object: InlineObjectData, field: string): number {
  checkObjectKind(object.objectKind, `${field}.objectKind`);
  checkU16(object.profileId ?? 0, `${field}.profileId`);
  const size = asBytes(object.payload, `${field}.payload`).length;
  checkU32(size, `${field}.payload.length`);
  return INLINE_OBJECT_HEADER_SIZE + align8(size);
}

/**
 * Writes a block that {@linkcode measureInlineObject} accepted.
 *
 * @param field Whose bytes they are; see {@linkcode Outbox.append}.
 * @param index The index in it.
 */
export function writeInlineObject(out: Outbox, object: InlineObjectData, field: string, index = 0): void {
  const size = object.payload.length;
  const at = out.reserve(INLINE_OBJECT_HEADER_SIZE);
  writeInlineObjectHeader(out.view, at, object.objectKind, object.profileId ?? 0, size);
  out.append(object.payload, field, index);
  writeZeroBytes(out, align8(size) - size);
}

/**
 * @param kind The value that was given.
 * @param field Its name for the error.
 * @throws NnrpValueError unless it is a CacheObjectKind.
 */
export function checkObjectKind(kind: number, field: string): void {
  if (!(Number.isInteger(kind) && kind >= 1 && kind <= MAX_OBJECT_KIND)) {
    throw new NnrpValueError("unknown kind of object", { field, expected: "1…9", actual: shown(kind) });
  }
}

/** The header; allocates nothing, the table composes the error. */
function checkHeader(view: DataView, offset: number, end: number): void {
  if (end - offset >= INLINE_OBJECT_HEADER_SIZE) {
    const kindAndFlags = view.getUint32(offset, true); // the flags are the upper half
    if (
      kindAndFlags >= 1 && kindAndFlags <= MAX_OBJECT_KIND && view.getUint16(offset + 6, true) === 0 &&
      view.getUint32(offset + 12, true) === 0
    ) return;
  }
  INLINE_OBJECT_RECORD.decode(view, offset, Math.min(end - offset, INLINE_OBJECT_HEADER_SIZE));
}

function refused(message: string, offset: number, expected: string | number, actual: number): NnrpWireError {
  return new NnrpWireError(message, { field: "inline_object_block", offset, expected, actual });
}

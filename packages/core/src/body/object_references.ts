/**
 * References to objects in the peer's cache, 16 bytes each (wire spec §8.2).
 *
 * @module
 */
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import { CacheObjectKind } from "../wire/enums.ts";
import { checkU32, shown } from "../wire/integers.ts";
import { closedEnum, u16, u32, ZERO } from "../wire/metadata/fields.ts";
import { defineRecord, type WireRecord } from "../wire/metadata/record.ts";
import { checkObjectKind, MAX_OBJECT_KIND } from "./inline_objects.ts";

/** Length of a reference, bytes. */
export const OBJECT_REFERENCE_SIZE = 16;

/** Names an object in the peer's cache. */
export interface ObjectReference {
  /** CacheObjectKind, 1…9. */
  readonly objectKind: number;
  /** Always 0. */
  readonly refFlags?: number;
  /** Namespace of the key, u32. */
  readonly cacheNamespace: number;
  /** Upper half of the key, u32. */
  readonly cacheKeyHi: number;
  /** Lower half of the key, u32. */
  readonly cacheKeyLo: number;
}

/** A reference as a table. */
export const OBJECT_REFERENCE_RECORD: WireRecord<ObjectReference> = defineRecord<ObjectReference>({
  name: "object_reference_block",
  size: OBJECT_REFERENCE_SIZE,
  stage: "body",
  fields: {
    objectKind: u16(0, closedEnum(CacheObjectKind)),
    refFlags: u16(2, ZERO),
    cacheNamespace: u32(4),
    cacheKeyHi: u32(8),
    cacheKeyLo: u32(12),
  },
});

/**
 * Refuses references that cannot be written.
 *
 * @param reference The value that was given.
 * @param prefix Put before the field's name, for example `"cameraReference."`.
 * @throws NnrpValueError if a field does not fit, the kind is unknown or `refFlags` is not 0.
 */
export function checkObjectReference(reference: ObjectReference, prefix: string): void {
  if (typeof reference !== "object" || reference === null) {
    throw new NnrpValueError("a reference is wanted", {
      field: prefix.slice(0, -1),
      actual: shown(reference),
    });
  }
  checkObjectKind(reference.objectKind, `${prefix}objectKind`);
  if (reference.refFlags !== undefined && reference.refFlags !== 0) {
    throw new NnrpValueError("must be 0", {
      field: `${prefix}refFlags`,
      expected: 0,
      actual: shown(reference.refFlags),
    });
  }
  checkU32(reference.cacheNamespace, `${prefix}cacheNamespace`);
  checkU32(reference.cacheKeyHi, `${prefix}cacheKeyHi`);
  checkU32(reference.cacheKeyLo, `${prefix}cacheKeyLo`);
}

/**
 * Refuses references that cannot be written or name another kind of object than their slot holds.
 *
 * @param reference The value that was given.
 * @param kind CacheObjectKind of the slot.
 * @param field Name of the argument.
 * @throws NnrpValueError as {@linkcode checkObjectReference}, or naming the kind.
 */
export function checkSlotReference(reference: ObjectReference, kind: number, field: string): void {
  checkObjectReference(reference, `${field}.`);
  if (reference.objectKind !== kind) {
    throw new NnrpValueError("reference to another kind of object", {
      field: `${field}.objectKind`,
      expected: kind,
      actual: reference.objectKind,
    });
  }
}

/**
 * Checks and writes a reference, 16 bytes.
 *
 * @throws NnrpValueError as {@linkcode checkObjectReference}. Nothing was written.
 */
export function encodeObjectReference(reference: ObjectReference, view: DataView, offset: number): void {
  checkObjectReference(reference, "");
  writeObjectReference(reference, view, offset);
}

/** Writes a reference that was checked before. */
export function writeObjectReference(reference: ObjectReference, view: DataView, offset: number): void {
  view.setUint32(offset, reference.objectKind, true);
  view.setUint32(offset + 4, reference.cacheNamespace, true);
  view.setUint32(offset + 8, reference.cacheKeyHi, true);
  view.setUint32(offset + 12, reference.cacheKeyLo, true);
}

/**
 * Reads a reference.
 *
 * @param view What is read.
 * @param offset Where it begins.
 * @param length How many bytes there are for it, 16.
 * @throws NnrpWireError if it is cut, the kind is unknown or the flags are not 0.
 */
export function decodeObjectReference(view: DataView, offset: number, length: number): ObjectReference {
  return OBJECT_REFERENCE_RECORD.decode(view, offset, length);
}

/**
 * Judges a region of references without allocating anything.
 *
 * @throws NnrpWireError if its length is no multiple of 16 or a reference is refused.
 */
export function checkObjectReferences(view: DataView, start: number, end: number): void {
  if ((end - start) % OBJECT_REFERENCE_SIZE !== 0) {
    throw new NnrpWireError("partial reference in the region", {
      field: "object_reference_region",
      offset: start,
      expected: "a multiple of 16 bytes",
      actual: end - start,
    });
  }
  for (let at = start; at < end; at += OBJECT_REFERENCE_SIZE) checkReferenceBytes(view, at);
}

/** All references between `start` and `end`, a region that was checked. */
export function objectReferencesAt(view: DataView, start: number, end: number): ObjectReference[] {
  const references: ObjectReference[] = [];
  for (let at = start; at < end; at += OBJECT_REFERENCE_SIZE) references.push(objectReferenceAt(view, at));
  return references;
}

/** The reference at `offset`, which was checked. */
export function objectReferenceAt(view: DataView, offset: number): ObjectReference {
  return {
    objectKind: view.getUint16(offset, true),
    refFlags: view.getUint16(offset + 2, true),
    cacheNamespace: view.getUint32(offset + 4, true),
    cacheKeyHi: view.getUint32(offset + 8, true),
    cacheKeyLo: view.getUint32(offset + 12, true),
  };
}

/**
 * Reads a region of references.
 *
 * @param region The region, nothing after it.
 * @throws NnrpWireError as {@linkcode checkObjectReferences}.
 */
export function decodeObjectReferences(region: Uint8Array): ObjectReference[] {
  const view = new DataView(region.buffer, region.byteOffset, region.byteLength);
  checkObjectReferences(view, 0, region.length);
  return objectReferencesAt(view, 0, region.length);
}

/**
 * Order of references in a result: by kind, namespace, upper and lower half of the key, unsigned (wire spec §8.5).
 *
 * @returns Less than 0 if `a` comes first, 0 if they are the same, else more than 0.
 */
export function compareObjectReferences(a: ObjectReference, b: ObjectReference): number {
  return a.objectKind - b.objectKind || a.cacheNamespace - b.cacheNamespace || a.cacheKeyHi - b.cacheKeyHi ||
    a.cacheKeyLo - b.cacheKeyLo;
}

/** Allocates nothing; the table composes the error. */
function checkReferenceBytes(view: DataView, offset: number): void {
  const kindAndFlags = view.getUint32(offset, true); // the flags are the upper half
  if (kindAndFlags >= 1 && kindAndFlags <= MAX_OBJECT_KIND) return;
  OBJECT_REFERENCE_RECORD.decode(view, offset, OBJECT_REFERENCE_SIZE);
}

/**
 * The rules between the metadata and a composed body that submits and results share (wire spec §8.3, the slots of §8.4
 * and §8.5). Blocks are looked up where they lie; nothing is allocated per block.
 *
 * @module
 */
import { NnrpWireError } from "../errors.ts";
import { PayloadKind } from "../wire/flags.ts";
import { INLINE_OBJECT_HEADER_SIZE } from "./inline_objects.ts";
import { OBJECT_REFERENCE_SIZE, type ObjectReference, objectReferenceAt } from "./object_references.ts";
import { align8 } from "../wire/padding.ts";
import { DESCRIPTOR_SIZE } from "./prelude.ts";
import type { BodyRegions } from "./regions.ts";
import { readTensorBody } from "./tensor_body.ts";
import type { TensorSection } from "./tensor_sections.ts";

/** Where a slot object lies in a body: offset of its block or reference, −1 where there is none. */
export interface SlotPlace {
  /** Offset of the inline block. */
  readonly inline: number;
  /** Offset of the reference. */
  readonly reference: number;
}

/**
 * Judges the typed payloads of a body against its metadata.
 *
 * @param regions The body.
 * @param bitmap `payload_kind_bitmap`.
 * @param frameCount `payload_frame_count`.
 * @throws NnrpWireError if the counts differ, a kind is not promised or TENSOR.
 */
export function checkPromisedPayloads(regions: BodyRegions, bitmap: number, frameCount: number): void {
  if (regions.typedCount !== frameCount) {
    throw new NnrpWireError("one descriptor per typed payload", {
      field: "payload_frame_count",
      expected: regions.typedCount,
      actual: frameCount,
    });
  }
  const bytes = regions.prelude.typedPayloadFrameBytes;
  if (frameCount === 0 && bytes !== 0) {
    throw new NnrpWireError("payload bytes without typed payloads", {
      field: "body_region_prelude.typed_payload_frame_bytes",
      offset: 12,
      expected: 0,
      actual: bytes,
    });
  }
  for (let i = 0; i < frameCount; i++) {
    const at = regions.typedTableStart + i * DESCRIPTOR_SIZE;
    const kind = regions.view.getUint8(at);
    if (kind === PayloadKind.TENSOR || (kind & bitmap) === 0) {
      throw new NnrpWireError("a kind that the metadata does not promise, or TENSOR", {
        field: `typed_payloads[${i}].payload_kind`,
        offset: at,
        expected: `a bit of ${bitmap & ~PayloadKind.TENSOR}`,
        actual: kind,
      });
    }
  }
}

/**
 * Looks up the object of a slot.
 *
 * @param regions The body.
 * @param kind CacheObjectKind of the slot.
 * @throws NnrpWireError if it is there twice or both carried and referenced.
 */
export function findSlot(regions: BodyRegions, kind: number): SlotPlace {
  const { view } = regions;
  let inline = -1;
  for (let at = regions.inlineStart; at < regions.referenceStart;) {
    if (view.getUint16(at, true) === kind) {
      if (inline >= 0) throw twice(kind, "inline_objects", at);
      inline = at;
    }
    at += INLINE_OBJECT_HEADER_SIZE + align8(view.getUint32(at + 8, true));
  }
  let reference = -1;
  for (let at = regions.referenceStart; at < regions.typedTableStart; at += OBJECT_REFERENCE_SIZE) {
    if (view.getUint16(at, true) === kind) {
      if (reference >= 0) throw twice(kind, "object_references", at);
      reference = at;
    }
  }
  if (inline >= 0 && reference >= 0) throw twice(kind, "both regions", reference);
  return { inline, reference };
}

/** Length of the object in the inline block at `offset`, bytes. */
export function inlineBytesAt(regions: BodyRegions, offset: number): number {
  return regions.view.getUint32(offset + 8, true);
}

/** The reference of a slot, if it has one. */
export function slotReference(regions: BodyRegions, place: SlotPlace): ObjectReference | null {
  return place.reference < 0 ? null : objectReferenceAt(regions.view, place.reference);
}

/**
 * Compares a length of the metadata with the object that it speaks of.
 *
 * @throws NnrpWireError unless they are equal.
 */
export function checkStatedBytes(field: string, stated: number, actual: number): void {
  if (stated !== actual) {
    throw new NnrpWireError("differs from the object", { field, expected: actual, actual: stated });
  }
}

/**
 * Reads the section table of a composed body.
 *
 * @param regions The body.
 * @param place Where the table is.
 * @param sectionCount `section_count`.
 * @param tileCount `tile_count`.
 * @returns The sections; null if the table is referenced.
 * @throws NnrpWireError as `readTensorBody`, or if sections are stated but absent.
 */
export function readSectionTable(
  regions: BodyRegions,
  place: SlotPlace,
  sectionCount: number,
  tileCount: number,
): TensorSection[] | null {
  if (place.reference >= 0) return null;
  if (place.inline < 0) {
    if (sectionCount === 0) return [];
    throw new NnrpWireError("no section table", {
      field: "section_count",
      expected: 0,
      actual: sectionCount,
    });
  }
  const start = place.inline + INLINE_OBJECT_HEADER_SIZE;
  const end = start + inlineBytesAt(regions, place.inline);
  return readTensorBody(regions.bytes, regions.view, start, end, 0, sectionCount, tileCount);
}

function twice(kind: number, where: string, offset: number): NnrpWireError {
  return new NnrpWireError(`an object of kind ${kind} is there twice`, {
    field: where,
    offset,
    expected: 1,
    actual: 2,
  });
}

/**
 * Writing composed bodies of submits and results: inline objects in slot order, references, typed payloads (wire spec §8.2
 * and §11, "Composed layout").
 *
 * @module
 */
import { CacheObjectKind } from "../wire/enums.ts";
import type { Outbox } from "../wire/outbox.ts";
import { INLINE_OBJECT_HEADER_SIZE, writeInlineObject, writeInlineObjectHeader } from "./inline_objects.ts";
import { OBJECT_REFERENCE_SIZE, type ObjectReference, writeObjectReference } from "./object_references.ts";
import { align8, writeZeroBytes } from "../wire/padding.ts";
import { BODY_PRELUDE_SIZE, DESCRIPTOR_SIZE, writePrelude } from "./prelude.ts";
import { type TensorSectionData, writeSections } from "./section_writer.ts";
import { writeTileIndex } from "./tile_index.ts";
import { appendTypedPayloads, type TypedPayload, writeTypedPayloadTable } from "./typed_payloads.ts";

/** Parts of a composed body; all were checked and measured before. */
export interface ComposedParts {
  /** Camera that is carried; empty = no camera block. */
  readonly cameraBlock: Uint8Array;
  /** Tile ids that are carried; empty = no index block. */
  readonly tileIds: ArrayLike<number>;
  /** TileIndexMode of the ids. */
  readonly tileIndexMode: number;
  /** Length of their index, bytes. */
  readonly tileIndexBytes: number;
  /** Sections that are carried; empty = no table block. */
  readonly sections: readonly TensorSectionData[];
  /** Length of the section table, bytes. */
  readonly sectionTableBytes: number;
  /** References in the order in which they are written. */
  readonly references: readonly ObjectReference[];
  /** Typed payloads. */
  readonly typedPayloads: readonly TypedPayload[];
  /** Their bytes together. */
  readonly typedBytes: number;
}

/** Length of the body, bytes. */
export function composedLength(parts: ComposedParts): number {
  return BODY_PRELUDE_SIZE + inlineBytes(parts) + parts.references.length * OBJECT_REFERENCE_SIZE +
    parts.typedPayloads.length * DESCRIPTOR_SIZE + parts.typedBytes;
}

/** Writes the body. */
export function writeComposedBody(out: Outbox, parts: ComposedParts): void {
  const { references, typedPayloads } = parts;
  const prelude = out.reserve(BODY_PRELUDE_SIZE);
  writePrelude(
    out.view,
    prelude,
    inlineBytes(parts),
    references.length * OBJECT_REFERENCE_SIZE,
    typedPayloads.length * DESCRIPTOR_SIZE,
    parts.typedBytes,
    0,
    0,
  );
  if (parts.cameraBlock.length > 0) {
    const camera = { objectKind: CacheObjectKind.CAMERA_BLOCK, payload: parts.cameraBlock };
    writeInlineObject(out, camera, "cameraBlock");
  }
  if (parts.tileIds.length > 0) {
    const bytes = parts.tileIndexBytes;
    const at = out.reserve(INLINE_OBJECT_HEADER_SIZE + bytes);
    writeInlineObjectHeader(out.view, at, CacheObjectKind.TILE_INDEX_BLOCK, 0, bytes);
    writeTileIndex(out.view, at + INLINE_OBJECT_HEADER_SIZE, parts.tileIndexMode, parts.tileIds);
    writeZeroBytes(out, align8(bytes) - bytes);
  }
  if (parts.sections.length > 0) {
    const bytes = parts.sectionTableBytes;
    const at = out.reserve(INLINE_OBJECT_HEADER_SIZE);
    writeInlineObjectHeader(out.view, at, CacheObjectKind.TENSOR_SECTION_TABLE, 0, bytes);
    writeSections(out, parts.sections, 0);
    writeZeroBytes(out, align8(bytes) - bytes);
  }
  const heads = references.length * OBJECT_REFERENCE_SIZE;
  const at = out.reserve(heads + typedPayloads.length * DESCRIPTOR_SIZE);
  references.forEach((reference, i) =>
    writeObjectReference(reference, out.view, at + i * OBJECT_REFERENCE_SIZE)
  );
  writeTypedPayloadTable(out.view, at + heads, typedPayloads);
  appendTypedPayloads(out, typedPayloads);
}

function inlineBytes(parts: ComposedParts): number {
  return block(parts.cameraBlock.length, parts.cameraBlock.length) +
    block(parts.tileIds.length, parts.tileIndexBytes) +
    block(parts.sections.length, parts.sectionTableBytes);
}

/** Length of a block of `bytes`; nothing is written for `count` 0. */
function block(count: number, bytes: number): number {
  return count === 0 ? 0 : INLINE_OBJECT_HEADER_SIZE + align8(bytes);
}

/**
 * Writing RESULT_PUSH: chooses the packet (behaviour spec §9), checks everything, then writes header, metadata and body
 * (wire spec §7, §8, §11). Results with typed payloads alone and metadata-only ones are the busiest way: straight-line code,
 * nothing allocated.
 *
 * @module
 */
import { NnrpValueError } from "../errors.ts";
import { CacheObjectKind, TileIndexMode } from "../wire/enums.ts";
import { PayloadKind } from "../wire/flags.ts";
import { checkU32, isU8, shown } from "../wire/integers.ts";
import type { Outbox } from "../wire/outbox.ts";
import { composedLength, type ComposedParts, writeComposedBody } from "./composed_writer.ts";
import {
  checkObjectReference,
  checkSlotReference,
  compareObjectReferences,
  type ObjectReference,
} from "./object_references.ts";
import { BODY_PRELUDE_SIZE, DESCRIPTOR_SIZE, writePrelude } from "./prelude.ts";
import { checkBodyLength } from "./regions.ts";
import type { ResultFields, ResultTarget } from "./result_fields.ts";
import {
  checkCoverage,
  checkResultNumbers,
  RESULT_HEAD_SIZE,
  writePlainResultHead,
  writeTensorResultHead,
} from "./result_head.ts";
import { measureSections, type TensorSectionData, writeSections } from "./section_writer.ts";
import { measureTileIndex, writeTileIndex } from "./tile_index.ts";
import {
  appendTypedPayloads,
  measureTypedPayloads,
  type TypedPayload,
  typedPayloadKinds,
  writeTypedPayloadTable,
} from "./typed_payloads.ts";

const NO_BYTES = new Uint8Array(0);
const NO_TILES: readonly number[] = [];
const NO_SECTIONS: readonly TensorSectionData[] = [];
const NO_PAYLOADS: readonly TypedPayload[] = [];

/**
 * Writes the packet of a result. Large payloads are not copied: they belong to the outbox until they are sent.
 *
 * @param out Where to write.
 * @param sessionId Session of the header.
 * @param target The submit that is answered, or numbers like its.
 * @param result What to send.
 * @param flags HeaderFlags. Default: those of the result.
 * @throws NnrpValueError naming the field at fault, for example `droppedTileCount`. Nothing was written.
 */
export function encodeResultPush(
  out: Outbox,
  sessionId: number,
  target: ResultTarget,
  result: ResultFields,
  flags: number = result.flags ?? 0,
): void {
  const typed = result.typedPayloads ?? NO_PAYLOADS;
  if (hasReferences(result)) encodeReferenced(out, sessionId, target, result, flags, typed);
  else if (typed.length === 0) encodeTensorOrMetadata(out, sessionId, target, result, flags);
  else if (hasTensorContent(result)) encodeMixed(out, sessionId, target, result, flags, typed);
  else encodeTyped(out, sessionId, target, result, flags, typed);
}

/** Typed payloads alone: prelude, descriptors, payloads. */
function encodeTyped(
  out: Outbox,
  sessionId: number,
  target: ResultTarget,
  result: ResultFields,
  flags: number,
  typed: readonly TypedPayload[],
): void {
  checkResultNumbers(sessionId, target, result, flags);
  const typedBytes = measureTypedPayloads(typed);
  const tableBytes = typed.length * DESCRIPTOR_SIZE;
  const bodyLength = BODY_PRELUDE_SIZE + tableBytes + typedBytes;
  checkBodyLength(bodyLength);

  const at = out.reserve(RESULT_HEAD_SIZE + BODY_PRELUDE_SIZE + tableBytes);
  const view = out.view;
  writePlainResultHead(
    view,
    at,
    sessionId,
    target,
    result,
    flags,
    bodyLength,
    typedPayloadKinds(typed),
    typed.length,
  );
  writePrelude(view, at + RESULT_HEAD_SIZE, 0, 0, tableBytes, typedBytes, 0, 0);
  writeTypedPayloadTable(view, at + RESULT_HEAD_SIZE + BODY_PRELUDE_SIZE, typed);
  appendTypedPayloads(out, typed);
}

function encodeTensorOrMetadata(
  out: Outbox,
  sessionId: number,
  target: ResultTarget,
  result: ResultFields,
  flags: number,
): void {
  const bitmap = result.payloadKindBitmap ?? PayloadKind.TENSOR;
  checkIndexMode(result);
  if ((result.payloadFrameCount ?? 0) !== 0) {
    throw new NnrpValueError("there are no typed payloads", {
      field: "payloadFrameCount",
      expected: 0,
      actual: shown(result.payloadFrameCount),
    });
  }
  if (!isU8(bitmap) || bitmap > 0x7f) {
    throw new NnrpValueError("unknown payload kind", {
      field: "payloadKindBitmap",
      expected: "bits within 0x7f",
      actual: shown(bitmap),
    });
  }
  checkResultNumbers(sessionId, target, result, flags);
  if ((bitmap & PayloadKind.TENSOR) === 0) {
    refuseTensorContent(result);
    const at = out.reserve(RESULT_HEAD_SIZE);
    writePlainResultHead(out.view, at, sessionId, target, result, flags, 0, bitmap, 0);
    return;
  }
  if (bitmap !== PayloadKind.TENSOR) {
    throw new NnrpValueError("a result without typed payloads promises no further kind: no peer reads it", {
      field: "payloadKindBitmap",
      expected: PayloadKind.TENSOR,
      actual: bitmap,
    });
  }
  const tileIds = result.tileIds ?? NO_TILES;
  const sections = result.sections ?? NO_SECTIONS;
  const indexBytes = measureIndex(result, tileIds);
  checkCoverage(result, tileIds.length);
  const bodyLength = measureSections(sections, tileIds.length, indexBytes);
  checkBodyLength(bodyLength);

  const at = out.reserve(RESULT_HEAD_SIZE + indexBytes);
  writeTensorResultHead(out.view, at, sessionId, target, result, flags, bodyLength, indexBytes, bitmap, 0);
  writeTileIndex(out.view, at + RESULT_HEAD_SIZE, result.tileIndexMode ?? TileIndexMode.RAW_U16, tileIds);
  writeSections(out, sections, indexBytes);
}

/** Tensors and typed payloads. */
function encodeMixed(
  out: Outbox,
  sessionId: number,
  target: ResultTarget,
  result: ResultFields,
  flags: number,
  typed: readonly TypedPayload[],
): void {
  const typedBytes = measureTypedPayloads(typed);
  const bitmap = PayloadKind.TENSOR | typedPayloadKinds(typed);
  encodeComposed(out, sessionId, target, result, flags, [], typed, typedBytes, bitmap);
}

/** Anything that builds on objects in the client's cache. */
function encodeReferenced(
  out: Outbox,
  sessionId: number,
  target: ResultTarget,
  result: ResultFields,
  flags: number,
  typed: readonly TypedPayload[],
): void {
  const references = collectReferences(result);
  const typedBytes = measureTypedPayloads(typed);
  let bitmap = typedPayloadKinds(typed);
  if (typed.length === 0) bitmap = result.payloadKindBitmap ?? PayloadKind.TENSOR;
  else if (hasTensorContent(result) || result.tileIndexReference || result.tensorSectionTableReference) {
    bitmap |= PayloadKind.TENSOR;
  }
  if (!isU8(bitmap) || bitmap > 0x7f || (bitmap & ~PayloadKind.TENSOR) === 0) {
    throw new NnrpValueError(
      "references are readable only beside a typed payload or a further payload kind bit (behaviour spec §8.3)",
      { field: "payloadKindBitmap", actual: shown(bitmap) },
    );
  }
  encodeComposed(out, sessionId, target, result, flags, references, typed, typedBytes, bitmap);
}

function encodeComposed(
  out: Outbox,
  sessionId: number,
  target: ResultTarget,
  result: ResultFields,
  flags: number,
  references: readonly ObjectReference[],
  typedPayloads: readonly TypedPayload[],
  typedBytes: number,
  bitmap: number,
): void {
  checkIndexMode(result);
  checkResultNumbers(sessionId, target, result, flags);
  const tensor = (bitmap & PayloadKind.TENSOR) !== 0;
  if (!tensor) refuseTensorContent(result);
  const tileIds = result.tileIds ?? NO_TILES;
  const sections = result.sections ?? NO_SECTIONS;
  const tileIndexBytes = measureIndex(result, tileIds);
  if (tensor) checkCoverage(result, tileIds.length);
  const sectionTableBytes = measureSections(sections, tileIds.length, 0);
  const indexElsewhere = !!result.tileIndexReference;
  const tableElsewhere = !!result.tensorSectionTableReference;
  const parts: ComposedParts = {
    cameraBlock: NO_BYTES,
    tileIds: indexElsewhere ? NO_TILES : tileIds,
    tileIndexMode: result.tileIndexMode ?? TileIndexMode.RAW_U16,
    tileIndexBytes: indexElsewhere ? 0 : tileIndexBytes,
    sections: tableElsewhere ? NO_SECTIONS : sections,
    sectionTableBytes: tableElsewhere ? 0 : sectionTableBytes,
    references,
    typedPayloads,
    typedBytes,
  };
  const bodyLength = composedLength(parts);
  checkBodyLength(bodyLength);
  const at = out.reserve(RESULT_HEAD_SIZE);
  if (tensor) {
    const count = typedPayloads.length;
    writeTensorResultHead(
      out.view,
      at,
      sessionId,
      target,
      result,
      flags,
      bodyLength,
      parts.tileIndexBytes,
      bitmap,
      count,
    );
  } else {
    writePlainResultHead(
      out.view,
      at,
      sessionId,
      target,
      result,
      flags,
      bodyLength,
      bitmap,
      typedPayloads.length,
    );
  }
  writeComposedBody(out, parts);
}

function hasTensorContent(result: ResultFields): boolean {
  const { tileIds, sections } = result;
  return (tileIds !== undefined && tileIds.length > 0) || (sections !== undefined && sections.length > 0);
}

function hasReferences(result: ResultFields): boolean {
  return !!result.tileIndexReference || !!result.tensorSectionTableReference ||
    (result.references !== undefined && result.references.length > 0);
}

/** All references of a result in the order that readers demand (wire spec §8.5). */
function collectReferences(result: ResultFields): ObjectReference[] {
  const references: ObjectReference[] = [];
  if (result.references !== undefined && !Array.isArray(result.references)) {
    throw new NnrpValueError("a list is wanted", { field: "references", actual: shown(result.references) });
  }
  (result.references ?? []).forEach((reference, i) => {
    checkObjectReference(reference, `references[${i}].`);
    const kind = reference.objectKind;
    if (kind === CacheObjectKind.TILE_INDEX_BLOCK || kind === CacheObjectKind.TENSOR_SECTION_TABLE) {
      throw new NnrpValueError("give it as tileIndexReference or tensorSectionTableReference", {
        field: `references[${i}].objectKind`,
        actual: kind,
      });
    }
    references.push(reference);
  });
  const { tileIndexReference, tensorSectionTableReference } = result;
  if (tileIndexReference) {
    checkSlotReference(tileIndexReference, CacheObjectKind.TILE_INDEX_BLOCK, "tileIndexReference");
    references.push(tileIndexReference);
  }
  if (tensorSectionTableReference) {
    const kind = CacheObjectKind.TENSOR_SECTION_TABLE;
    checkSlotReference(tensorSectionTableReference, kind, "tensorSectionTableReference");
    references.push(tensorSectionTableReference);
  }
  references.sort(compareObjectReferences);
  for (let i = 1; i < references.length; i++) {
    if (compareObjectReferences(references[i - 1], references[i]) === 0) {
      throw new NnrpValueError("the same reference twice", { field: "references" });
    }
  }
  return references;
}

function checkIndexMode(result: ResultFields): void {
  const mode = result.tileIndexMode ?? TileIndexMode.RAW_U16;
  if (mode !== TileIndexMode.RAW_U16 && mode !== TileIndexMode.DENSE_RANGE) {
    throw new NnrpValueError("the metadata of a result does not tell the mode", {
      field: "tileIndexMode",
      expected: "RAW_U16 or DENSE_RANGE",
      actual: shown(mode),
    });
  }
}

function measureIndex(result: ResultFields, tileIds: ArrayLike<number>): number {
  checkU32(result.tileBaseId ?? 0, "tileBaseId");
  return measureTileIndex(result.tileIndexMode ?? TileIndexMode.RAW_U16, tileIds, result.tileBaseId ?? 0);
}

function refuseTensorContent(result: ResultFields): void {
  for (const field of ["coveredTileCount", "droppedTileCount"] as const) {
    if ((result[field] ?? 0) !== 0) throw withoutTensor(field);
  }
  if (result.tileIds !== undefined && result.tileIds.length > 0) throw withoutTensor("tileIds");
  if (result.sections !== undefined && result.sections.length > 0) throw withoutTensor("sections");
  if (result.tileIndexReference) throw withoutTensor("tileIndexReference");
  if (result.tensorSectionTableReference) throw withoutTensor("tensorSectionTableReference");
}

function withoutTensor(field: string): NnrpValueError {
  return new NnrpValueError("needs payload kind TENSOR", { field });
}

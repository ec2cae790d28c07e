/**
 * Writing FRAME_SUBMIT: chooses the packet (behaviour spec §8.2), checks everything, then writes header, metadata and body
 * (wire spec §6, §8, §11). Submits with typed payloads alone are the busiest way: straight-line code, nothing allocated.
 *
 * @module
 */
import { NnrpValueError } from "../errors.ts";
import { SubmitMode, TileIndexMode } from "../wire/enums.ts";
import { PayloadKind } from "../wire/flags.ts";
import { checkU32, isU8, shown } from "../wire/integers.ts";
import type { Outbox } from "../wire/outbox.ts";
import { asBytes } from "../wire/byte_arguments.ts";
import { composedLength, type ComposedParts, writeComposedBody } from "./composed_writer.ts";
import { checkSlotReference, type ObjectReference } from "./object_references.ts";
import { align8, writeZeroBytes } from "../wire/padding.ts";
import { BODY_PRELUDE_SIZE, DESCRIPTOR_SIZE, writePrelude } from "./prelude.ts";
import { checkBodyLength, MAX_LENGTH } from "./regions.ts";
import { measureSections, type TensorSectionData, writeSections } from "./section_writer.ts";
import {
  checkGeometry,
  checkSubmitNumbers,
  SUBMIT_HEAD_SIZE,
  writeTensorHead,
  writeTypedHead,
} from "./submit_head.ts";
import type { SubmitRequest } from "./submit_request.ts";
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
 * Writes the packet of a submit. Large payloads are not copied: they belong to the outbox until they are sent.
 *
 * @param out Where to write.
 * @param sessionId Session of the header.
 * @param request What to submit.
 * @param frameId Frame of the header. Default: the request's.
 * @param maxBodyBytes Longest body that the peer takes. Default: what fits the header.
 * @throws NnrpValueError naming the field at fault, for example `sections[1].tilePayloads`; NnrpLimitError if the body is
 * longer than `maxBodyBytes`. Nothing was written.
 */
export function encodeFrameSubmit(
  out: Outbox,
  sessionId: number,
  request: SubmitRequest,
  frameId: number = request.frameId,
  maxBodyBytes: number = MAX_LENGTH,
): void {
  const typed = request.typedPayloads;
  if (typed !== undefined && typed.length > 0) {
    if (
      request.submitMode || request.objectRefMask || request.cameraReference || request.tileIndexReference ||
      request.tensorSectionTableReference
    ) {
      throw new NnrpValueError("typed payloads go with submit mode INLINE, no mask and no references", {
        field: request.submitMode ? "submitMode" : request.objectRefMask ? "objectRefMask" : "typedPayloads",
      });
    }
    if (hasTensorContent(request)) encodeMixed(out, sessionId, frameId, request, typed, maxBodyBytes);
    else encodeTyped(out, sessionId, frameId, request, typed, maxBodyBytes);
  } else if ((request.submitMode ?? SubmitMode.INLINE) === SubmitMode.INLINE) {
    encodePlain(out, sessionId, frameId, request, maxBodyBytes);
  } else {
    encodeReferenced(out, sessionId, frameId, request, maxBodyBytes);
  }
}

/** Whether tile ids, sections or a camera are given. */
export function hasTensorContent(request: SubmitRequest): boolean {
  const { tileIds, sections, cameraBlock } = request;
  return (tileIds !== undefined && tileIds.length > 0) || (sections !== undefined && sections.length > 0) ||
    (cameraBlock !== undefined && cameraBlock.length > 0);
}

/** Typed payloads alone: prelude, descriptors, payloads. */
function encodeTyped(
  out: Outbox,
  sessionId: number,
  frameId: number,
  request: SubmitRequest,
  typed: readonly TypedPayload[],
  maxBodyBytes: number,
): void {
  checkSubmitNumbers(sessionId, frameId, request);
  const typedBytes = measureTypedPayloads(typed);
  const tableBytes = typed.length * DESCRIPTOR_SIZE;
  const bodyLength = BODY_PRELUDE_SIZE + tableBytes + typedBytes;
  checkBodyLength(bodyLength, maxBodyBytes);

  const at = out.reserve(SUBMIT_HEAD_SIZE + BODY_PRELUDE_SIZE + tableBytes);
  const view = out.view;
  writeTypedHead(view, at, sessionId, frameId, request, bodyLength, typedPayloadKinds(typed), typed.length);
  writePrelude(view, at + SUBMIT_HEAD_SIZE, 0, 0, tableBytes, typedBytes, 0, 0);
  writeTypedPayloadTable(view, at + SUBMIT_HEAD_SIZE + BODY_PRELUDE_SIZE, typed);
  appendTypedPayloads(out, typed);
}

/** Tensors without references: camera, tile index, sections. */
function encodePlain(
  out: Outbox,
  sessionId: number,
  frameId: number,
  request: SubmitRequest,
  maxBodyBytes: number,
): void {
  refuseReferences(request);
  const bitmap = request.payloadKindBitmap;
  if (bitmap !== undefined && bitmap !== PayloadKind.TENSOR) {
    throw new NnrpValueError(
      "an inline submit without typed payloads carries tensors and nothing else: no peer reads it",
      {
        field: "payloadKindBitmap",
        expected: PayloadKind.TENSOR,
        actual: shown(bitmap),
      },
    );
  }
  refuseFrameCount(request);
  checkSubmitNumbers(sessionId, frameId, request);
  checkGeometry(request);
  const tileIds = request.tileIds ?? NO_TILES;
  const sections = request.sections ?? NO_SECTIONS;
  const camera = asBytes(request.cameraBlock ?? NO_BYTES, "cameraBlock");
  const mode = request.tileIndexMode ?? TileIndexMode.RAW_U16;
  const indexBytes = measureTileIndex(mode, tileIds, request.tileBaseId ?? 0);
  const cameraRoom = align8(camera.length);
  const bodyLength = measureSections(sections, tileIds.length, cameraRoom + indexBytes);
  checkBodyLength(bodyLength, maxBodyBytes);

  let index: number;
  if (camera.length === 0) {
    const at = out.reserve(SUBMIT_HEAD_SIZE + indexBytes);
    writeTensorHead(
      out.view,
      at,
      sessionId,
      frameId,
      request,
      bodyLength,
      0,
      indexBytes,
      PayloadKind.TENSOR,
      0,
      0,
    );
    index = at + SUBMIT_HEAD_SIZE;
  } else {
    const at = out.reserve(SUBMIT_HEAD_SIZE);
    writeTensorHead(
      out.view,
      at,
      sessionId,
      frameId,
      request,
      bodyLength,
      camera.length,
      indexBytes,
      PayloadKind.TENSOR,
      0,
      0,
    );
    out.append(camera, "cameraBlock");
    writeZeroBytes(out, cameraRoom - camera.length);
    index = out.reserve(indexBytes);
  }
  writeTileIndex(out.view, index, mode, tileIds);
  writeSections(out, sections, cameraRoom + indexBytes);
}

/** Tensors and typed payloads. */
function encodeMixed(
  out: Outbox,
  sessionId: number,
  frameId: number,
  request: SubmitRequest,
  typed: readonly TypedPayload[],
  maxBodyBytes: number,
): void {
  const parts = tensorParts(request, false, false, false, [], typed);
  encodeComposed(
    out,
    sessionId,
    frameId,
    request,
    parts,
    PayloadKind.TENSOR | typedPayloadKinds(typed),
    typed.length,
    maxBodyBytes,
  );
}

/** Tensors of which some or all are in the peer's cache. */
function encodeReferenced(
  out: Outbox,
  sessionId: number,
  frameId: number,
  request: SubmitRequest,
  maxBodyBytes: number,
): void {
  const { submitMode, cameraReference, tileIndexReference, tensorSectionTableReference } = request;
  if (submitMode !== SubmitMode.REFERENCE && submitMode !== SubmitMode.MIXED) {
    throw new NnrpValueError("unknown submit mode", {
      field: "submitMode",
      expected: "0…2",
      actual: shown(submitMode),
    });
  }
  const references: ObjectReference[] = [];
  let mask = 0;
  mask |= addReference(references, cameraReference, 1, "cameraReference");
  mask |= addReference(references, tileIndexReference, 2, "tileIndexReference");
  mask |= addReference(references, tensorSectionTableReference, 3, "tensorSectionTableReference");
  if (mask === 0) throw new NnrpValueError("this submit mode needs a reference", { field: "submitMode" });
  if ((request.objectRefMask ?? mask) !== mask) {
    throw new NnrpValueError("the mask must name the references that are given", {
      field: "objectRefMask",
      expected: mask,
      actual: shown(request.objectRefMask),
    });
  }
  const bitmap = request.payloadKindBitmap ?? PayloadKind.TENSOR;
  if (!isU8(bitmap) || bitmap > 0x7f || (bitmap & PayloadKind.TENSOR) === 0) {
    throw new NnrpValueError("references stand for tensors", {
      field: "payloadKindBitmap",
      expected: "PayloadKind bits with TENSOR",
      actual: shown(bitmap),
    });
  }
  refuseFrameCount(request);
  if (submitMode === SubmitMode.REFERENCE) {
    if (!cameraReference) refuseInline(request.cameraBlock, "cameraBlock");
    if (!tileIndexReference) refuseInline(request.tileIds, "tileIds");
    if (!tensorSectionTableReference) refuseInline(request.sections, "sections");
  }
  const parts = tensorParts(
    request,
    !!cameraReference,
    !!tileIndexReference,
    !!tensorSectionTableReference,
    references,
    NO_PAYLOADS,
  );
  encodeComposed(out, sessionId, frameId, request, parts, bitmap, 0, maxBodyBytes);
}

function encodeComposed(
  out: Outbox,
  sessionId: number,
  frameId: number,
  request: SubmitRequest,
  parts: ComposedParts,
  bitmap: number,
  frameCount: number,
  maxBodyBytes: number,
): void {
  checkSubmitNumbers(sessionId, frameId, request);
  checkGeometry(request);
  const bodyLength = composedLength(parts);
  checkBodyLength(bodyLength, maxBodyBytes);
  const at = out.reserve(SUBMIT_HEAD_SIZE);
  writeTensorHead(
    out.view,
    at,
    sessionId,
    frameId,
    request,
    bodyLength,
    parts.cameraBlock.length,
    parts.tileIndexBytes,
    bitmap,
    frameCount,
    parts.references.reduce((mask, reference) => mask | slotBit(reference.objectKind), 0),
  );
  writeComposedBody(out, parts);
}

/** Checks and measures what is carried and what is referenced: that is checked and counted too, then left out. */
function tensorParts(
  request: SubmitRequest,
  cameraElsewhere: boolean,
  indexElsewhere: boolean,
  tableElsewhere: boolean,
  references: readonly ObjectReference[],
  typedPayloads: readonly TypedPayload[],
): ComposedParts {
  checkU32(request.tileBaseId ?? 0, "tileBaseId");
  const tileIds = request.tileIds ?? NO_TILES;
  const sections = request.sections ?? NO_SECTIONS;
  const camera = asBytes(request.cameraBlock ?? NO_BYTES, "cameraBlock");
  const tileIndexMode = request.tileIndexMode ?? TileIndexMode.RAW_U16;
  const tileIndexBytes = measureTileIndex(tileIndexMode, tileIds, request.tileBaseId ?? 0);
  const sectionTableBytes = measureSections(sections, tileIds.length, 0);
  return {
    cameraBlock: cameraElsewhere ? NO_BYTES : camera,
    tileIds: indexElsewhere ? NO_TILES : tileIds,
    tileIndexMode,
    tileIndexBytes: indexElsewhere ? 0 : tileIndexBytes,
    sections: tableElsewhere ? NO_SECTIONS : sections,
    sectionTableBytes: tableElsewhere ? 0 : sectionTableBytes,
    references,
    typedPayloads,
    typedBytes: measureTypedPayloads(typedPayloads),
  };
}

/** Adds a reference to the list; returns the slot's bit, 0 if there is none. */
function addReference(
  references: ObjectReference[],
  reference: ObjectReference | null | undefined,
  kind: number,
  field: string,
): number {
  if (reference === undefined || reference === null) return 0;
  checkSlotReference(reference, kind, field);
  references.push(reference);
  return slotBit(kind);
}

/** The bit of the reference mask for the first three kinds of object (wire spec §8.4). */
function slotBit(kind: number): number {
  return 1 << (kind - 1);
}

function refuseReferences(request: SubmitRequest): void {
  if (
    !request.objectRefMask && !request.cameraReference && !request.tileIndexReference &&
    !request.tensorSectionTableReference
  ) return;
  throw new NnrpValueError("references go with submit mode REFERENCE or MIXED", {
    field: request.objectRefMask ? "objectRefMask" : "submitMode",
  });
}

function refuseFrameCount(request: SubmitRequest): void {
  if ((request.payloadFrameCount ?? 0) === 0) return;
  throw new NnrpValueError("there are no typed payloads", {
    field: "payloadFrameCount",
    expected: 0,
    actual: shown(request.payloadFrameCount),
  });
}

function refuseInline(content: ArrayLike<unknown> | undefined, field: string): void {
  if (content === undefined || content.length === 0) return;
  throw new NnrpValueError("submit mode REFERENCE carries nothing: give a reference or use MIXED", { field });
}

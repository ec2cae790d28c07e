/**
 * FRAME_SUBMIT with mixed content: tensors beside typed payloads, inline objects beside references (wire spec §6, §8.2–§8.4).
 *
 * @module
 */
import {
  buildFrameSubmitPacket,
  encodePacket,
  type FrameSubmitOptions,
  PayloadKind,
  SubmitMode,
  TileIndexMode,
  toSubmitRequest,
} from "@nnrp/core";
import { changed, type Check, equal, exactLength, refused, refusedBytes, survives } from "../check.ts";
import { matchesGolden } from "../golden.ts";
import { PAYLOADS, readSubmit, REFERENCES, sectionShapes, TENSOR_SUBMIT } from "./submit_samples.ts";

const PACKET = "frame_submit_packet";
const METADATA = 40;
const BODY = METADATA + 72;
// Offsets of metadata fields, wire spec §6.
const TILE_COUNT = METADATA + 8;
const SECTION_COUNT = METADATA + 10;
const CAMERA_BYTES = METADATA + 28;
const SUBMIT_MODE = METADATA + 52;
const OBJECT_REF_MASK = METADATA + 56;
const PAYLOAD_KINDS = METADATA + 64;
const FRAME_COUNT = METADATA + 68;

const { cameraReference, tileIndexReference, tensorSectionTableReference } = REFERENCES;

/** Submits of every composition. */
const SUBMITS: Readonly<Record<string, FrameSubmitOptions>> = {
  "tensors and every typed payload": { ...TENSOR_SUBMIT, typedPayloads: PAYLOADS },
  "a camera and a payload": {
    ...TENSOR_SUBMIT,
    tileIds: [],
    sections: [],
    typedPayloads: PAYLOADS.slice(0, 1),
  },
  "a referenced camera": { ...TENSOR_SUBMIT, submitMode: SubmitMode.MIXED, cameraReference },
  "a referenced index": { ...TENSOR_SUBMIT, submitMode: SubmitMode.MIXED, tileIndexReference },
  "a referenced table": { ...TENSOR_SUBMIT, submitMode: SubmitMode.MIXED, tensorSectionTableReference },
  "references alone": { ...TENSOR_SUBMIT, submitMode: SubmitMode.REFERENCE, ...REFERENCES },
};

/** The golden metadata. */
export const goldenFrameSubmit: Check = () => matchesGolden("current.metadata.frame_submit");

/** Submits survive with their sections in order, their tiles and their mode; metadata that contradicts the body does not. */
export const mixedSubmitRules: Check = () => {
  for (const [what, options] of Object.entries(SUBMITS)) readsAsWritten(what, options);
  for (
    const [tileIndexMode, tileIds] of [[TileIndexMode.DELTA_U16, [3, 9, 700]], [TileIndexMode.BITSET, [
      0,
      8,
      9,
    ]]]
  ) {
    const options = {
      ...SUBMITS["tensors and every typed payload"],
      tileIndexMode,
      tileIds,
    } as FrameSubmitOptions;
    readsAsWritten(`index mode ${tileIndexMode}`, options);
  }
  readsAsWritten("a dense range", {
    ...SUBMITS["tensors and every typed payload"],
    tileIndexMode: TileIndexMode.DENSE_RANGE,
    tileBaseId: 40,
    tileIds: [40, 41, 42],
  });
  refusedWriting();
  refusedReading();
};

function readsAsWritten(what: string, options: FrameSubmitOptions): void {
  const packet = buildFrameSubmitPacket(options);
  survives(PACKET, encodePacket(packet), what);
  const { metadata, body } = readSubmit(packet);
  equal([metadata.submitMode, metadata.tileCount], [options.submitMode ?? 0, options.tileIds!.length], what);
  sameNumbers({ ...packet.header, ...metadata }, options, what);
  if (!options.tileIndexReference) equal(body.tileIds, options.tileIds, `tile ids of ${what}`);
  if (!options.tensorSectionTableReference) {
    equal(sectionShapes(body.sections), sectionShapes(options.sections!), `sections of ${what}`);
  }
  if (!options.cameraReference) equal(body.cameraBlock, options.cameraBlock, `camera of ${what}`);
  equal(body.typedPayloads, options.typedPayloads ?? [], `payloads of ${what}`);
  for (const key of Object.keys(REFERENCES) as (keyof typeof REFERENCES)[]) {
    equal(body[key], options[key] ?? null, `${key} of ${what}`);
  }
  if (options.tileIndexReference || options.tensorSectionTableReference) return; // counts stay behind in the cache
  const again = { ...toSubmitRequest(packet.header, metadata, body), sessionId: packet.header.sessionId };
  equal(encodePacket(buildFrameSubmitPacket(again)), encodePacket(packet), `${what}, submitted again`);
}

/** Demands that header and metadata say every number that was given. */
function sameNumbers(read: object, given: object, what: string): void {
  const fields = read as Record<string, unknown>;
  for (const [key, value] of Object.entries(given)) {
    if (typeof value !== "object" && key in fields) equal(fields[key], value, `${key} of ${what}`);
  }
}

function refusedWriting(): void {
  const build = (change: Partial<FrameSubmitOptions>, what: string) =>
    refused(() => encodePacket(buildFrameSubmitPacket({ ...TENSOR_SUBMIT, ...change })), what);
  build({ submitMode: SubmitMode.MIXED }, "mode MIXED without a reference");
  build({ submitMode: SubmitMode.REFERENCE, cameraReference }, "mode REFERENCE with inline tiles");
  build({ cameraReference }, "mode INLINE with a reference");
  build({ submitMode: SubmitMode.MIXED, cameraReference, objectRefMask: 2 }, "a mask of another slot");
  build({ submitMode: SubmitMode.MIXED, cameraReference: tileIndexReference }, "a reference of another kind");
  build(
    { submitMode: SubmitMode.MIXED, cameraReference, typedPayloads: PAYLOADS },
    "references beside payloads",
  );
  build({ submitMode: 3 }, "mode 3");
  build({ payloadFrameCount: 1 }, "payloads that are not there");
  build({ payloadKindBitmap: PayloadKind.TENSOR | PayloadKind.AUDIO_CHUNK }, "kinds that are not there");
}

function refusedReading(): void {
  const mixed = encodePacket(buildFrameSubmitPacket(SUBMITS["tensors and every typed payload"]));
  const referenced = encodePacket(buildFrameSubmitPacket(SUBMITS["a referenced camera"]));
  const byReference = encodePacket(buildFrameSubmitPacket(SUBMITS["references alone"]));
  exactLength(PACKET, mixed);
  const wrong: readonly (readonly [string, Uint8Array])[] = [
    ["a tile too many", changed(mixed, TILE_COUNT, 4)],
    ["a section too few", changed(mixed, SECTION_COUNT, 2)],
    ["a longer camera", changed(mixed, CAMERA_BYTES, 9)],
    ["a payload too few", changed(mixed, FRAME_COUNT, 5)],
    ["a kind that was not promised", changed(mixed, PAYLOAD_KINDS, 0x7d)],
    ["tensors that were not promised", changed(mixed, PAYLOAD_KINDS, 0x7e)],
    ["an undefined kind", changed(mixed, PAYLOAD_KINDS, 0xff)],
    ["mode REFERENCE with inline objects", changed(mixed, SUBMIT_MODE, SubmitMode.REFERENCE)],
    ["mode 3", changed(mixed, SUBMIT_MODE, 3)],
    ["a mask without a reference", changed(mixed, OBJECT_REF_MASK, 1)],
    ["a reference without a mask", changed(referenced, OBJECT_REF_MASK, 0)],
    ["a mask of another slot", changed(referenced, OBJECT_REF_MASK, 2)],
    ["a mask beyond the slots", changed(referenced, OBJECT_REF_MASK, 0x11)],
    ["mode INLINE with a reference", changed(referenced, SUBMIT_MODE, SubmitMode.INLINE)],
    ["references out of order", changed(byReference, BODY + 32, 2, ...new Array<number>(15).fill(0), 1)],
  ];
  for (const [what, bytes] of wrong) refusedBytes(PACKET, bytes, what);
}

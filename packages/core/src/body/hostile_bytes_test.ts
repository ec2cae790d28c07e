import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import fc from "fast-check";
import { damage, damages, results, resultTargets, submits } from "../../tests/body_arbitraries.ts";
import { NnrpWireError } from "../errors.ts";
import { decodeFrameSubmitMetadata, type FrameSubmitMetadata } from "../wire/metadata/frame_submit.ts";
import { decodeResultPushMetadata, type ResultPushMetadata } from "../wire/metadata/result_push.ts";
import { PacketBuffer } from "../wire/outbox.ts";
import { decodeReplayCameraBlock } from "./camera_block.ts";
import { decodeExtensionFrames } from "./extension_frames.ts";
import { decodeFrameSubmitBody, encodeFrameSubmit } from "./frame_submit.ts";
import { decodeInlineObject, decodeInlineObjects } from "./inline_objects.ts";
import { decodeObjectReferences } from "./object_references.ts";
import { type BodyRegions, decodeBodyRegions } from "./regions.ts";
import { decodeResultPushBody, decodeResultPushBodyLenient, encodeResultPush } from "./result_push.ts";
import { decodeTensorBody } from "./tensor_body.ts";
import { decodeTensorSection, type TensorSection } from "./tensor_sections.ts";
import { decodeTileIndex } from "./tile_index.ts";
import {
  isTypedFrameSubmit,
  isTypedResultPush,
  typedPayloadInBody,
  typedPayloadsInBody,
} from "./typed_only.ts";
import { decodeTypedPayloads } from "./typed_payload_table.ts";

const HEADER = 40;
const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Runs a decoder; whatever it refuses must be refused as a wire error. */
function attempt<T>(decode: () => T): T | null {
  try {
    return decode();
  } catch (error) {
    assertInstanceOf(error, NnrpWireError);
    assert(error.stage === "body" || error.stage === "metadata");
    assert(error.message.startsWith(error.field));
    return null;
  }
}

/** Opens all that a decoded body offers; every view must lie inside it. */
function openAll(
  body: Uint8Array,
  decoded: {
    regions: BodyRegions | null;
    sections: readonly TensorSection[] | null;
    cameraBlock?: Uint8Array | null;
  },
): void {
  const views = [decoded.cameraBlock ?? body];
  for (const section of decoded.sections ?? []) views.push(section.codecTable, ...section.tilePayloads);
  if (decoded.regions !== null) {
    const { inlineObjects, typedPayloads, extensionFrames, objectReferences } = decoded.regions;
    for (const { payload } of [...inlineObjects, ...typedPayloads, ...extensionFrames]) views.push(payload);
    assertEquals(objectReferences.length, decoded.regions.referenceCount);
  }
  for (const view of views) {
    assertEquals(view.buffer, body.buffer);
    assert(view.byteOffset >= body.byteOffset);
    assert(view.byteOffset + view.byteLength <= body.byteOffset + body.byteLength);
  }
}

test("arbitrary bytes are read or refused as a wire error by every decoder", () => {
  const small = fc.integer({ min: 0, max: 70 });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 160 }), small, small, (bytes, first, second) => {
      attempt(() => decodeBodyRegions(bytes));
      attempt(() => decodeInlineObject(bytes));
      attempt(() => decodeInlineObjects(bytes));
      attempt(() => decodeObjectReferences(bytes));
      attempt(() => decodeTypedPayloads(bytes, first));
      attempt(() => decodeTypedPayloads(bytes, 16));
      attempt(() => decodeExtensionFrames(bytes, first, [second]));
      attempt(() => decodeExtensionFrames(bytes, 16));
      attempt(() => decodeTensorSection(bytes));
      attempt(() =>
        decodeTensorBody(bytes, { tileIndexBytes: first, sectionCount: second % 4, tileCount: second })
      );
      for (let mode = 0; mode < 5; mode++) attempt(() => decodeTileIndex(bytes, mode, first));
      attempt(() => decodeReplayCameraBlock(bytes));
    }),
    { numRuns: 1000 },
  );
});

test("a submit that is damaged is read or refused, and the short way agrees with the full one", () => {
  fc.assert(
    fc.property(submits, damages, (request, change) => {
      const out = new PacketBuffer();
      encodeFrameSubmit(out, 1, request);
      const bytes = damage(out.toBytes(), change);
      if (bytes.length < HEADER + 72) return;
      const view = viewOf(bytes);
      const body = bytes.subarray(HEADER + 72);
      const short = isTypedFrameSubmit(view, HEADER, 72, body.length);
      const metadata = attempt((): FrameSubmitMetadata => decodeFrameSubmitMetadata(view, HEADER, 72));
      const decoded = metadata && attempt(() => decodeFrameSubmitBody(metadata, body));
      if (decoded === null) return assert(!short);
      openAll(body, decoded);
      const regions = decoded.regions?.prelude;
      const typedOnly = regions !== undefined && decoded.typedPayloads.length > 0 &&
        regions.inlineObjectBytes === 0 && regions.objectReferenceBytes === 0 &&
        regions.extensionPayloadBytes === 0 &&
        regions.extensionDescriptorBytes === 0 && (metadata!.payloadKindBitmap & 1) === 0;
      assertEquals(short, typedOnly);
      if (!short) return;
      const count = metadata!.payloadFrameCount;
      assertEquals(typedPayloadsInBody(bytes, view, HEADER + 72, count), decoded.typedPayloads.slice());
      assertEquals(
        typedPayloadInBody(bytes, view, HEADER + 72, count, count - 1),
        decoded.typedPayloads[count - 1],
      );
    }),
    { numRuns: 1500 },
  );
});

test("a result that is damaged is read or refused, and the short way agrees with the full one", () => {
  fc.assert(
    fc.property(resultTargets, results, damages, (target, result, change) => {
      const out = new PacketBuffer();
      encodeResultPush(out, 1, target, result);
      const bytes = damage(out.toBytes(), change);
      if (bytes.length < HEADER + 64) return;
      const view = viewOf(bytes);
      const body = bytes.subarray(HEADER + 64);
      const short = isTypedResultPush(view, HEADER, 64, body.length);
      const metadata = attempt((): ResultPushMetadata => decodeResultPushMetadata(view, HEADER, 64));
      const decoded = metadata && attempt(() => decodeResultPushBody(metadata, body));
      const lenient = metadata && attempt(() => decodeResultPushBodyLenient(metadata, body));
      if (decoded === null) return assert(!short);
      openAll(body, decoded);
      assertEquals(lenient!.layout, decoded.layout);
      const regions = decoded.regions?.prelude;
      const typedOnly = decoded.layout === "none" ||
        regions !== undefined && decoded.typedPayloads.length > 0 &&
          regions.inlineObjectBytes === 0 && regions.objectReferenceBytes === 0 &&
          regions.extensionPayloadBytes === 0 &&
          regions.extensionDescriptorBytes === 0 && (metadata!.payloadKindBitmap & 1) === 0;
      assertEquals(short, typedOnly);
      if (!short) return;
      const count = metadata!.payloadFrameCount;
      assertEquals(typedPayloadsInBody(bytes, view, HEADER + 64, count), decoded.typedPayloads.slice());
    }),
    { numRuns: 1500 },
  );
});

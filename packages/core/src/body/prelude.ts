/**
 * The 32 bytes that begin a composed body: the lengths of its six regions (wire spec §8.2).
 *
 * @module
 */
import { u32, ZERO } from "../wire/metadata/fields.ts";
import { defineRecord, type RecordViolation, type WireRecord } from "../wire/metadata/record.ts";

/** Length of the prelude, bytes. */
export const BODY_PRELUDE_SIZE = 32;
/** Length of a typed payload or extension frame descriptor, bytes. */
export const DESCRIPTOR_SIZE = 16;

/** Lengths of the regions of a composed body, in their order. */
export interface BodyPrelude {
  /** Inline object blocks, bytes. */
  readonly inlineObjectBytes: number;
  /** Object references, bytes. */
  readonly objectReferenceBytes: number;
  /** Typed payload descriptors, bytes, a multiple of 16. */
  readonly typedPayloadDescriptorBytes: number;
  /** Typed payloads, bytes. */
  readonly typedPayloadFrameBytes: number;
  /** Extension frame descriptors, bytes, a multiple of 16. */
  readonly extensionDescriptorBytes: number;
  /** Extension frame payloads, bytes. */
  readonly extensionPayloadBytes: number;
  /** Always 0. */
  readonly bodyFlags: number;
  /** Always 0. */
  readonly reserved: number;
}

/** The prelude as a table. */
export const BODY_PRELUDE_RECORD: WireRecord<BodyPrelude> = defineRecord<BodyPrelude>({
  name: "body_region_prelude",
  size: BODY_PRELUDE_SIZE,
  stage: "body",
  fields: {
    inlineObjectBytes: u32(0, undefined, "bytes"),
    objectReferenceBytes: u32(4, undefined, "bytes"),
    typedPayloadDescriptorBytes: u32(8, undefined, "bytes"),
    typedPayloadFrameBytes: u32(12, undefined, "bytes"),
    extensionDescriptorBytes: u32(16, undefined, "bytes"),
    extensionPayloadBytes: u32(20, undefined, "bytes"),
    bodyFlags: u32(24, ZERO),
    reserved: u32(28, ZERO),
  },
  check: brokenTable,
});

function brokenTable(prelude: BodyPrelude): RecordViolation | null {
  for (const key of ["typedPayloadDescriptorBytes", "extensionDescriptorBytes"] as const) {
    if (prelude[key] % DESCRIPTOR_SIZE !== 0) {
      return {
        key,
        message: "a descriptor has 16 bytes",
        expected: "a multiple of 16",
        actual: prelude[key],
      };
    }
  }
  return null;
}

/**
 * Checks and writes a prelude, 32 bytes.
 *
 * @throws NnrpValueError if a length does not fit or a descriptor length is no multiple of 16. Nothing was written.
 */
export function encodeBodyPrelude(prelude: BodyPrelude, view: DataView, offset: number): void {
  BODY_PRELUDE_RECORD.encode(prelude, view, offset);
}

/** Writes a prelude whose lengths were checked before. */
export function writePrelude(
  view: DataView,
  offset: number,
  inlineObjectBytes: number,
  objectReferenceBytes: number,
  typedPayloadDescriptorBytes: number,
  typedPayloadFrameBytes: number,
  extensionDescriptorBytes: number,
  extensionPayloadBytes: number,
): void {
  view.setUint32(offset, inlineObjectBytes, true);
  view.setUint32(offset + 4, objectReferenceBytes, true);
  view.setUint32(offset + 8, typedPayloadDescriptorBytes, true);
  view.setUint32(offset + 12, typedPayloadFrameBytes, true);
  view.setUint32(offset + 16, extensionDescriptorBytes, true);
  view.setUint32(offset + 20, extensionPayloadBytes, true);
  view.setUint32(offset + 24, 0, true);
  view.setUint32(offset + 28, 0, true);
}

/**
 * Reads a prelude. Whether its lengths add up to the body is judged by whoever knows the body.
 *
 * @param view What is read.
 * @param offset Where the prelude begins.
 * @param length How many bytes there are for it, 32.
 * @throws NnrpWireError if it is cut, a descriptor length is no multiple of 16 or a reserved field is not 0.
 */
export function decodeBodyPrelude(view: DataView, offset: number, length: number): BodyPrelude {
  if (length !== BODY_PRELUDE_SIZE) return BODY_PRELUDE_RECORD.decode(view, offset, length); // throws
  const typedPayloadDescriptorBytes = view.getUint32(offset + 8, true);
  const extensionDescriptorBytes = view.getUint32(offset + 16, true);
  const bodyFlags = view.getUint32(offset + 24, true);
  const reserved = view.getUint32(offset + 28, true);
  if (
    typedPayloadDescriptorBytes % DESCRIPTOR_SIZE !== 0 || extensionDescriptorBytes % DESCRIPTOR_SIZE !== 0 ||
    bodyFlags !== 0 || reserved !== 0
  ) return BODY_PRELUDE_RECORD.decode(view, offset, length); // throws
  return {
    inlineObjectBytes: view.getUint32(offset, true),
    objectReferenceBytes: view.getUint32(offset + 4, true),
    typedPayloadDescriptorBytes,
    typedPayloadFrameBytes: view.getUint32(offset + 12, true),
    extensionDescriptorBytes,
    extensionPayloadBytes: view.getUint32(offset + 20, true),
    bodyFlags,
    reserved,
  };
}

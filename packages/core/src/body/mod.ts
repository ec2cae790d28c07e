/**
 * The body half of the codec: submits, results, tensors, typed payloads, references (wire spec §8–§11, §16).
 *
 * @module
 */
// What users give
export type { SubmitRequest } from "./submit_request.ts";
export type { ResultFields, ResultTarget } from "./result_fields.ts";
export { TypedPayload, type TypedPayloadFactory } from "./typed_payloads.ts";
export type { TensorSectionData } from "./section_writer.ts";
export type { ObjectReference } from "./object_references.ts";

// Tensors as arrays
export {
  type TensorDTypeName,
  type TensorElements,
  tensorOf,
  tensorSection,
  type TensorSectionOptions,
  type TensorTile,
  TensorView,
} from "./tensor_values.ts";

// The two data messages
export {
  decodeFrameSubmitBody,
  encodeFrameSubmit,
  type FrameSubmitBody,
  toSubmitRequest,
} from "./frame_submit.ts";
export {
  decodeResultPushBody,
  decodeResultPushBodyLenient,
  encodeResultPush,
  type ResultPushBody,
} from "./result_push.ts";
export {
  frameSubmitPayloadCount,
  isTypedFrameSubmit,
  isTypedResultPush,
  resultPushPayloadCount,
  typedOnlyBody,
  typedPayloadInBody,
  typedPayloadsInBody,
} from "./typed_only.ts";

// Packet builders
export * from "./builders.ts";
export * from "./frame_builders.ts";
export * from "./hello_builders.ts";

// Composed bodies and their regions
export { BodyRegions, type BodyRegionsData, decodeBodyRegions, encodeBodyRegions } from "./regions.ts";
export {
  BODY_PRELUDE_RECORD,
  BODY_PRELUDE_SIZE,
  type BodyPrelude,
  decodeBodyPrelude,
  encodeBodyPrelude,
} from "./prelude.ts";
export {
  decodeInlineObject,
  decodeInlineObjectHeader,
  decodeInlineObjects,
  encodeInlineObjectHeader,
  INLINE_OBJECT_HEADER_SIZE,
  INLINE_OBJECT_RECORD,
  type InlineObject,
  type InlineObjectData,
  type InlineObjectHeader,
} from "./inline_objects.ts";
export {
  compareObjectReferences,
  decodeObjectReference,
  decodeObjectReferences,
  encodeObjectReference,
  OBJECT_REFERENCE_RECORD,
  OBJECT_REFERENCE_SIZE,
} from "./object_references.ts";
export {
  decodeTypedPayloadDescriptor,
  decodeTypedPayloads,
  encodeTypedPayloadDescriptor,
  TYPED_PAYLOAD_RECORD,
  type TypedPayloadDescriptor,
} from "./typed_payload_table.ts";
export {
  decodeExtensionFrameDescriptor,
  decodeExtensionFrames,
  encodeExtensionFrameDescriptor,
  EXTENSION_FRAME_RECORD,
  type ExtensionFrame,
  type ExtensionFrameDescriptor,
  selectExtensionFrames,
} from "./extension_frames.ts";

// Tensor bodies
export {
  decodeTensorBody,
  encodeTensorBody,
  type TensorBody,
  type TensorBodyContext,
  type TensorBodyData,
} from "./tensor_body.ts";
export { decodeTensorSection, type TensorSection } from "./tensor_sections.ts";
export {
  decodeTensorSectionDescriptor,
  encodeTensorSectionDescriptor,
  SECTION_DESCRIPTOR_SIZE,
  TENSOR_SECTION_RECORD,
  type TensorSectionDescriptor,
} from "./section_descriptor.ts";
export { decodeTileIndex, encodeTileIndex, MAX_TILES } from "./tile_index.ts";
export { decodeReplayCameraBlock, encodeReplayCameraBlock, type ReplayCameraBlock } from "./camera_block.ts";

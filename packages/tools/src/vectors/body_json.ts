/**
 * Parts of bodies as the vectors write them: sections, blocks, payloads, frames, references; and back to what encoders take.
 *
 * @module
 */
import {
  BODY_PRELUDE_RECORD,
  type BodyRegions,
  type BodyRegionsData,
  type ControlExtensionEntry,
  type ExtensionFrame,
  INLINE_OBJECT_RECORD,
  type InlineObject,
  OBJECT_REFERENCE_RECORD,
  type ObjectReference,
  type RecordValues,
  TENSOR_SECTION_RECORD,
  type TensorSection,
  type TensorSectionData,
  type TypedPayload,
} from "@nnrp/core";
import type { Json, JsonObject } from "./format.ts";
import { bytesOf, camelCase, hexOf, listOf, objectsOf, recordJson, recordValues } from "./json_values.ts";

/** Fields of a record from a decoded value that has them and more. */
function fieldsOf(record: Parameters<typeof recordJson>[0], value: object): JsonObject {
  return recordJson(record, value as RecordValues);
}

/** A decoded tensor section. */
export function sectionJson(section: TensorSection): JsonObject {
  return {
    ...fieldsOf(TENSOR_SECTION_RECORD, section),
    codec_table: [...section.codecTable],
    tile_payloads: section.tilePayloads.map(hexOf),
  };
}

/** A decoded inline object. */
export function inlineObjectJson(object: InlineObject): JsonObject {
  return { ...fieldsOf(INLINE_OBJECT_RECORD, object), payload: hexOf(object.payload) };
}

/** A decoded object reference. */
export function referenceJson(reference: ObjectReference): JsonObject {
  return fieldsOf(OBJECT_REFERENCE_RECORD, reference);
}

/** A decoded typed payload. */
export function typedPayloadJson(payload: TypedPayload): JsonObject {
  return {
    payload_kind: payload.payloadKind,
    descriptor_flags: payload.descriptorFlags ?? 0,
    profile_id: payload.profileId ?? 0,
    payload: hexOf(payload.payload),
  };
}

/** A decoded extension frame. */
export function extensionFrameJson(frame: ExtensionFrame): JsonObject {
  return {
    extension_kind: frame.extensionKind,
    extension_flags: frame.extensionFlags ?? 0,
    profile_id: frame.profileId ?? 0,
    payload: hexOf(frame.payload),
  };
}

/** A decoded entry of a control extension block. */
export function controlExtensionJson(entry: ControlExtensionEntry): JsonObject {
  return { ext_type: entry.extType, ext_flags: entry.extFlags ?? 0, payload: hexOf(entry.payload) };
}

/** A composed body, cut into its regions. */
export function regionsJson(regions: BodyRegions): JsonObject {
  return {
    prelude: fieldsOf(BODY_PRELUDE_RECORD, regions.prelude),
    inline_objects: regions.inlineObjects.map(inlineObjectJson),
    object_references: regions.objectReferences.map(referenceJson),
    typed_payloads: regions.typedPayloads.map(typedPayloadJson),
    extension_frames: regions.extensionFrames.map(extensionFrameJson),
  };
}

/** What a composed body is written from. */
export function regionsData(fields: JsonObject): BodyRegionsData {
  return {
    inlineObjects: objectsOf(fields, "inline_objects").map(inlineObjectOf),
    objectReferences: objectsOf(fields, "object_references").map(referenceOf),
    typedPayloads: objectsOf(fields, "typed_payloads").map(typedPayloadOf),
    extensionFrames: objectsOf(fields, "extension_frames").map(extensionFrameOf),
  };
}

/** An object with camelCase keys; hex where it is named, all else as it stands. */
export function camelObject(json: JsonObject, hexKeys: readonly string[] = []): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(json)) {
    result[camelCase(key)] = hexKeys.includes(key) ? bytesOf(value) : value;
  }
  return result;
}

/** What a section is written from. */
export function sectionDataOf(json: JsonObject): TensorSectionData {
  const data = camelObject(json);
  data.tilePayloads = listOf(json, "tile_payloads").map((payload: Json) => bytesOf(payload));
  return data as unknown as TensorSectionData;
}

/** What an inline object is written from; its fields are judged as a record first. */
function inlineObjectOf(json: JsonObject): InlineObject {
  const { payload, ...header } = json;
  return {
    ...recordValues(INLINE_OBJECT_RECORD, header),
    payload: bytesOf(payload),
  } as unknown as InlineObject;
}

/** What a reference is written from. */
export function referenceOf(json: Json): ObjectReference {
  return recordValues(OBJECT_REFERENCE_RECORD, json) as unknown as ObjectReference;
}

/** What a typed payload is written from. */
export function typedPayloadOf(json: JsonObject): TypedPayload {
  return camelObject(json, ["payload"]) as unknown as TypedPayload;
}

/** What an extension frame is written from. */
function extensionFrameOf(json: JsonObject): ExtensionFrame {
  return camelObject(json, ["payload"]) as unknown as ExtensionFrame;
}

/** What an entry of a control extension block is written from. */
export function controlExtensionOf(json: JsonObject): ControlExtensionEntry {
  return camelObject(json, ["payload"]) as unknown as ControlExtensionEntry;
}

/**
 * The other kinds of the vectors: blocks, regions, tables, sections, whole bodies. One row per kind, reading and writing.
 *
 * @module
 */
import {
  decodeBodyRegions,
  decodeControlExtensions,
  decodeExtensionFrames,
  decodeInlineObject,
  decodeInlineObjects,
  decodeObjectReferences,
  decodeReplayCameraBlock,
  decodeTensorBody,
  decodeTensorSection,
  decodeTileIndex,
  decodeTypedPayloads,
  encodeBodyRegions,
  encodeControlExtensions,
  encodeReplayCameraBlock,
  encodeTensorBody,
  encodeTileIndex,
  PacketBuffer,
  TileIndexMode,
} from "@nnrp/core";
import {
  controlExtensionJson,
  controlExtensionOf,
  extensionFrameJson,
  inlineObjectJson,
  referenceJson,
  regionsData,
  regionsJson,
  sectionDataOf,
  sectionJson,
  typedPayloadJson,
} from "./body_json.ts";
import type { JsonObject } from "./format.ts";
import { hexOf, listOf, numberOf, objectsOf } from "./json_values.ts";
import { decodeMessage, decodePacketJson, encodeMessage, encodeProfile, profileJson } from "./messages.ts";
import { decodeStream } from "./streams.ts";

/** How a kind is read and written. */
export interface Structure {
  /** Reads the bytes; throws NnrpWireError where they break a rule. */
  readonly decode: (bytes: Uint8Array, context: JsonObject) => JsonObject;
  /** Writes `input` or `fields`; left out for kinds that are only read. */
  readonly encode?: (source: JsonObject, context: JsonObject) => Uint8Array;
}

/** Regions as `encodeBodyRegions` writes them, without the prelude of 32 bytes. */
function region(parts: JsonObject): Uint8Array {
  const out = new PacketBuffer();
  encodeBodyRegions(out, regionsData(parts));
  return out.toBytes().subarray(32);
}

const numbers = (values: ArrayLike<number>): number[] => Array.from(values);

/** Kinds by name. */
export const STRUCTURES: Readonly<Record<string, Structure>> = {
  packet: { decode: decodePacketJson },
  message: { decode: decodeMessage, encode: encodeMessage },
  stream: { decode: (bytes) => decodeStream(bytes) },
  control_extension_block: {
    decode: (bytes, context) => {
      const options = "known_types" in context
        ? { knownTypes: listOf(context, "known_types") as number[] }
        : {};
      return { entries: decodeControlExtensions(bytes, options).map(controlExtensionJson) };
    },
    encode: (source) => encodeControlExtensions(objectsOf(source, "entries").map(controlExtensionOf)),
  },
  inline_object_block: {
    decode: (bytes) => inlineObjectJson(decodeInlineObject(bytes)),
    encode: (fields) => region({ inline_objects: [fields] }),
  },
  inline_object_region: {
    decode: (bytes) => ({ blocks: decodeInlineObjects(bytes).map(inlineObjectJson) }),
    encode: (fields) => region({ inline_objects: listOf(fields, "blocks") }),
  },
  object_reference_region: {
    decode: (bytes) => ({ blocks: decodeObjectReferences(bytes).map(referenceJson) }),
    encode: (fields) => region({ object_references: listOf(fields, "blocks") }),
  },
  typed_payload_frames: {
    decode: (bytes, context) => ({
      frames: decodeTypedPayloads(bytes, numberOf(context, "descriptor_bytes")).map(typedPayloadJson),
    }),
    encode: (fields) => region({ typed_payloads: listOf(fields, "frames") }),
  },
  extension_frames: {
    decode: (bytes, context) => {
      const known = "known_extension_kinds" in context
        ? listOf(context, "known_extension_kinds") as number[]
        : undefined;
      return {
        frames: decodeExtensionFrames(bytes, numberOf(context, "descriptor_bytes"), known).map(
          extensionFrameJson,
        ),
      };
    },
    encode: (source) => region({ extension_frames: listOf(source, "frames") }),
  },
  tile_index_block: {
    decode: (bytes, context) => ({
      tile_ids: numbers(
        decodeTileIndex(
          bytes,
          numberOf(context, "tile_index_mode"),
          numberOf(context, "tile_count"),
          numberOf(context, "tile_base_id"),
        ),
      ),
    }),
    encode: (fields, context) =>
      encodeTileIndex(
        numberOf(context, "tile_index_mode"),
        listOf(fields, "tile_ids") as number[],
        numberOf(context, "tile_base_id"),
      ),
  },
  tensor_section: {
    decode: (bytes) => sectionJson(decodeTensorSection(bytes)),
    encode: (source) => {
      const section = sectionDataOf(source);
      const out = new PacketBuffer();
      // A dense index takes no bytes, so the section is all there is.
      const tileIds = section.tilePayloads.map((_, index) => index);
      encodeTensorBody(out, { tileIds, sections: [section], tileIndexMode: TileIndexMode.DENSE_RANGE });
      return out.toBytes();
    },
  },
  tensor_body: {
    decode: (bytes, context) => {
      const body = decodeTensorBody(bytes, {
        tileIndexBytes: numberOf(context, "tile_index_bytes"),
        sectionCount: numberOf(context, "section_count"),
        ...("tile_count" in context ? { tileCount: numberOf(context, "tile_count") } : {}),
      });
      return { tile_index_block: hexOf(body.tileIndexBlock), sections: body.sections.map(sectionJson) };
    },
    encode: (source) => {
      const out = new PacketBuffer();
      encodeTensorBody(out, {
        tileIds: listOf(source, "tile_ids") as number[],
        sections: objectsOf(source, "sections").map(sectionDataOf),
        tileIndexMode: numberOf(source, "tile_index_mode"),
        tileBaseId: numberOf(source, "tile_base_id"),
      });
      return out.toBytes();
    },
  },
  body: {
    decode: (bytes) => regionsJson(decodeBodyRegions(bytes)),
    encode: (fields) => {
      const out = new PacketBuffer();
      encodeBodyRegions(out, regionsData(fields));
      return out.toBytes();
    },
  },
  session_patch_body: {
    decode: (bytes, context) =>
      profileJson("profile_patch_block", numberOf(context, "profile_patch_bytes"), bytes),
    encode: (fields) => encodeProfile(fields),
  },
  session_patch_ack_body: {
    decode: (bytes, context) =>
      profileJson("profile_patch_ack_block", numberOf(context, "profile_patch_ack_bytes"), bytes),
    encode: (fields) => encodeProfile(fields),
  },
  replay_camera_block: {
    decode: (bytes) => {
      const camera = decodeReplayCameraBlock(bytes);
      return {
        view: numbers(camera.view),
        proj: numbers(camera.proj),
        prev_view_proj: numbers(camera.prevViewProj),
        jitter_x: camera.jitterX,
        jitter_y: camera.jitterY,
      };
    },
    encode: (fields) =>
      encodeReplayCameraBlock({
        view: listOf(fields, "view") as number[],
        proj: listOf(fields, "proj") as number[],
        prevViewProj: listOf(fields, "prev_view_proj") as number[],
        jitterX: numberOf(fields, "jitter_x"),
        jitterY: numberOf(fields, "jitter_y"),
      }),
  },
};

/**
 * From semantic recipes to bytes: the suite's second task. Every recipe goes through the encoders of the packages.
 *
 * @module
 */
import {
  BodyRegions,
  buildFlowUpdatePacket,
  buildResultHintPacket,
  encodeBodyRegions,
  encodePacket,
  FLOW_UPDATE_RECORD,
  type FlowUpdateMetadata,
  HEADER_RECORD,
  HEADER_SIZE,
  NnrpValueError,
  PacketBuffer,
  PayloadKind,
  RESULT_HINT_RECORD,
  type ResultHintMetadata,
  type TypedPayload,
} from "@nnrp/core";
import { hexOf } from "./hex.ts";
import { fieldsOf, type Recipe, valueOf } from "./recipe_fields.ts";
import { recordOf } from "./record_codecs.ts";

/** Recipes as they stand in a file. */
export interface RecipeFile {
  /** Copied to the output. */
  readonly protocol_version: string;
  /** The recipes. */
  readonly vectors: readonly Recipe[];
}

/** One recipe's bytes. */
export interface Vector {
  /** Name of the recipe. */
  readonly name: string;
  /** What the bytes are, in the suite's words. */
  readonly kind: string;
  /** The bytes. */
  readonly hex: string;
  /** How many they are. */
  readonly bytes: number;
  /** Words of the recipe. */
  readonly description: string;
}

/** What answers a recipe file. */
export interface VectorFile {
  /** That of the recipes. */
  readonly protocol_version: string;
  /** In the order of the recipes. */
  readonly vectors: readonly Vector[];
}

interface RecipeType {
  readonly kind: string;
  readonly encode: (recipe: Recipe) => Uint8Array;
}

const TYPES: Readonly<Record<string, RecipeType>> = {
  header: { kind: "header", encode: headerOf },
  client_hello_metadata: record("metadata", "client_hello_metadata"),
  session_patch_ack_metadata: record("metadata", "session_patch_ack_metadata"),
  frame_submit_metadata: record("metadata", "frame_submit_metadata"),
  result_push_metadata: record("metadata", "result_push_metadata"),
  body_region_prelude: record("body_region", "body_region_prelude"),
  object_reference_block: record("object_reference", "object_reference_block"),
  typed_payload_descriptor: record("typed_payload_descriptor", "typed_payload_descriptor"),
  flow_update_packet: { kind: "flow_update_packet", encode: flowUpdateOf },
  result_hint_packet: { kind: "packet", encode: resultHintOf },
  typed_payload_descriptor_region: {
    kind: "typed_payload_descriptor_region",
    encode: (recipe) => typedRegionsOf(recipe).descriptors,
  },
  typed_payload_frame_region: {
    kind: "typed_payload_frame_region",
    encode: (recipe) => typedRegionsOf(recipe).payloads,
  },
};

/**
 * Bytes of all recipes. One that cannot be made is left out, so that the others are not lost, and its error handed over.
 *
 * @param file The recipes.
 * @param failed Called for a recipe of an unknown type or with a value that does not fit.
 */
export function vectorsOf(file: RecipeFile, failed: (recipe: Recipe, error: unknown) => void): VectorFile {
  const vectors: Vector[] = [];
  for (const recipe of file.vectors) {
    try {
      vectors.push(vectorOf(recipe));
    } catch (error) {
      failed(recipe, error);
    }
  }
  return { protocol_version: file.protocol_version, vectors };
}

/**
 * Bytes of one recipe.
 *
 * @throws NnrpValueError for an unknown type or a value that does not fit.
 */
export function vectorOf(recipe: Recipe): Vector {
  const { name, description, recipe_type } = recipe as Record<string, string>;
  const type = Object.hasOwn(TYPES, recipe_type) ? TYPES[recipe_type] : undefined;
  if (type === undefined) {
    throw new NnrpValueError("no such recipe", { field: "recipe_type", actual: recipe_type });
  }
  const bytes = type.encode(recipe);
  return { name, kind: type.kind, hex: hexOf(bytes), bytes: bytes.length, description };
}

function record(kind: string, name: string): RecipeType {
  const { table, encode } = recordOf(name);
  return { kind, encode: (recipe) => encode(fieldsOf(table, recipe)) };
}

function headerOf(recipe: Recipe): Uint8Array {
  const { table, encode } = recordOf("header");
  return encode({ ...fieldsOf(table, recipe), headerLen: HEADER_SIZE });
}

function flowUpdateOf(recipe: Recipe): Uint8Array {
  const metadata = fieldsOf(FLOW_UPDATE_RECORD, recipe, { flags: "flow_update_flags" });
  return packetOf(
    recipe,
    buildFlowUpdatePacket({
      ...fieldsOf(HEADER_RECORD, recipe),
      metadata: metadata as unknown as FlowUpdateMetadata,
    }),
  );
}

function resultHintOf(recipe: Recipe): Uint8Array {
  const metadata = fieldsOf(RESULT_HINT_RECORD, recipe) as unknown as ResultHintMetadata;
  return packetOf(recipe, buildResultHintPacket({ ...fieldsOf(HEADER_RECORD, recipe), metadata }));
}

/** The packet with the version and the format of the recipe. */
function packetOf(recipe: Recipe, packet: ReturnType<typeof buildResultHintPacket>): Uint8Array {
  const { versionMajor, wireFormat } = fieldsOf(HEADER_RECORD, recipe) as Record<string, number>;
  return encodePacket({ ...packet, header: { ...packet.header, versionMajor, wireFormat } });
}

/** Both typed regions of a body that holds nothing but the recipe's frames. */
function typedRegionsOf(recipe: Recipe): { descriptors: Uint8Array; payloads: Uint8Array } {
  const out = new PacketBuffer();
  encodeBodyRegions(out, { typedPayloads: (recipe.frames as Recipe[]).map(typedPayloadOf) });
  const { bytes, typedTableStart, typedStart, extensionTableStart } = new BodyRegions(out.toBytes());
  return {
    descriptors: bytes.subarray(typedTableStart, typedStart),
    payloads: bytes.subarray(typedStart, extensionTableStart),
  };
}

function typedPayloadOf(frame: Recipe): TypedPayload {
  const { payload_kind, profile_id, payload_utf8 } = frame as Record<string, string>;
  return {
    payloadKind: valueOf(PayloadKind, payload_kind, "payload_kind"),
    profileId: Number(profile_id ?? 0),
    payload: new TextEncoder().encode(payload_utf8),
  };
}

/**
 * The reference's own golden bytes (tests/vectors/data/golden) and what they mean, in the names of the protocol: what layer
 * L0 compares with.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { CheckFailure, equal, exactLength, survives } from "./check.ts";
import { bytesOf } from "./hex.ts";
import type { Recipe } from "./recipe_fields.ts";
import { vectorOf } from "./recipes.ts";

const FILE = new URL("../../vectors/data/golden/cross_language_golden_vectors.json", import.meta.url);

const FRAMES = [
  { payload_kind: "token_chunk", profile_id: 1, payload_utf8: "tok" },
  { payload_kind: "audio_chunk", profile_id: 2, payload_utf8: "au" },
  { payload_kind: "video_chunk", profile_id: 3, payload_utf8: "video" },
  { payload_kind: "structured_event", profile_id: 4, payload_utf8: "evt" },
];

/** What the golden bytes of a name mean, as a recipe. */
const MEANINGS: Readonly<Record<string, Recipe>> = {
  "current.header.frame_submit_ack_required_keyframe": {
    recipe_type: "header",
    version_major: 1,
    wire_format: 0,
    message_type: "frame_submit",
    flags: ["ack_required", "keyframe"],
    meta_len: 48, // a header alone: it need not fit the message
    body_len: 4096,
    session_id: 7,
    frame_id: 11,
    view_id: 2,
    route_id: 0,
    trace_id: 123456789,
  },
  "current.metadata.client_hello": {
    recipe_type: "client_hello_metadata",
    min_version_major: 1,
    max_version_major: 1,
    supported_wire_format_bitmap: 1,
    supported_profile_bitmap: 1,
    supported_payload_kind_bitmap: ["tensor"],
    supported_codec_bitmap: 7,
    supported_compression_bitmap: 3,
    supported_dtype_bitmap: 31,
    supported_layout_bitmap: 3,
    cache_digest_bitmap: 1,
    cache_object_bitmap: 7,
    cache_namespace_count: 4,
    max_lane_count: 2,
    max_cache_entries: 256,
    max_cache_bytes: 8 << 20,
    target_cadence_x100: 6000,
    latency_budget_ms: 100,
    quality_tier: 2,
    degrade_policy: 2,
    auth_bytes: 96,
  },
  "current.metadata.session_patch_ack": {
    recipe_type: "session_patch_ack_metadata",
    ack_status: "partially_applied",
    reject_reason: "unsupported_strategy",
    applied_patch_mask: ["target_cadence", "quality_tier", "active_lane_mask"],
    rejected_patch_mask: ["preferred_codec"],
    effective_profile_id: 1,
    effective_target_cadence_x100: 9000,
    effective_quality_tier: 2,
    effective_degrade_policy: 2,
    effective_lane_mask: 3,
    effective_codec_bitmap: 1,
    effective_compression_bitmap: 3,
  },
  "current.packet.flow_update": {
    recipe_type: "flow_update_packet",
    version_major: 1,
    wire_format: 0,
    flags: [],
    session_id: 21,
    route_id: 6,
    trace_id: 13,
    scope_kind: "session",
    update_reason: "congestion",
    backpressure_level: "hard",
    session_credit: 1,
    retry_after_ms: 40,
    credit_epoch: 5,
    flow_update_flags: ["credit_valid", "retry_after_valid"],
  },
  "current.packet.result_hint": {
    recipe_type: "result_hint_packet",
    version_major: 1,
    wire_format: 0,
    flags: [],
    session_id: 21,
    frame_id: 303,
    route_id: 7,
    trace_id: 14,
    applied_budget_policy: "stale_reuse",
    congestion_state: "saturated",
    reason: "budget_exceeded",
    retry_after_ms: 60,
  },
  "current.metadata.frame_submit": {
    recipe_type: "frame_submit_metadata",
    src_width: 640,
    src_height: 360,
    tile_width: 32,
    tile_height: 32,
    tile_count: 84,
    section_count: 2,
    frame_class: 1,
    input_profile: "dense_luma_frame",
    tile_index_mode: "dense_range",
    latency_budget_ms: 100,
    target_fps_x100: 6000,
    retry_of_frame: 7,
    camera_bytes: 192,
    submit_mode: "mixed",
    budget_policy: ["allow_partial", "allow_degraded"],
    loss_tolerance_policy: "inherit_session",
    object_ref_mask: 3,
    dependency_frame_id: 41,
    payload_kind_bitmap: ["tensor", "structured_event"],
    payload_frame_count: 2,
  },
  "current.metadata.result_push": {
    recipe_type: "result_push_metadata",
    status_code: 0,
    result_flags: ["partial"],
    section_count: 1,
    tile_count: 84,
    active_profile_id: 2,
    inference_ms: 843,
    queue_ms: 2,
    server_total_ms: 846,
    tile_index_bytes: 16,
    result_class: "partial",
    applied_budget_policy: ["allow_partial"],
    reused_frame_id: 41,
    covered_tile_count: 53,
    dropped_tile_count: 31,
    payload_kind_bitmap: ["tensor", "token_chunk"],
    payload_frame_count: 3,
  },
  "current.body_region.prelude": {
    recipe_type: "body_region_prelude",
    inline_object_bytes: 24,
    object_reference_bytes: 16,
    typed_payload_descriptor_bytes: 16,
    typed_payload_frame_bytes: 14,
    extension_descriptor_bytes: 16,
    extension_payload_bytes: 5,
  },
  "current.object_reference.tile_index_block": {
    recipe_type: "object_reference_block",
    object_kind: "tile_index_block",
    ref_flags: 0,
    cache_namespace: 7,
    cache_key_hi: 0x11223344,
    cache_key_lo: 0x55667788,
  },
  "current.typed_payload.descriptor": {
    recipe_type: "typed_payload_descriptor",
    payload_kind: "structured_event",
    descriptor_flags: 0,
    profile_id: 3,
    payload_offset: 4,
    payload_length: 7,
  },
  "current.typed_payload.frame_descriptor_region": {
    recipe_type: "typed_payload_descriptor_region",
    frames: FRAMES,
  },
  "current.typed_payload.frame_region": { recipe_type: "typed_payload_frame_region", frames: FRAMES },
};

/** Names of the golden bytes. */
export const GOLDEN_NAMES: readonly string[] = Object.keys(MEANINGS);

/** What the golden bytes of a name mean. */
export function goldenRecipe(name: string): Recipe {
  return { name, description: "", ...MEANINGS[name] };
}

/** The golden bytes of a name. */
export function goldenBytes(name: string): Uint8Array {
  const { vectors } = JSON.parse(readFileSync(FILE, "utf8")) as {
    vectors: readonly { readonly name: string; readonly hex: string }[];
  };
  const found = vectors.find((vector) => vector.name === name);
  if (found === undefined) throw new Error(`no golden bytes are called ${name}`);
  return bytesOf(found.hex)!;
}

/**
 * Demands that the meaning of golden bytes is written as exactly them, and that they survive being decoded and encoded
 * again.
 */
export function matchesGolden(name: string): void {
  const recipe = goldenRecipe(name);
  const bytes = goldenBytes(name);
  const written = bytesOf(vectorOf(recipe).hex);
  if (written === null) throw new CheckFailure("mismatch", `${name} was not written`);
  equal(written, bytes, name);
  const kind = recipe.recipe_type as string;
  if (kind === "typed_payload_frame_region") return; // payloads alone have no form to decode
  survives(kind, bytes, name);
  if (kind !== "typed_payload_descriptor_region") exactLength(kind, bytes);
}

/**
 * Where the rule for a field is written: structure → section of the wire spec. Problems name it, so that whoever debugs a peer
 * can look the rule up.
 *
 * @module
 */

/** Sections of structures, by the first part of the names that errors carry. */
const SECTIONS: Readonly<Record<string, string>> = {
  packet: "2",
  header: "2",
  client_hello: "4.1",
  server_hello_ack: "4.2",
  session_patch: "4.3",
  session_patch_ack: "4.4",
  tensor_profile_patch_block: "4.4",
  tensor_profile_patch_ack_block: "4.4",
  error: "4.5",
  cache_put: "4.6",
  cache_ack: "4.7",
  cache_invalidate: "4.8",
  flow_update: "4.9",
  result_hint: "4.10",
  transport_probe: "4.11",
  transport_probe_ack: "4.11",
  session_migrate: "4.12",
  session_migrate_ack: "4.13",
  control_extension: "5",
  frame_submit: "6",
  result_push: "7",
  body_region_prelude: "8.2",
  inline_object_block: "8.2",
  inline_object_block_header: "8.2",
  object_reference_block: "8.2",
  object_reference_region: "8.2",
  typed_payload_descriptor: "8.2",
  extension_frame_descriptor: "8.2",
  payload_frame_count: "8.3",
  typed_payloads: "8.3",
  tensor_body: "9",
  tensor_section: "9",
  tensor_section_desc: "9",
  sections: "9",
  section_count: "9",
  tile_index: "10",
  tile_index_bytes: "10",
  tile_index_mode: "10",
};

/** Rules of a message that compare its metadata with its body. */
const OBJECT_RULES: Readonly<Record<string, string>> = { frame_submit: "8.4", result_push: "8.5" };
const COVERAGE = /^result_push\.(covered|dropped)_tile_count$/;

/**
 * The section with the rule for a field.
 *
 * @param field As errors name it, for example `"tensor_section.flags"` or `"typed_payloads[2].payload_kind"`.
 * @param stage Part of the packet in which the rule was broken.
 * @param message Name of the message's record, for rules that differ between submits and results.
 * @returns For example `"wire spec §9"`.
 */
export function specSection(field: string, stage: "framing" | "metadata" | "body", message: string): string {
  const structure = /^[a-z0-9_]*/.exec(field)![0];
  let section = SECTIONS[structure];
  if (stage === "body") {
    if (COVERAGE.test(field)) section = "7";
    else if (structure in OBJECT_RULES) section = OBJECT_RULES[structure];
    else if (structure === "inline_objects" || structure === "object_references") {
      section = OBJECT_RULES[message];
    } else if (/ (transport_policy|loss_tolerance|payload_capabilities)/.test(field)) section = "5";
  }
  if (section === undefined && /_extension$/.test(structure)) section = "5";
  return `wire spec §${section ?? SECTIONS[message] ?? "3"}`;
}

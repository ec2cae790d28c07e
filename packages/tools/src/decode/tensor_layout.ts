/**
 * Tile indexes, tensor sections and camera blocks as nodes (wire spec §9, §10, §16). Only lays them out; what the codec has
 * against them is found by asking the codec.
 *
 * @module
 */
import {
  decodeReplayCameraBlock,
  decodeTensorSection,
  decodeTileIndex,
  enumName,
  SECTION_DESCRIPTOR_SIZE,
  TENSOR_SECTION_RECORD,
  TensorDType,
  type TensorElements,
  TensorLayout,
  tensorOf,
  type TensorView,
  TileIndexMode,
} from "@nnrp/core";
import { codecName, ranges } from "./meanings.ts";
import type { GrowingNode } from "./nodes.ts";
import type { Walk } from "./walk.ts";

/** What metadata says about tiles. */
export interface TileFacts {
  /** TileIndexMode. */
  readonly mode: number;
  /** Tiles. */
  readonly count: number;
  /** First id of a dense range. */
  readonly base: number;
  /** Sections. */
  readonly sectionCount: number;
}

/** Adds a tile index; returns its ids, or null if they cannot be read. */
export function layTileIndex(
  walk: Walk,
  parent: GrowingNode,
  offset: number,
  length: number,
  facts: TileFacts,
): readonly number[] | null {
  if (facts.count === 0 && length === 0) return [];
  let ids: number[] | null = null;
  if (offset + length <= walk.bytes.length) {
    try {
      ids = decodeTileIndex(
        walk.bytes.subarray(offset, offset + length),
        facts.mode,
        facts.count,
        facts.base,
      );
    } catch {
      // The codec tells why when it is asked for the whole body.
    }
  }
  const mode = enumName(TileIndexMode, facts.mode);
  const meaning = ids === null ? mode : `${mode}: ${ids.length === 1 ? "tile" : "tiles"} ${ranges(ids)}`;
  walk.bytesAt(parent, "tile_index", offset, length, { meaning });
  return ids;
}

/** Adds a tensor body: index, then sections, each aligned to 8 bytes. */
export function layTensorBody(
  walk: Walk,
  parent: GrowingNode,
  start: number,
  end: number,
  tileIndexBytes: number,
  facts: TileFacts,
  knownIds: readonly number[] | null,
): void {
  let at = start + tileIndexBytes;
  if (at > end) {
    walk.fail(
      "tile_index_bytes",
      start,
      "tile index beyond the body",
      `at most ${end - start}`,
      tileIndexBytes,
    );
  }
  const ids = knownIds ?? layTileIndex(walk, parent, start, tileIndexBytes, facts);
  walk.items(parent, (into, index) => {
    if (index >= facts.sectionCount) return false;
    const aligned = start + Math.ceil((at - start) / 8) * 8;
    if (aligned > end) walk.fail(`sections[${index}]`, at, "section missing", undefined, `${end - at} bytes`);
    if (into !== null) walk.padding(into, at, aligned, "tensor_body.padding");
    at = laySection(walk, into, aligned, end, index, facts.sectionCount, ids);
    return true;
  });
  if (at !== end) {
    walk.bytesAt(parent, "left over", at, end - at);
    walk.fail("tensor_body", at, "bytes after the last section", at - start, end - start);
  }
}

/** Adds a section, unless `parent` is null; returns where it ends. */
function laySection(
  walk: Walk,
  parent: GrowingNode | null,
  offset: number,
  end: number,
  index: number,
  count: number,
  ids: readonly number[] | null,
): number {
  const descriptorEnd = offset + SECTION_DESCRIPTOR_SIZE;
  if (parent === null) {
    const lengths = [12, 16, 20].map((at) => walk.view.getUint32(offset + at, true));
    return descriptorEnd + lengths[0] + lengths[1] + lengths[2];
  }
  if (descriptorEnd > end) {
    walk.fail("tensor_section", offset, "section cut", SECTION_DESCRIPTOR_SIZE, end - offset);
  }
  const group = walk.group(
    parent,
    `section ${index + 1} of ${count}`,
    offset,
    Math.min(end, walk.bytes.length) - offset,
  );
  const fields = walk.record(group, TENSOR_SECTION_RECORD, offset);
  const [codecs, lengthBytes, payloadBytes, stride] = [
    fields.codecTableBytes,
    fields.lengthTableBytes,
    fields.payloadBytes,
    fields.payloadStrideBytes,
  ].map(Number);
  const tiles = Math.floor(lengthBytes / 4);
  group.meaning = `role ${fields.roleId}, ${enumName(TensorDType, Number(fields.dtypeId))} ${
    enumName(TensorLayout, Number(fields.layoutId))
  }, ${tiles} ${tiles === 1 ? "tile" : "tiles"}`;
  const lengths = descriptorEnd + codecs;
  const payload = lengths + lengthBytes;
  const sectionEnd = payload + payloadBytes;
  if (sectionEnd > end) {
    walk.fail(
      "tensor_section",
      offset + 20,
      "section beyond the body",
      `at most ${end - payload}`,
      payloadBytes,
    );
  }
  group.length = Math.min(sectionEnd, walk.bytes.length) - offset;
  if (codecs > 0) {
    const table = walk.bytes.subarray(descriptorEnd, lengths);
    const names = Array.from(table.subarray(0, 12), codecName);
    walk.bytesAt(group, "codec_table", descriptorEnd, codecs, {
      meaning: names.join(", ") + (table.length > 12 ? ", …" : ""),
    });
  }
  if (lengthBytes > 0) {
    walk.need(descriptorEnd, codecs);
    walk.bytesAt(group, "length_table", lengths, lengthBytes, {
      meaning: lengthsMeaning(walk, lengths, tiles),
    });
  }
  layTiles(walk, group, { offset, lengths, payload, end: sectionEnd, tiles, stride }, ids);
  return sectionEnd;
}

function lengthsMeaning(walk: Walk, at: number, tiles: number): string | undefined {
  if (at + tiles * 4 > walk.bytes.length) return undefined;
  const lengths = Array.from(
    { length: Math.min(tiles, 12) },
    (_, i) => walk.view.getUint32(at + i * 4, true),
  );
  const same = tiles > 1 && Array.from({ length: tiles }, (_, i) => walk.view.getUint32(at + i * 4, true))
    .every((length) => length === lengths[0]);
  if (same) return `${tiles} × ${lengths[0]} bytes`;
  return `${lengths.join(", ")}${tiles > 12 ? ", …" : ""} bytes`;
}

/** Where the parts of a section are. */
interface SectionPlaces {
  readonly offset: number;
  readonly lengths: number;
  readonly payload: number;
  readonly end: number;
  readonly tiles: number;
  readonly stride: number;
}

function layTiles(
  walk: Walk,
  group: GrowingNode,
  places: SectionPlaces,
  ids: readonly number[] | null,
): void {
  const { lengths, payload, end, tiles, stride } = places;
  const tensor = tensorAt(walk, places);
  let at = payload;
  walk.items(group, (into, i) => {
    if (i >= tiles) return false;
    const length = walk.view.getUint32(lengths + i * 4, true);
    const next = at + (stride === 0 ? length : stride);
    if (into !== null) {
      if (at + length > end || next > end) {
        walk.fail(
          "tensor_section.length_table",
          lengths + i * 4,
          "tile beyond the payload",
          `at most ${end - at}`,
          length,
        );
      }
      const meaning = numbersOf(tensor, i);
      walk.bytesAt(into, ids === null || i >= ids.length ? `tile #${i}` : `tile ${ids[i]}`, at, length, {
        ...(meaning === undefined ? {} : { meaning }),
      });
      if (length < next - at) walk.padding(into, at + length, next, "tensor_section.padding");
    }
    at = next;
    return true;
  });
  if (at < end) walk.bytesAt(group, "left over", at, end - at);
}

/** The section as numbers, if the codec takes it. */
function tensorAt(walk: Walk, { offset, end }: SectionPlaces): TensorView | null {
  if (end > walk.bytes.length) return null;
  try {
    return tensorOf(decodeTensorSection(walk.bytes.subarray(offset, end)), null);
  } catch {
    return null;
  }
}

/** The first numbers of a tile; undefined if its bytes are no numbers (compressed, of odd length). */
function numbersOf(tensor: TensorView | null, index: number): string | undefined {
  let elements: TensorElements;
  try {
    if (tensor === null) return undefined;
    elements = tensor.tileAt(index);
  } catch {
    return undefined;
  }
  const first = Array.from(
    elements.subarray(0, 6),
    (n) => String(Number.isInteger(n) ? n : Number(n.toPrecision(4))),
  );
  return elements.length === 0 ? "empty" : `${first.join(", ")}${elements.length > 6 ? ", …" : ""}`;
}

/** Adds a camera block; those of the replay tool with their matrices, others as bytes. */
export function layCamera(walk: Walk, parent: GrowingNode, offset: number, length: number): void {
  const there = walk.bytes.subarray(offset, offset + length);
  let camera;
  try {
    camera = decodeReplayCameraBlock(there);
  } catch {
    walk.bytesAt(parent, "camera_block", offset, length, { meaning: "opaque to the protocol" });
    return;
  }
  const group = walk.group(parent, "camera_block", offset, length, {
    meaning: "of the replay tool (wire spec §16)",
  });
  walk.bytesAt(group, "magic", offset, 4, { text: true });
  walk.number(group, "version", offset + 4, "u16");
  walk.number(group, "view_count", offset + 6, "u16", { unit: "count" });
  walk.number(group, "proj_count", offset + 8, "u16", { unit: "count" });
  walk.number(group, "prev_view_proj_count", offset + 10, "u16", { unit: "count" });
  walk.number(group, "reserved", offset + 12, "u16");
  for (
    const [name, at, value] of [["jitter_x", 14, camera.jitterX], ["jitter_y", 18, camera.jitterY]] as const
  ) {
    walk.bytesAt(group, name, offset + at, 4, { kind: "field", type: "f32", ...float(value) });
  }
  let at = offset + 22;
  for (
    const [name, floats] of Object.entries({
      view: camera.view,
      proj: camera.proj,
      prev_view_proj: camera.prevViewProj,
    })
  ) {
    if (floats.length === 0) continue;
    const numbers = Array.from(floats).slice(0, 8).map((n) => String(float(n).value));
    walk.bytesAt(group, name, at, floats.length * 4, {
      meaning: `${numbers.join(", ")}${floats.length > 8 ? ", …" : ""}`,
    });
    at += floats.length * 4;
  }
}

/** A float as JSON takes it. */
function float(value: number): { value: number | string } {
  return { value: Number.isFinite(value) ? Number(value.toPrecision(6)) : String(value) };
}

/**
 * Composed bodies as nodes: prelude, inline objects, references, typed payloads, extension frames (wire spec §8.2). Every block
 * is judged by its record; what the message's rules say about them together is found by asking the codec.
 *
 * @module
 */
import {
  BODY_PRELUDE_RECORD,
  BODY_PRELUDE_SIZE,
  CacheObjectKind,
  enumName,
  EXTENSION_FRAME_RECORD,
  INLINE_OBJECT_HEADER_SIZE,
  INLINE_OBJECT_RECORD,
  OBJECT_REFERENCE_RECORD,
  OBJECT_REFERENCE_SIZE,
  PayloadKind,
  TYPED_PAYLOAD_RECORD,
} from "@nnrp/core";
import type { GrowingNode } from "./nodes.ts";
import { layCamera, layTensorBody, layTileIndex, type TileFacts } from "./tensor_layout.ts";
import type { Walk } from "./walk.ts";

const DESCRIPTOR_SIZE = 16;

/** Adds a composed body that lies between `start` and `end`. */
export function layComposed(
  walk: Walk,
  body: GrowingNode,
  start: number,
  end: number,
  facts: TileFacts,
): void {
  if (end - start < BODY_PRELUDE_SIZE) {
    if (end > start) walk.bytesAt(body, "cut prelude", start, end - start);
    walk.fail("body_region_prelude", start, "has a fixed length", BODY_PRELUDE_SIZE, end - start);
  }
  const prelude = walk.group(body, "prelude", start, BODY_PRELUDE_SIZE);
  const sizes = walk.record(prelude, BODY_PRELUDE_RECORD, start);
  const lengths = [
    sizes.inlineObjectBytes,
    sizes.objectReferenceBytes,
    sizes.typedPayloadDescriptorBytes,
    sizes.typedPayloadFrameBytes,
    sizes.extensionDescriptorBytes,
    sizes.extensionPayloadBytes,
  ].map(Number);
  const sum = lengths.reduce((a, b) => a + b, BODY_PRELUDE_SIZE);
  if (sum !== end - start) {
    walk.fail("body_region_prelude", start, "region lengths must add up to the body", end - start, sum);
  }
  const borders = [start + BODY_PRELUDE_SIZE];
  for (const length of lengths) borders.push(borders.at(-1)! + length);
  const [inline, references, typedTable, typed, extensionTable, extensions] = borders;
  if (references > inline) layInlineObjects(walk, body, inline, references, facts);
  if (typedTable > references) layReferences(walk, body, references, typedTable);
  layDescribed(walk, body, TYPED, typedTable, typed, extensionTable);
  layDescribed(walk, body, EXTENSIONS, extensionTable, extensions, end);
}

function layInlineObjects(walk: Walk, body: GrowingNode, start: number, end: number, facts: TileFacts): void {
  const region = walk.group(body, "inline objects", start, end - start);
  const seen: { ids: readonly number[] | null } = { ids: null };
  let at = start;
  walk.items(region, (into, index) => {
    if (at >= end) return false;
    if (into === null) {
      at += INLINE_OBJECT_HEADER_SIZE + align8(walk.view.getUint32(at + 8, true));
      return true;
    }
    const header = at;
    if (end - header < INLINE_OBJECT_HEADER_SIZE) {
      walk.bytesAt(into, "cut object", header, end - header);
      walk.fail(
        "inline_object_block",
        header,
        "has a header of 16 bytes",
        INLINE_OBJECT_HEADER_SIZE,
        end - header,
      );
    }
    const block = walk.group(into, `object ${index + 1}`, header, end - header);
    const fields = walk.record(block, INLINE_OBJECT_RECORD, header);
    const kind = Number(fields.objectKind);
    block.meaning = enumName(CacheObjectKind, kind);
    const payload = header + INLINE_OBJECT_HEADER_SIZE;
    const length = Number(fields.objectBytes);
    at = payload + align8(length);
    if (at > end) {
      walk.fail(
        "inline_object_block_header.object_bytes",
        header + 8,
        "object beyond the region",
        end - payload,
        length,
      );
    }
    block.length = at - header;
    layObject(walk, block, kind, payload, length, facts, seen);
    walk.padding(block, payload + length, at, "inline_object_block.padding");
    return true;
  });
}

/** Adds what an inline object holds; those that are no part of the frame as bytes. */
function layObject(
  walk: Walk,
  block: GrowingNode,
  kind: number,
  offset: number,
  length: number,
  facts: TileFacts,
  seen: { ids: readonly number[] | null },
): void {
  if (kind === CacheObjectKind.CAMERA_BLOCK) layCamera(walk, block, offset, length);
  else if (kind === CacheObjectKind.TILE_INDEX_BLOCK) {
    seen.ids = layTileIndex(walk, block, offset, length, facts);
  } else if (kind === CacheObjectKind.TENSOR_SECTION_TABLE) {
    layTensorBody(walk, block, offset, offset + length, 0, facts, seen.ids ?? []);
  } else walk.bytesAt(block, "object", offset, length, { text: true });
}

function layReferences(walk: Walk, body: GrowingNode, start: number, end: number): void {
  const region = walk.group(body, "references", start, end - start, {
    meaning: "objects in the peer's cache",
  });
  let at = start;
  walk.items(region, (into, index) => {
    if (at >= end) return false;
    if (into !== null) {
      if (end - at < OBJECT_REFERENCE_SIZE) {
        walk.bytesAt(into, "cut reference", at, end - at);
        walk.fail(
          "object_reference_region",
          at,
          "a reference has 16 bytes",
          "a multiple of 16 bytes",
          end - start,
        );
      }
      const block = walk.group(into, `reference ${index + 1}`, at, OBJECT_REFERENCE_SIZE);
      const fields = walk.record(block, OBJECT_REFERENCE_RECORD, at);
      const key = BigInt(fields.cacheKeyHi) << 32n | BigInt(fields.cacheKeyLo);
      block.meaning = `${
        enumName(CacheObjectKind, Number(fields.objectKind))
      }, namespace ${fields.cacheNamespace}, key ${key}`;
    }
    at += OBJECT_REFERENCE_SIZE;
    return true;
  });
}

/** The two regions with descriptors. */
interface DescribedRegion {
  readonly record: typeof TYPED_PAYLOAD_RECORD | typeof EXTENSION_FRAME_RECORD;
  /** What one is called. */
  readonly one: string;
  /** Where the offset stands in the descriptor. */
  readonly offsetAt: number;
  /** What its first field says. */
  readonly meaning: (kind: number) => string;
}

const TYPED: DescribedRegion = {
  record: TYPED_PAYLOAD_RECORD,
  one: "typed payload",
  offsetAt: 4,
  meaning: (kind) => enumName(PayloadKind, kind),
};
const EXTENSIONS: DescribedRegion = {
  record: EXTENSION_FRAME_RECORD,
  one: "extension frame",
  offsetAt: 8,
  meaning: (kind) => `kind ${kind}`,
};

function layDescribed(
  walk: Walk,
  body: GrowingNode,
  region: DescribedRegion,
  table: number,
  payloads: number,
  end: number,
): void {
  const { record, one, offsetAt, meaning } = region;
  if (payloads === table && end === payloads) return;
  const descriptors = walk.group(body, `${one} descriptors`, table, payloads - table);
  let free = 0;
  let at = table;
  walk.items(descriptors, (into, index) => {
    if (at >= payloads) return false;
    if (into !== null) {
      const block = walk.group(into, `descriptor ${index + 1}`, at, DESCRIPTOR_SIZE);
      walk.record(block, record, at);
      block.meaning = meaning(kindAt(walk, region, at));
      const from = walk.view.getUint32(at + offsetAt, true);
      const to = from + walk.view.getUint32(at + offsetAt + 4, true);
      if (from < free) {
        walk.fail(
          `${record.name}.payload_offset`,
          at + offsetAt,
          "payloads must not overlap or descend",
          `at least ${free}`,
          from,
        );
      }
      if (to > end - payloads) {
        walk.fail(
          `${record.name}.payload_length`,
          at + offsetAt + 4,
          "payload beyond its region",
          `end at ${end - payloads} at most`,
          to,
        );
      }
      free = to;
    }
    at += DESCRIPTOR_SIZE;
    return true;
  });
  layPayloads(walk, body, region, table, payloads, end);
}

function layPayloads(
  walk: Walk,
  body: GrowingNode,
  region: DescribedRegion,
  table: number,
  payloads: number,
  end: number,
): void {
  const group = walk.group(body, `${region.one}s`, payloads, end - payloads);
  let reached = payloads;
  let at = table;
  walk.items(group, (into, index) => {
    if (at >= payloads) return false;
    const from = payloads + walk.view.getUint32(at + region.offsetAt, true);
    const length = walk.view.getUint32(at + region.offsetAt + 4, true);
    if (into !== null) {
      if (from > reached) {
        walk.bytesAt(into, "gap", reached, from - reached, { note: "no descriptor speaks of it" });
      }
      walk.bytesAt(into, `${region.one} ${index + 1}`, from, length, {
        text: true,
        meaning: region.meaning(kindAt(walk, region, at)),
      });
    }
    reached = Math.max(reached, from + length);
    at += DESCRIPTOR_SIZE;
    return true;
  });
  if (reached < end) {
    walk.bytesAt(group, "gap", reached, end - reached, { note: "no descriptor speaks of it" });
  }
}

function kindAt(walk: Walk, region: DescribedRegion, at: number): number {
  return region === TYPED ? walk.view.getUint8(at) : walk.view.getUint16(at, true);
}

function align8(length: number): number {
  return Math.ceil(length / 8) * 8;
}

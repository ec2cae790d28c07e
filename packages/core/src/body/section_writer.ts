/**
 * Writing tensor sections from tile payloads (wire spec §9): tables, flags and padding follow from what is given. First
 * everything is checked and measured, then it is written.
 *
 * @module
 */
import { NnrpValueError } from "../errors.ts";
import { SectionFlags } from "../wire/flags.ts";
import { checkU16, checkU32, checkU8, isU16, isU32, isU8, shown } from "../wire/integers.ts";
import type { Outbox } from "../wire/outbox.ts";
import { asBytes } from "../wire/byte_arguments.ts";
import { align8, writeZeroBytes } from "../wire/padding.ts";
import { checkTensorSets, SECTION_DESCRIPTOR_SIZE } from "./section_descriptor.ts";

/** Most sections of a body: the count has 16 bits (wire spec §13). */
export const MAX_SECTIONS = 0xffff;

/** A tensor section as callers give it: one payload per tile, in the order of the tile ids. */
export interface TensorSectionData {
  /** Role, u16; sections of a body must strictly ascend by it. */
  readonly roleId: number;
  /** TensorDType. Sizes of payloads are not compared with it. */
  readonly dtypeId: number;
  /** The tiles' bytes; the count must be that of the tile ids. Not copied if large. */
  readonly tilePayloads: readonly Uint8Array[];
  /** Codec of the tiles, u8; rc2's tools use 0 none, 1 lz4. Default 0. */
  readonly defaultCodecId?: number;
  /** Codec of each tile, u8, where they differ. Default: all have the default codec. */
  readonly codecIds?: ArrayLike<number>;
  /** TensorLayout. Default NHWC. */
  readonly layoutId?: number;
  /** ScalePolicy. Default NONE. */
  readonly scalePolicy?: number;
  /** Distance of tiles, bytes, u32: shorter ones are padded with zeroes, longer ones refused. 0 (default): back to back. */
  readonly payloadStrideBytes?: number;
  /** Elements of each tile, u32, for the peer's information. Default 0. */
  readonly elementCountPerTile?: number;
}

/**
 * Checks sections that are to be written and returns where they end.
 *
 * @param sections Sections in ascending order of their roles.
 * @param tileCount Number of tile ids: each section must have as many payloads.
 * @param start Length of what comes before the sections; each one is aligned to 8 bytes counted from there.
 * @returns `start` plus the sections with their alignment, bytes.
 * @throws NnrpValueError naming what is at fault, for example `sections[1].tilePayloads`.
 */
export function measureSections(
  sections: readonly TensorSectionData[],
  tileCount: number,
  start: number,
): number {
  if (!(sections.length >= 0 && sections.length <= MAX_SECTIONS)) { // no list at all has no length
    throw new NnrpValueError("too many sections", {
      field: "sections",
      expected: `at most ${MAX_SECTIONS}`,
      actual: sections.length,
    });
  }
  let end = start;
  for (let i = 0; i < sections.length; i++) {
    const section = sections[i];
    if (section === undefined || section === null) {
      throw new NnrpValueError("a section is wanted", { field: `sections[${i}]`, actual: shown(section) });
    }
    checkSection(section, i, tileCount);
    if (i > 0 && section.roleId <= sections[i - 1].roleId) {
      throw new NnrpValueError("roles must strictly ascend", {
        field: `sections[${i}].roleId`,
        expected: `more than ${sections[i - 1].roleId}`,
        actual: section.roleId,
      });
    }
    end = align8(end) + sectionHeadBytes(section) + payloadBytes(section, i);
  }
  return end;
}

/**
 * Writes sections that {@linkcode measureSections} accepted, each after its alignment.
 *
 * @param out Where to write.
 * @param sections What to write.
 * @param start As given to {@linkcode measureSections}.
 */
export function writeSections(out: Outbox, sections: readonly TensorSectionData[], start: number): void {
  let end = start;
  for (let i = 0; i < sections.length; i++) {
    const section = sections[i];
    const padding = align8(end) - end;
    const headBytes = sectionHeadBytes(section);
    const at = out.reserve(padding + headBytes);
    const view = out.view;
    for (let j = 0; j < padding; j++) view.setUint8(at + j, 0);
    const payload = writeSectionHead(view, at + padding, section);
    appendTiles(out, section, i);
    end += padding + headBytes + payload;
  }
}

/** Descriptor and tables of a checked section; returns the length of the payload that must follow. */
function writeSectionHead(view: DataView, at: number, section: TensorSectionData): number {
  const tiles = section.tilePayloads;
  const count = tiles.length;
  const stride = section.payloadStrideBytes ?? 0;
  const mixed = hasCodecTable(section);
  let lengthAt = at + SECTION_DESCRIPTOR_SIZE;
  if (mixed) {
    const codecIds = section.codecIds!;
    for (let i = 0; i < count; i++) view.setUint8(lengthAt + i, codecIds[i]);
    lengthAt += count;
  }
  let payload = 0;
  for (let i = 0; i < count; i++) {
    const length = tiles[i].length;
    view.setUint32(lengthAt + i * 4, length, true);
    payload += length;
  }
  if (stride !== 0) payload = stride * count;
  view.setUint16(at, section.roleId, true);
  view.setUint8(at + 2, section.defaultCodecId ?? 0);
  view.setUint8(at + 3, section.dtypeId);
  view.setUint8(at + 4, section.layoutId ?? 0);
  view.setUint8(at + 5, section.scalePolicy ?? 0);
  view.setUint16(
    at + 6,
    (mixed ? SectionFlags.MIXED_CODEC : 0) | (stride !== 0 ? SectionFlags.FIXED_STRIDE : 0),
    true,
  );
  view.setUint32(at + 8, section.elementCountPerTile ?? 0, true);
  view.setUint32(at + 12, mixed ? count : 0, true);
  view.setUint32(at + 16, count * 4, true);
  view.setUint32(at + 20, payload, true);
  view.setUint32(at + 24, stride, true);
  view.setUint32(at + 28, 0, true);
  return payload;
}

function appendTiles(out: Outbox, section: TensorSectionData, index: number): void {
  const tiles = section.tilePayloads;
  const stride = section.payloadStrideBytes ?? 0;
  for (let i = 0; i < tiles.length; i++) {
    out.append(tiles[i], "sections[#].tilePayloads[#]", index, i);
    if (stride !== 0) writeZeroBytes(out, stride - tiles[i].length);
  }
}

/** Length of descriptor, codec table and length table. */
function sectionHeadBytes(section: TensorSectionData): number {
  const count = section.tilePayloads.length;
  return SECTION_DESCRIPTOR_SIZE + count * (hasCodecTable(section) ? 5 : 4);
}

/** A table is written only where a tile has another codec than the default. */
function hasCodecTable(section: TensorSectionData): boolean {
  const codecIds = section.codecIds;
  if (codecIds === undefined) return false;
  const defaultCodecId = section.defaultCodecId ?? 0;
  for (let i = 0; i < codecIds.length; i++) if (codecIds[i] !== defaultCodecId) return true;
  return false;
}

function payloadBytes(section: TensorSectionData, index: number): number {
  const tiles = section.tilePayloads;
  const stride = section.payloadStrideBytes ?? 0;
  let sum = 0;
  for (let i = 0; i < tiles.length; i++) {
    const length = tiles[i].length;
    if (stride !== 0 && length > stride) {
      throw new NnrpValueError("tile longer than payloadStrideBytes", {
        field: `sections[${index}].tilePayloads[${i}]`,
        expected: `at most ${stride} bytes`,
        actual: length,
      });
    }
    sum += length;
  }
  if (stride !== 0) sum = stride * tiles.length;
  if (!isU32(sum)) {
    throw new NnrpValueError("more bytes together than a section holds", {
      field: `sections[${index}].tilePayloads`,
      expected: "at most 4294967295",
      actual: sum,
    });
  }
  return sum;
}

/** Everything of a section but the lengths of its tiles. */
function checkSection(section: TensorSectionData, index: number, tileCount: number): void {
  const tiles = section.tilePayloads;
  const codecIds = section.codecIds;
  if (!Array.isArray(tiles)) {
    throw new NnrpValueError("one payload per tile id is wanted", {
      field: `sections[${index}].tilePayloads`,
    });
  }
  if (tiles.length !== tileCount) {
    throw new NnrpValueError("one payload per tile id", {
      field: `sections[${index}].tilePayloads`,
      expected: tileCount,
      actual: tiles.length,
    });
  }
  for (let i = 0; i < tiles.length; i++) {
    if (!(tiles[i] instanceof Uint8Array) || tiles[i].length === 0) {
      asBytes(tiles[i], `sections[${index}].tilePayloads[${i}]`);
    }
  }
  if (codecIds !== undefined && codecIds.length > 0) checkCodecIds(codecIds, index, tileCount);
  if (
    !isU16(section.roleId) || !isU8(section.defaultCodecId ?? 0) ||
    !isU32(section.elementCountPerTile ?? 0) ||
    !isU32(section.payloadStrideBytes ?? 0)
  ) {
    const prefix = `sections[${index}].`;
    checkU16(section.roleId, `${prefix}roleId`);
    checkU8(section.defaultCodecId ?? 0, `${prefix}defaultCodecId`);
    checkU32(section.elementCountPerTile ?? 0, `${prefix}elementCountPerTile`);
    checkU32(section.payloadStrideBytes ?? 0, `${prefix}payloadStrideBytes`);
  }
  checkTensorSets(section.dtypeId, section.layoutId ?? 0, section.scalePolicy ?? 0, "sections", index);
}

function checkCodecIds(codecIds: ArrayLike<number>, index: number, tileCount: number): void {
  if (codecIds.length !== tileCount) {
    throw new NnrpValueError("one codec per tile", {
      field: `sections[${index}].codecIds`,
      expected: tileCount,
      actual: codecIds.length,
    });
  }
  for (let i = 0; i < codecIds.length; i++) {
    if (!isU8(codecIds[i])) checkU8(codecIds[i], `sections[${index}].codecIds[${i}]`);
  }
}

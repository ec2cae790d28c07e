/**
 * A tensor body: the tile index, then the sections, each aligned to 8 bytes (wire spec §9). It is the body of a plain
 * result, the part of a plain submit after the camera, and (without index) the payload of a TENSOR_SECTION_TABLE object.
 *
 * @module
 */
import { NnrpWireError } from "../errors.ts";
import { TileIndexMode } from "../wire/enums.ts";
import { checkU32 } from "../wire/integers.ts";
import type { Outbox } from "../wire/outbox.ts";
import { align8, checkZeroBytes } from "../wire/padding.ts";
import { measureSections, type TensorSectionData, writeSections } from "./section_writer.ts";
import { readTensorSection, sectionLength, type TensorSection } from "./tensor_sections.ts";
import { measureTileIndex, writeTileIndex } from "./tile_index.ts";

/**
 * Judges and reads the sections between `start` and `end`.
 *
 * @param bytes What is read.
 * @param view The same memory.
 * @param start Where the tensor body begins; alignment counts from here.
 * @param end Where it ends.
 * @param tileIndexBytes Length of the index that comes first.
 * @param sectionCount Sections that there must be.
 * @param tileCount Tiles that each must have; −1 for any number.
 * @throws NnrpWireError if a rule of wire spec §9 is broken or bytes are left over.
 */
export function readTensorBody(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  tileIndexBytes: number,
  sectionCount: number,
  tileCount: number,
): TensorSection[] {
  let at = start + tileIndexBytes;
  if (at > end) {
    throw new NnrpWireError("tile index beyond the body", {
      field: "tile_index_bytes",
      offset: start,
      expected: `at most ${end - start}`,
      actual: tileIndexBytes,
    });
  }
  const sections: TensorSection[] = [];
  for (let i = 0; i < sectionCount; i++) {
    const aligned = start + align8(at - start);
    if (aligned > end) {
      throw new NnrpWireError("section missing", {
        field: `sections[${i}]`,
        offset: at,
        actual: `${end - at} bytes`,
      });
    }
    checkZeroBytes(bytes, at, aligned, "tensor_body.padding");
    const section = readTensorSection(bytes, view, aligned, end, tileCount);
    if (i > 0 && section.roleId <= sections[i - 1].roleId) {
      throw new NnrpWireError("roles must strictly ascend", {
        field: `sections[${i}].role_id`,
        offset: aligned,
        expected: `more than ${sections[i - 1].roleId}`,
        actual: section.roleId,
      });
    }
    sections.push(section);
    at = aligned + sectionLength(section);
  }
  if (at !== end) {
    throw new NnrpWireError("bytes after the last section", {
      field: "tensor_body",
      offset: at,
      expected: at - start,
      actual: end - start,
    });
  }
  return sections;
}

/** Metadata fields that a tensor body depends on. */
export interface TensorBodyContext {
  /** Length of the tile index, bytes. */
  readonly tileIndexBytes: number;
  /** Sections. */
  readonly sectionCount: number;
  /** Tiles of each section; any number where left out. */
  readonly tileCount?: number;
}

/** A tensor body that was read. */
export interface TensorBody {
  /** The raw tile index, a view. */
  readonly tileIndexBlock: Uint8Array;
  /** The sections. */
  readonly sections: readonly TensorSection[];
}

/**
 * Reads a tensor body.
 *
 * @param bytes The body, nothing after it.
 * @param context Metadata fields that it depends on.
 * @throws NnrpWireError as {@linkcode readTensorBody}.
 */
export function decodeTensorBody(bytes: Uint8Array, context: TensorBodyContext): TensorBody {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { tileIndexBytes, sectionCount, tileCount = -1 } = context;
  const sections = readTensorBody(bytes, view, 0, bytes.length, tileIndexBytes, sectionCount, tileCount);
  return { tileIndexBlock: bytes.subarray(0, tileIndexBytes), sections };
}

/** What a tensor body is made of. */
export interface TensorBodyData {
  /** Tile ids, 0…65535 each. */
  readonly tileIds: ArrayLike<number>;
  /** Sections in ascending order of their roles. */
  readonly sections: readonly TensorSectionData[];
  /** TileIndexMode. Default RAW_U16. */
  readonly tileIndexMode?: number;
  /** First id of a dense range. Default 0. */
  readonly tileBaseId?: number;
}

/**
 * Checks and writes a tensor body.
 *
 * @throws NnrpValueError naming what is at fault. Nothing was written.
 */
export function encodeTensorBody(out: Outbox, data: TensorBodyData): void {
  const { tileIds, sections, tileIndexMode = TileIndexMode.RAW_U16, tileBaseId = 0 } = data;
  checkU32(tileBaseId, "tileBaseId");
  const indexBytes = measureTileIndex(tileIndexMode, tileIds, tileBaseId);
  measureSections(sections, tileIds.length, indexBytes);
  const at = out.reserve(indexBytes);
  writeTileIndex(out.view, at, tileIndexMode, tileIds);
  writeSections(out, sections, indexBytes);
}

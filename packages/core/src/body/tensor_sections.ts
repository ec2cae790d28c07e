/**
 * One tensor section: descriptor of 32 bytes, codec table, length table and the tiles' payloads (wire spec §9). Reading
 * judges a section where it lies; views on single tiles are made when somebody asks for them.
 *
 * @module
 */
import { NnrpWireError } from "../errors.ts";
import { SectionFlags } from "../wire/flags.ts";
import { checkZeroBytes } from "../wire/padding.ts";
import type { TensorSectionData } from "./section_writer.ts";
import { checkSectionDescriptor, SECTION_DESCRIPTOR_SIZE } from "./section_descriptor.ts";

/** A received tensor section: one property of all tiles of a frame. It may be given as it is to be sent on. */
export interface TensorSection extends TensorSectionData {
  /** Role, u16; sections of a body ascend by it. */
  readonly roleId: number;
  /** Codec of tiles that the codec table does not name; 0 = none. */
  readonly codecId: number;
  /** TensorDType. */
  readonly dtypeId: number;
  /** TensorLayout. */
  readonly layoutId: number;
  /** ScalePolicy. */
  readonly scalePolicy: number;
  /** SectionFlags; undefined bits are kept. */
  readonly flags: number;
  /** Elements of each tile as the sender states; 0 = not specified. Not compared with anything. */
  readonly elementCountPerTile: number;
  /** Length of the codec table, bytes: 0 or one per tile. */
  readonly codecTableBytes: number;
  /** Length of the length table, bytes: four per tile. */
  readonly lengthTableBytes: number;
  /** Length of all payloads, padding of a stride included, bytes. */
  readonly payloadBytes: number;
  /** Distance of tiles, bytes; 0 = back to back. */
  readonly payloadStrideBytes: number;
  /** Kept as it came. */
  readonly reserved: number;
  /** Codec of each tile; empty if all have `codecId`. A view. */
  readonly codecTable: Uint8Array;
  /** The same as `codecId`, so that what was received can be given to be sent on. */
  readonly defaultCodecId: number;
  /** The same as `codecTable`, for the same reason. */
  readonly codecIds: Uint8Array;
  /** Number of tiles. */
  readonly tileCount: number;
  /** The tiles' bytes without padding, in the order of the tile ids. Views, made at the first access. */
  readonly tilePayloads: readonly Uint8Array[];
}

/** A section that was judged, where it lies. */
class SectionOnWire implements TensorSection {
  readonly roleId: number;
  readonly codecId: number;
  readonly dtypeId: number;
  readonly layoutId: number;
  readonly scalePolicy: number;
  readonly flags: number;
  readonly elementCountPerTile: number;
  readonly codecTableBytes: number;
  readonly lengthTableBytes: number;
  readonly payloadBytes: number;
  readonly payloadStrideBytes: number;
  readonly reserved: number;
  readonly tileCount: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #tables: number; // where the codec table begins
  #tilePayloads: Uint8Array[] | undefined;

  constructor(bytes: Uint8Array, view: DataView, offset: number) {
    this.roleId = view.getUint16(offset, true);
    this.codecId = view.getUint8(offset + 2);
    this.dtypeId = view.getUint8(offset + 3);
    this.layoutId = view.getUint8(offset + 4);
    this.scalePolicy = view.getUint8(offset + 5);
    this.flags = view.getUint16(offset + 6, true);
    this.elementCountPerTile = view.getUint32(offset + 8, true);
    this.codecTableBytes = view.getUint32(offset + 12, true);
    this.lengthTableBytes = view.getUint32(offset + 16, true);
    this.payloadBytes = view.getUint32(offset + 20, true);
    this.payloadStrideBytes = view.getUint32(offset + 24, true);
    this.reserved = view.getUint32(offset + 28, true);
    this.tileCount = this.lengthTableBytes / 4;
    this.#bytes = bytes;
    this.#view = view;
    this.#tables = offset + SECTION_DESCRIPTOR_SIZE;
  }

  get codecTable(): Uint8Array {
    return this.#bytes.subarray(this.#tables, this.#tables + this.codecTableBytes);
  }

  get defaultCodecId(): number {
    return this.codecId;
  }

  get codecIds(): Uint8Array {
    return this.codecTable;
  }

  get tilePayloads(): readonly Uint8Array[] {
    return this.#tilePayloads ??= this.#cutTiles();
  }

  #cutTiles(): Uint8Array[] {
    const tiles: Uint8Array[] = [];
    const lengths = this.#tables + this.codecTableBytes;
    let at = lengths + this.lengthTableBytes;
    for (let i = 0; i < this.tileCount; i++) {
      const length = this.#view.getUint32(lengths + i * 4, true);
      tiles.push(this.#bytes.subarray(at, at + length));
      at += this.payloadStrideBytes === 0 ? length : this.payloadStrideBytes;
    }
    return tiles;
  }
}

/**
 * Judges the section at `offset` and reads it.
 *
 * @param bytes What is read.
 * @param view The same memory.
 * @param offset Where the section begins.
 * @param end Where the bytes for sections end; others may follow the section before it.
 * @param tileCount Tiles that the section must have; −1 for any number.
 * @throws NnrpWireError if a rule of wire spec §9 is broken.
 */
export function readTensorSection(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  end: number,
  tileCount: number,
): TensorSection {
  checkSectionDescriptor(view, offset, end);
  const flags = view.getUint16(offset + 6, true);
  const codecTableBytes = view.getUint32(offset + 12, true);
  const lengthTableBytes = view.getUint32(offset + 16, true);
  const payloadBytes = view.getUint32(offset + 20, true);
  const stride = view.getUint32(offset + 24, true);
  if (lengthTableBytes % 4 !== 0) {
    throw refused(
      ".length_table_bytes",
      "four bytes per tile",
      offset + 16,
      "a multiple of 4",
      lengthTableBytes,
    );
  }
  const count = lengthTableBytes / 4;
  if (tileCount >= 0 && count !== tileCount) {
    throw refused(".length_table_bytes", "one length per tile", offset + 16, tileCount * 4, lengthTableBytes);
  }
  if ((flags & SectionFlags.FIXED_STRIDE) !== 0 !== (stride !== 0)) {
    throw refused(".flags", "FIXED_STRIDE must go with a stride", offset + 6, `stride ${stride}`, flags);
  }
  if ((flags & SectionFlags.MIXED_CODEC) !== 0 !== (codecTableBytes !== 0)) {
    throw refused(
      ".flags",
      "MIXED_CODEC must go with a codec table",
      offset + 6,
      `table of ${codecTableBytes}`,
      flags,
    );
  }
  if (codecTableBytes !== 0 && codecTableBytes !== count) {
    throw refused(".codec_table_bytes", "one codec per tile", offset + 12, count, codecTableBytes);
  }
  const lengths = offset + SECTION_DESCRIPTOR_SIZE + codecTableBytes;
  const payload = lengths + lengthTableBytes;
  if (payload + payloadBytes > end) {
    throw refused("", "section cut", offset, payload + payloadBytes - offset, end - offset);
  }
  if (stride === 0) checkPacked(view, lengths, count, payloadBytes);
  else checkStrided(bytes, view, lengths, payload, count, stride, payloadBytes);
  return new SectionOnWire(bytes, view, offset);
}

/** Length of a section that was read, bytes. */
export function sectionLength(section: TensorSection): number {
  return SECTION_DESCRIPTOR_SIZE + section.codecTableBytes + section.lengthTableBytes + section.payloadBytes;
}

/**
 * Reads one section.
 *
 * @param bytes The section, nothing after it.
 * @throws NnrpWireError as {@linkcode readTensorSection}, and for bytes after the section.
 */
export function decodeTensorSection(bytes: Uint8Array): TensorSection {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const section = readTensorSection(bytes, view, 0, bytes.length, -1);
  const length = sectionLength(section);
  if (length !== bytes.length) throw refused("", "bytes after the section", length, length, bytes.length);
  return section;
}

function checkPacked(view: DataView, lengths: number, count: number, payloadBytes: number): void {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += view.getUint32(lengths + i * 4, true);
  if (sum !== payloadBytes) {
    throw refused(".payload_bytes", "tile lengths must add up to it", lengths, sum, payloadBytes);
  }
}

function checkStrided(
  bytes: Uint8Array,
  view: DataView,
  lengths: number,
  payload: number,
  count: number,
  stride: number,
  payloadBytes: number,
): void {
  if (payloadBytes !== count * stride) {
    throw refused(".payload_bytes", "one stride per tile", lengths, count * stride, payloadBytes);
  }
  for (let i = 0; i < count; i++) {
    const length = view.getUint32(lengths + i * 4, true);
    if (length > stride) {
      throw refused(
        ".length_table",
        "tile longer than the stride",
        lengths + i * 4,
        `at most ${stride}`,
        length,
      );
    }
    const start = payload + i * stride;
    checkZeroBytes(bytes, start + length, start + stride, "tensor_section.padding");
  }
}

function refused(
  field: string,
  message: string,
  offset: number,
  expected: string | number,
  actual: number,
): NnrpWireError {
  return new NnrpWireError(message, { field: `tensor_section${field}`, offset, expected, actual });
}

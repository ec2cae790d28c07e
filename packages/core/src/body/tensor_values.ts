/**
 * Tensors as programs have them: arrays of numbers in, typed arrays out. Says what a section's bytes mean; the sections
 * themselves are in `section_writer.ts` and `tensor_sections.ts`.
 *
 * @module
 */
import { NnrpUnsupportedError, NnrpValueError, NnrpWireError } from "../errors.ts";
import { TensorDType, TensorLayout } from "../wire/enums.ts";
import { hasVanished, vanishedError } from "../wire/byte_arguments.ts";
import { shown } from "../wire/integers.ts";
import { toHalf } from "./half_floats.ts";
import type { TensorSectionData } from "./section_writer.ts";
import type { TensorSection } from "./tensor_sections.ts";

/** Element types by name. */
export type TensorDTypeName =
  | "fp16"
  | "fp32"
  | "fp8_e4m3"
  | "fp8_e5m2"
  | "int8"
  | "uint8"
  | "int16"
  | "uint16";

/**
 * Elements of a tile as {@linkcode TensorView.tile} gives them. `fp16` is a Float16Array where the runtime has that class, else
 * a Uint16Array of the bit patterns; both fp8 types are bit patterns in a Uint8Array.
 */
export type TensorElements = Float32Array | Int8Array | Uint8Array | Int16Array | Uint16Array;

/** Elements of a tile as callers give them. */
export type TensorTile = TensorElements | Uint8ClampedArray | readonly number[];

/** A constructor of one kind of typed array. */
interface ElementArray {
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
  new (values: ArrayLike<number>): TensorElements;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TensorElements;
}

/** How an element type is kept and converted. */
interface ElementType {
  readonly id: number;
  /** What tiles are read as. */
  readonly array: ElementArray;
  /** Classes of typed arrays whose bytes are taken as they are. */
  readonly same: readonly string[];
  /** Range of numbers in plain arrays; null: plain arrays are refused. */
  readonly range: readonly [number, number] | null;
  /** What turns numbers into elements first, where the array class does not. */
  readonly convert?: (values: ArrayLike<number>) => TensorElements;
}

const Float16: ElementArray | undefined = (globalThis as { Float16Array?: unknown }).Float16Array as
  | ElementArray
  | undefined;
const ANY: readonly [number, number] = [-Infinity, Infinity];

const TYPES: Readonly<Record<TensorDTypeName, ElementType>> = {
  fp16: {
    id: TensorDType.FP16,
    array: Float16 ?? Uint16Array,
    same: ["Float16Array", "Uint16Array"],
    range: ANY,
    convert: (values) => Uint16Array.from(values, toHalf),
  },
  fp32: { id: TensorDType.FP32, array: Float32Array, same: ["Float32Array"], range: ANY },
  fp8_e4m3: { id: TensorDType.FP8_E4M3, array: Uint8Array, same: ["Uint8Array"], range: null },
  fp8_e5m2: { id: TensorDType.FP8_E5M2, array: Uint8Array, same: ["Uint8Array"], range: null },
  int8: { id: TensorDType.INT8, array: Int8Array, same: ["Int8Array"], range: [-128, 127] },
  uint8: {
    id: TensorDType.UINT8,
    array: Uint8Array,
    same: ["Uint8Array", "Uint8ClampedArray"],
    range: [0, 255],
  },
  int16: { id: TensorDType.INT16, array: Int16Array, same: ["Int16Array"], range: [-32768, 32767] },
  uint16: { id: TensorDType.UINT16, array: Uint16Array, same: ["Uint16Array"], range: [0, 65535] },
};

const NAMES: readonly TensorDTypeName[] = Object.entries(TYPES)
  .sort(([, a], [, b]) => a.id - b.id)
  .map(([name]) => name as TensorDTypeName);

/** The wire is little-endian; so is every machine of note, but not by law. */
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** What {@linkcode tensorSection} makes a section of. */
export interface TensorSectionOptions {
  /** Role, u16; sections of a frame must ascend by it. */
  readonly role: number;
  /** Element type. */
  readonly dtype: TensorDTypeName;
  /**
   * One tile per tile id. Typed arrays of the element type are not copied: a Uint16Array for `fp16` holds bit patterns. Plain
   * arrays hold numbers; for `fp16` they and a Float32Array are rounded. The fp8 types take bit patterns in a Uint8Array only.
   */
  readonly tiles: readonly TensorTile[];
  /** Distance of tiles, bytes; shorter ones are padded. Default 0: back to back. */
  readonly stride?: number;
  /** Codec that the tiles are compressed with, u8: name it only if the bytes already are. Default 0 = none. */
  readonly codec?: number;
  /** Memory layout. Default `"nhwc"`. */
  readonly layout?: "nhwc" | "nchw";
  /** ScalePolicy. Default NONE. */
  readonly scalePolicy?: number;
}

/**
 * A tensor section of arrays.
 *
 * @param options Role, element type and tiles.
 * @throws NnrpValueError naming the tile at fault, for example `tiles[2]` for an array of another type or `tiles[2][5]` for a
 * number that the element type cannot hold.
 * @example
 * ```ts
 * const luma = tensorSection({ role: 1, dtype: "uint8", tiles: [new Uint8Array(1024), new Uint8Array(1024)] });
 * ```
 */
export function tensorSection(options: TensorSectionOptions): TensorSectionData {
  const { role, dtype, tiles, stride = 0, codec = 0, layout = "nhwc", scalePolicy = 0 } = options;
  const type = Object.hasOwn(TYPES, dtype) ? TYPES[dtype] : undefined;
  if (type === undefined) {
    throw new NnrpValueError("unknown element type", {
      field: "dtype",
      expected: NAMES.join(", "),
      actual: shown(dtype),
    });
  }
  if (layout !== "nhwc" && layout !== "nchw") {
    throw new NnrpValueError("unknown layout", {
      field: "layout",
      expected: "nhwc or nchw",
      actual: shown(layout),
    });
  }
  const tilePayloads = tiles.map((tile, index) => tileBytes(tile, type, dtype, index));
  const elementCount = tiles.length > 0 && tiles.every((tile) => tile.length === tiles[0].length)
    ? tiles[0].length
    : 0;
  return {
    roleId: role,
    dtypeId: type.id,
    tilePayloads,
    defaultCodecId: codec,
    layoutId: layout === "nhwc" ? TensorLayout.NHWC : TensorLayout.NCHW,
    scalePolicy,
    payloadStrideBytes: stride,
    elementCountPerTile: elementCount,
  };
}

/** A received section as numbers. */
export class TensorView {
  /** The section itself: layout, scale policy, codecs and raw bytes. */
  readonly section: TensorSection;
  /** Ids of the tiles, in their order; null if the tile index was referenced and is not known. */
  readonly tileIds: readonly number[] | null;
  /** Element type. */
  readonly dtype: TensorDTypeName;
  readonly #type: ElementType;
  readonly #codecs: Uint8Array;
  #places: Map<number, number> | undefined;

  /**
   * Reads a section; nothing is copied.
   *
   * @param section A received section.
   * @param tileIds Ids of the frame's tiles, null if they are not known.
   */
  constructor(section: TensorSection, tileIds: readonly number[] | null) {
    this.section = section;
    this.tileIds = tileIds;
    this.dtype = NAMES[section.dtypeId];
    this.#type = TYPES[this.dtype];
    this.#codecs = section.codecTable;
  }

  /** Role of the section. */
  get role(): number {
    return this.section.roleId;
  }

  /** Number of tiles. */
  get tileCount(): number {
    return this.section.tileCount;
  }

  /**
   * The elements of a tile by its id: a view on the packet if they lie aligned, else a copy.
   *
   * @returns undefined if there is no such tile. Of several tiles with one id the first.
   * @throws NnrpUnsupportedError if the tile is compressed: take {@linkcode TensorView.bytes} and decompress it.
   * @throws NnrpWireError if its length is no multiple of the element size.
   */
  tile(id: number): TensorElements | undefined {
    const index = this.#indexOf(id);
    return index === undefined ? undefined : this.tileAt(index);
  }

  /**
   * The elements of a tile by its place, 0…{@linkcode TensorView.tileCount} − 1; otherwise as {@linkcode TensorView.tile}.
   *
   * @throws NnrpValueError if there is no such place.
   */
  tileAt(index: number): TensorElements {
    const bytes = this.section.tilePayloads[index];
    if (bytes === undefined) {
      throw new NnrpValueError("no such tile", {
        field: "index",
        expected: `0…${this.tileCount - 1}`,
        actual: shown(index),
      });
    }
    const codec = this.#codecs.length > 0 ? this.#codecs[index] : this.section.codecId;
    if (codec !== 0) {
      throw new NnrpUnsupportedError(
        `tile ${index} of role ${this.role} has codec ${codec}: decompress bytes() yourself`,
      );
    }
    const size = this.#type.array.BYTES_PER_ELEMENT;
    if (bytes.length % size !== 0) {
      throw new NnrpWireError("tile is no whole number of elements", {
        field: `section of role ${this.role}, tile ${index}`,
        expected: `a multiple of ${size} bytes`,
        actual: bytes.length,
      });
    }
    const aligned = bytes.byteOffset % size === 0 && (LITTLE_ENDIAN || size === 1)
      ? bytes
      : toNative(bytes, size);
    return new this.#type.array(aligned.buffer, aligned.byteOffset, aligned.length / size);
  }

  /** The bytes of a tile by its id, compressed or not; undefined if there is no such tile. */
  bytes(id: number): Uint8Array | undefined {
    const index = this.#indexOf(id);
    return index === undefined ? undefined : this.section.tilePayloads[index];
  }

  #indexOf(id: number): number | undefined {
    if (this.#places === undefined) {
      this.#places = new Map();
      const ids = this.tileIds ?? [];
      for (let i = ids.length - 1; i >= 0; i--) this.#places.set(ids[i], i);
    }
    return this.#places.get(id);
  }
}

/**
 * A received section as numbers.
 *
 * @param section A section of a decoded body.
 * @param tileIds Tile ids of the same body, null if they are not known.
 */
export function tensorOf(section: TensorSection, tileIds: readonly number[] | null): TensorView {
  return new TensorView(section, tileIds);
}

/** The little-endian bytes of a tile; a view where nothing must be converted. */
function tileBytes(tile: TensorTile, type: ElementType, dtype: string, index: number): Uint8Array {
  if (Array.isArray(tile)) {
    checkNumbers(tile, type, dtype, index);
    return littleEndian(type.convert?.(tile) ?? new type.array(tile));
  }
  const className = Object.prototype.toString.call(tile).slice(8, -1); // holds across realms
  const elements = tile as TensorElements;
  if (elements.length === 0 && hasVanished(elements)) throw vanishedError(`tiles[${index}]`);
  if (type.same.includes(className)) return littleEndian(elements);
  if (className === "Float32Array" && type.convert !== undefined) return littleEndian(type.convert(elements));
  throw new NnrpValueError(`not a tile of ${dtype}`, {
    field: `tiles[${index}]`,
    expected: `${type.same.join(" or ")}${type.range === null ? "" : ", or an array of numbers"}`,
    actual: className,
  });
}

function checkNumbers(tile: readonly number[], type: ElementType, dtype: string, index: number): void {
  if (type.range === null) {
    throw new NnrpValueError(`${dtype} is given as bit patterns`, {
      field: `tiles[${index}]`,
      expected: "Uint8Array",
      actual: "array",
    });
  }
  const [least, most] = type.range;
  const whole = most !== Infinity;
  tile.forEach((value, place) => {
    const fits = typeof value === "number" &&
      (whole ? Number.isInteger(value) && value >= least && value <= most : true);
    if (!fits) {
      throw new NnrpValueError(`not a number that ${dtype} holds`, {
        field: `tiles[${index}][${place}]`,
        expected: whole ? `integer ${least}…${most}` : "a number",
        actual: shown(value),
      });
    }
  });
}

function littleEndian(elements: TensorElements | Uint8ClampedArray): Uint8Array {
  const bytes = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  return LITTLE_ENDIAN || elements.BYTES_PER_ELEMENT === 1
    ? bytes
    : toNative(bytes, elements.BYTES_PER_ELEMENT);
}

/** A copy, in the byte order of this machine; on a big-endian one the same swap leads back to the wire's. */
function toNative(bytes: Uint8Array, size: number): Uint8Array {
  const copy = bytes.slice();
  if (!LITTLE_ENDIAN) {
    for (let at = 0; at < copy.length; at += size) {
      copy.subarray(at, at + size).reverse();
    }
  }
  return copy;
}

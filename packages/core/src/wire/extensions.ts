/**
 * Control extension blocks: entries of a type, flags and a payload, padded to 8 bytes, in the bodies of the two hellos
 * (wire spec §5). What the known types hold is in `known_extensions.ts`.
 *
 * @module
 */
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import { asBytes } from "./byte_arguments.ts";
import { ControlExtensionFlags } from "./flags.ts";
import { checkU16 } from "./integers.ts";
import { align8, checkZeroBytes } from "./padding.ts";

/** Length of the header of an entry, bytes. */
export const CONTROL_EXTENSION_HEADER_SIZE = 8;

/** One entry of a control extension block. */
export interface ControlExtensionEntry {
  /** Type, u16; ControlExtensionType names the known ones. */
  readonly extType: number;
  /** ControlExtensionFlags, u16; undefined bits are kept. Default 0. */
  readonly extFlags?: number;
  /** Payload without padding. After decoding a view on the block. */
  readonly payload: Uint8Array;
}

/** Options of {@linkcode decodeControlExtensions}. */
export interface DecodeControlExtensionsOptions {
  /** If given, entries of other types are left out, and refused where they are CRITICAL. */
  readonly knownTypes?: Iterable<number>;
}

/**
 * Writes a block of entries, each padded to 8 bytes.
 *
 * @param entries In this order; duplicates are fine.
 * @returns The packed block, as hellos carry it.
 * @throws NnrpValueError if a type, flags or length does not fit.
 */
export function encodeControlExtensions(entries: readonly ControlExtensionEntry[]): Uint8Array {
  let length = 0;
  entries.forEach((entry, index) => {
    checkU16(entry.extType, `entries[${index}].extType`);
    checkU16(entry.extFlags ?? 0, `entries[${index}].extFlags`);
    length += CONTROL_EXTENSION_HEADER_SIZE +
      align8(asBytes(entry.payload, `entries[${index}].payload`).length);
  });
  if (length > 0xffff_ffff) {
    throw new NnrpValueError("does not fit control_extension_bytes", {
      field: "entries",
      expected: "at most 4294967295 bytes",
      actual: length,
    });
  }
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { extType, extFlags, payload } of entries) {
    view.setUint16(at, extType, true);
    view.setUint16(at + 2, extFlags ?? 0, true);
    view.setUint32(at + 4, payload.length, true);
    bytes.set(payload, at + CONTROL_EXTENSION_HEADER_SIZE);
    at += CONTROL_EXTENSION_HEADER_SIZE + align8(payload.length);
  }
  return bytes;
}

/**
 * Reads a block of entries.
 *
 * @param bytes Exactly the block; may be empty.
 * @param options Which types are known.
 * @returns The entries in order; payloads are views on `bytes`.
 * @throws NnrpWireError (stage body) if a header, payload or padding is cut, padding is not zero (on the last entry too), or
 * an unknown entry is CRITICAL.
 */
export function decodeControlExtensions(
  bytes: Uint8Array,
  options: DecodeControlExtensionsOptions = {},
): ControlExtensionEntry[] {
  const known = options.knownTypes === undefined ? null : new Set(options.knownTypes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: ControlExtensionEntry[] = [];
  let at = 0;
  while (at < bytes.length) {
    const rest = bytes.length - at - CONTROL_EXTENSION_HEADER_SIZE;
    if (rest < 0) throw cut("header", at, CONTROL_EXTENSION_HEADER_SIZE, bytes.length - at);
    const extType = view.getUint16(at, true);
    const extFlags = view.getUint16(at + 2, true);
    const extLen = view.getUint32(at + 4, true);
    if (align8(extLen) > rest) throw cut(extLen > rest ? "payload" : "padding", at, align8(extLen), rest);
    const start = at + CONTROL_EXTENSION_HEADER_SIZE;
    const end = start + extLen;
    at = start + align8(extLen);
    checkZeroBytes(bytes, end, at, "control_extension.padding");
    if (known === null || known.has(extType)) {
      entries.push({ extType, extFlags, payload: extLen === 0 ? EMPTY : bytes.subarray(start, end) });
    } else if ((extFlags & ControlExtensionFlags.CRITICAL) !== 0) {
      throw new NnrpWireError("unknown and critical", {
        field: "control_extension.ext_type",
        offset: start - CONTROL_EXTENSION_HEADER_SIZE,
        expected: "a known type",
        actual: `0x${extType.toString(16).padStart(4, "0")}`,
      });
    }
  }
  return entries;
}

/** A block may be full of entries without a payload; a view for each is the dearest part of them. */
const EMPTY = new Uint8Array(0);

function cut(part: string, offset: number, expected: number, actual: number): NnrpWireError {
  return new NnrpWireError("cut", { field: `control_extension.${part}`, offset, expected, actual });
}

/**
 * Metadata of CACHE_PUT (wire spec §4.6): under which key the body is to be kept.
 *
 * @module
 */
import { CacheObjectKind } from "../enums.ts";
import { CachePutFlags } from "../flags.ts";
import { closedEnum, openFlags, u32 } from "./fields.ts";
import { defineRecord, type WireRecord } from "./record.ts";

/** Length of the metadata of CACHE_PUT, bytes (wire spec §4.6). */
export const CACHE_PUT_METADATA_SIZE = 32;

/** Metadata of CACHE_PUT (wire spec §4.6). */
export interface CachePutMetadata {
  /** Namespace of the key. */
  readonly cacheNamespace: number;
  /** Upper half of the key. */
  readonly cacheKeyHi: number;
  /** Lower half of the key. */
  readonly cacheKeyLo: number;
  /** CacheObjectKind, 1…9. */
  readonly objectKind: number;
  /** How long to keep it, ms. */
  readonly ttlMs: number;
  /** Length of the body, bytes; not compared here. */
  readonly objectBytes: number;
  /** Bit n = codec id n. */
  readonly codecBitmap: number;
  /** CachePutFlags; undefined bits are kept. */
  readonly flags: number;
}

/** CACHE_PUT as a table. */
export const CACHE_PUT_RECORD: WireRecord<CachePutMetadata> = defineRecord<CachePutMetadata>({
  name: "cache_put",
  size: CACHE_PUT_METADATA_SIZE,
  fields: {
    cacheNamespace: u32(0),
    cacheKeyHi: u32(4),
    cacheKeyLo: u32(8),
    objectKind: u32(12, closedEnum(CacheObjectKind)),
    ttlMs: u32(16, undefined, "ms"),
    objectBytes: u32(20, undefined, "bytes"),
    codecBitmap: u32(24, undefined, "bitmap"),
    flags: u32(28, openFlags(CachePutFlags)),
  },
});

/**
 * Checks and writes the metadata of CACHE_PUT.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §4.6. Nothing was written.
 */
export function encodeCachePutMetadata(fields: CachePutMetadata, view: DataView, offset: number): void {
  CACHE_PUT_RECORD.encode(fields, view, offset);
}

/**
 * Reads the metadata of CACHE_PUT.
 *
 * @param length Length of the metadata, bytes; must be 32.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §4.6.
 */
export function decodeCachePutMetadata(view: DataView, offset: number, length: number): CachePutMetadata {
  return CACHE_PUT_RECORD.decode(view, offset, length);
}

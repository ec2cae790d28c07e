/**
 * Metadata of CACHE_INVALIDATE (wire spec §4.8): what is to be forgotten.
 *
 * @module
 */
import { CacheInvalidateScope } from "../enums.ts";
import { closedEnum, u32 } from "./fields.ts";
import { defineRecord, type WireRecord } from "./record.ts";

/** Length of the metadata of CACHE_INVALIDATE, bytes (wire spec §4.8). */
export const CACHE_INVALIDATE_METADATA_SIZE = 20;

/** Metadata of CACHE_INVALIDATE (wire spec §4.8). */
export interface CacheInvalidateMetadata {
  /** CacheInvalidateScope. */
  readonly invalidateScope: number;
  /** Namespace of the key. */
  readonly cacheNamespace: number;
  /** Upper half of the key. */
  readonly cacheKeyHi: number;
  /** Lower half of the key. */
  readonly cacheKeyLo: number;
  /** Why; any number. */
  readonly reasonCode: number;
}

/** CACHE_INVALIDATE as a table. */
export const CACHE_INVALIDATE_RECORD: WireRecord<CacheInvalidateMetadata> = defineRecord<
  CacheInvalidateMetadata
>({
  name: "cache_invalidate",
  size: CACHE_INVALIDATE_METADATA_SIZE,
  fields: {
    invalidateScope: u32(0, closedEnum(CacheInvalidateScope)),
    cacheNamespace: u32(4),
    cacheKeyHi: u32(8),
    cacheKeyLo: u32(12),
    reasonCode: u32(16),
  },
});

/**
 * Checks and writes the metadata of CACHE_INVALIDATE.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §4.8. Nothing was written.
 */
export function encodeCacheInvalidateMetadata(
  fields: CacheInvalidateMetadata,
  view: DataView,
  offset: number,
): void {
  CACHE_INVALIDATE_RECORD.encode(fields, view, offset);
}

/**
 * Reads the metadata of CACHE_INVALIDATE.
 *
 * @param length Length of the metadata, bytes; must be 20.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §4.8.
 */
export function decodeCacheInvalidateMetadata(
  view: DataView,
  offset: number,
  length: number,
): CacheInvalidateMetadata {
  return CACHE_INVALIDATE_RECORD.decode(view, offset, length);
}

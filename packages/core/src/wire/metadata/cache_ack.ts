/**
 * Metadata of CACHE_ACK (wire spec §4.7): what became of a CACHE_PUT.
 *
 * @module
 */
import { CacheAckStatus } from "../enums.ts";
import { closedEnum, u32 } from "./fields.ts";
import { defineRecord, type WireRecord } from "./record.ts";

/** Length of the metadata of CACHE_ACK, bytes (wire spec §4.7). */
export const CACHE_ACK_METADATA_SIZE = 28;

/** Metadata of CACHE_ACK (wire spec §4.7). */
export interface CacheAckMetadata {
  /** Namespace of the key. */
  readonly cacheNamespace: number;
  /** Upper half of the key. */
  readonly cacheKeyHi: number;
  /** Lower half of the key. */
  readonly cacheKeyLo: number;
  /** CacheAckStatus. */
  readonly status: number;
  /** How long it is kept, ms. */
  readonly acceptedTtlMs: number;
  /** Longest object the cache takes, bytes. */
  readonly maxObjectBytes: number;
  /** More about the status; any number. */
  readonly detailCode: number;
}

/** CACHE_ACK as a table. */
export const CACHE_ACK_RECORD: WireRecord<CacheAckMetadata> = defineRecord<CacheAckMetadata>({
  name: "cache_ack",
  size: CACHE_ACK_METADATA_SIZE,
  fields: {
    cacheNamespace: u32(0),
    cacheKeyHi: u32(4),
    cacheKeyLo: u32(8),
    status: u32(12, closedEnum(CacheAckStatus)),
    acceptedTtlMs: u32(16, undefined, "ms"),
    maxObjectBytes: u32(20, undefined, "bytes"),
    detailCode: u32(24),
  },
});

/**
 * Checks and writes the metadata of CACHE_ACK.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §4.7. Nothing was written.
 */
export function encodeCacheAckMetadata(fields: CacheAckMetadata, view: DataView, offset: number): void {
  CACHE_ACK_RECORD.encode(fields, view, offset);
}

/**
 * Reads the metadata of CACHE_ACK.
 *
 * @param length Length of the metadata, bytes; must be 28.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §4.7.
 */
export function decodeCacheAckMetadata(view: DataView, offset: number, length: number): CacheAckMetadata {
  return CACHE_ACK_RECORD.decode(view, offset, length);
}

/**
 * Metadata of CLIENT_HELLO (wire spec §4.1): what the client can do and wishes. Nothing in it is judged by the record.
 *
 * @module
 */
import { PayloadKind } from "../flags.ts";
import { openFlags, u16, u32, u8 } from "./fields.ts";
import { defineRecord, type WireRecord } from "./record.ts";

/** Length of the metadata of CLIENT_HELLO, bytes (wire spec §4.1). */
export const CLIENT_HELLO_METADATA_SIZE = 64;

/** Metadata of CLIENT_HELLO (wire spec §4.1). All fields are unchecked numbers. */
export interface ClientHelloMetadata {
  /** Lowest major version. */
  readonly minVersionMajor: number;
  /** Highest major version. */
  readonly maxVersionMajor: number;
  /** Bit n = wire format n. */
  readonly supportedWireFormatBitmap: number;
  /** Profiles. */
  readonly supportedProfileBitmap: number;
  /** PayloadKind bits; undefined ones are kept. */
  readonly supportedPayloadKindBitmap: number;
  /** Bit n = codec id n. */
  readonly supportedCodecBitmap: number;
  /** Compressions. */
  readonly supportedCompressionBitmap: number;
  /** Bit n = TensorDType n. */
  readonly supportedDtypeBitmap: number;
  /** Bit n = TensorLayout n. */
  readonly supportedLayoutBitmap: number;
  /** Digests of cache keys; u32 in the ack. */
  readonly cacheDigestBitmap: number;
  /** Bit (kind − 1) of a CacheObjectKind; u32 in the ack. */
  readonly cacheObjectBitmap: number;
  /** Cache namespaces in use. */
  readonly cacheNamespaceCount: number;
  /** Lanes (views) at most. */
  readonly maxLaneCount: number;
  /** Cache entries at most. */
  readonly maxCacheEntries: number;
  /** Cache size at most, bytes. */
  readonly maxCacheBytes: number;
  /** Wished frames per second × 100, at most 655.35. */
  readonly targetCadenceX100: number;
  /** Wished latency, ms. */
  readonly latencyBudgetMs: number;
  /** Wished quality. */
  readonly qualityTier: number;
  /** What may suffer first. */
  readonly degradePolicy: number;
  /** Wished session id; 0 = any. */
  readonly requestedSessionId: number;
  /** Length of the auth block at the end of the body, bytes. */
  readonly authBytes: number;
  /** Length of the extension block at the start of the body, padding included, bytes. */
  readonly controlExtensionBytes: number;
}

/** CLIENT_HELLO as a table. */
export const CLIENT_HELLO_RECORD: WireRecord<ClientHelloMetadata> = defineRecord<ClientHelloMetadata>({
  name: "client_hello",
  size: CLIENT_HELLO_METADATA_SIZE,
  fields: {
    minVersionMajor: u8(0),
    maxVersionMajor: u8(1),
    supportedWireFormatBitmap: u16(2, undefined, "bitmap"),
    supportedProfileBitmap: u32(4, undefined, "bitmap"),
    supportedPayloadKindBitmap: u32(8, openFlags(PayloadKind)),
    supportedCodecBitmap: u32(12, undefined, "bitmap"),
    supportedCompressionBitmap: u32(16, undefined, "bitmap"),
    supportedDtypeBitmap: u32(20, undefined, "bitmap"),
    supportedLayoutBitmap: u32(24, undefined, "bitmap"),
    cacheDigestBitmap: u16(28, undefined, "bitmap"),
    cacheObjectBitmap: u16(30, undefined, "bitmap"),
    cacheNamespaceCount: u16(32, undefined, "count"),
    maxLaneCount: u16(34, undefined, "count"),
    maxCacheEntries: u32(36, undefined, "count"),
    maxCacheBytes: u32(40, undefined, "bytes"),
    targetCadenceX100: u16(44, undefined, "fps_x100"),
    latencyBudgetMs: u16(46, undefined, "ms"),
    qualityTier: u16(48),
    degradePolicy: u16(50),
    requestedSessionId: u32(52),
    authBytes: u32(56, undefined, "bytes"),
    controlExtensionBytes: u32(60, undefined, "bytes"),
  },
});

/**
 * Checks and writes the metadata of CLIENT_HELLO.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §4.1. Nothing was written.
 */
export function encodeClientHelloMetadata(fields: ClientHelloMetadata, view: DataView, offset: number): void {
  CLIENT_HELLO_RECORD.encode(fields, view, offset);
}

/**
 * Reads the metadata of CLIENT_HELLO.
 *
 * @param length Length of the metadata, bytes; must be 64.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §4.1.
 */
export function decodeClientHelloMetadata(
  view: DataView,
  offset: number,
  length: number,
): ClientHelloMetadata {
  return CLIENT_HELLO_RECORD.decode(view, offset, length);
}

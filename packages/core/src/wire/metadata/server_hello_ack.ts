/**
 * Metadata of SERVER_HELLO_ACK (wire spec §4.2): what was agreed on. Nothing in it is judged by the record.
 *
 * @module
 */
import { WireFormat } from "../enums.ts";
import { PayloadKind } from "../flags.ts";
import { KEPT, openEnum, openFlags, u16, u32, u8 } from "./fields.ts";
import { defineRecord, type WireRecord } from "./record.ts";

/** Length of the metadata of SERVER_HELLO_ACK, bytes (wire spec §4.2). */
export const SERVER_HELLO_ACK_METADATA_SIZE = 80;

/** Metadata of SERVER_HELLO_ACK (wire spec §4.2). All fields are unchecked numbers. */
export interface ServerHelloAckMetadata {
  /** Chosen major version. */
  readonly selectedVersionMajor: number;
  /** Chosen wire format; not checked. */
  readonly selectedWireFormat: number;
  /** 0 = accepted. */
  readonly authStatus: number;
  /** Kept; default 0. */
  readonly reserved0?: number;
  /** The session's id, the one that counts. */
  readonly sessionId: number;
  /** Profiles. */
  readonly acceptedProfileBitmap: number;
  /** PayloadKind bits; undefined ones are kept. */
  readonly acceptedPayloadKindBitmap: number;
  /** Bit n = codec id n. */
  readonly acceptedCodecBitmap: number;
  /** Compressions. */
  readonly acceptedCompressionBitmap: number;
  /** Bit n = TensorDType n. */
  readonly acceptedDtypeBitmap: number;
  /** Bit n = TensorLayout n. */
  readonly acceptedLayoutBitmap: number;
  /** Digests of cache keys; u16 in the hello. */
  readonly cacheDigestBitmap: number;
  /** Bit (kind − 1) of a CacheObjectKind; u16 in the hello. */
  readonly cacheObjectBitmap: number;
  /** Cache entries at most; 0 = no cache. */
  readonly maxCacheEntries: number;
  /** Cache size at most, bytes. */
  readonly maxCacheBytes: number;
  /** Lanes (views) at most. */
  readonly maxLaneCount: number;
  /** Frames in flight at most. */
  readonly maxConcurrentFrames: number;
  /** Frames per second × 100. */
  readonly targetCadenceX100: number;
  /** Latency, ms. */
  readonly latencyBudgetMs: number;
  /** Quality. */
  readonly qualityTier: number;
  /** What may suffer first. */
  readonly degradePolicy: number;
  /** Longest body the server takes, bytes. */
  readonly maxBodyBytes: number;
  /** How long tokens hold, ms. */
  readonly tokenTtlMs: number;
  /** When trying again makes sense, ms. */
  readonly retryAfterMs: number;
  /** Length of the extension block at the start of the body, bytes. */
  readonly controlExtensionBytes: number;
  /** No bit is defined. */
  readonly serverFlags: number;
}

/** SERVER_HELLO_ACK as a table. */
export const SERVER_HELLO_ACK_RECORD: WireRecord<ServerHelloAckMetadata> = defineRecord<
  ServerHelloAckMetadata
>({
  name: "server_hello_ack",
  size: SERVER_HELLO_ACK_METADATA_SIZE,
  fields: {
    selectedVersionMajor: u8(0),
    selectedWireFormat: u8(1, openEnum(WireFormat)),
    authStatus: u8(2),
    reserved0: u8(3, KEPT),
    sessionId: u32(4),
    acceptedProfileBitmap: u32(8, undefined, "bitmap"),
    acceptedPayloadKindBitmap: u32(12, openFlags(PayloadKind)),
    acceptedCodecBitmap: u32(16, undefined, "bitmap"),
    acceptedCompressionBitmap: u32(20, undefined, "bitmap"),
    acceptedDtypeBitmap: u32(24, undefined, "bitmap"),
    acceptedLayoutBitmap: u32(28, undefined, "bitmap"),
    cacheDigestBitmap: u32(32, undefined, "bitmap"),
    cacheObjectBitmap: u32(36, undefined, "bitmap"),
    maxCacheEntries: u32(40, undefined, "count"),
    maxCacheBytes: u32(44, undefined, "bytes"),
    maxLaneCount: u16(48, undefined, "count"),
    maxConcurrentFrames: u16(50, undefined, "count"),
    targetCadenceX100: u16(52, undefined, "fps_x100"),
    latencyBudgetMs: u16(54, undefined, "ms"),
    qualityTier: u16(56),
    degradePolicy: u16(58),
    maxBodyBytes: u32(60, undefined, "bytes"),
    tokenTtlMs: u32(64, undefined, "ms"),
    retryAfterMs: u32(68, undefined, "ms"),
    controlExtensionBytes: u32(72, undefined, "bytes"),
    serverFlags: u32(76, undefined, "bitmap"),
  },
});

/**
 * Checks and writes the metadata of SERVER_HELLO_ACK.
 *
 * @throws NnrpValueError if a field does not fit or breaks a rule of wire spec §4.2. Nothing was written.
 */
export function encodeServerHelloAckMetadata(
  fields: ServerHelloAckMetadata,
  view: DataView,
  offset: number,
): void {
  SERVER_HELLO_ACK_RECORD.encode(fields, view, offset);
}

/**
 * Reads the metadata of SERVER_HELLO_ACK.
 *
 * @param length Length of the metadata, bytes; must be 80.
 * @throws NnrpWireError (stage metadata) if the length or a field breaks a rule of wire spec §4.2.
 */
export function decodeServerHelloAckMetadata(
  view: DataView,
  offset: number,
  length: number,
): ServerHelloAckMetadata {
  return SERVER_HELLO_ACK_RECORD.decode(view, offset, length);
}

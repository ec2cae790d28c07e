/**
 * What a server offers in the handshake, with its defaults (behaviour spec §6.2; docs/architecture.md, "Limits").
 *
 * @module
 */
import { DEFAULT_MAX_CACHE_BYTES } from "../../wire/limits.ts";
import { LossTolerance } from "../../wire/enums.ts";
import { DEFAULT_MAX_BODY_BYTES } from "../../wire/limits.ts";
import { ALL_CACHE_OBJECT_KINDS, DEFAULT_MAX_CACHE_ENTRIES } from "../cache/cache.ts";

/** What a server can do; every field has a default. */
export interface ServerCapabilities {
  /** Payload kinds. Default all, 0x7F. */
  readonly payloadKindBitmap?: number;
  /** Bit n = tensor profile n. Default 0x1. */
  readonly profileBitmap?: number;
  /** Bit n = codec n. Default 0x3. */
  readonly codecBitmap?: number;
  /** Bit n = compression n. Default 0x3. */
  readonly compressionBitmap?: number;
  /** Bit n = TensorDType n. Default all, 0xFF. */
  readonly dtypeBitmap?: number;
  /** Bit n = TensorLayout n. Default both, 0x3. */
  readonly layoutBitmap?: number;
  /** Whether to keep objects. Default true. */
  readonly enableCache?: boolean;
  /** Objects per session. Default 256. */
  readonly maxCacheEntries?: number;
  /** Bytes of all objects of a session. Default 8 MiB. */
  readonly maxCacheBytes?: number;
  /** Bit (kind − 1) for each kind of object. Default all, 0x1FF. */
  readonly cacheObjectBitmap?: number;
  /** Lanes (views) per session, 1…64. Default 64, as many as a lane mask has bits. */
  readonly maxLaneCount?: number;
  /** Frames in flight per session, u16. Default 64 (docs/architecture.md, "Limits"). */
  readonly maxConcurrentFrames?: number;
  /** Largest body, bytes. Default 32 MiB. */
  readonly maxBodyBytes?: number;
  /** Highest frame rate × 100 it follows, u16. Default: what the client wishes. */
  readonly maxTargetCadenceX100?: number;
  /** Degrade policy bits it knows, u16. Default all. */
  readonly degradePolicyBitmap?: number;
  /** Greatest LossTolerance it makes use of. Default FIRE_AND_FORGET. */
  readonly maxLossTolerance?: number;
  /** How long an authentication holds, ms; 0 = not specified. Default 0. */
  readonly tokenTtlMs?: number;
  /** Whether streamed results are distinguished by behaviour spec §8.6 (0xF001). Default true. */
  readonly streamedResults?: boolean;
  /** Further control extensions the application understands, so that CRITICAL ones are not refused. */
  readonly knownExtensionTypes?: readonly number[];
}

/** The defaults of all capabilities. */
export const DEFAULT_SERVER_CAPABILITIES: Required<ServerCapabilities> = {
  payloadKindBitmap: 0x7f,
  profileBitmap: 0x1,
  codecBitmap: 0x3,
  compressionBitmap: 0x3,
  dtypeBitmap: 0xff,
  layoutBitmap: 0x3,
  enableCache: true,
  maxCacheEntries: DEFAULT_MAX_CACHE_ENTRIES,
  maxCacheBytes: DEFAULT_MAX_CACHE_BYTES,
  cacheObjectBitmap: ALL_CACHE_OBJECT_KINDS,
  maxLaneCount: 64,
  maxConcurrentFrames: 64,
  maxBodyBytes: DEFAULT_MAX_BODY_BYTES,
  maxTargetCadenceX100: 0xffff,
  degradePolicyBitmap: 0xffff,
  maxLossTolerance: LossTolerance.FIRE_AND_FORGET,
  tokenTtlMs: 0,
  streamedResults: true,
  knownExtensionTypes: [],
};

/** Fills in the defaults of what was left out or is undefined. */
export function withDefaults(capabilities: ServerCapabilities): Required<ServerCapabilities> {
  const given = Object.entries(capabilities).filter(([, value]) => value !== undefined);
  return { ...DEFAULT_SERVER_CAPABILITIES, ...Object.fromEntries(given) };
}

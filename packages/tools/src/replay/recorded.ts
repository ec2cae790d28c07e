/**
 * What replay takes: frames and results as a host application recorded them (behaviour spec §15, "Replay"). It is no file
 * format; any object with these fields will do.
 *
 * @module
 */
import type { ObjectReference, ReplayCameraBlock } from "@nnrp/core";

/** Where a tile lies, counted in tiles. */
export interface TileCoordinate {
  /** Column. */
  readonly x: number;
  /** Row. */
  readonly y: number;
}

/** Position of a tile: `coord`, or `tileX` and `tileY`. */
export interface RecordedPosition {
  /** Position; goes before the two numbers. */
  readonly coord?: TileCoordinate | null;
  /** Column. */
  readonly tileX?: number;
  /** Row. */
  readonly tileY?: number;
}

/** A tile of a recorded frame. Payloads that are left out count as empty. */
export interface RecordedFeatureTile extends RecordedPosition {
  /** Depth, 16-bit floats: role 1. */
  readonly depthFp16?: Uint8Array;
  /** Normals, octahedral: role 2. */
  readonly normalOct?: Uint8Array;
  /** Motion vectors, 16-bit integers: role 3. */
  readonly motionI16?: Uint8Array;
  /** Roughness and metalness: role 4. */
  readonly roughMetal?: Uint8Array;
  /** Luma: role 5. */
  readonly lumaHint?: Uint8Array;
  /** What the payloads were compressed with: `"none"` (default) or `"lz4"`. Nothing is compressed here. */
  readonly compressionAlgorithm?: string | null;
}

/** Key of an object in the peer's cache; the kind follows from where it is given. */
export interface RecordedReference {
  /** Namespace of the key, u32. */
  readonly cacheNamespace: number;
  /** Upper half of the key, u32. */
  readonly cacheKeyHi: number;
  /** Lower half of the key, u32. */
  readonly cacheKeyLo: number;
}

/** A recorded frame. */
export interface RecordedFrameFeatures {
  /** Name or number of the session; its CRC-32 becomes the session id. */
  readonly sessionId: string | number | bigint;
  /** Frame, u32. */
  readonly frameId: number;
  /** Width of the source, pixels. */
  readonly srcWidth: number;
  /** Height of the source, pixels. */
  readonly srcHeight: number;
  /** Width and height of a tile, pixels. */
  readonly tileSize: number;
  /** Tiles, in any order. Default none. */
  readonly tiles?: Iterable<RecordedFeatureTile> | null;
  /** Camera; matrices and jitter that are left out are empty and 0. Default: an empty camera block. */
  readonly camera?: Partial<ReplayCameraBlock> | null;
  /** `"changed_tiles_luma"` or `"dense_luma_frame"` in any case; everything else is UNSPECIFIED. */
  readonly inputProfile?: string | null;
  /** Latency the result may have, ms, u16. Default 0. */
  readonly latencyBudgetMs?: number;
  /** Text of the trace; its CRC-32 becomes the trace id. Default: trace id 0. */
  readonly clientTraceId?: string | number | bigint | null;
  /** Whether an older result will do: policy ALLOW_STALE_REUSE. Default false. */
  readonly allowStaleReuse?: boolean;
  /** The camera in the peer's cache. */
  readonly cameraReference?: RecordedReference | ObjectReference | null;
  /** The tile index in the peer's cache. */
  readonly tileIndexReference?: RecordedReference | ObjectReference | null;
  /** The section table in the peer's cache. */
  readonly tensorSectionTableReference?: RecordedReference | ObjectReference | null;
}

/** A tile of a recorded result. Payloads that are left out count as empty. */
export interface RecordedResultTile extends RecordedPosition {
  /** Residual of the super-resolution: role 100. */
  readonly srResidual?: Uint8Array;
  /** Its compression: `"none"` (default) or `"lz4"`. */
  readonly srResidualCompression?: string | null;
  /** Residual of the details: role 101. */
  readonly detailResidual?: Uint8Array;
  /** Its compression: `"none"` (default) or `"lz4"`. */
  readonly detailResidualCompression?: string | null;
}

/** A recorded result. */
export interface RecordedEnhanceResult {
  /** Name or number of the session; its CRC-32 becomes the session id. */
  readonly sessionId: string | number | bigint;
  /** Frame, u32. */
  readonly frameId: number;
  /** Tiles that were delivered, in any order, each once. Default none. */
  readonly tiles?: Iterable<RecordedResultTile> | null;
  /** Width of the source, pixels; tells the tile ids. Default: as wide as the delivered tiles need. */
  readonly srcWidth?: number | null;
  /** Width of a tile, pixels. Default 1. */
  readonly tileSize?: number | null;
  /** All tiles that were asked for; those that were not delivered get empty payloads. Default: the delivered ones. */
  readonly requestedTileIds?: Iterable<number> | null;
  /** Whether it is an older result. Default false. */
  readonly stale?: boolean;
  /** Whether its quality is lower. Default false. */
  readonly degraded?: boolean;
  /** Tiles with new data, u16. Default: all tile ids. */
  readonly coveredTileCount?: number | null;
  /** Tiles without, u16. Default 0. */
  readonly droppedTileCount?: number | null;
  /** Frame whose result this is, u32. Default 0. */
  readonly reusedFrameId?: number | null;
  /** ResultFlags. Default: from stale, degraded and dropped tiles. */
  readonly resultFlags?: number | null;
  /** ResultClass. Default: from the same. */
  readonly resultClass?: number | null;
  /** BudgetPolicy bits. Default: from the same. */
  readonly appliedBudgetPolicy?: number | null;
  /** Time of the model, ms, u16. Default 0. */
  readonly inferenceMs?: number;
  /** Time in the queue, ms, u16. Default 0. */
  readonly queueMs?: number;
  /** Time of the round trip, ms, u16: becomes the time in the server. Default 0. */
  readonly roundTripMs?: number;
  /** Text of the trace; its CRC-32 becomes the trace id. */
  readonly requestId?: string | number | bigint | null;
  /** Text of the trace where there is no request id. Default: trace id 0. */
  readonly clientTraceId?: string | number | bigint | null;
  /** The tile index in the peer's cache. */
  readonly tileIndexReference?: RecordedReference | ObjectReference | null;
  /** The section table in the peer's cache. */
  readonly tensorSectionTableReference?: RecordedReference | ObjectReference | null;
}

/** Numbers of the packet that a recording does not tell. */
export interface ReplayIds {
  /** Session, u32. Default: CRC-32 of the recorded name. */
  readonly sessionId?: number;
  /** View, u16. Default 0. */
  readonly viewId?: number;
  /** Trace, u64. Default: CRC-32 of the recorded text. */
  readonly traceId?: bigint;
}

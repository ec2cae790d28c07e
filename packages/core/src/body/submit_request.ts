/**
 * What is given to submit a frame (behaviour spec §14.1), and the names of its fields' wire twins (wire spec §6).
 *
 * @module
 */
import type { ObjectReference } from "./object_references.ts";
import type { TensorSectionData } from "./section_writer.ts";
import type { TypedPayload } from "./typed_payloads.ts";

/**
 * A frame to submit. All but the frame id may be left out. Which packet it becomes (behaviour spec §8.2): with typed
 * payloads and tensor content a *mixed* one, with typed payloads alone a *typed* one (geometry is not sent then), else a
 * tensor packet, whose objects may be references.
 */
export interface SubmitRequest {
  /** Frame, u32. */
  readonly frameId: number;
  /** View, u16. Default 0. */
  readonly viewId?: number;
  /** Route, u16. Default 0. */
  readonly routeId?: number;
  /** Opaque number for finding packets that belong together, u64. Default 0n. */
  readonly traceId?: bigint;
  /** HeaderFlags, u32. Default 0. */
  readonly flags?: number;
  /** Width of the source, pixels, u16. Default 0. */
  readonly srcWidth?: number;
  /** Height of the source, pixels, u16. Default 0. */
  readonly srcHeight?: number;
  /** Width of a tile, pixels, u16. Default 0. */
  readonly tileWidth?: number;
  /** Height of a tile, pixels, u16. Default 0. */
  readonly tileHeight?: number;
  /** Ids of the tiles, 0…65535 each, at most 65535. Default none. */
  readonly tileIds?: ArrayLike<number>;
  /** Tensor sections in ascending order of their roles, each with one payload per tile id. Default none. */
  readonly sections?: readonly TensorSectionData[];
  /** Camera, opaque bytes. Default none. */
  readonly cameraBlock?: Uint8Array;
  /** FrameClass, u8, any number. Default 0. */
  readonly frameClass?: number;
  /** InputProfile. Default UNSPECIFIED. */
  readonly inputProfile?: number;
  /** TileIndexMode. Default RAW_U16. */
  readonly tileIndexMode?: number;
  /** Latency the result may have, ms, u16; 0 (default) = not specified. */
  readonly latencyBudgetMs?: number;
  /** Frames per second × 100, u16. Default 0. */
  readonly targetFpsX100?: number;
  /** Frame this one repeats, u32. Default 0. */
  readonly retryOfFrame?: number;
  /** First id of a dense range, u32. Default 0. */
  readonly tileBaseId?: number;
  /** SubmitMode. Default INLINE. */
  readonly submitMode?: number;
  /** Slots that are references: 1 camera, 2 tile index, 4 section table. Default: those that are given; must be them. */
  readonly objectRefMask?: number;
  /** The camera in the peer's cache. */
  readonly cameraReference?: ObjectReference | null;
  /** The tile index in the peer's cache; give the tile ids too, they are counted. */
  readonly tileIndexReference?: ObjectReference | null;
  /** The section table in the peer's cache; give the sections too, they are counted. */
  readonly tensorSectionTableReference?: ObjectReference | null;
  /** BudgetPolicy bits. Default 0. */
  readonly budgetPolicy?: number;
  /** Frame this one builds on, u32. Default 0. */
  readonly dependencyFrameId?: number;
  /** LossTolerance, or 0xFF (default) = the session's. */
  readonly lossTolerancePolicy?: number;
  /** PayloadKind bits of a packet without typed payloads; with them it is computed. Default TENSOR. */
  readonly payloadKindBitmap?: number;
  /** Must be 0 or left out: the number of typed payloads is counted. */
  readonly payloadFrameCount?: number;
  /** Typed payloads, at most 65535. Default none. */
  readonly typedPayloads?: readonly TypedPayload[];
}

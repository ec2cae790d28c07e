/**
 * What is given to send a result (behaviour spec §9), and whom it answers.
 *
 * @module
 */
import type { ObjectReference } from "./object_references.ts";
import type { TensorSectionData } from "./section_writer.ts";
import type { TypedPayload } from "./typed_payloads.ts";

/** Numbers of a result's header that echo the submit's. */
export interface ResultTarget {
  /** Frame, u32. */
  readonly frameId: number;
  /** View, u16. Default 0. */
  readonly viewId?: number;
  /** Route, u16. Default 0. */
  readonly routeId?: number;
  /** Opaque number of the submit, u64. Default 0n. */
  readonly traceId?: bigint;
}

/**
 * A result. All may be left out: nothing at all is a complete tensor result without tiles, `{ payloadKindBitmap: 0 }` is
 * metadata only. With typed payloads and tensor content it becomes a *mixed* packet, with typed payloads alone a *typed* one.
 */
export interface ResultFields {
  /** HeaderFlags, u32. Default 0. */
  readonly flags?: number;
  /** Ids of the tiles, 0…65535 each, at most 65535. Default none. */
  readonly tileIds?: ArrayLike<number>;
  /** Tensor sections in ascending order of their roles, each with one payload per tile id. Default none. */
  readonly sections?: readonly TensorSectionData[];
  /** Typed payloads, at most 65535. Default none. */
  readonly typedPayloads?: readonly TypedPayload[];
  /** ResultFlags. Default 0. */
  readonly resultFlags?: number;
  /** Profile that made the result, u16. Default 0. */
  readonly activeProfileId?: number;
  /** Time of the model, ms, u16. Default 0. */
  readonly inferenceMs?: number;
  /** Time in the queue, ms, u16. Default 0. */
  readonly queueMs?: number;
  /** Time in the server, ms, u16. Default 0. */
  readonly serverTotalMs?: number;
  /** 0 (default) = success; any u16. */
  readonly statusCode?: number;
  /** TileIndexMode: only RAW_U16 (default) and DENSE_RANGE, since no field of the metadata tells it (wire spec §7). */
  readonly tileIndexMode?: number;
  /** First id of a dense range, u32. Default 0. */
  readonly tileBaseId?: number;
  /** ResultClass. Default COMPLETE. */
  readonly resultClass?: number;
  /** BudgetPolicy bits that were used. Default 0. */
  readonly appliedBudgetPolicy?: number;
  /** Frame whose result this is, u32. Default 0. */
  readonly reusedFrameId?: number;
  /** Tiles with new data. Default: number of tile ids. With tensors, covered + dropped must be that number. */
  readonly coveredTileCount?: number;
  /** Tiles without. Default 0; a PARTIAL tensor result needs some. */
  readonly droppedTileCount?: number;
  /** PayloadKind bits of a packet without typed payloads; with them it is computed. Default TENSOR. */
  readonly payloadKindBitmap?: number;
  /** Must be 0 or left out: the number of typed payloads is counted. */
  readonly payloadFrameCount?: number;
  /**
   * Objects in the client's cache that the result builds on, in any order. Readable only in a packet that has typed
   * payloads or another payload kind bit beside TENSOR (behaviour spec §8.3).
   */
  readonly references?: readonly ObjectReference[];
  /** The tile index in the client's cache; give the tile ids too, they are counted. */
  readonly tileIndexReference?: ObjectReference | null;
  /** The section table in the client's cache; give the sections too, they are counted. */
  readonly tensorSectionTableReference?: ObjectReference | null;
}

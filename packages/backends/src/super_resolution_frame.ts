/**
 * How super-resolution frames and results look on the wire: which section, which role, how large a tile is. The page
 * `docs/super-resolution.md` says the same for people; backend and client both read it here.
 *
 * @module
 */
import {
  BudgetPolicy,
  ErrorCode,
  ErrorScope,
  NnrpProtocolError,
  ResultClass,
  type ResultFields,
  ResultFlags,
  TensorDType,
} from "@nnrp/core";
import type { BackendFrame } from "./backend.ts";

/** Role of the submitted section: luma tiles with their halo, UINT8. */
export const LUMA_ROLE = 5;
/** Role of the answered section: luma tiles of twice the size, UINT8. */
export const SUPER_RESOLUTION_ROLE = 100;
/** Pixels of surroundings a tile brings on each side: the receptive field radius of the packaged network. */
export const SUPER_RESOLUTION_HALO = 4;
/** How many times larger the answer is, in each direction. */
export const SUPER_RESOLUTION_SCALE = 2;

/** A submitted frame, checked. */
export interface TileFrame {
  /** Frame number. */
  readonly frameId: number;
  /** View. */
  readonly viewId: number;
  /** Width of a tile without its halo, pixels. */
  readonly tileWidth: number;
  /** Height of a tile without its halo, pixels. */
  readonly tileHeight: number;
  /** Width of a payload: tile and halo, pixels. */
  readonly inputWidth: number;
  /** Height of a payload: tile and halo, pixels. */
  readonly inputHeight: number;
  /** Pixels of one payload. */
  readonly inputPixels: number;
  /** Bytes of one answered tile. */
  readonly outputPixels: number;
  /** Says whether tiles of two frames lie in the same places. */
  readonly geometry: string;
  /** Tile ids, row · columns + column. */
  readonly tileIds: readonly number[];
  /** Payloads, one per id. */
  readonly tiles: readonly Uint8Array[];
}

/** What was done about a frame. */
export interface TileTimes {
  /** Time in the model, ms. */
  readonly inferenceMs: number;
  /** Time before the run, ms. */
  readonly queueMs: number;
  /** Both and what lay between, ms. */
  readonly totalMs: number;
}

/**
 * Checks a frame against the convention.
 *
 * @param frame The frame.
 * @param halo Halo of the model, pixels.
 * @param maxPixels Most input pixels of one frame, halos included.
 * @throws NnrpProtocolError, frame scope: MALFORMED_BODY, UNSUPPORTED_CAPABILITY or LIMIT_EXCEEDED.
 */
export function readTileFrame(frame: BackendFrame, halo: number, maxPixels: number): TileFrame {
  const { srcWidth, srcHeight, tileWidth, tileHeight } = frame.metadata;
  const { tileIds, sections } = frame;
  if (srcWidth === 0 || srcHeight === 0 || tileWidth === 0 || tileHeight === 0) {
    const given = `${srcWidth}x${srcHeight} in tiles of ${tileWidth}x${tileHeight}`;
    refuse(
      frame,
      "MALFORMED_BODY",
      `super-resolution needs the size of the picture and of its tiles, got ${given}`,
    );
  }
  const section = sections.find((s) => s.roleId === LUMA_ROLE);
  if (section === undefined) {
    const roles = sections.map((s) => s.roleId).join(", ") || "none";
    refuse(
      frame,
      "MALFORMED_BODY",
      `super-resolution needs a section of role ${LUMA_ROLE} (luma), got ${roles}`,
    );
  }
  const codec = section.codecTable?.find((id) => id !== 0) ?? section.codecId ?? 0;
  if (section.dtypeId !== TensorDType.UINT8 || codec !== 0) {
    const given = `dtype ${section.dtypeId}, codec ${codec}`;
    refuse(frame, "UNSUPPORTED_CAPABILITY", `luma tiles are UINT8 (dtype 5) without a codec, got ${given}`);
  }
  const tiles = section.tilePayloads;
  if (tiles.length !== tileIds.length) {
    refuse(frame, "MALFORMED_BODY", `${tileIds.length} tile ids, ${tiles.length} luma tiles`);
  }
  const columns = Math.ceil(srcWidth / tileWidth);
  const places = columns * Math.ceil(srcHeight / tileHeight);
  const inputWidth = tileWidth + 2 * halo;
  const inputHeight = tileHeight + 2 * halo;
  const inputPixels = inputWidth * inputHeight;
  if (inputPixels * Math.max(1, tiles.length) > maxPixels) {
    refuse(
      frame,
      "LIMIT_EXCEEDED",
      `${tiles.length} tiles of ${inputPixels} pixels, limit ${maxPixels} pixels`,
    );
  }
  for (let i = 0; i < tiles.length; i++) {
    if (tiles[i].length !== inputPixels) {
      const wanted = `${inputWidth}x${inputHeight} = ${inputPixels} bytes (halo ${halo})`;
      refuse(frame, "MALFORMED_BODY", `tile ${tileIds[i]} has ${tiles[i].length} bytes, expected ${wanted}`);
    }
    if (tileIds[i] >= places) {
      refuse(frame, "MALFORMED_BODY", `tile id ${tileIds[i]}, the picture has ${places} tiles`);
    }
  }
  return {
    frameId: frame.frameId,
    viewId: frame.viewId,
    tileWidth,
    tileHeight,
    inputWidth,
    inputHeight,
    inputPixels,
    outputPixels: tileWidth * tileHeight * SUPER_RESOLUTION_SCALE ** 2,
    geometry: `${srcWidth}x${srcHeight}/${tileWidth}x${tileHeight}`,
    tileIds,
    tiles,
  };
}

/**
 * The result for a frame: COMPLETE if every tile is there, else PARTIAL, in which a missing tile has an empty payload
 * and counts as dropped (wire spec §7).
 *
 * @param frame The frame.
 * @param tiles Answered tiles in the order of the frame's ids; null = dropped.
 * @param times For the metadata.
 */
export function tileResult(
  frame: TileFrame,
  tiles: readonly (Uint8Array | null)[],
  times: TileTimes,
): ResultFields {
  const dropped = tiles.reduce((count, tile) => tile === null ? count + 1 : count, 0);
  return {
    ...common(frame, tiles, times, dropped),
    resultClass: dropped > 0 ? ResultClass.PARTIAL : ResultClass.COMPLETE,
    resultFlags: dropped > 0 ? ResultFlags.PARTIAL : 0,
    appliedBudgetPolicy: dropped > 0 ? BudgetPolicy.ALLOW_PARTIAL : 0,
  };
}

/**
 * The result that hands out tiles of an earlier frame (STALE_REUSE).
 *
 * @param frame The frame.
 * @param reusedFrameId The earlier frame.
 * @param tiles Its tiles in the order of this frame's ids; null = it has none there, counted as dropped.
 * @param times For the metadata.
 */
export function staleTileResult(
  frame: TileFrame,
  reusedFrameId: number,
  tiles: readonly (Uint8Array | null)[],
  times: TileTimes,
): ResultFields {
  const dropped = tiles.reduce((count, tile) => tile === null ? count + 1 : count, 0);
  return {
    ...common(frame, tiles, times, dropped),
    resultClass: ResultClass.STALE_REUSE,
    resultFlags: dropped > 0 ? ResultFlags.STALE | ResultFlags.PARTIAL : ResultFlags.STALE,
    appliedBudgetPolicy: BudgetPolicy.ALLOW_STALE_REUSE,
    reusedFrameId,
  };
}

const EMPTY = new Uint8Array(0);

function common(
  frame: TileFrame,
  tiles: readonly (Uint8Array | null)[],
  times: TileTimes,
  dropped: number,
): ResultFields {
  return {
    tileIds: frame.tileIds,
    sections: [{
      roleId: SUPER_RESOLUTION_ROLE,
      dtypeId: TensorDType.UINT8,
      tilePayloads: tiles.map((tile) => tile ?? EMPTY),
      elementCountPerTile: frame.outputPixels,
    }],
    coveredTileCount: tiles.length - dropped,
    droppedTileCount: dropped,
    inferenceMs: milliseconds(times.inferenceMs),
    queueMs: milliseconds(times.queueMs),
    serverTotalMs: milliseconds(times.totalMs),
  };
}

/** Whole milliseconds that fit the u16 of the metadata. */
function milliseconds(value: number): number {
  return Math.min(0xffff, Math.max(0, Math.round(value)));
}

function refuse(frame: BackendFrame, codeName: keyof typeof ErrorCode, diagnostic: string): never {
  throw new NnrpProtocolError({
    errorCode: ErrorCode[codeName],
    codeName,
    errorScope: ErrorScope.FRAME,
    relatedFrameId: frame.frameId,
    relatedViewId: frame.viewId,
    diagnostic,
  });
}

/**
 * Enlarges a whole picture through a super-resolution server: luma goes through the network in frames of tiles, colour and
 * opacity are enlarged here by bicubic interpolation; eyes see detail in luma.
 *
 * @module
 */
import {
  allTiles,
  bicubicX2,
  joinYCbCr,
  pasteAnswer,
  type Plane,
  plane,
  splitYCbCr,
  SUPER_RESOLUTION_ROLE,
  type TileGrid,
  tileGrid,
  type TileSubmit,
  tileSubmit,
} from "@nnrp/backends";
import { BudgetPolicy, type ClientSession, NnrpProtocolError, type Result } from "@nnrp/client";
import { CommandError } from "../command.ts";
import type { Picture } from "./picture.ts";
import { ResultTally } from "../result_tally.ts";

/** Side of a tile, pixels. */
const TILE_SIZE = 32;
/** Most tiles of one frame: about 1 MiB of answer, and a result every few hundred ms on a slow machine. */
const MAX_TILES_PER_FRAME = 256;
/** Bytes of a frame beside its tiles: prelude, tile index, descriptor, and 16 bytes of tables per tile are less. */
const FRAME_OVERHEAD = 1024;
const TILE_OVERHEAD = 32;
/** Frames under way at once: one works while the others travel. */
const FRAMES_IN_FLIGHT = 4;

/** How a picture is to be enlarged. */
export interface EnlargeOptions {
  /** How often it is doubled: 1 = ×2, 2 = ×4. Default 1. */
  readonly doublings?: number;
  /** Time for the network, ms; tiles that do not fit in stay bicubic. Default: as long as it takes. */
  readonly budgetMs?: number;
  /** Stops it. */
  readonly signal?: AbortSignal;
}

/** What was done. */
export interface EnlargeReport {
  /** Tiles of all frames. */
  readonly tiles: number;
  /** Tiles that the network answered; the rest is bicubic. */
  readonly answered: number;
  /** Frames sent. */
  readonly frames: number;
  /** Answers by class. */
  readonly results: ResultTally;
  /** From the first submit to the last answer, ms. */
  readonly networkMs: number;
}

/**
 * Enlarges a picture.
 *
 * @param session A session with a server of the super-resolution convention.
 * @param picture The small picture.
 * @param options How large, how long.
 * @throws CommandError if the server does not speak the convention; errors of the session.
 */
export async function enlargePicture(
  session: ClientSession,
  picture: Picture,
  options: EnlargeOptions = {},
): Promise<{ picture: Picture; report: EnlargeReport }> {
  const total = { tiles: 0, answered: 0, frames: 0, results: new ResultTally(), networkMs: 0 };
  let { y, cb, cr } = splitYCbCr(picture.width, picture.height, picture.rgb);
  let alpha = picture.alpha === null ? null : plane(picture.width, picture.height, picture.alpha);
  for (let i = 0; i < (options.doublings ?? 1); i++) {
    y = await enlargeLuma(session, y, total, options);
    [cb, cr] = [bicubicX2(cb), bicubicX2(cr)];
    alpha = alpha === null ? null : bicubicX2(alpha);
  }
  const rgb = picture.gray
    ? Uint8Array.from({ length: 3 * y.data.length }, (_, i) => y.data[Math.floor(i / 3)])
    : joinYCbCr({ y, cb, cr });
  return {
    picture: { width: y.width, height: y.height, rgb, alpha: alpha?.data ?? null, gray: picture.gray },
    report: total,
  };
}

interface Running {
  tiles: number;
  answered: number;
  frames: number;
  readonly results: ResultTally;
  networkMs: number;
}

async function enlargeLuma(
  session: ClientSession,
  luma: Plane,
  total: Running,
  { budgetMs = Infinity, signal }: EnlargeOptions,
): Promise<Plane> {
  const grid = tileGrid(luma.width, luma.height, TILE_SIZE);
  // Bicubic first: the network's tiles are laid over it, so that what does not come is merely softer.
  const target = bicubicX2(luma);
  const ids = allTiles(grid);
  total.tiles += ids.length;
  const size = tilesPerFrame(session, grid);
  const frames: TileSubmit[] = [];
  for (let next = 0; next < ids.length; next += size) {
    frames.push(tileSubmit(luma, grid, ids.slice(next, next + size)));
  }
  // All is cut; only now the network's time begins.
  const began = performance.now();
  const ends = began + budgetMs - total.networkMs;
  const sender = async () => {
    for (let frame = frames.shift(); frame !== undefined; frame = frames.shift()) {
      const left = Math.floor(ends - performance.now());
      if (left < 1) return; // the time is over: these tiles stay bicubic
      const result = await submitTiles(session, frame, left, signal);
      total.frames++;
      total.results.add(result.className);
      if (!result.isDrop) total.answered += paste(session, target, grid, result);
    }
  };
  await Promise.all(Array.from({ length: FRAMES_IN_FLIGHT }, sender));
  total.networkMs += performance.now() - began;
  return target;
}

async function submitTiles(
  session: ClientSession,
  frame: TileSubmit,
  leftMs: number,
  signal: AbortSignal | undefined,
): Promise<Result> {
  // Parts, but no drop: with it a frame that is late by a moment would be gone, with what was done for it.
  const budget = leftMs === Infinity
    ? {}
    : { latencyBudgetMs: Math.min(leftMs, 0xffff), budgetPolicy: BudgetPolicy.ALLOW_PARTIAL };
  try {
    return await session.submit({ ...frame, ...budget }, { signal });
  } catch (error) {
    if (!(error instanceof NnrpProtocolError)) throw error;
    throw new CommandError(`the server refused the picture: ${error.message}`);
  }
}

/** Pastes what came; how many tiles that were. */
function paste(session: ClientSession, target: Plane, grid: TileGrid, result: Result): number {
  if (!result.sections.some((section) => section.roleId === SUPER_RESOLUTION_ROLE)) {
    const model = session.modelName === "" ? "" : ` (its model is "${session.modelName}")`;
    throw new CommandError(
      `the server answered, but not with enlarged tiles${model}; start one with nnrp serve --model super-resolution`,
    );
  }
  return result.tileIds.length - pasteAnswer(target, grid, result).length;
}

/** How many tiles the server's limit for a body allows. */
function tilesPerFrame(session: ClientSession, grid: TileGrid): number {
  const { maxBodyBytes } = session.accepted;
  const tileBytes = (grid.tileSize + 2 * grid.halo) ** 2 + TILE_OVERHEAD;
  const fit = Math.floor((maxBodyBytes - FRAME_OVERHEAD) / tileBytes);
  if (fit < 1) {
    throw new CommandError(
      `the server takes frames of ${maxBodyBytes} bytes at most; not even one tile fits`,
    );
  }
  return Math.min(fit, MAX_TILES_PER_FRAME);
}

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
  const ends = options.budgetMs === undefined ? Infinity : performance.now() + options.budgetMs;
  const total = { tiles: 0, answered: 0, frames: 0, results: new ResultTally(), networkMs: 0 };
  let { y, cb, cr } = splitYCbCr(picture.width, picture.height, picture.rgb);
  let alpha = picture.alpha === null ? null : plane(picture.width, picture.height, picture.alpha);
  for (let i = 0; i < (options.doublings ?? 1); i++) {
    y = await enlargeLuma(session, y, ends, total, options.signal);
    [cb, cr] = [bicubicX2(cb), bicubicX2(cr)];
    alpha = alpha === null ? null : bicubicX2(alpha);
  }
  const rgb = picture.gray ? Uint8Array.from({ length: 3 * y.data.length }, (_, i) => y.data[Math.floor(i / 3)]) : joinYCbCr({ y, cb, cr });
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
  ends: number,
  total: Running,
  signal: AbortSignal | undefined,
): Promise<Plane> {
  const grid = tileGrid(luma.width, luma.height, TILE_SIZE);
  // Bicubic first: the network's tiles are laid over it, so that what does not come is merely softer.
  const target = bicubicX2(luma);
  const ids = allTiles(grid);
  const size = tilesPerFrame(session, grid);
  const began = performance.now();
  let next = 0;
  const sender = async () => {
    while (next < ids.length) {
      const some = ids.slice(next, next += size);
      await sendTiles(session, luma, grid, some, target, ends, total, signal);
    }
  };
  total.tiles += ids.length;
  await Promise.all(Array.from({ length: FRAMES_IN_FLIGHT }, sender));
  total.networkMs += performance.now() - began;
  return target;
}

async function sendTiles(
  session: ClientSession,
  luma: Plane,
  grid: TileGrid,
  ids: readonly number[],
  target: Plane,
  ends: number,
  total: Running,
  signal: AbortSignal | undefined,
): Promise<void> {
  const left = ends === Infinity ? 0 : Math.floor(ends - performance.now());
  if (ends !== Infinity && left < 1) return; // the time is over: these tiles stay bicubic
  total.frames++;
  let result: Result;
  try {
    result = await session.submit({
      ...tileSubmit(luma, grid, ids),
      latencyBudgetMs: Math.min(left, 0xffff),
      budgetPolicy: left === 0 ? 0 : BudgetPolicy.ALLOW_PARTIAL | BudgetPolicy.ALLOW_DROP,
    }, { signal });
  } catch (error) {
    if (!(error instanceof NnrpProtocolError)) throw error;
    throw new CommandError(`the server refused the picture: ${error.message}`);
  }
  total.results.add(result.className);
  if (result.isDrop) return;
  if (!result.sections.some((section) => section.roleId === SUPER_RESOLUTION_ROLE)) {
    const model = session.modelName === "" ? "" : ` (its model is "${session.modelName}")`;
    throw new CommandError(
      `the server answered, but not with enlarged tiles${model}; start one with nnrp serve --model super-resolution`,
    );
  }
  total.answered += ids.length - pasteAnswer(target, grid, result).length;
}

/** How many tiles the server's limit for a body allows. */
function tilesPerFrame(session: ClientSession, grid: TileGrid): number {
  const { maxBodyBytes } = session.accepted;
  const tileBytes = (grid.tileSize + 2 * grid.halo) ** 2 + TILE_OVERHEAD;
  const fit = Math.floor((maxBodyBytes - FRAME_OVERHEAD) / tileBytes);
  if (fit < 1) throw new CommandError(`the server takes frames of ${maxBodyBytes} bytes at most; not even one tile fits`);
  return Math.min(fit, MAX_TILES_PER_FRAME);
}

/**
 * What the viewer sees: the tiles the network answered, as long as they fit the present picture. Knows which tiles have to
 * be asked for, and is never worse than bicubic for long: a tile without a fitting answer is shown enlarged by
 * interpolation.
 *
 * @module
 */
import {
  answerPlane,
  bicubicX2,
  cutTile,
  pasteTile,
  type Plane,
  SUPER_RESOLUTION_ROLE,
  type TileAnswer,
  type TileGrid,
} from "@nnrp/backends";

/** A small picture that was cut into tiles. */
export interface SmallFrame {
  /** The picture. */
  readonly small: Plane;
  /** Each tile with its surroundings, by id: two equal ones have equal answers. */
  readonly tiles: readonly Uint8Array[];
}

/** What a place shows: the network's answer to exactly this picture, an older answer that still fits, or bicubic. */
export type Shown = "fresh" | "kept" | "bicubic";

/** A picture as the viewer sees it. */
export interface Composed {
  /** What each tile shows, by id. */
  readonly shown: readonly Shown[];
  /** Network where there is an answer, else bicubic. */
  readonly picture: Plane;
  /** All of it bicubic, for comparison. */
  readonly bicubicPicture: Plane;
}

/** Mean difference, in levels, up to which an old tile looks better than bicubic: sharp, and hardly out of place. */
const FITS = 2;

interface Place {
  /** Which picture the answer is for; null = not known (a tile that the server used again). */
  source: Uint8Array | null;
  /** Whether there is an answer. */
  answered: boolean;
  /** What was asked for and is still under way. */
  pending: Uint8Array | null;
  /** When it was first wanted and not there, as a frame number; for fairness. */
  wantedSince: number;
}

/** The places of one view. */
export class Canvas {
  readonly #grid: TileGrid;
  readonly #answers: Plane;
  readonly #places: Place[];

  /**
   * Makes a Canvas.
   *
   * @param grid Grid of the small picture.
   */
  constructor(grid: TileGrid) {
    this.#grid = grid;
    this.#answers = answerPlane(grid);
    this.#places = Array.from({ length: grid.columns * grid.rows }, () => ({
      source: null,
      answered: false,
      pending: null,
      wantedSince: Infinity,
    }));
  }

  /** Cuts a picture into its tiles. */
  frame(small: Plane): SmallFrame {
    return { small, tiles: this.#places.map((_, id) => cutTile(small, this.#grid, id)) };
  }

  /**
   * Tiles that have to be asked for: those that changed since their answer and are not under way. Those that wait longest
   * come first, since the last ones of a frame are the first to be cut.
   *
   * @param frame The present picture.
   * @param now Number of the present frame.
   */
  wanted(frame: SmallFrame, now: number): number[] {
    const ids: number[] = [];
    this.#places.forEach((place, id) => {
      const tile = frame.tiles[id];
      if (equal(place.source, tile)) {
        place.wantedSince = Infinity;
        return;
      }
      if (place.wantedSince === Infinity) place.wantedSince = now;
      if (!equal(place.pending, tile)) ids.push(id);
    });
    return ids.sort((a, b) => this.#places[a].wantedSince - this.#places[b].wantedSince || a - b);
  }

  /** Notes that tiles of a picture were asked for. */
  asked(frame: SmallFrame, ids: readonly number[]): void {
    for (const id of ids) this.#places[id].pending = frame.tiles[id];
  }

  /**
   * Takes an answer in.
   *
   * @param frame The picture it was asked for.
   * @param ids The tiles that were asked for.
   * @param answer The answer; null = there is none.
   * @param stale Whether its tiles are those of an earlier frame.
   * @returns How many tiles it brought.
   */
  take(frame: SmallFrame, ids: readonly number[], answer: TileAnswer | null, stale: boolean): number {
    for (const id of ids) {
      const place = this.#places[id];
      if (place.pending === frame.tiles[id]) place.pending = null;
    }
    const section = answer?.sections.find((s) => s.roleId === SUPER_RESOLUTION_ROLE);
    let brought = 0;
    answer?.tileIds.forEach((id, i) => {
      const tile = section?.tilePayloads[i];
      if (tile === undefined || tile.length === 0) return;
      brought++;
      const place = this.#places[id];
      // The server's old tile is at best the one that is here already, and whose source is known.
      if (stale && place.answered) return;
      pasteTile(this.#answers, this.#grid, id, tile);
      place.answered = true;
      place.source = stale ? null : frame.tiles[id];
    });
    return brought;
  }

  /** The picture as the viewer sees it. */
  compose(frame: SmallFrame): Composed {
    const bicubicPicture = bicubicX2(frame.small);
    const picture: Plane = { ...bicubicPicture, data: bicubicPicture.data.slice() };
    const shown = this.#places.map((place, id): Shown => {
      if (!place.answered) return "bicubic";
      const fresh = equal(place.source, frame.tiles[id]);
      if (!fresh && this.#misfit(frame.small, id) > FITS) return "bicubic";
      copyTile(this.#answers, picture, this.#grid, id);
      return fresh ? "fresh" : "kept";
    });
    return { picture, bicubicPicture, shown };
  }

  /** Mean difference between the small picture and an answer made small again, levels. */
  #misfit(small: Plane, id: number): number {
    const { tileSize, columns, width, height } = this.#grid;
    const left = id % columns * tileSize;
    const top = Math.floor(id / columns) * tileSize;
    const right = Math.min(left + tileSize, width);
    const bottom = Math.min(top + tileSize, height);
    const { data, width: wide } = this.#answers;
    let sum = 0;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const i = 2 * y * wide + 2 * x;
        const mean = (data[i] + data[i + 1] + data[i + wide] + data[i + wide + 1]) / 4;
        sum += Math.abs(mean - small.data[y * width + x]);
      }
    }
    return sum / ((right - left) * (bottom - top));
  }
}

function copyTile(from: Plane, to: Plane, grid: TileGrid, id: number): void {
  const side = 2 * grid.tileSize;
  const left = id % grid.columns * side;
  const top = Math.floor(id / grid.columns) * side;
  const right = Math.min(left + side, to.width);
  const bottom = Math.min(top + side, to.height);
  for (let y = top; y < bottom; y++) {
    to.data.set(from.data.subarray(y * from.width + left, y * from.width + right), y * to.width + left);
  }
}

function equal(a: Uint8Array | null, b: Uint8Array): boolean {
  if (a === null) return false;
  if (a === b) return true;
  for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * The client of NNRP in this page: sends the luma of a camera frame as tiles, and makes the large picture of what comes back.
 *
 * @module
 */
import {
  answerPlane,
  bicubicX2,
  joinYCbCr,
  pasteAnswer,
  type Plane,
  plane,
  type TileGrid,
  tileGrid,
  tileSubmit,
} from "@nnrp/backends";
import {
  BudgetPolicy,
  type ClientSession,
  NnrpProtocolError,
  NnrpTimeoutError,
  type Result,
} from "@nnrp/client";
import type { CameraFrame } from "./camera.ts";

/** How a tile got its pixels. */
export type TileSource = "fresh" | "old" | "plain";

/** A frame that came back. */
export interface Upscaled {
  /** Result class: `"COMPLETE"`, `"PARTIAL"`, `"STALE_REUSE"`, `"DROP"`, or `"ERROR"`. */
  readonly className: string;
  /** From the submit to the picture's data, ms. */
  readonly latencyMs: number;
  /** Time in the network, ms. */
  readonly inferenceMs: number;
  /** How each tile got its pixels. */
  readonly tiles: readonly TileSource[];
  /** What the camera saw. */
  readonly frame: CameraFrame;
  /** Luma without a network. */
  readonly bicubic: Plane;
  /** Luma with the tiles of the network. */
  readonly network: Plane;
  /** RGB without a network. */
  readonly bicubicRgb: Uint8Array;
  /** RGB with it. */
  readonly networkRgb: Uint8Array;
}

/** What is asked of the server. */
export interface Wish {
  /** Latency budget, ms. */
  readonly budgetMs: number;
  /** Whether the server may send old tiles when it has no time for new ones. */
  readonly allowOld: boolean;
}

/** After this long a frame is given up, ms. */
const GIVE_UP_MS = 5000;

/** See the module. */
export class Upscaler {
  /** Tiles of the small picture. */
  readonly grid: TileGrid;
  readonly #session: ClientSession;

  /**
   * Makes an Upscaler.
   *
   * @param session A session with a super-resolution server.
   * @param width Of the small picture, pixels.
   * @param height Of the small picture, pixels.
   */
  constructor(session: ClientSession, width: number, height: number) {
    this.#session = session;
    this.grid = tileGrid(width, height);
  }

  /** One frame there and back. Throws only what ends the session. */
  async upscale(frame: CameraFrame, { budgetMs, allowOld }: Wish): Promise<Upscaled> {
    const policy = BudgetPolicy.ALLOW_PARTIAL | BudgetPolicy.ALLOW_DROP |
      (allowOld ? BudgetPolicy.ALLOW_STALE_REUSE : 0);
    const began = performance.now();
    let result: Result | null = null;
    try {
      result = await this.#session.submit(
        { ...tileSubmit(frame.small.y, this.grid), latencyBudgetMs: budgetMs, budgetPolicy: policy },
        { timeoutMs: GIVE_UP_MS },
      );
    } catch (error) {
      if (!(error instanceof NnrpProtocolError || error instanceof NnrpTimeoutError)) throw error;
    }
    return this.#compose(frame, result, performance.now() - began);
  }

  /** The large picture: bicubic everywhere, and the network's tiles on top of it. */
  #compose(frame: CameraFrame, result: Result | null, latencyMs: number): Upscaled {
    const { y, cb, cr } = frame.small;
    const bicubic = bicubicX2(y);
    const network = answerPlane(this.grid);
    network.data.set(bicubic.data);
    const tiles: TileSource[] = Array.from({ length: this.grid.columns * this.grid.rows }, () => "plain");
    if (result !== null && !result.isDrop) {
      const source = result.className === "STALE_REUSE" ? "old" : "fresh";
      const missing = new Set(pasteAnswer(network, this.grid, result));
      for (const id of result.tileIds) if (!missing.has(id)) tiles[id] = source;
    }
    const colours = { cb: bicubicX2(cb), cr: bicubicX2(cr) };
    return {
      className: result?.className ?? "ERROR",
      latencyMs,
      inferenceMs: result?.metadata?.inferenceMs ?? 0,
      tiles,
      frame,
      bicubic,
      network,
      bicubicRgb: joinYCbCr({ y: bicubic, ...colours }),
      networkRgb: joinYCbCr({ y: plane(network.width, network.height, network.data), ...colours }),
    };
  }
}

/**
 * Draws the view: a piece of the photograph, and the sliding window with another piece in it.
 *
 * @module
 */
import { type Plane, plane } from "@nnrp/backends";
import { type MotionOptions, viewAt, type ViewState } from "./motion.ts";

/** Lightness of the window's frame. */
const FRAME_LEVEL = 225;
/** Width of the window's frame, pixels. */
const FRAME_WIDTH = 3;

/** A photograph and the way a view goes over it. */
export class Scene {
  /** Sizes and speed. */
  readonly motion: MotionOptions;
  readonly #photo: Plane;

  /**
   * Makes a Scene.
   *
   * @param photo Luma of the photograph.
   * @param viewWidth Width of the view, even, at most that of the photograph.
   * @param viewHeight Height of the view, likewise.
   * @param roundMs Time of one round of the motion, ms.
   */
  constructor(photo: Plane, viewWidth: number, viewHeight: number, roundMs: number) {
    this.#photo = photo;
    this.motion = {
      photoWidth: photo.width,
      photoHeight: photo.height,
      viewWidth,
      viewHeight,
      windowWidth: Math.round(viewWidth * 0.28),
      windowHeight: Math.round(viewHeight * 0.36),
      roundMs,
    };
  }

  /** What is to be seen at a time, ms since the beginning. */
  at(ms: number): { state: ViewState; original: Plane } {
    const state = viewAt(this.motion, ms);
    const { viewWidth, viewHeight } = this.motion;
    const original = plane(viewWidth, viewHeight);
    this.#copy(original, state.view.x, state.view.y, 0, 0, viewWidth, viewHeight);
    if (state.window !== null) this.#drawWindow(original, state.window.x, state.window.y);
    return { state, original };
  }

  /** The middle of the photograph, in a frame. */
  #drawWindow(target: Plane, x: number, y: number): void {
    const { windowWidth, windowHeight, photoWidth, photoHeight } = this.motion;
    for (let row = y; row < y + windowHeight; row++) {
      target.data.fill(FRAME_LEVEL, row * target.width + x, row * target.width + x + windowWidth);
    }
    const width = windowWidth - 2 * FRAME_WIDTH;
    const height = windowHeight - 2 * FRAME_WIDTH;
    const left = (photoWidth - width) >> 1;
    const top = (photoHeight - height) >> 1;
    this.#copy(target, left, top, x + FRAME_WIDTH, y + FRAME_WIDTH, width, height);
  }

  #copy(target: Plane, left: number, top: number, x: number, y: number, width: number, height: number): void {
    for (let row = 0; row < height; row++) {
      const from = (top + row) * this.#photo.width + left;
      target.data.set(this.#photo.data.subarray(from, from + width), (y + row) * target.width + x);
    }
  }
}

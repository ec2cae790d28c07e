/**
 * The large picture with its divider, and the magnifiers.
 *
 * @module
 */
import type { Upscaled } from "./upscaler.ts";

/** Part of the picture that a magnifier shows, pixels. */
const LOUPE = { width: 66, height: 44 };

/** See the module. */
export class Screen {
  readonly #main: HTMLCanvasElement;
  readonly #loupes: readonly HTMLCanvasElement[];
  readonly #divider: HTMLElement;
  /** Where the divider stands, 0…1. */
  #split = 0.5;
  /** What is magnified, parts of the picture; null = where the picture has most detail. */
  #focus: { x: number; y: number } | null = null;
  #auto = { x: 0.6, y: 0.5 };
  #target = this.#auto;
  #frames = 0;
  #picture: ImageData | null = null;

  /**
   * Makes a Screen.
   *
   * @param main The large picture.
   * @param divider The line between both halves, a child of the same box.
   * @param loupes Magnifiers: bicubic, network, truth.
   */
  constructor(main: HTMLCanvasElement, divider: HTMLElement, loupes: readonly HTMLCanvasElement[]) {
    this.#main = main;
    this.#divider = divider;
    this.#loupes = loupes;
    const box = main.parentElement!;
    const part = (event: PointerEvent) => {
      const { left, top, width, height } = main.getBoundingClientRect();
      return { x: clamp((event.clientX - left) / width), y: clamp((event.clientY - top) / height) };
    };
    box.addEventListener("pointerdown", (event) => {
      box.setPointerCapture(event.pointerId);
      this.split = part(event).x;
    });
    box.addEventListener("pointermove", (event) => {
      this.#focus = part(event);
      if (event.buttons > 0) this.split = this.#focus.x;
    });
    box.addEventListener("pointerleave", () => this.#focus = null);
  }

  /** Moves the divider: left of it bicubic, right of it the network. */
  set split(part: number) {
    this.#split = part;
    this.#divider.style.left = `${100 * part}%`;
  }

  /** Shows a frame. */
  show({ bicubicRgb, networkRgb, frame, network }: Upscaled): void {
    const { width, height } = network;
    if (this.#picture?.width !== width) {
      this.#main.width = width;
      this.#main.height = height;
      this.#picture = new ImageData(width, height);
    }
    const border = Math.round(this.#split * width);
    const { data } = this.#picture!;
    for (let y = 0, p = 0, q = 0; y < height; y++) {
      for (let x = 0; x < width; x++, p += 3, q += 4) {
        const rgb = x < border ? bicubicRgb : networkRgb;
        data[q] = rgb[p];
        data[q + 1] = rgb[p + 1];
        data[q + 2] = rgb[p + 2];
        data[q + 3] = 255;
      }
    }
    this.#main.getContext("2d")!.putImageData(this.#picture!, 0, 0);
    const { x, y } = this.#focus ?? this.#wander(network.data, width, height);
    const left = Math.round(clamp(x - LOUPE.width / width / 2, 1 - LOUPE.width / width) * width);
    const top = Math.round(clamp(y - LOUPE.height / height / 2, 1 - LOUPE.height / height) * height);
    [bicubicRgb, networkRgb, frame.pixels.data].forEach((pixels, i) => {
      magnify(this.#loupes[i], pixels, width, height, left, top);
    });
  }

  /** Slowly towards the part with most detail. */
  #wander(luma: Uint8Array, width: number, height: number): { x: number; y: number } {
    if (this.#frames++ % 8 === 0) this.#target = mostDetailed(luma, width, height);
    const { x, y } = this.#auto;
    const { x: toX, y: toY } = this.#target;
    return this.#auto = { x: x + (toX - x) * 0.06, y: y + (toY - y) * 0.06 };
  }
}

function mostDetailed(luma: Uint8Array, width: number, height: number): { x: number; y: number } {
  let best = { x: 0.5, y: 0.5 };
  let most = -1;
  for (let top = 8; top + LOUPE.height < height; top += 12) {
    for (let left = 8; left + LOUPE.width < width; left += 12) {
      let sum = 0;
      for (let y = top; y < top + LOUPE.height; y += 3) {
        for (let i = y * width + left; i < y * width + left + LOUPE.width; i += 3) {
          // Capped: much texture is more to look at than one hard edge.
          sum += Math.min(24, Math.abs(luma[i + 1] - luma[i])) +
            Math.min(24, Math.abs(luma[i + width] - luma[i]));
        }
      }
      if (sum > most) {
        most = sum;
        best = { x: (left + LOUPE.width / 2) / width, y: (top + LOUPE.height / 2) / height };
      }
    }
  }
  return best;
}

function magnify(
  canvas: HTMLCanvasElement,
  pixels: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
  left: number,
  top: number,
): void {
  const channels = pixels.length / (width * height);
  const part = new ImageData(LOUPE.width, LOUPE.height);
  for (let y = 0, q = 0; y < LOUPE.height; y++) {
    for (let x = 0; x < LOUPE.width; x++, q += 4) {
      const p = ((top + y) * width + left + x) * channels;
      part.data.set([pixels[p], pixels[p + 1], pixels[p + 2], 255], q);
    }
  }
  if (canvas.width !== LOUPE.width) {
    canvas.width = LOUPE.width;
    canvas.height = LOUPE.height;
  }
  canvas.getContext("2d")!.putImageData(part, 0, 0);
}

function clamp(value: number, most = 1): number {
  return Math.min(Math.max(value, 0), most);
}

/**
 * Several versions of parts of a picture beside each other, magnified so that the pixels can be told apart, with labels.
 *
 * @module
 */
import { drawText, fillRect, textHeight } from "./bitmap_font.ts";
import type { Picture } from "./picture.ts";

/** A rectangle in a picture, pixels. */
export interface Region {
  /** Left edge. */
  readonly left: number;
  /** Upper edge. */
  readonly top: number;
  /** Width. */
  readonly width: number;
  /** Height. */
  readonly height: number;
}

/** One version. */
export interface Panel {
  /** The whole picture. */
  readonly picture: Picture;
  /** What it is, in large letters. */
  readonly title: string;
  /** A second, smaller line. */
  readonly note: string;
}

const MARGIN = 14;
const TITLE_SCALE = 3;
const NOTE_SCALE = 2;
const BACKGROUND = [19, 22, 27] as const;
const TITLE_COLOR = [240, 242, 245] as const;
const NOTE_COLOR = [160, 168, 178] as const;

/**
 * Puts panels side by side.
 *
 * @param panels The versions, of one size.
 * @param regions Which parts of them, one row each, of one size.
 * @param zoom How many pixels wide and high a pixel becomes; whole, so that nothing is invented.
 */
export function sideBySide(panels: readonly Panel[], regions: readonly Region[], zoom: number): Picture {
  const panelWidth = regions[0].width * zoom;
  const panelHeight = regions[0].height * zoom;
  const width = MARGIN + panels.length * (panelWidth + MARGIN);
  const titleTop = regions.length * (MARGIN + panelHeight) + 10;
  const noteTop = titleTop + textHeight(TITLE_SCALE);
  const height = noteTop + textHeight(NOTE_SCALE) + MARGIN - 2 * NOTE_SCALE;
  const picture: Picture = {
    width,
    height,
    rgb: new Uint8Array(3 * width * height),
    alpha: null,
    gray: false,
  };
  fillRect(picture, 0, 0, width, height, BACKGROUND);
  panels.forEach((panel, index) => {
    const left = MARGIN + index * (panelWidth + MARGIN);
    regions.forEach((region, row) => {
      magnify(panel.picture, region, zoom, picture, left, MARGIN + row * (panelHeight + MARGIN));
    });
    drawText(picture, panel.title, left, titleTop, TITLE_SCALE, TITLE_COLOR);
    drawText(picture, panel.note, left, noteTop, NOTE_SCALE, NOTE_COLOR);
  });
  return picture;
}

function magnify(from: Picture, region: Region, zoom: number, to: Picture, left: number, top: number): void {
  for (let y = 0; y < region.height * zoom; y++) {
    const row = region.top + Math.floor(y / zoom);
    for (let x = 0; x < region.width * zoom; x++) {
      const pixel = 3 * (row * from.width + region.left + Math.floor(x / zoom));
      to.rgb.set(from.rgb.subarray(pixel, pixel + 3), 3 * ((top + y) * to.width + left + x));
    }
  }
}

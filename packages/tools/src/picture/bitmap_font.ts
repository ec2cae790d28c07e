/**
 * A tiny bitmap font for labels in pictures: glyphs of 5×7 pixels and two rows below the line. Capitals other than B are
 * written small.
 *
 * @module
 */

/** Nine rows of five pixels each, a row as a digit to base 32, its highest bit the leftmost pixel. */
const GLYPHS: Readonly<Record<string, string>> = {
  "0": "ehjlphe00",
  "1": "4c4444e00",
  "2": "eh1248v00",
  "3": "eh161he00",
  "4": "26aiv2200",
  "5": "vgu11he00",
  "6": "68guhhe00",
  "7": "v12448800",
  "8": "ehhehhe00",
  "9": "ehhf12c00",
  ".": "000000800",
  ",": "00000cc80",
  ":": "0cc0cc000",
  "-": "000v00000",
  "+": "044v44000",
  "(": "248884200",
  ")": "842224800",
  "/": "11248gg00",
  "%": "pp248jj00",
  "a": "00e1fhf00",
  "b": "ggmphhu00",
  "c": "00egghe00",
  "d": "11djhhf00",
  "e": "00ehvge00",
  "f": "698s88800",
  "g": "00fhhf1he",
  "h": "ggmphhh00",
  "i": "40c444e00",
  "j": "2062222ic",
  "k": "ggikoki00",
  "l": "c44444e00",
  "m": "00qllhh00",
  "n": "00mphhh00",
  "o": "00ehhhe00",
  "p": "00uhhuggg",
  "q": "00fhhf111",
  "r": "00mpggg00",
  "s": "00fge1u00",
  "t": "88s889600",
  "u": "00hhhjd00",
  "v": "00hhha400",
  "w": "00hhlla00",
  "x": "00ha4ah00",
  "y": "00hhhf1he",
  "z": "00v248v00",
  "B": "uhhuhhu00",
};

/** Pixels of a line of text, before scaling. */
const ROWS = 9;
/** From one letter to the next, before scaling. */
const ADVANCE = 6;

/** Where text goes: three bytes per pixel. */
export interface TextTarget {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Red, green, blue of each pixel, row-major. */
  readonly rgb: Uint8Array;
}

/** Height of a line of text, what hangs below the line included, pixels. */
export function textHeight(scale: number): number {
  return ROWS * scale;
}

/**
 * Writes text. What lies beyond the picture is left out, and so are letters that the font does not have.
 *
 * @param target Where to.
 * @param text One line.
 * @param left Left edge, pixels.
 * @param top Upper edge, pixels.
 * @param scale Size of a font pixel, pixels.
 * @param color Red, green, blue, 0…255.
 */
export function drawText(
  target: TextTarget,
  text: string,
  left: number,
  top: number,
  scale: number,
  color: readonly [red: number, green: number, blue: number],
): void {
  [...text].forEach((letter, index) => {
    const glyph = GLYPHS[letter] ?? GLYPHS[letter.toLowerCase()];
    if (glyph === undefined) return;
    for (let row = 0; row < ROWS; row++) {
      const bits = parseInt(glyph[row], 32);
      for (let column = 0; column < 5; column++) {
        if ((bits & (16 >> column)) === 0) continue;
        fillRect(target, left + (index * ADVANCE + column) * scale, top + row * scale, scale, scale, color);
      }
    }
  });
}

/** Fills a rectangle, cut off at the picture's edges. */
export function fillRect(
  target: TextTarget,
  left: number,
  top: number,
  width: number,
  height: number,
  color: readonly [red: number, green: number, blue: number],
): void {
  for (let y = Math.max(0, top); y < Math.min(target.height, top + height); y++) {
    for (let x = Math.max(0, left); x < Math.min(target.width, left + width); x++) {
      target.rgb.set(color, 3 * (y * target.width + x));
    }
  }
}

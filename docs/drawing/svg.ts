/**
 * A little SVG: boxes, arrows and words on a card of their own, so that a picture reads well on light and dark pages.
 *
 * @module
 */

/** How a box looks: something that lasts, an end that is no error, an end by an error, or a mere remark. */
export type BoxKind = "state" | "end" | "error" | "remark";

/** A point, px. */
export type Point = readonly [x: number, y: number];

/** How a text looks and where it stands relative to its point. */
export interface TextStyle {
  /** Default `"start"`. */
  readonly anchor?: "start" | "middle" | "end";
  /** `name`: bold; `note`: pale; `code`: of one width. Default: plain. */
  readonly look?: "name" | "note" | "code" | "head";
}

/** Distance of lines, px. */
export const LINE = 17;

const STYLE = `
  .card { fill: #ffffff; stroke: #d0d7de; }
  text { font: 13px ui-sans-serif, system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328; }
  .head { font-size: 15px; font-weight: 600; }
  .name { font-weight: 600; }
  .note { fill: #59636e; }
  .code { font: 12px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
  .state { fill: #ddf4ff; stroke: #0969da; }
  .end { fill: #dafbe1; stroke: #1a7f37; }
  .error { fill: #ffebe9; stroke: #cf222e; }
  .remark { fill: #f6f8fa; stroke: #818b98; }
  .arrow { fill: none; stroke: #59636e; stroke-width: 1.4; }
  .dashed { stroke-dasharray: 4 4; }
  .rule { stroke: #d0d7de; }
  .tip { fill: #59636e; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; stroke: #3d444d; }
    text { fill: #f0f6fc; }
    .note { fill: #9198a1; }
    .state { fill: #0c2d4d; stroke: #4493f8; }
    .end { fill: #0f2d1a; stroke: #3fb950; }
    .error { fill: #3c1618; stroke: #f85149; }
    .remark { fill: #212830; stroke: #656c76; }
    .arrow { stroke: #9198a1; }
    .rule { stroke: #3d444d; }
    .tip { fill: #9198a1; }
  }`;

/** A picture that grows by calls. */
export class Drawing {
  readonly #width: number;
  readonly #height: number;
  readonly #title: string;
  readonly #description: string;
  readonly #parts: string[] = [];

  /**
   * An empty card.
   *
   * @param width Width, px.
   * @param height Height, px.
   * @param title What is to be seen, in a few words.
   * @param description The same for those who cannot see it.
   */
  constructor(width: number, height: number, title: string, description: string) {
    this.#width = width;
    this.#height = height;
    this.#title = title;
    this.#description = description;
  }

  /** A box with lines of text in its middle, the first one its name. */
  box(x: number, y: number, width: number, height: number, kind: BoxKind, lines: readonly string[]): void {
    const radius = kind === "state" ? 12 : 6;
    this.#parts.push(
      `<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}"/>`,
    );
    const first = y + height / 2 - (lines.length - 1) * LINE / 2 + 4.5;
    lines.forEach((line, i) => {
      const look = lines.length === 1 ? undefined : i === 0 ? "name" : "note";
      this.text([x + width / 2, first + i * LINE], line, { anchor: "middle", look });
    });
  }

  /** One line of text. */
  text([x, y]: Point, words: string, { anchor = "start", look }: TextStyle = {}): void {
    const attributes = `${look ? ` class="${look}"` : ""}${
      anchor === "start" ? "" : ` text-anchor="${anchor}"`
    }`;
    this.#parts.push(`<text${attributes} x="${x}" y="${y}">${escape(words)}</text>`);
  }

  /** Lines of text, the first one at the point. */
  lines([x, y]: Point, lines: readonly string[], style?: TextStyle): void {
    lines.forEach((line, i) => this.text([x, y + i * LINE], line, style));
  }

  /** A line through points, with a tip at its last one. */
  arrow(points: readonly Point[], dashed = false): void {
    const path = points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x} ${y}`).join(" ");
    this.#parts.push(`<path class="arrow${dashed ? " dashed" : ""}" d="${path}" marker-end="url(#tip)"/>`);
  }

  /** A thin line without a tip, to part what is above from what is below. */
  rule([x1, y1]: Point, [x2, y2]: Point): void {
    this.#parts.push(`<line class="rule" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`);
  }

  /** The file. */
  toString(): string {
    const [w, h] = [this.#width, this.#height];
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" role="img">
<title>${escape(this.#title)}</title>
<desc>${escape(this.#description)}</desc>
<style>${STYLE}
</style>
<defs>
  <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
    <path class="tip" d="M0 0 L8 4 L0 8 z"/>
  </marker>
</defs>
<rect class="card" x="0.5" y="0.5" width="${w - 1}" height="${h - 1}" rx="8"/>
${this.#parts.join("\n")}
</svg>
`;
  }
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

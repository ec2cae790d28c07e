/**
 * Charts as SVG text, drawn for a width of 440 so that they are readable on a phone. Colours are classes of the page's style
 * sheet, so that they follow light and dark.
 *
 * @module
 */
import { escapeHtml, point } from "./markup.ts";
import { type Bin, roundUp } from "./statistics.ts";

const WIDTH = 440;
const HEIGHT = 240;
const LEFT = 40;
const RIGHT = 10;
const TOP = 24;
const BOTTOM = 32;
const INNER_WIDTH = WIDTH - LEFT - RIGHT;
const INNER_HEIGHT = HEIGHT - TOP - BOTTOM;

/** A line or an area over time. */
export interface Series {
  /** What it is. */
  readonly name: string;
  /** Class of the style sheet that colours it. */
  readonly style: string;
  /** Points in order of x; a value that is no number leaves a gap. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** What the axes of a chart show. */
export interface Axes {
  /** Label of the horizontal axis. */
  readonly x: string;
  /** Label of the vertical axis. */
  readonly y: string;
  /** End of the horizontal axis; it begins at 0. */
  readonly xMax: number;
  /** Begin of the vertical axis. */
  readonly yMin: number;
  /** End of the vertical axis. */
  readonly yMax: number;
}

/**
 * Lines over time.
 *
 * @param label What a reader who does not see it has to know.
 * @param series One line each.
 * @param axes What the axes show.
 */
export function lineChart(label: string, series: readonly Series[], axes: Axes): string {
  const lines = series.map(({ points, style, name }) => {
    let path = "";
    let pen = "M";
    for (const [x, y] of points) {
      if (!Number.isFinite(y)) {
        pen = "M";
        continue;
      }
      path += `${pen}${atX(axes, x)} ${atY(axes, y)}`;
      pen = "L";
    }
    return `<path class="line ${style}" d="${path}"><title>${escapeHtml(name)}</title></path>`;
  });
  return chart(label, grid(axes) + lines.join(""));
}

/**
 * Parts of a whole over time, one on top of the other, as steps.
 *
 * @param label What a reader who does not see it has to know.
 * @param series Parts 0…1, the lowest first, all with the same points in time; what is missing to 1 stays empty.
 * @param axes What the axes show; the vertical one goes from 0 to 1.
 */
export function shareChart(label: string, series: readonly Series[], axes: Axes): string {
  const base = series[0].points.map(() => 0);
  const areas = series.map(({ points, style, name }) => {
    let upper = "";
    let lower = "";
    points.forEach(([x, y], i) => {
      const next = points[i + 1]?.[0] ?? axes.xMax;
      const [from, to] = [atX(axes, x), atX(axes, next)];
      lower = `L${to} ${atY(axes, base[i])}L${from} ${atY(axes, base[i])}${lower}`;
      base[i] += y;
      upper += `${i === 0 ? "M" : "L"}${from} ${atY(axes, base[i])}L${to} ${atY(axes, base[i])}`;
    });
    return `<path class="area ${style}" d="${upper}${lower}Z"><title>${escapeHtml(name)}</title></path>`;
  });
  return chart(label, areas.join("") + grid(axes, (y) => `${Math.round(y * 100)} %`, undefined, 0.25));
}

/**
 * A histogram with a line at a limit.
 *
 * @param label What a reader who does not see it has to know.
 * @param bins Bars, the last one open.
 * @param limit Where the line stands, and what it is called.
 * @param x Label of the horizontal axis.
 */
export function histogramChart(
  label: string,
  bins: readonly Bin[],
  limit: { at: number; name: string },
  x: string,
): string {
  const width = bins[0].to - bins[0].from;
  const xMax = bins[bins.length - 1].from + width;
  const most = Math.max(1, ...bins.map((bin) => bin.count));
  const axes: Axes = { x, y: "answers", xMax, yMin: 0, yMax: most * 1.1 };
  const bars = bins.map((bin) => {
    if (bin.count === 0) return "";
    const left = LEFT + bin.from / xMax * INNER_WIDTH;
    const top = TOP + (1 - bin.count / axes.yMax) * INNER_HEIGHT;
    const open = bin.to === Infinity;
    const title = `${
      open ? `${tidy(bin.from)} ms or more` : `${tidy(bin.from)} to ${tidy(bin.to)} ms`
    }: ${bin.count}`;
    return `<rect class="bar ${bin.from >= limit.at - 1e-6 ? "late" : "fresh"}" x="${point(left + 0.5)}" y="${
      point(top)
    }" ` +
      `width="${point(Math.max(1, width / xMax * INNER_WIDTH - 1))}" height="${
        point(TOP + INNER_HEIGHT - top)
      }">` +
      `<title>${title}</title></rect>`;
  });
  const line = atX(axes, limit.at);
  const end = limit.at / xMax > 0.6;
  const mark = `<path class="limit" d="M${line} ${TOP - 14}V${TOP + INNER_HEIGHT}"/>` +
    `<text class="strong" x="${point(Number(line) + (end ? -5 : 5))}" y="${TOP - 5}" text-anchor="${
      end ? "end" : "start"
    }">` +
    `${escapeHtml(limit.name)}</text>`;
  // The last bar is open: its end says so.
  const more = bins[bins.length - 1].count > 0 ? `${Math.round(bins[bins.length - 1].from)}+` : undefined;
  return chart(label, grid(axes, String, more) + bars.join("") + mark);
}

/**
 * One bar cut into parts, as HTML: it keeps its height on wide and narrow pages.
 *
 * @param label What a reader who does not see it has to know.
 * @param parts Sizes, names and style classes, in order.
 */
export function stackedBar(
  label: string,
  parts: readonly { readonly name: string; readonly count: number; readonly style: string }[],
): string {
  const cells = parts.filter((part) => part.count > 0).map((part) =>
    `<span class="${part.style}" style="flex-grow:${part.count}" title="${
      escapeHtml(part.name)
    }: ${part.count}">` +
    `${part.count}</span>`
  );
  return `<div class="stack" role="img" aria-label="${escapeHtml(label)}">${cells.join("")}</div>`;
}

function chart(label: string, content: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${
    escapeHtml(label)
  }">${content}</svg>`;
}

/** Grid lines and numbers of both axes. */
function grid(
  axes: Axes,
  yText: (y: number) => string = String,
  lastX?: string,
  yGiven?: number,
): string {
  const parts: string[] = [];
  const yStep = yGiven ?? roundUp((axes.yMax - axes.yMin) / 6);
  for (let y = Math.ceil(axes.yMin / yStep) * yStep; y <= axes.yMax + 1e-9; y += yStep) {
    const at = atY(axes, y);
    parts.push(`<path class="grid" d="M${LEFT} ${at}H${WIDTH - RIGHT}"/>`);
    parts.push(
      `<text x="${LEFT - 6}" y="${point(Number(at) + 4)}" text-anchor="end">${yText(tidy(y))}</text>`,
    );
  }
  const xStep = roundUp(axes.xMax / 6.5);
  const end = lastX === undefined ? axes.xMax + 1e-9 : axes.xMax * 0.92;
  for (let x = 0; x <= end; x += xStep) {
    parts.push(
      `<text x="${atX(axes, x)}" y="${HEIGHT - BOTTOM + 15}" text-anchor="middle">${tidy(x)}</text>`,
    );
  }
  if (lastX !== undefined) {
    parts.push(`<text x="${WIDTH - RIGHT}" y="${HEIGHT - BOTTOM + 15}" text-anchor="end">${lastX}</text>`);
  }
  parts.push(`<path class="axis" d="M${LEFT} ${TOP + INNER_HEIGHT}H${WIDTH - RIGHT}"/>`);
  parts.push(
    `<text class="soft" x="${WIDTH - RIGHT}" y="${HEIGHT - 4}" text-anchor="end">${
      escapeHtml(axes.x)
    }</text>`,
  );
  parts.push(`<text class="soft" x="0" y="10">${escapeHtml(axes.y)}</text>`);
  return parts.join("");
}

function atX(axes: Axes, x: number): string {
  return point(LEFT + x / axes.xMax * INNER_WIDTH);
}

function atY(axes: Axes, y: number): string {
  const part = (y - axes.yMin) / (axes.yMax - axes.yMin);
  return point(TOP + (1 - Math.min(1, Math.max(0, part))) * INNER_HEIGHT);
}

/** Without the dust of adding steps. */
function tidy(value: number): number {
  return Math.round(value * 100) / 100;
}

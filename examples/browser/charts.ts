/**
 * Draws: latency over time, results by class, the tile map.
 *
 * @module
 */
import { type History, WINDOW_MS } from "./history.ts";
import type { TileSource, Upscaled } from "./upscaler.ts";

/** Classes in the order in which they are shown, with their words. */
export const CLASSES: readonly (readonly [className: string, words: string])[] = [
  ["COMPLETE", "complete"],
  ["PARTIAL", "partial"],
  ["STALE_REUSE", "stale"],
  ["DROP", "dropped"],
  ["ERROR", "refused"],
];

const TILE_CLASS: Record<TileSource, string> = { fresh: "COMPLETE", old: "STALE_REUSE", plain: "NONE" };

/** Colours of the style sheet by name; read again when the user's light changes. */
const colours = new Map<string, string>();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => colours.clear());

/** The colour of a class, from the style sheet. */
export function colourOf(className: string): string {
  return style(`--${className.toLowerCase().replace("_", "-")}`);
}

/** Latency of each frame as a dot in the colour of its class, the budget as a line. */
export function drawLatency(
  canvas: HTMLCanvasElement,
  history: History,
  budgetMs: number,
  nowMs: number,
): void {
  const { context, width, height } = fit(canvas);
  const frames = history.recent;
  const [left, bottom] = [34, 18];
  // A few frames may be far beyond the rest: they are drawn at the upper edge.
  const top = niceTop(Math.max(budgetMs * 1.4, history.latency(0.97) * 1.15 || 0));
  const x = (ms: number) => left + (width - left - 6) * (1 - (nowMs - ms) / WINDOW_MS);
  const y = (ms: number) => (height - bottom) - (height - bottom - 8) * Math.min(1.02, ms / top);
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  for (let step = 0; step <= 4; step++) {
    const ms = top * step / 4;
    context.fillStyle = style("--rule");
    context.fillRect(left, Math.round(y(ms)), width - left, 1);
    context.fillStyle = style("--soft");
    context.textAlign = "right";
    context.fillText(String(Math.round(ms)), left - 6, y(ms));
  }
  context.textAlign = "center";
  for (let s = 0; s * 1000 < WINDOW_MS; s += 3) {
    context.fillText(s === 0 ? "now" : `−${s} s`, Math.min(x(nowMs - s * 1000), width - 14), height - 6);
  }
  // The budget as it was: it may have been moved.
  context.strokeStyle = style("--ink");
  context.setLineDash([5, 4]);
  context.beginPath();
  frames.forEach((f, i) =>
    i === 0 ? context.moveTo(x(f.atMs), y(f.budgetMs)) : context.lineTo(x(f.atMs), y(f.budgetMs))
  );
  context.stroke();
  context.setLineDash([]);
  for (const frame of frames) {
    context.fillStyle = colourOf(frame.className);
    context.beginPath();
    context.arc(x(frame.atMs), y(frame.latencyMs), 2.2, 0, 7);
    context.fill();
  }
}

/** A bar of all frames so far and a legend with counts. */
export function showClasses(bar: HTMLElement, legend: HTMLElement, history: History): void {
  const all = [...history.counts.values()].reduce((a, b) => a + b, 0);
  const parts = CLASSES.map(([className, words]) => ({
    className,
    words,
    count: history.counts.get(className) ?? 0,
  }));
  bar.replaceChildren(
    ...parts.filter((p) => p.count > 0).map(({ className, count }) => {
      const part = document.createElement("span");
      part.style.flexGrow = String(count);
      part.style.background = colourOf(className);
      return part;
    }),
  );
  legend.replaceChildren(
    ...parts.filter((p) => p.count > 0 || p.className !== "ERROR").map(({ className, words, count }) => {
      const item = document.createElement("li");
      item.style.setProperty("--swatch", colourOf(className));
      item.innerHTML = `<b>${count.toLocaleString("en")}</b> ${words} <i>${
        all === 0 ? "" : `${(100 * count / all).toFixed(count === all || count === 0 ? 0 : 1)} %`
      }</i>`;
      return item;
    }),
  );
}

/** One square per tile, in the colour of how it got its pixels. */
export function drawTiles(canvas: HTMLCanvasElement, { tiles }: Upscaled, columns: number): void {
  const { context, width, height } = fit(canvas);
  const rows = Math.ceil(tiles.length / columns);
  const side = Math.min((width + 3) / columns, (height + 3) / rows);
  tiles.forEach((source, id) => {
    context.fillStyle = colourOf(TILE_CLASS[source]);
    context.beginPath();
    context.roundRect(id % columns * side, Math.floor(id / columns) * side, side - 3, side - 3, 3);
    context.fill();
  });
}

/** A canvas as sharp as the screen, in CSS pixels. */
function fit(
  canvas: HTMLCanvasElement,
): { context: CanvasRenderingContext2D; width: number; height: number } {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d")!;
  context.scale(ratio, ratio);
  return { context, width, height };
}

function niceTop(value: number): number {
  for (const step of [20, 40, 60, 80, 120, 160, 200, 320, 400, 800, 1600, 3200]) {
    if (value <= step) return step;
  }
  return value;
}

function style(name: string): string {
  let colour = colours.get(name);
  if (colour === undefined) {
    colour = getComputedStyle(document.documentElement).getPropertyValue(name);
    colours.set(name, colour);
  }
  return colour;
}

/**
 * The frame of a report: one HTML file without scripts, fonts or anything else from outside; light and dark; wide and
 * narrow.
 *
 * @module
 */
import { escapeHtml } from "./markup.ts";

/**
 * A whole page.
 *
 * @param title Title of the page.
 * @param body Content, HTML.
 */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

// Blue is the network's present answer everywhere, violet an old one, amber a part, red nothing, gray no network at all.
const STYLE = `
:root {
  --ground: #f6f7f9; --card: #ffffff; --ink: #16191d; --soft: #5b6470; --rule: #dfe3e8;
  --fresh: #2468c8; --part: #e2a10c; --old: #7b5cc4; --none: #cf4036; --error: #7a1f1a; --plain: #a9b1bb;
  --on-part: #2b2000; --on: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #101317; --card: #191d23; --ink: #eceff3; --soft: #9aa4b1; --rule: #2c323a;
    --fresh: #5b9bf0; --part: #e9b53c; --old: #a58bea; --none: #ee6a5f; --error: #b8433b; --plain: #76818e;
    --on: #0b0d10;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1020px; margin: 0 auto; padding: 28px 16px 48px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 6px; }
h2 { font-size: 1.2rem; margin: 40px 0 4px; }
h3 { font-size: .95rem; margin: 0 0 6px; }
p { margin: 0 0 12px; max-width: 72ch; }
.lead, .note, figcaption { color: var(--soft); }
.note, figcaption { font-size: .87rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0; }
.tile, .card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 12px 14px; }
.tile b { display: block; font-size: 1.55rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .87rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 12px; margin: 14px 0; }
.card > :last-child { margin-bottom: 0; }
figure { margin: 16px 0; }
.cards figure { margin: 0; }
.cards figcaption { margin-top: 6px; }
img { display: block; width: 100%; height: auto; border-radius: 10px; }
.wide { overflow-x: auto; border-radius: 10px; margin-bottom: 6px; }
.wide img { min-width: 760px; }
.card img { border-radius: 4px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--ink); font: 11.5px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
svg text.soft { fill: var(--soft); }
svg text.strong { font-weight: 600; }
.stack { display: flex; gap: 2px; height: 30px; border-radius: 5px; overflow: hidden; }
.stack span { flex: 1 1 0; min-width: 3px; overflow: hidden; color: var(--on); font-weight: 600; font-size: .9rem;
  line-height: 30px; text-align: center; white-space: nowrap; font-variant-numeric: tabular-nums; }
.stack .fresh { background: var(--fresh); } .stack .part { background: var(--part); color: var(--on-part); }
.stack .old { background: var(--old); } .stack .none { background: var(--none); }
.stack .error { background: var(--error); } .stack .plain { background: var(--plain); }
.grid { stroke: var(--rule); fill: none; }
.area ~ .grid { stroke: var(--card); stroke-opacity: .45; }
.axis { stroke: var(--soft); fill: none; }
.limit { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 4 3; fill: none; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.line.fresh { stroke: var(--fresh); } .line.plain { stroke: var(--plain); }
rect.fresh, .area.fresh { fill: var(--fresh); } .area.old { fill: var(--old); } .area.plain { fill: var(--plain); }
rect.late { fill: var(--none); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 8px 0 0; padding: 0; list-style: none; font-size: .87rem; }
.legend li::before { content: ""; display: inline-block; width: 10px; height: 10px; margin-right: 6px; border-radius: 2px;
  background: var(--swatch); }
.swatch-fresh { --swatch: var(--fresh); } .swatch-part { --swatch: var(--part); } .swatch-old { --swatch: var(--old); }
.swatch-none { --swatch: var(--none); } .swatch-error { --swatch: var(--error); } .swatch-plain { --swatch: var(--plain); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th { font-weight: 600; }
tbody tr:last-child td { border-bottom: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0; font-size: .92rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
code { font-size: .92em; }
`;

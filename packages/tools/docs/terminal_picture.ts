/**
 * Draws coloured output as a terminal window: SVG without scripts, fonts or links, so that it is shown everywhere.
 *
 * @module
 */

/** Size of a character cell and of what is around the text, pixels. */
const CELL = { width: 8.1, height: 18 };
const FONT_SIZE = 13.5;
const MARGIN = { x: 20, top: 56, bottom: 20 };

/** What the escape sequences of `terminal_style.ts` mean on this window's ground. */
const COLOURS: Readonly<Record<string, string>> = {
  "": 'fill="#d8dee9"',
  "1": 'fill="#ffffff" font-weight="600"',
  "1;36": 'fill="#7fd4e8" font-weight="600"',
  "2": 'fill="#707c8f"',
  "32": 'fill="#a5d68c"',
  "33": 'fill="#e9c77b"',
  "1;31": 'fill="#ff7b86" font-weight="600"',
};

/**
 * Draws a window.
 *
 * @param command What was typed.
 * @param lines What came out, with escape sequences.
 * @param alt What the picture shows, for those who cannot see it.
 */
export function terminalPicture(command: string, lines: readonly string[], alt: string): string {
  const all = [`\x1b[32m$\x1b[0m \x1b[1m${command}\x1b[0m`, ...lines];
  const columns = Math.max(...all.map((line) => stripped(line).length));
  const width = Math.ceil(columns * CELL.width + 2 * MARGIN.x);
  const height = Math.ceil(all.length * CELL.height + MARGIN.top + MARGIN.bottom);
  const dots = ["#ff5f57", "#febc2e", "#28c840"].map((fill, i) =>
    `<circle cx="${MARGIN.x + 4 + i * 20}" cy="20" r="6" fill="${fill}"/>`
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${
    escaped(alt)
  }">
<title>${escaped(alt)}</title>
<rect width="${width}" height="${height}" rx="10" fill="#1c212b"/>
<path d="M0 40V10A10 10 0 0 1 10 0H${width - 10}A10 10 0 0 1 ${width} 10V40Z" fill="#2a313e"/>
${dots.join("\n")}
<text x="${
    width / 2
  }" y="25" text-anchor="middle" font-family="system-ui, sans-serif" font-size="13" fill="#9aa5b8">${
    escaped(command)
  }</text>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT_SIZE}" xml:space="preserve">
${all.map(lineSvg).filter((line) => line !== "").join("\n")}
</g>
</svg>
`;
}

/** Each piece of a line stands at its own column and is as wide as it should be, whatever font the viewer has. */
function lineSvg(line: string, row: number): string {
  const y = round(MARGIN.top + (row + 0.8) * CELL.height);
  let column = 0;
  const pieces: string[] = [];
  for (const { text, colour } of spans(line)) {
    for (const match of text.matchAll(/\S+( \S+)*/g)) {
      const x = round(MARGIN.x + (column + match.index) * CELL.width);
      const width = round([...match[0]].length * CELL.width);
      pieces.push(
        `<text x="${x}" y="${y}" textLength="${width}" ${COLOURS[colour] ?? COLOURS[""]}>${
          escaped(match[0])
        }</text>`,
      );
    }
    column += text.length;
  }
  return pieces.join("");
}

/** A line as pieces of one colour. */
function spans(line: string): { text: string; colour: string }[] {
  // deno-lint-ignore no-control-regex
  const parts = line.split(/\x1b\[([\d;]*)m/);
  const found: { text: string; colour: string }[] = [];
  for (let i = 0; i < parts.length; i += 2) {
    const colour = i === 0 || parts[i - 1] === "0" ? "" : parts[i - 1];
    if (parts[i] !== "") found.push({ text: parts[i], colour });
  }
  return found;
}

function stripped(line: string): string {
  // deno-lint-ignore no-control-regex
  return line.replace(/\x1b\[[\d;]*m/g, "");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(
    '"',
    "&quot;",
  );
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/**
 * A decoded packet as lines for people: offset, bytes, name and value side by side, structures as a tree.
 *
 * @module
 */
import { PLAIN, type Style } from "../terminal_style.ts";
import type { DecodedNode, DecodedPacket, DecodeProblem } from "./tree.ts";
import { count, factOf, isNothing, packetFacts, valueOf } from "./render_values.ts";

/** How lines look. */
export interface RenderOptions {
  /** Colours. Default none. */
  readonly style?: Style;
  /** Width of a line; values beyond it go on in the next. Default: any. */
  readonly columns?: number;
  /** Rows of eight bytes that a long piece gets. Default 2. */
  readonly maxRows?: number;
  /** Whether fields that are 0 and mean nothing by it are left out. Default false. */
  readonly brief?: boolean;
}

/** Options that rows need, all set. */
interface RowOptions {
  readonly style: Style;
  readonly maxRows: number;
  readonly brief: boolean;
}

/** Bytes in a row. */
const ROW = 8;
const BYTES_WIDTH = ROW * 3 - 1;
/** The least that values get, however narrow the terminal is. */
const LEAST_VALUE_WIDTH = 24;

/** One line before it is aligned. */
interface Row {
  readonly offset: number | null;
  readonly bytes: string;
  /** Guides, then name. */
  readonly guide: string;
  readonly name: string;
  readonly node: DecodedNode | null;
  /** Styled words and the same without style. */
  readonly value: { readonly styled: string; readonly plain: string };
}

const NOTHING = { styled: "", plain: "" };

/** Renders a packet. */
export function renderPacket(packet: DecodedPacket, options: RenderOptions = {}): string[] {
  const { style = PLAIN, columns = Infinity, maxRows = 2, brief = false } = options;
  const rows: (Row | DecodeProblem)[] = [];
  for (const child of packet.children) addRows(rows, child, "", "", { style, maxRows, brief });
  const digits = Math.max(6, Math.ceil((packet.offset + packet.length).toString(16).length / 2) * 2);
  let nameWidth = 12;
  for (const row of rows) {
    if ("guide" in row) nameWidth = Math.max(nameWidth, row.guide.length + row.name.length);
  }
  const valueAt = digits + 2 + BYTES_WIDTH + 2 + nameWidth + 2;
  const lines = [title(packet, style)];
  for (const row of rows) {
    if ("guide" in row) {
      lines.push(...layRow(row, digits, nameWidth, Math.max(LEAST_VALUE_WIDTH, columns - valueAt), style));
    } else lines.push(...problemLines(row, style));
  }
  lines.push(...ending(packet, style));
  return lines;
}

/** One line that names a packet. */
export function packetTitle(packet: DecodedPacket): string {
  return packetFacts(packet).join(" · ");
}

function title(packet: DecodedPacket, style: Style): string {
  const [first, ...rest] = packetFacts(packet);
  return style.title(first) + (rest.length > 0 ? style.faint(` · ${rest.join(" · ")}`) : "");
}

function addRows(
  rows: (Row | DecodeProblem)[],
  node: DecodedNode,
  guide: string,
  below: string,
  options: RowOptions,
): void {
  const { style } = options;
  const all = node.children ?? [];
  const children = options.brief
    ? all.filter((child) => !isNothing(child) || child.problem !== undefined)
    : all;
  const zeroes = children.some(holdsProblem) ? 0 : all.length - children.length;
  if (node.kind === "group") {
    rows.push({ offset: node.offset, bytes: "", guide, name: node.name, node, value: factOf(node, style) });
  } else addBytes(rows, node, guide, below, options);
  if (node.problem !== undefined && children.length === 0) rows.push(node.problem);
  const hidden = node.hiddenItems ?? 0;
  const left = hidden > 0
    ? `… ${hidden} more`
    : zeroes > 0
    ? `… ${zeroes} that ${zeroes === 1 ? "is" : "are"} 0`
    : "";
  const leave = (guide: string) =>
    rows.push({ offset: null, bytes: "", guide, name: left, node: null, value: NOTHING });
  if (children.length === 0 && left !== "") leave(`${below}└ `);
  children.forEach((child, i) => {
    const end = i === children.length - 1;
    const wrong = end && holdsProblem(child);
    if (wrong && left !== "") leave(`${below}├ `); // what was left out lies before what is wrong
    const last = end && (left === "" || wrong);
    addRows(rows, child, `${below}${last ? "└ " : "├ "}`, `${below}${last ? "  " : "│ "}`, options);
    if (end && left !== "" && !wrong) leave(`${below}└ `);
  });
  if (node.problem !== undefined && children.length > 0) rows.push(node.problem); // what is wrong comes after its parts
}

/** Whether what is wrong is in a node; nothing is told after it then. */
function holdsProblem({ problem, children }: DecodedNode): boolean {
  return problem !== undefined || (children?.some(holdsProblem) ?? false);
}

function addBytes(
  rows: (Row | DecodeProblem)[],
  node: DecodedNode,
  guide: string,
  below: string,
  { style, maxRows }: RowOptions,
): void {
  const hex = node.hex ?? "";
  const known = hex.length / 2;
  const shownRows = Math.min(Math.ceil(known / ROW), maxRows);
  const piece = (row: number) => hex.slice(row * ROW * 2, (row + 1) * ROW * 2).replace(/..(?=.)/g, "$& ");
  rows.push({
    offset: node.offset,
    bytes: piece(0),
    guide,
    name: node.name,
    node,
    value: valueOf(node, style),
  });
  const shown = Math.min(known, shownRows * ROW);
  for (let row = 1; row < shownRows; row++) {
    rows.push({
      offset: node.offset + row * ROW,
      bytes: piece(row),
      guide: below,
      name: "",
      node: null,
      value: NOTHING,
    });
  }
  if (node.length > shown && !node.hidden) {
    const more = `… ${count(node.length - shown, "more byte")}`;
    rows.push({ offset: null, bytes: more, guide: below, name: "", node: null, value: NOTHING });
  }
}

function layRow(row: Row, digits: number, nameWidth: number, valueWidth: number, style: Style): string[] {
  const { guide, name, node, value } = row;
  const offset = row.offset === null ? " ".repeat(digits) : row.offset.toString(16).padStart(digits, "0");
  const bytes = row.bytes.padEnd(BYTES_WIDTH);
  const faintBytes = node === null || node.kind === "padding";
  const nameText = node?.problem !== undefined
    ? style.problem(name)
    : node?.kind === "group"
    ? style.structure(name)
    : node === null || node.kind === "padding"
    ? style.faint(name)
    : name;
  const head = `${style.faint(offset)}  ${faintBytes ? style.faint(bytes) : bytes}  ${
    style.faint(guide)
  }${nameText}`;
  if (value.plain === "") return [head.trimEnd()];
  const gap = " ".repeat(nameWidth - guide.length - name.length + 2);
  if (value.plain.length <= valueWidth) return [head + gap + value.styled];
  // Too long for the line: plain words, in as many lines as it takes.
  const indent = " ".repeat(digits + 2 + BYTES_WIDTH + 2 + nameWidth + 2);
  return wrap(value.plain, valueWidth).map((part, i) => (i === 0 ? head + gap : indent) + part);
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const space = rest.lastIndexOf(" ", width);
    const cut = space > width / 2 ? space : width;
    lines.push(rest.slice(0, cut));
    rest = rest.slice(cut).trimStart();
  }
  lines.push(rest);
  return lines;
}

/** The box below a wrong byte. */
export function problemLines(problem: DecodeProblem, style: Style): string[] {
  const { field, rule, spec, expected, actual, offset } = problem;
  const lines = [style.problem(`  ✗ ${field}: ${rule}`)];
  if (expected !== undefined) lines.push(`    expected  ${expected}`);
  if (actual !== undefined) lines.push(`    found     ${actual}`);
  lines.push(style.faint(`    rule      ${spec}, byte ${offset} (0x${offset.toString(16)})`));
  return lines;
}

/** What follows a packet that does not end well. */
function ending(packet: DecodedPacket, style: Style): string[] {
  const { problem, statedLength, offset, length } = packet;
  if (problem !== null) {
    const shownTo = lastShown(packet);
    const rest = offset + length - shownTo;
    const lines: string[] = [];
    if (problem.offset < shownTo - ROW) {
      lines.push(style.problem(`  ✗ broken at byte ${problem.offset}, see above`));
    }
    if (statedLength !== null && rest > 0) {
      lines.push(style.faint(`    ${count(rest, "byte")} of this packet after it not shown`));
    }
    return lines;
  }
  if (!packet.incomplete) return [];
  const missing = statedLength === null
    ? "its header is not whole"
    : `${count(statedLength - length, "byte")} missing`;
  return [style.problem(`  ✂ the input ends inside this packet: ${missing}`)];
}

/** Where the tree of a packet ends. */
function lastShown(packet: DecodedPacket): number {
  let nodes = packet.children;
  let end = packet.offset;
  for (;;) {
    const last = nodes.at(-1);
    if (last === undefined) return end;
    if (last.kind !== "group") return last.offset + last.length;
    end = last.offset;
    nodes = last.children ?? [];
  }
}

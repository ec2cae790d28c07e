/**
 * Values of nodes in words, with and without colours; and the facts that name a packet.
 *
 * @module
 */
import { fitToShow } from "@nnrp/core";
import { PLAIN, type Style } from "../terminal_style.ts";
import type { DecodedNode, DecodedPacket } from "./tree.ts";

/** Words with style, and the same without, whose length counts. */
export interface StyledText {
  /** As it is printed. */
  readonly styled: string;
  /** Without style. */
  readonly plain: string;
}

/** Units after a number; a unit that is not here says nothing more than the name. */
const UNITS: Readonly<Record<string, string>> = { bytes: "byte", ms: "ms", us: "µs", pixels: "pixel" };

/** `"1 byte"`, `"2 bytes"`, `"5 ms"`. */
export function count(n: number | string, unit: string): string {
  return `${n} ${unit}${n == 1 || unit.endsWith("s") ? "" : "s"}`;
}

/** What stands behind a structure's name. */
export function factOf(node: DecodedNode, style: Style): StyledText {
  return both(
    style,
    (s) => join([s.word(node.meaning ?? ""), s.faint(count(node.length, "byte")), note(node, s)], ", "),
  );
}

/** What stands behind a field's name. */
export function valueOf(node: DecodedNode, style: Style): StyledText {
  return both(style, (s) => {
    const mark = node.problem === undefined ? "" : s.problem("✗");
    const text = node.text === undefined ? "" : s.text(fitToShow(JSON.stringify(node.text)));
    const digits = isNothing(node) ? s.faint(number(node)) : number(node);
    const secret = node.hidden ? s.faint(`(secret, ${count(node.length, "byte")}: --show-secrets)`) : "";
    return join([digits, words(node, s), text, secret || length(node, s), mark, note(node, s)], " ");
  });
}

/** Whether a field holds a zero that means nothing but zero. */
export function isNothing({ value, meaning }: DecodedNode): boolean {
  return (value === 0 || value === "0") &&
    (meaning === undefined || meaning === "none" || /^0 /.test(meaning));
}

function number({ value, type, unit, flags, length }: DecodedNode): string {
  if (value === undefined) return "";
  if (type === "ascii") return JSON.stringify(value);
  if (typeof value === "number" && (flags !== undefined || unit === "bitmap")) {
    return value === 0 ? "0" : `0x${value.toString(16).padStart(Math.min(length * 2, 4), "0")}`;
  }
  const named = unit === undefined ? undefined : UNITS[unit];
  return named === undefined ? String(value) : count(value, named);
}

function words({ meaning, flags }: DecodedNode, style: Style): string {
  if (flags !== undefined) return style.word(flags.join(", "));
  if (meaning === undefined) return "";
  return style.word(/^\d+(\.\d+)? frames|^0x/.test(meaning) ? `(${meaning})` : meaning);
}

function length(node: DecodedNode, style: Style): string {
  return node.kind === "bytes" && node.length > 8 ? style.faint(`(${count(node.length, "byte")})`) : "";
}

function note({ note }: DecodedNode, style: Style): string {
  return note === undefined ? "" : style.note(`⚠ ${note}`);
}

function join(parts: readonly string[], separator: string): string {
  return parts.filter((part) => part !== "").join(separator);
}

function both(style: Style, write: (style: Style) => string): StyledText {
  const plain = write(PLAIN);
  return { plain, styled: style === PLAIN ? plain : write(style) };
}

/** What names a packet: message, direction, ids, length, place. */
export function packetFacts(packet: DecodedPacket): string[] {
  const fields = new Map((packet.children[0]?.children ?? []).map(({ name, value }) => [name, value]));
  const ids = ["session", "frame", "view"].flatMap((name) => {
    const id = fields.get(`${name}_id`);
    return id === undefined || id === 0 ? [] : [`${name} ${id}`];
  });
  const facts = [
    `#${packet.index + 1} ${packet.message ?? (packet.problem === null ? "cut header" : "no packet")}`,
  ];
  if (packet.direction === "client") facts.push("client → server");
  if (packet.direction === "server") facts.push("server → client");
  if (ids.length > 0) facts.push(ids.join(", "));
  facts.push(count(packet.length, "byte"));
  return facts;
}

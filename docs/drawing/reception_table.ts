/**
 * What each state does with each message, as a table of docs/sessions.md.
 *
 * @module
 */
import {
  enumName,
  MessageType,
  type Reception,
  receptionOf,
  type SessionRole,
  SessionState,
} from "@nnrp/core";
import { STATE_NAMES, type StateName } from "./session_moves.ts";

const BEGIN = "<!-- written by deno task diagrams: begin -->";
const END = "<!-- written by deno task diagrams: end -->";

/** In the table of a role; what is refused everywhere has no row. */
const SIGN: Readonly<Record<Reception, string>> = {
  handle: "✓",
  defer: "later",
  ignore: "ignored",
  refuse: "–",
};
const STATES: readonly StateName[] = STATE_NAMES.filter((name) => name !== "CLOSED");

/**
 * The page with the tables of the code between its two marks.
 *
 * @throws Error if the page lacks them.
 */
export function withReceptions(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the page has no place for its tables: ${BEGIN} … ${END}`);
  const tables = [table("server", "a client"), table("client", "a server")].join("\n\n");
  return `${page.slice(0, begin + BEGIN.length)}\n\n${tables}\n\n${page.slice(end)}`;
}

function table(role: SessionRole, peer: string): string {
  const head = [`What a ${role} does with what ${peer} sends`, ...STATES];
  const rows = Object.values(MessageType).map((type) => ({
    name: enumName(MessageType, type),
    receptions: STATES.map((state) => receptionOf(role, SessionState[state], type)),
  })).filter(({ receptions }) => receptions.some((reception) => reception !== "refuse"));
  return [
    head,
    head.map((_, i) => i === 0 ? "---" : ":---:"),
    ...rows.map(({ name, receptions }) => [name, ...receptions.map((reception) => SIGN[reception])]),
  ].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

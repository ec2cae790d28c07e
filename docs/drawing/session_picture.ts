/**
 * The picture of a session's states: the way through from top to bottom, what moves a client on the left, a server on the right.
 *
 * @module
 */
import type { SessionRole } from "@nnrp/core";
import { type Move, movesOf, STATE_NAMES, type StateName } from "./session_moves.ts";
import { Drawing, LINE } from "./svg.ts";

const WHAT: Readonly<Record<StateName, string>> = {
  INIT: "connected, nothing agreed",
  NEGOTIATING: "hello under way",
  ACTIVE: "frames flow",
  DRAINING: "what began may end",
  CLOSED: "over",
};

const WIDTH = 830;
const BOX = { width: 210, height: 54, top: 64, step: 122 };
const MIDDLE = WIDTH / 2;
/** Where the ways out run down, from the middle. */
const RAIL = 355;
/** Where their words stand, from the middle. */
const WORDS = 340;

/** The picture. */
export function drawSession(): string {
  const moves = { client: movesOf("client"), server: movesOf("server") };
  const height = top("CLOSED") + BOX.height + 100;
  const drawing = new Drawing(
    WIDTH,
    height,
    "States of a session",
    describe(moves.client) + describe(moves.server),
  );
  drawing.text([24, 34], "what moves a client", { look: "head" });
  drawing.text([WIDTH - 24, 34], "what moves a server", { look: "head", anchor: "end" });
  for (const name of STATE_NAMES) {
    const kind = name === "CLOSED" ? "remark" : "state";
    drawing.box(MIDDLE - BOX.width / 2, top(name), BOX.width, BOX.height, kind, [name, WHAT[name]]);
  }
  for (const role of ["client", "server"] as const) drawSide(drawing, role, moves[role]);
  return drawing.toString();
}

function drawSide(drawing: Drawing, role: SessionRole, moves: readonly Move[]): void {
  const side = role === "client" ? -1 : 1;
  const everywhere = commonEnds(moves);
  for (const { from, to, because } of moves) {
    if (place(to) === place(from) + 1) {
      const own = because.filter((words) => !everywhere.includes(words));
      const y = top(from) + BOX.height;
      // Two arrows, one for each side, so that it is plain whose words are whose.
      drawing.arrow([[MIDDLE + side * 36, y], [MIDDLE + side * 36, top(to)]]);
      const first = (y + top(to)) / 2 + 5 - (own.length - 1) * LINE / 2;
      drawing.lines([MIDDLE + side * 48, first], own, { anchor: role === "client" ? "end" : "start" });
    } else {
      const own = because.filter((words) => !everywhere.includes(words));
      if (own.length === 0) continue;
      const y = top(from) + 16;
      const edge = MIDDLE + side * BOX.width / 2;
      const end = top("CLOSED") + 18;
      drawing.arrow([[edge, y], [MIDDLE + side * RAIL, y], [MIDDLE + side * RAIL, end], [edge, end]]);
      drawing.lines([MIDDLE + side * WORDS, y + LINE], wrap(own, 31), {
        anchor: role === "client" ? "start" : "end",
      });
    }
  }
  const y = top("CLOSED") + 42;
  const edge = MIDDLE + side * BOX.width / 2;
  drawing.arrow([[MIDDLE + side * WORDS, y], [edge, y]], true);
  const style = { anchor: role === "client" ? "start" : "end" } as const;
  drawing.text([MIDDLE + side * WORDS, y + LINE + 2], "from every state:", { ...style, look: "note" });
  drawing.lines([MIDDLE + side * WORDS, y + 2 * LINE + 2], wrap(everywhere, 44), style);
}

/** What ends the session in whatever state it is. */
function commonEnds(moves: readonly Move[]): string[] {
  const ends = moves.filter(({ to }) => to === "CLOSED");
  return ends[0].because.filter((words) => ends.every(({ because }) => because.includes(words)));
}

/** Words in lines of at most so many letters. */
function wrap(words: readonly string[], letters: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 2 + word.length <= letters) {
      lines[lines.length - 1] = `${last}, ${word}`;
    } else lines.push(word);
  }
  return lines.map((line, i) => i < lines.length - 1 ? `${line},` : line);
}

function describe(moves: readonly Move[]): string {
  return moves.map(({ from, to, because }) => `${from} to ${to}: ${because.join(", ")}. `).join("");
}

function place(name: StateName): number {
  return STATE_NAMES.indexOf(name);
}

function top(name: StateName): number {
  return BOX.top + place(name) * BOX.step;
}

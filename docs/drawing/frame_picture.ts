/**
 * The picture of a frame's life: where it may be on the left, and beside each place the ways in which it ends there.
 *
 * @module
 */
import { FRAME_ENDS, type FrameEnd, type Stage, STAGES } from "./frame_life.ts";
import { Drawing } from "./svg.ts";

const WIDTH = 830;
const ROW = 27;
const GAP = 26;
/** Left edges of the columns, px. */
const COLUMN = {
  stage: 24,
  cause: 164,
  packet: 340,
  tip: 436,
  caller: 456,
  client: 610,
  server: 692,
  end: 806,
};
const STAGE_WIDTH = 118;
const CALLER_WIDTH = 142;
const TOP = 56;

/** The picture. */
export function drawFrame(): string {
  const passed = STAGES.filter(({ name }) => name !== "UNDER WAY" && name !== "LATE");
  const meanwhile = STAGES.filter((stage) => !passed.includes(stage));
  const height = TOP + FRAME_ENDS.length * ROW + STAGES.length * GAP + 40;
  const drawing = new Drawing(
    WIDTH,
    height,
    "The life of a frame and how it ends",
    FRAME_ENDS.map(({ stage, cause, packet, caller }) =>
      `${stage}: ${cause}${packet && `, ${packet}`}: ${caller}.`
    ).join(" "),
  );
  head(drawing, TOP - 22, "the way of a frame");
  const half = drawStages(drawing, passed, TOP);
  drawing.rule([COLUMN.stage, half + 6], [COLUMN.end, half + 6]);
  head(drawing, half + 34, "meanwhile, where it came from");
  drawStages(drawing, meanwhile, half + 56);
  return drawing.toString();
}

function head(drawing: Drawing, y: number, title: string): void {
  drawing.text([COLUMN.stage, y], title, { look: "head" });
  if (y > TOP) return;
  for (const [x, words] of [[COLUMN.packet, "on the wire"], [COLUMN.caller, "submit() gives"]] as const) {
    drawing.text([x, y], words, { look: "note" });
  }
  drawing.text([COLUMN.client, y], "stats: client", { look: "note" });
  drawing.text([COLUMN.server, y], "server", { look: "note" });
}

/** Draws stages from here down; returns where they end. */
function drawStages(drawing: Drawing, stages: readonly Stage[], top: number): number {
  let y = top;
  stages.forEach(({ name, where, what }, i) => {
    const ends = FRAME_ENDS.filter(({ stage }) => stage === name);
    const height = Math.max(ends.length * ROW - 4, 48);
    if (i > 0) {
      const x = COLUMN.stage + STAGE_WIDTH / 2;
      drawing.arrow([[x, y - GAP], [x, y]]);
    }
    drawing.box(
      COLUMN.stage,
      y,
      STAGE_WIDTH,
      height,
      "state",
      [name, what, `(${where})`].slice(0, height > 50 ? 3 : 2),
    );
    const first = y + height / 2 - (ends.length - 1) * ROW / 2;
    ends.forEach((end, row) => drawEnd(drawing, end, first + row * ROW));
    y += height + GAP;
  });
  return y - GAP + 10;
}

function drawEnd(
  drawing: Drawing,
  { cause, packet, caller, isError, client, server }: FrameEnd,
  y: number,
): void {
  const base = y + 4.5;
  drawing.arrow([[COLUMN.stage + STAGE_WIDTH, y], [COLUMN.cause - 6, y]]);
  drawing.text([COLUMN.cause, base], cause);
  if (packet) drawing.text([COLUMN.packet, base], packet, { look: "code" });
  drawing.arrow([[packet ? COLUMN.tip : COLUMN.packet, y], [COLUMN.caller - 2, y]]);
  const kind = isError ? "error" : client === "late" ? "remark" : "end";
  drawing.box(COLUMN.caller, y - 11, CALLER_WIDTH, 22, kind, [caller]);
  if (client !== undefined) drawing.text([COLUMN.client, base], client, { look: "code" });
  if (server !== undefined) drawing.text([COLUMN.server, base], server, { look: "code" });
}

/**
 * `deno task diagrams` draws the pictures and tables of docs/sessions.md from the engines and tables of the code; `--check` only
 * says which file is out of date.
 *
 * @module
 */
import { drawFrame } from "./drawing/frame_picture.ts";
import { withReceptions } from "./drawing/reception_table.ts";
import { drawSession } from "./drawing/session_picture.ts";

const PAGE = "sessions.md";
const FILES: readonly (readonly [path: string, content: string])[] = [
  ["images/session-states.svg", drawSession()],
  ["images/frame-life.svg", drawFrame()],
  [PAGE, withReceptions(read(PAGE))],
];

let stale = 0;
for (const [path, content] of FILES) {
  if (read(path) === content) continue;
  stale++;
  if (Deno.args.includes("--check")) console.error(`docs/${path} is out of date: run deno task diagrams`);
  else {
    Deno.writeTextFileSync(new URL(path, import.meta.url), content);
    console.log(`wrote docs/${path}`);
  }
}
if (Deno.args.includes("--check") && stale > 0) Deno.exit(1);

/** What a file of this folder holds; nothing if it is not there yet. */
function read(path: string): string {
  try {
    return Deno.readTextFileSync(new URL(path, import.meta.url));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

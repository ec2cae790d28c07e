/**
 * Random recipes and recode requests, judged by nnrp-py 1.0.0rc2 and by us. Needs Python with that package. Deno only.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { execFile } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ensurePeerPython } from "../../interop/venv.ts";
import type { Recipe } from "../src/recipe_fields.ts";
import { vectorOf } from "../src/recipes.ts";
import { recode, type RecodeRequest } from "../src/recode.ts";
import { skipBecause } from "../../support/skip.ts";

const SCRIPT = fileURLToPath(new URL("./rc2_requests.py", import.meta.url));
const SEED = 20_260;
/** Requests of each kind, recipes of each type. */
const COUNT = 300;

/** A request with the reference's word on it. */
interface JudgedRequest extends RecodeRequest {
  /** What its reader says. */
  readonly accept: boolean;
  /** What its writer makes of it; null if it refuses. */
  readonly again?: string | null;
  /** Its choice among transports. */
  readonly selected?: string;
  /** Whether its writer wrote it. */
  readonly valid?: boolean;
  /** Whether it is a result that refers to cached objects, which we refuse. */
  readonly references?: boolean;
}

interface Judged {
  readonly requests: readonly JudgedRequest[];
  readonly recipes: readonly { readonly recipe: Recipe; readonly hex: string }[];
}

const python = await ensurePeerPython();
const missing = typeof python === "string" ? undefined : python.skipped;
// A machine that is meant to test everything must not skip in silence.
const skip = process.env["CI"] !== "true" && skipBecause(missing);

test("random requests and recipes get the reference's verdicts and bytes", { skip }, async () => {
  assert(typeof python === "string", missing);
  const { requests, recipes } = await judgedByReference(python);
  assertEquals([requests.length, recipes.length], [22 * COUNT, 12 * COUNT]);
  assertEquals(requests.map(difference).filter((found) => found !== null), []);
  const wrong = recipes.filter(({ recipe, hex }) => vectorOf(recipe).hex !== hex);
  assertEquals(wrong, []);
});

/** What we see otherwise. Bytes that the reference reads but writes otherwise may come back either way. */
function difference(request: JudgedRequest): string | null {
  const answer = recode(request);
  const { name, kind, hex, accept, again, selected, valid, references } = request;
  const words = (expected: unknown) =>
    `${name} ${kind} ${hex}: expected ${expected}, got ${JSON.stringify(answer)}`;
  if (references) return "accept" in answer && !answer.accept ? null : words("a refusal: references");
  if (!("accept" in answer) || answer.accept !== accept) return words(accept ? "it to pass" : "a refusal");
  if ("selected" in answer) return answer.selected === selected ? null : words(selected);
  if (!("hex" in answer)) return null;
  return (again === hex || valid) && answer.hex !== hex ? words(hex) : null;
}

function judgedByReference(python: string): Promise<Judged> {
  const options = { encoding: "utf8", maxBuffer: 1 << 30, timeout: 120_000 } as const;
  return new Promise((resolve, reject) => {
    execFile(python, [SCRIPT, `${SEED}`, `${COUNT}`], options, (error, stdout) => {
      if (error !== null) reject(error);
      else resolve(JSON.parse(stdout) as Judged);
    });
  });
}

/**
 * The adapter between NNRP for TypeScript and the conformance suite: looks at its environment, does every task it finds
 * there, writes the files, exits 0. Run it with `deno task conformance:adapter`; README.md tells the variables.
 *
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import type { Peer } from "./src/check.ts";
import { type Plan, runPlan } from "./src/plan.ts";
import { type RecipeFile, vectorsOf } from "./src/recipes.ts";
import { recode, type RecodeRequest, type RecodeResponse } from "./src/recode.ts";

const PREFIX = "NNRP_CONFORMANCE_";

/** Does a task if both its variables are set. */
async function task<Input>(
  input: string,
  output: string,
  run: (input: Input) => unknown | Promise<unknown>,
): Promise<void> {
  const [from, to] = [process.env[PREFIX + input], process.env[PREFIX + output]];
  if (!from || !to) return;
  const answer = await run(JSON.parse(readFileSync(from, "utf8")));
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, `${JSON.stringify(answer, null, 2)}\n`);
}

await task<RecipeFile>(
  "VECTOR_RECIPES",
  "SDK_VECTOR_OUTPUT",
  (file) => vectorsOf(file, (recipe, error) => console.error(`recipe ${recipe.name}:`, error)),
);

await task<{ requests: readonly RecodeRequest[] }>(
  "RECODE_REQUESTS",
  "RECODE_RESPONSES",
  ({ requests }) => ({ responses: requests.map(answer) }),
);

/** A request that breaks the adapter must not take the others' answers with it. */
function answer(request: RecodeRequest): RecodeResponse {
  try {
    return recode(request);
  } catch (error) {
    console.error(`request ${request.name}:`, error);
    return { name: request.name, unsupported: true };
  }
}

await task<Plan>("ADAPTER_PLAN", "ADAPTER_RESULTS", (plan) => {
  const peer = process.env[`${PREFIX}PEER`];
  return runPlan(plan, peer ? JSON.parse(peer) as Peer : null);
});

/**
 * Whole parts, on Deno: tiny test files in a temporary folder. Deno only.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { test } from "node:test";
import type { Screen } from "./progress.ts";
import { hangs, type PartPlan, runPart } from "./run_part.ts";

const NEVER = 3_600_000;

async function run(
  files: Readonly<Record<string, string>>,
  more: { verdict?: PartPlan["verdict"]; filter?: string; verbose?: boolean } = {},
) {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "nnrp-runner-" }));
  const written: string[] = [];
  const screen: Screen = {
    terminal: false,
    colors: false,
    columns: () => 80,
    write: (text) => written.push(text),
  };
  try {
    await Deno.writeTextFile(`${folder}/deno.json`, "{}");
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    const { verdict, filter, verbose = false } = more;
    const result = await runPart({
      runtime: "deno",
      title: "Deno",
      program: Deno.execPath(),
      files: Object.keys(files),
      filter,
      verbose,
      root: `${folder}/`,
      verdict,
    }, screen);
    return { ...result, written };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

test("a part that hangs is ended and says where it was", async () => {
  const { outcome } = await run({
    "a_test.js": `import { test } from "node:test";
      test("ends", () => {});
      test("hangs", async () => { await new Promise(() => setTimeout(() => {}, ${NEVER})); });`,
  }, { verdict: (_quietMs, _ms, log) => log.test === "hangs" ? "no patience left" : undefined });
  const hung = outcome.failures.find(({ title }) => title === "hung");
  assertStringIncludes(hung!.error, 'no patience left; it was in "hangs" of a_test.js');
  assertEquals(outcome.passed, 1);
});

test("a part hangs if nothing ends for minutes, and if it takes very long", () => {
  assertEquals(hangs(250_000, 1_700_000), undefined);
  assertEquals(hangs(301_000, 400_000), "no test was done for 5:00 minutes");
  assertEquals(hangs(1_000, 1_801_000), "not done after 30:00 minutes");
});

test("a timer that throws fails the part although Deno calls its test passed", async () => {
  const { outcome } = await run({
    "a_test.js": `import { test } from "node:test";
      test("does not notice", async () => {
        let thrown;
        const told = new Promise((go) => thrown = go);
        setTimeout(() => { setTimeout(thrown, 1); throw new Error("from a timer"); }, 1);
        await told;
      });
      test("goes on", () => {});`,
    "b_test.js": `import { test } from "node:test"; test("b", () => {}); throw new Error("module broke");`,
  });
  assertEquals(outcome.passed, 3);
  assertEquals(outcome.failures.map(({ file, title }) => [file, title]).sort(), [
    ["a_test.js", "an error outside of its tests"],
    ["b_test.js", "an error outside of its tests"],
  ]);
});

test("a filter picks one test, and verbose names it", async () => {
  const { outcome, written } = await run({
    "a_test.js": `import { test } from "node:test"; test("one", () => {}); test("two", () => {});`,
  }, { filter: "/^two$/", verbose: true });
  assertEquals([outcome.passed, outcome.failures, outcome.skipped], [1, [], []]);
  assertEquals(written.map((text) => text.replace(/ \(\d+ ms\)/, "")), ["passed  a_test.js: two\n"]);
});

test("a file that cannot be loaded is a failure that shows why", async () => {
  const { outcome, log } = await run({ "a_test.js": "test(" });
  assertEquals(outcome.failures.map(({ title }) => title), ["did not begin"]);
  assert(log.output("").includes("SyntaxError"));
});

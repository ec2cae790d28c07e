/**
 * What people see: command line, progress, errors, the command that repeats a test.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { errorText, outputText } from "./error_text.ts";
import { readOptions, UsageError } from "./options.ts";
import { PartLog } from "./part_log.ts";
import { Progress, type Screen } from "./progress.ts";
import { filterPattern, quote, repeatCommand } from "./repeat.ts";
import { failureLines, type Part, skippedLines, styleOf } from "./report.ts";

function screen(terminal: boolean, columns: number): Screen & { readonly written: string[] } {
  const written: string[] = [];
  return { terminal, colors: false, columns: () => columns, write: (text) => written.push(text), written };
}

test("flags and files in any order", () => {
  assertEquals(
    readOptions(["packages/core/", "--only", "node", "--filter=a=b", "./tests/x_test.ts", "--verbose"]),
    {
      only: "node",
      filter: "a=b",
      verbose: true,
      paths: ["packages/core", "tests/x_test.ts"],
    },
  );
  assertEquals(readOptions([]), { only: undefined, filter: undefined, verbose: false, paths: [] });
  assertEquals(readOptions(["x", "--help"]), "help");
});

test("a command line that cannot be used is refused by name", () => {
  for (
    const [args, message] of [
      [["--onyl", "node"], "unknown flag --onyl"],
      [["-v"], "unknown flag -v"],
      [["--only"], "--only needs a value"],
      [["--only="], "--only needs a value"],
      [["--only", "chrome"], '--only: expected deno, node, bun, got "chrome"'],
      [["--filter"], "--filter needs a value"],
      [["--verbose=1"], "--verbose takes no value"],
    ] as const
  ) assertThrows(() => readOptions(args), UsageError, message);
});

test("in a terminal one line is written over and over, and fits", () => {
  const log = new PartLog();
  log.end({ file: "packages/client/src/a_rather_long_name_of_a_test.ts", name: ["x"], status: "failed" });
  for (const columns of [20, 60, 200]) {
    const to = screen(true, columns);
    const progress = new Progress(to, "Node 24.21.0", log, 120);
    for (let ms = 0; ms <= 65_000; ms += 50) progress.tick(ms);
    progress.clear();
    assertEquals(to.written.length, 651);
    assertEquals(to.written.at(-1), "\r\x1b[2K");
    for (const text of to.written) assert(text.startsWith("\r\x1b[2K") && !text.includes("\n"));
    if (columns >= 60) { for (const text of to.written) assert(text.length - 5 < columns, text); }
  }
});

test("elsewhere a line every half minute at most, and none for a short run", () => {
  const log = new PartLog();
  log.beginFile("a_test.ts");
  const to = screen(false, 80);
  const progress = new Progress(to, "Deno 2.9.6", log, 3);
  for (let ms = 0; ms <= 29_900; ms += 100) progress.tick(ms);
  assertEquals(to.written, []);
  for (let ms = 30_000; ms <= 125_000; ms += 100) progress.tick(ms);
  progress.clear();
  assertEquals(
    to.written,
    ["0:30", "1:00", "1:30", "2:00"].map((time) =>
      `Deno 2.9.6  ${time}  0 done, 0 failed  1/3 files  a_test.ts\n`
    ),
  );
});

test("an error is its message and the stack lines of the project", () => {
  assertEquals(
    errorText(
      [
        "Error: wanted 1",
        "second line",
        "    at TestContext.<anonymous> (file:///project/packages/a_test.ts:6:9)",
        "    at Test.runInAsyncScope (node:async_hooks:227:14)",
        "    at async innerWrapped (ext:cli/40_test.js:300:11)",
        "    at file:///project/packages/b.ts:3:78",
      ].join("\n"),
      "/project/",
    ),
    [
      "Error: wanted 1",
      "second line",
      "  at TestContext.<anonymous> (packages/a_test.ts:6:9)",
      "  at packages/b.ts:3:78",
    ],
  );
});

test("long errors and long output are bounded, and say what is missing", () => {
  const frames = Array.from({ length: 50 }, (_, i) => `    at f (file:///project/a.ts:${i}:1)`);
  const error = errorText(
    [...Array.from({ length: 900 }, (_, i) => `line ${i}`), "x".repeat(9000), ...frames].join("\n"),
    "/project/",
  );
  assertEquals(error.length, 48);
  assertEquals([error[40], error[47]], ["… 861 more lines", "  … 44 more lines"]);
  assert(error.every((line) => line.length <= 410));
  assertEquals(outputText("a\nb\nc\nd\n", 2), ["… 2 lines before", "c", "d"]);
  assertEquals(outputText("", 2), []);
  const log = new PartLog();
  for (let i = 0; i < 100_000; i++) log.print("a_test.ts", `line ${i}`);
  assert(log.output("a_test.ts").length <= 32_768);
  assert(log.output("a_test.ts").endsWith("line 99999\n"));
});

test("the command that repeats one test finds that one and no other", () => {
  const names = ["sends", "sends twice", "/slashes/", "it's (a) [test]"];
  for (const name of names) {
    const filter = /--filter (.*?) a_test\.ts$/.exec(repeatCommand("node", "a_test.ts", [name], names))![1];
    const text = filter.startsWith("'") ? filter.slice(1, -1).replaceAll(`'\\''`, "'") : filter;
    const pattern = new RegExp(filterPattern(text));
    assertEquals(names.filter((other) => pattern.test(other)), [name], filter);
  }
  assertEquals(
    repeatCommand("deno", "a b_test.ts", ["group", "inner"]),
    "deno test -A 'a b_test.ts' --filter group",
  );
  assertEquals(
    repeatCommand("bun", "a_test.ts", ["group", "inner"]),
    "deno task test --only bun --filter 'group inner' a_test.ts",
  );
  assertEquals(repeatCommand("deno", "a_test.ts"), "deno task test --only deno a_test.ts");
  assertEquals(repeatCommand("node", ""), "deno task test --only node");
  assertEquals(quote("$(rm -rf /) `x` \"y\" 'z'"), `'$(rm -rf /) \`x\` "y" '\\''z'\\'''`);
});

test("failures stand with the command that repeats each, skipped tests with their reason", () => {
  const log = new PartLog();
  log.print("a_test.ts", "some words");
  const part: Part = {
    runtime: "bun",
    title: "Bun 1.4.5",
    log,
    outcome: {
      passed: 3,
      failures: [
        { file: "a_test.ts", name: ["one"], error: "Error: one\n    at f (file:///project/a.ts:1:2)" },
        { file: "a_test.ts", title: "an error outside of its tests", error: "Error: two" },
      ],
      skipped: [
        { file: "b_test.ts", name: ["three"], status: "skipped", reason: "no Python" },
        { file: "b_test.ts", name: ["four"], status: "skipped", reason: "no Python" },
        { file: "b_test.ts", name: ["five"], status: "skipped" },
      ],
    },
  };
  assertEquals(failureLines(part, "/project/", styleOf(false)), [
    "",
    "Bun 1.4.5: 2 failures",
    "",
    "1. a_test.ts: one",
    "   Error: one",
    "     at f (a.ts:1:2)",
    "   again: deno task test --only bun --filter one a_test.ts",
    "",
    "2. a_test.ts: an error outside of its tests",
    "   Error: two",
    "   again: deno task test --only bun a_test.ts",
    "   a_test.ts printed:",
    "   | some words",
  ]);
  assertEquals(skippedLines([part]), [
    "skipped on Bun 1.4.5: 2 tests (b_test.ts: no Python)",
    "skipped on Bun 1.4.5: five (b_test.ts: no reason given)",
  ]);
});

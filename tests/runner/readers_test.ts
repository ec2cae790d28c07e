/**
 * The readers of the three reporters, fed with what the runtimes printed for the same seven files (`samples/`, recorded with Deno
 * 2.9.6, Node 24.21.0, Bun 1.4.5): tests that pass, fail, are skipped, print, crash, and a module that throws.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { test } from "node:test";
import { BunLines } from "./bun_lines.ts";
import { DenoLines } from "./deno_lines.ts";
import { readJunit, withoutSteps } from "./junit.ts";
import { NodeEvents } from "./node_events.ts";
import { type Ending, type Outcome, settle } from "./outcome.ts";
import { PartLog } from "./part_log.ts";

const FINISHED: Ending = { code: 1, signal: null, finished: true, filesLeft: 0 };

const sample = (name: string): string => Deno.readTextFileSync(new URL(`samples/${name}`, import.meta.url));

function feed(text: string, line: (text: string) => void): void {
  const lines = text.split("\n");
  lines.pop();
  lines.forEach(line);
}

function readDeno(name: string): { log: PartLog; finished: boolean } {
  const log = new PartLog("/project/");
  const reader = new DenoLines(log);
  feed(sample(name), (line) => reader.line(line));
  reader.end();
  return { log, finished: reader.finished };
}

function readNode(name: string): { log: PartLog; finished: boolean } {
  const log = new PartLog("/project/");
  const reader = new NodeEvents(log, "/project/");
  feed(sample(name), (line) => reader.line(line));
  reader.end();
  return { log, finished: reader.finished };
}

function readBun(name: string): PartLog {
  const log = new PartLog("/project/");
  const reader = new BunLines(log);
  feed(sample(name), (line) => reader.complaint(line));
  reader.end();
  return log;
}

/** What failed, as `file: name or title`. */
function failed({ failures }: Outcome): string[] {
  return failures.map(({ file, name, title }) => `${file}: ${name?.join(" > ") ?? title}`).sort();
}

/** What all three must find, whatever words they use. */
const FAILED = [
  "fail_test.ts: a group > inner fails",
  'fail_test.ts: fails with "quotes" and (parens)',
  "out_test.ts: prints and fails",
  "rej_test.ts: stray",
];

test("Deno: failures, errors outside of tests, and what was skipped", () => {
  const { log, finished } = readDeno("deno.txt");
  assert(finished);
  const outcome = settle(log, readJunit(sample("deno.xml")), FINISHED, false);
  assertEquals(failed(outcome), [
    "crash_test.ts: an error outside of its tests",
    "fail_test.ts: a group > inner fails",
    'fail_test.ts: fails with "quotes" and (parens)',
    "fail_test.ts: with steps > step two",
    "import_test.ts: an error outside of its tests",
    "out_test.ts: prints and fails",
    "rej_test.ts: stray",
  ]);
  assertEquals(outcome.passed, 10);
  assertEquals(outcome.skipped.map(({ name }) => name[0]), ["is skipped", "plain skip", "reason", "todo"]);
  const broken = outcome.failures.find(({ file }) => file === "import_test.ts")!;
  assertStringIncludes(broken.error, "module broke");
  const inner = outcome.failures.find(({ name }) => name?.[1] === "inner fails")!;
  assertStringIncludes(inner.error, "TypeError: inner\n");
});

test("Node: failures, errors outside of tests, and what was skipped with its reasons", () => {
  const { log, finished } = readNode("node.jsonl");
  assert(finished);
  const outcome = settle(log, null, FINISHED, false);
  assertEquals(failed(outcome), [
    "crash_test.ts: crashes",
    "fail_test.ts: a group > inner fails",
    'fail_test.ts: fails with "quotes" and (parens)',
    "fail_test.ts: with steps > step two",
    "import_test.ts: ended early",
    "out_test.ts: prints and fails",
    "rej_test.ts: stray",
  ]);
  assertEquals(outcome.passed, 9);
  assertEquals(outcome.skipped.map(({ reason }) => reason), [
    "no such carrier here",
    undefined,
    "no carrier",
    "decided inside",
    "later",
  ]);
  assertStringIncludes(log.output("import_test.ts"), "Error: module broke");
});

test("Bun: failures, errors outside of tests, and what was skipped", () => {
  const outcome = settle(readBun("bun.txt"), readJunit(sample("bun.xml")), FINISHED, false);
  assertEquals(failed(outcome), [
    "crash_test.ts: crashes",
    "fail_test.ts: a group > inner fails",
    'fail_test.ts: fails with "quotes" and (parens)',
    "fail_test.ts: with steps",
    "import_test.ts: an error outside of its tests",
    "out_test.ts: prints and fails",
    "rej_test.ts: stray",
  ]);
  assertEquals(outcome.passed, 8);
  assertEquals(outcome.skipped.length, 5);
});

test("the lines alone tell the same, for runs that were killed before they wrote a JUnit file", () => {
  const deno = settle(readDeno("deno.txt").log, null, FINISHED, false);
  const bun = settle(readBun("bun.txt"), null, FINISHED, false);
  // Deno's lines name groups, not what failed in them.
  const lines = failed(deno).map((text) => text.replace("a group", "a group > inner fails"));
  for (const wanted of FAILED) {
    assert(lines.includes(wanted), `Deno: ${wanted} in ${lines}`);
    assert(failed(bun).includes(wanted), `Bun: ${wanted} in ${failed(bun)}`);
  }
  assertEquals([deno.passed, bun.passed], [10, 8]);
});

test("what a test prints is neither a result nor an error", () => {
  for (const log of [readDeno("deno.txt").log, readNode("node.jsonl").log]) {
    assertStringIncludes(log.output("out_test.ts"), "no newlineok 77 - fake");
    assertStringIncludes(log.output("out_test.ts"), "at module level");
    assertStringIncludes(log.output("fail_test.ts"), "complained");
  }
  const log = new PartLog();
  const deno = new DenoLines(log);
  const printed = [
    "no such test ... FAILED (1ms)",
    " ERRORS ",
    "running 9 tests from ./x_test.ts",
    "FAILED | 0 passed",
  ];
  for (
    const line of ["running 1 test from ./a_test.ts", "prints ...", "------- output -------", ...printed]
  ) {
    deno.line(line);
  }
  deno.line("----- output end -----");
  deno.line("prints ... ok (1ms)");
  assertEquals(log.results.map(({ file, name, status }) => [file, name, status]), [[
    "a_test.ts",
    ["prints"],
    "passed",
  ]]);
  assertEquals(log.output("a_test.ts"), `${printed.join("\n")}\n`);
  assert(!deno.finished);
  const node = new NodeEvents(log, "/project/");
  node.line('{"event": 7}');
  node.line("{ not JSON");
  assertEquals(log.output(""), '{"event": 7}\n{ not JSON\n');
});

test("an uncaught error of Deno's own tests is told once, and what it cancelled has failed", () => {
  const { log, finished } = readDeno("deno_uncaught.txt");
  assert(finished);
  const outcome = settle(log, null, FINISHED, false);
  assertEquals(failed(outcome), [
    "denocrash_test.ts: after",
    "denocrash_test.ts: an error outside of its tests",
    "denocrash_test.ts: crashes",
    "denocrash_test.ts: rejects",
  ]);
});

test("a test that ends the process is a failure, whatever the exit code", () => {
  for (const code of [0, 7]) {
    const { log, finished } = readDeno("deno_exit.txt");
    const outcome = settle(
      log,
      readJunit(sample("deno_exit.xml")),
      { code, signal: null, finished, filesLeft: 1 },
      false,
    );
    assertEquals(failed(outcome), ["exit_test.ts: ended in mid-run", "exit_test.ts: exits"]);
    assertEquals(outcome.passed, 1);
    assertEquals(
      outcome.failures.at(-1)!.error,
      `exit code ${code}; it was in "exits" of exit_test.ts; 1 of the files had not begun`,
    );
  }
  const node = settle(readNode("node_exit.jsonl").log, null, FINISHED, false);
  assertEquals(failed(node), ["exit0_test.ts: ended early", "exit_test.ts: ended early"]);
});

test("a run that stops where it stands says which file and test it was in", () => {
  const text = sample("deno.txt");
  const log = new PartLog();
  const reader = new DenoLines(log);
  const at = text.indexOf("stray ...");
  feed(text.slice(0, at), (line) => reader.line(line));
  reader.partial("stray ... ");
  reader.end();
  const hung = {
    code: 130,
    signal: null,
    stopped: "ended because of the test",
    finished: false,
    filesLeft: 1,
  };
  assertEquals(settle(log, null, hung, false).failures.at(-1), {
    file: "rej_test.ts",
    title: "hung",
    error: 'ended because of the test; it was in "stray" of rej_test.ts',
  });
  const bun = readBun("bun.txt");
  const crashed = { code: 139, signal: "SIGSEGV", finished: false, filesLeft: 0 };
  assertStringIncludes(settle(bun, null, crashed, false).failures.at(-1)!.error, 'after "todo"');
  const never = settle(new PartLog(), null, { code: 1, signal: null, finished: false, filesLeft: 3 }, false);
  assertEquals(never.failures.map(({ title }) => title), ["did not begin"]);
});

test("no cut of a recorded run reads as a success", () => {
  const whole = sample("node.jsonl").split("\n");
  for (let lines = 0; lines < whole.length - 2; lines++) {
    const log = new PartLog("/project/");
    const reader = new NodeEvents(log, "/project/");
    for (const line of whole.slice(0, lines)) reader.line(line);
    const outcome = settle(log, null, { ...FINISHED, code: 0, finished: reader.finished }, false);
    assert(outcome.failures.length > 0, `${lines} lines`);
  }
  const junit = sample("bun.xml").trimEnd();
  for (let length = 0; length < junit.length; length += 97) {
    assertEquals(readJunit(junit.slice(0, length)), null);
  }
});

test("what a filter leaves out is not skipped", () => {
  const text = sample("deno.xml").replace(/ time="[^"]*"/g, "").replace(
    /(<testcase name="passes"[^>]*?) line/,
    '$1 time="0.001" line',
  ).replace(/<failure[\s\S]*?<\/failure>/g, "<skipped/>");
  const log = new PartLog();
  log.end({ file: "fail_test.ts", name: ["passes"], status: "passed" });
  const outcome = settle(log, readJunit(text), { ...FINISHED, code: 0 }, true);
  assertEquals([outcome.passed, outcome.failures, outcome.skipped], [1, [], []]);
});

test("names and errors of a JUnit file come back as they were", () => {
  const text =
    `<testsuites name="x"><testsuite name="./a_test.ts"><testcase name="&lt;a&gt; &amp;amp; &quot;b&quot; &#10;&#x41;" time="1">` +
    `<failure message="m">&lt;failure&gt; &amp;lt;</failure></testcase><testcase name="b" time="0"/></testsuite></testsuites>`;
  assertEquals(withoutSteps(readJunit(text)!), [
    {
      file: "a_test.ts",
      name: ['<a> &amp; "b" \nA'],
      ms: 1000,
      status: "failed",
      error: "<failure> &lt;",
      ran: true,
    },
    { file: "a_test.ts", name: ["b"], ms: 0, status: "passed", ran: true },
  ]);
});

test("reasons printed by skipBecause reach skipped tests of the same file", () => {
  const log = new PartLog();
  log.beginFile("a_test.ts");
  log.print("a_test.ts", "skipped: no Python here");
  log.end({ file: "a_test.ts", name: ["one"], status: "skipped" });
  log.end({ file: "b_test.ts", name: ["two"], status: "skipped" });
  const { skipped } = settle(log, null, { ...FINISHED, code: 0 }, false);
  assertEquals(skipped.map(({ reason }) => reason), ["no Python here", undefined]);
});

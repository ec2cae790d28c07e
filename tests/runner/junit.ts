/**
 * Reads the JUnit files of `deno test --junit-path` and `bun test --reporter=junit`: the runtime's own account of every test,
 * written when it ends.
 *
 * @module
 */
import type { Status, TestResult } from "./part_log.ts";

/** A test of a JUnit file. */
export interface JunitCase extends TestResult {
  /** Whether it was begun at all; those that a filter left out or that an exit cut off were not. */
  readonly ran: boolean;
}

const TAG = /<(\/?)(testsuite|testcase|failure|error|skipped)\b([^>]*?)(\/?)>/g;
const ATTRIBUTE = /([\w-]+)="([^"]*)"/g;

/**
 * The tests of a JUnit file, in order. Groups that Bun nests become parts of the name.
 *
 * @returns null if the text is no whole JUnit file (its writer ended too early).
 */
export function readJunit(text: string): JunitCase[] | null {
  if (!text.trimEnd().endsWith("</testsuites>")) return null;
  const cases: JunitCase[] = [];
  const suites: string[] = [];
  let open: { name: string[]; file: string; ms?: number; status: Status; error?: string } | null = null;
  for (const { 1: closing, 2: tag, 3: rest, 4: empty, index, 0: whole } of text.matchAll(TAG)) {
    const attributes = closing ? new Map<string, string>() : attributesOf(rest);
    if (tag === "testsuite") {
      if (closing) suites.pop();
      else if (!empty) suites.push(attributes.get("name") ?? "");
    } else if (tag === "testcase") {
      if (!closing) {
        const time = attributes.get("time");
        open = {
          name: [...suites.slice(1), attributes.get("name") ?? ""],
          file: relative(suites[0] ?? attributes.get("file") ?? ""),
          ms: time === undefined ? undefined : Number(time) * 1000,
          status: "passed",
        };
      }
      if (open !== null && (closing || empty)) {
        cases.push({ ...open, ran: open.status !== "skipped" && open.ms !== undefined });
        open = null;
      }
    } else if (open !== null && !closing) {
      if (tag === "skipped") {
        open.status = "skipped";
      } else {
        open.status = "failed";
        const end = empty ? -1 : text.indexOf(`</${tag}>`, index);
        const body = end < 0 ? "" : unescape(text.slice(index + whole.length, end));
        open.error = body.trim() === "" ? attributes.get("message") ?? "" : body;
      }
    }
  }
  return cases;
}

/**
 * Tests as they are counted: steps (`"test > step"`, which stand behind their tests) only where they failed, and then instead of
 * the test around them.
 */
export function withoutSteps(cases: readonly JunitCase[]): JunitCase[] {
  cases = located(cases);
  const names = new Set(cases.map((one) => `${one.file}\n${one.name.join(" > ")}`));
  const parents = new Set<string>();
  const kept: JunitCase[] = [];
  for (const one of cases) {
    const name = one.name.join(" > ");
    const parent = ancestorOf(one.file, name, names);
    if (parent === null) kept.push(one);
    else if (one.status === "failed") {
      parents.add(`${one.file}\n${parent}`);
      kept.push({ ...one, name: [parent, ...name.slice(parent.length + 3).split(" > ")] });
    }
  }
  // A step inside a step that failed: the outer one says nothing of its own either.
  for (const one of kept) {
    for (let depth = 2; depth < one.name.length; depth++) {
      parents.add(`${one.file}\n${one.name.slice(0, depth).join(" > ")}`);
    }
  }
  return kept.filter((one) => !parents.has(`${one.file}\n${one.name.join(" > ")}`));
}

/** Steps of a `describe` stand under Deno's own file instead of the test's. */
function located(cases: readonly JunitCase[]): readonly JunitCase[] {
  if (!cases.some(({ file }) => file.startsWith("ext:"))) return cases;
  const files = new Map(
    cases.filter(({ file }) => !file.startsWith("ext:")).map((one) => [one.name[0], one.file]),
  );
  return cases.map((one) => {
    if (!one.file.startsWith("ext:")) return one;
    for (let at = one.name[0].indexOf(" > "); at >= 0; at = one.name[0].indexOf(" > ", at + 1)) {
      const file = files.get(one.name[0].slice(0, at));
      if (file !== undefined) return { ...one, file };
    }
    return one;
  });
}

function ancestorOf(file: string, name: string, names: ReadonlySet<string>): string | null {
  for (let at = name.indexOf(" > "); at >= 0; at = name.indexOf(" > ", at + 1)) {
    if (names.has(`${file}\n${name.slice(0, at)}`)) return name.slice(0, at);
  }
  return null;
}

function attributesOf(text: string): Map<string, string> {
  return new Map([...text.matchAll(ATTRIBUTE)].map(([, name, value]) => [name, unescape(value)]));
}

function relative(path: string): string {
  return path.replace(/^\.\//, "");
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replace(
    /&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g,
    (whole, decimal, hex, name) =>
      decimal !== undefined
        ? String.fromCodePoint(Number(decimal))
        : hex !== undefined
        ? String.fromCodePoint(parseInt(hex, 16))
        : ENTITIES[name] ?? whole,
  );
}

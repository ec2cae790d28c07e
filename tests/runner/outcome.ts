/**
 * What came out of one part, settled after its process has ended: from the log, from the JUnit file if there is one, and from
 * how the process ended.
 *
 * @module
 */
import { type JunitCase, withoutSteps } from "./junit.ts";
import type { PartLog, StrayError, TestResult } from "./part_log.ts";

/** How a process ended. */
export interface Ending {
  /** Exit code. */
  readonly code: number;
  /** The signal that ended it, or null. */
  readonly signal: string | null;
  /** Why the runner ended it itself; absent if it did not. */
  readonly stopped?: string;
  /** Whether the runtime's test runner came to its end: it wrote its JUnit file, or said so. */
  readonly finished: boolean;
  /** Test files that had not begun. */
  readonly filesLeft: number;
}

/** One failure as it is shown. */
export interface Failure {
  /** The file; empty if the failure belongs to none. */
  readonly file: string;
  /** The test's name; absent if the failure belongs to no test. */
  readonly name?: readonly string[];
  /** What to show instead of a name. */
  readonly title?: string;
  /** Message and stack. */
  readonly error: string;
}

/** What came out of a part. */
export interface Outcome {
  /** Tests that passed. */
  readonly passed: number;
  /** What failed: tests, errors outside of tests, the process. */
  readonly failures: readonly Failure[];
  /** Tests that were skipped. */
  readonly skipped: readonly TestResult[];
}

/**
 * Settles a part.
 *
 * @param log What was read while it ran.
 * @param cases The JUnit file, or null if there is none.
 * @param ending How the process ended.
 * @param filtered Whether a filter left tests out, which JUnit files call skipped.
 */
export function settle(
  log: PartLog,
  cases: readonly JunitCase[] | null,
  ending: Ending,
  filtered: boolean,
): Outcome {
  const results = cases === null ? log.results : ofCases(cases, log, filtered);
  const failed = results.filter((result) => result.status === "failed");
  const failures: Failure[] = [
    ...failed.map(({ file, name, error }) => ({ file, name, error: reasonOf(error) })),
    ...strays(log.stray, failed),
  ];
  const broken = processFailure(log, ending, failures.length > 0);
  if (broken !== null) failures.push(broken);
  return {
    passed: results.filter((result) => result.status === "passed").length,
    failures,
    skipped: results.filter((result) => result.status === "skipped").map((result) => ({
      ...result,
      reason: result.reason ?? log.reason(result.file),
    })),
  };
}

/** Of a JUnit file: tests that a filter or an exit left out are no result. */
function ofCases(cases: readonly JunitCase[], log: PartLog, filtered: boolean): TestResult[] {
  const seen = new Set(log.results.map((result) => `${result.file}\n${result.name.join(" > ")}`));
  return withoutSteps(cases).filter((one) =>
    one.status !== "skipped" ? one.ran || one.status === "failed" : !filtered ||
      seen.has(`${one.file}\n${one.name.join(" > ")}`)
  );
}

function reasonOf(error: string | undefined): string {
  if (error === "Cancelled") {
    return "cancelled: an error outside of the tests ended the file, or the run ended before its time";
  }
  return error ?? "it did not say why";
}

/** Errors outside of tests, without those that made a test fail and are told there, and each only once. */
function strays(stray: readonly StrayError[], failed: readonly TestResult[]): Failure[] {
  const told = new Set(failed.map((result) => `${result.file}\n${firstLine(result.error ?? "")}`));
  const kept: Failure[] = [];
  for (const { file, title, error } of stray) {
    const key = `${file}\n${firstLine(error)}`;
    if (told.has(key)) continue;
    told.add(key);
    kept.push({ file, title: title ?? "an error outside of its tests", error });
  }
  return kept;
}

function firstLine(error: string): string {
  const line = error.split("\n").find((line) => line.trim() !== "") ?? "";
  return line.replace(/^(?:Uncaught |error: |\(in promise\) )+/, "").trim();
}

function processFailure(log: PartLog, ending: Ending, failed: boolean): Failure | null {
  if (ending.stopped !== undefined) {
    return { file: log.file, title: "hung", error: `${ending.stopped}; ${whereabouts(log)}` };
  }
  if (ending.signal !== null) {
    return { file: log.file, title: "crashed", error: `ended by ${ending.signal}; ${whereabouts(log)}` };
  }
  if (!ending.finished) {
    const title = log.results.length === 0 ? "did not begin" : "ended in mid-run";
    const left = ending.filesLeft === 0 ? "" : `; ${ending.filesLeft} of the files had not begun`;
    return { file: log.file, title, error: `exit code ${ending.code}; ${whereabouts(log)}${left}` };
  }
  if (ending.code !== 0 && !failed) {
    return { file: "", title: "exit code", error: `exit code ${ending.code}, though no test failed` };
  }
  return null;
}

function whereabouts(log: PartLog): string {
  if (log.file === "") return "no file had begun";
  if (log.test !== "") return `it was in "${log.test}" of ${log.file}`;
  if (log.lastDone !== "") return `it was in ${log.file}, after "${log.lastDone}"`;
  return `it was in ${log.file}`;
}

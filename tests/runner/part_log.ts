/**
 * What is known of one part of a run (all test files on one runtime), filled in while it runs by the reader of its reporter.
 *
 * @module
 */

/** How a test ended. */
export type Status = "passed" | "failed" | "skipped";

/** One test that has ended. */
export interface TestResult {
  /** Its file, relative to the root. */
  readonly file: string;
  /** Its name, those of the groups it stands in first. */
  readonly name: readonly string[];
  /** How it ended. */
  readonly status: Status;
  /** How long it took, ms; absent if the reporter does not say. */
  readonly ms?: number;
  /** Message and stack of a failed test, as the runtime has them. */
  readonly error?: string;
  /** Why it was skipped, where the reporter says so. */
  readonly reason?: string;
}

/** An error that belongs to no test: of a module while it loads, of a timer, of a promise nobody waits for. */
export interface StrayError {
  /** The file it came from; empty if nobody knows. */
  readonly file: string;
  /** Message and stack. */
  readonly error: string;
  /** What it is, where it is no error of the file's own. */
  readonly title?: string;
}

/** Characters kept of what one file prints, and of what belongs to no file: the last ones. */
const KEPT_OUTPUT = 16_384;
/** How tests say why they are skipped on runtimes whose reporters drop the reason (`tests/support/skip.ts`). */
const SKIP_LINE = /^skipped: (.+)$/;
/** How `uncaught.ts` says that an error was caught by nobody. */
const UNCAUGHT_LINE = /^uncaught-in-test-file: (\{.*\})$/;

/** The log of one part. */
export class PartLog {
  /** Tests that have ended, in order. */
  readonly results: TestResult[] = [];
  /** Errors outside of tests. */
  readonly stray: StrayError[] = [];
  /** What counts as done on the progress line. */
  readonly counts = { done: 0, failed: 0 };
  /** The file that is running; empty before the first. */
  file = "";
  /** The test that is running; empty between tests, and where the runtime does not say. */
  test = "";
  /** The test that ended last, for runtimes that do not say which one is running. */
  lastDone = "";
  /** Called for every test that has ended. */
  onResult: (result: TestResult) => void = () => {};

  readonly #root: string;
  readonly #files = new Set<string>();
  readonly #output = new Map<string, string>();
  readonly #reasons = new Map<string, string>();

  /** @param root The folder to which files are relative, with a slash at its end. */
  constructor(root = "/") {
    this.#root = root;
  }

  /** How many files have begun. */
  get files(): number {
    return this.#files.size;
  }

  /** A file begins. */
  beginFile(file: string): void {
    this.file = file;
    this.test = "";
    this.#files.add(file);
  }

  /** A test begins. */
  beginTest(file: string, name: string): void {
    if (file !== this.file) this.beginFile(file);
    this.test = name;
  }

  /** A test has ended. */
  end(result: TestResult): void {
    if (result.file !== this.file) this.beginFile(result.file);
    this.results.push(result);
    this.counts.done++;
    if (result.status === "failed") this.counts.failed++;
    this.test = "";
    this.lastDone = result.name.join(" > ");
    this.onResult(result);
  }

  /** An error outside of tests. */
  strayError(file: string, error: string, title?: string): void {
    this.stray.push({ file, error, title });
    this.counts.failed++;
  }

  /** A line that a file printed; `""` for what belongs to none. */
  print(file: string, line: string): void {
    const reason = SKIP_LINE.exec(line)?.[1];
    if (reason !== undefined) this.#reasons.set(file, reason);
    const uncaught = UNCAUGHT_LINE.exec(line)?.[1];
    if (uncaught !== undefined) {
      const { url, error } = JSON.parse(uncaught) as { url: string; error: string };
      return this.strayError(this.#relative(url) ?? file, error);
    }
    const text = `${this.#output.get(file) ?? ""}${line}\n`;
    this.#output.set(file, text.length > 2 * KEPT_OUTPUT ? text.slice(-KEPT_OUTPUT) : text);
  }

  /** The end of what a file printed. */
  output(file: string): string {
    return this.#output.get(file) ?? "";
  }

  /** Why tests of a file are skipped, as it printed it. */
  reason(file: string): string | undefined {
    return this.#reasons.get(file);
  }

  #relative(url: string): string | null {
    const path = url.startsWith("file://") ? decodeURIComponent(new URL(url).pathname) : url;
    return path.startsWith(this.#root) ? path.slice(this.#root.length) : null;
  }
}

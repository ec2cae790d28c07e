/**
 * Reads what `deno test` prints while it runs (its pretty reporter in a pipe): which test is running, how tests ended, what
 * files printed, and the errors that belong to no test. The last word on tests has the JUnit file; these lines are all there is
 * if the process is killed.
 *
 * @module
 */
import type { PartLog } from "./part_log.ts";

const RUNNING = /^running \d+ tests? from (.+)$/;
const ENDED =
  /^( *)(.+) \.\.\. (ok|FAILED|ignored|cancelled)(?: \(due to [^)]*\))? \((\d+(?:\.\d+)?)(ns|µs|ms|s)\)$/;
const LONG_ENDED = /^( *)(.+) \.\.\. (ok|FAILED|ignored|cancelled)(?: \(due to [^)]*\))? \((?:\d+m)?\d*s?\)$/;
const BEGUN = /^( *)(.+) \.\.\.\s*$/;
const STRAY_HEAD = /^(.+) \(uncaught error\)$/;
const UNCAUGHT = /^Uncaught error from .+ FAILED$/;
const OUTPUT = /^------- (?:pre-test |post-test )?output -------$/;
const OUTPUT_END = /^----- (?:pre-test |post-test )?output end -----$/;
const MS: Readonly<Record<string, number>> = { ns: 1e-6, "µs": 1e-3, ms: 1, s: 1000 };

/** Reads the lines of one `deno test`. */
export class DenoLines {
  /** Whether the closing line was there: a test that exits leaves a JUnit file too, but not this. */
  finished = false;

  readonly #log: PartLog;
  #inOutput = false;
  #between = false;
  #inErrors = false;
  #inNames = false;
  #stray: { file: string; lines: string[] } | null = null;
  /** Output of a module before its tests are announced, whose name is not known until then. */
  #early: string[] = [];

  /** @param log Where to write down what is read. */
  constructor(log: PartLog) {
    this.#log = log;
  }

  /** A whole line of standard output. */
  line(text: string): void {
    if (this.#inOutput) {
      // A file that an uncaught error ends does not close its output.
      if (OUTPUT_END.test(text) || UNCAUGHT.test(text)) this.#inOutput = false;
      else this.#printed(text);
    } else if (OUTPUT.test(text)) {
      this.#inOutput = true;
      // What a module prints while it loads stands before its tests. Whether it says "pre-test" or "post-test" tells nothing.
      this.#between = this.#log.test === "";
    } else if (this.#inErrors) this.#error(text);
    else if (text === " ERRORS ") this.#inErrors = true;
    else this.#reported(text);
  }

  /** The beginning of a line that is not whole yet: the test that is running. */
  partial(text: string): void {
    if (this.#inOutput || this.#inErrors) return;
    const begun = BEGUN.exec(text);
    if (begun && begun[1] === "") this.#log.beginTest(this.#log.file, begun[2]);
  }

  /** A line of standard error: type checking, warnings, errors of modules that cannot be loaded. */
  complaint(text: string): void {
    if (!/^Check |^error: Test failed$|^Stack backtrace:$|^ +\d+: <unknown>$/.test(text)) {
      this.#log.print("", text);
    }
  }

  /** The process has ended. */
  end(): void {
    this.#closeStray();
    for (const line of this.#early.splice(0)) this.#log.print("", line);
  }

  #printed(text: string): void {
    if (this.#between) this.#early.push(text);
    else this.#log.print(this.#log.file, text);
  }

  #reported(text: string): void {
    if (/^(?:ok|FAILED) \| \d+ passed/.test(text)) {
      this.finished = true;
      this.#inNames = false;
      return;
    }
    if (this.#inNames) return;
    const running = RUNNING.exec(text);
    if (running) {
      this.#log.beginFile(running[1].replace(/^\.\//, ""));
      for (const line of this.#early.splice(0)) this.#log.print(this.#log.file, line);
      return;
    }
    const ended = ENDED.exec(text) ?? LONG_ENDED.exec(text);
    if (ended) {
      const [, indent, name, word, amount, unit] = ended;
      if (indent !== "") return; // a step
      const status = word === "ok" ? "passed" : word === "ignored" ? "skipped" : "failed";
      const ms = unit === undefined ? undefined : Number(amount) * MS[unit];
      this.#log.end({ file: this.#log.file, name: [name], status, ms });
      return;
    }
    this.partial(text);
    if (!BEGUN.test(text) && text !== "" && !UNCAUGHT.test(text)) {
      this.#log.print("", text);
    }
  }

  #error(text: string): void {
    const stray = STRAY_HEAD.exec(text);
    if (text === " FAILURES ") {
      this.#closeStray();
      this.#inErrors = false;
      this.#inNames = true; // the same failures once more, by name
    } else if (stray) {
      this.#closeStray();
      this.#stray = { file: stray[1].replace(/^\.\//, ""), lines: [] };
    } else if (text.includes(" => ") && /:\d+:\d+$/.test(text)) this.#closeStray();
    else if (this.#stray) this.#stray.lines.push(text);
  }

  #closeStray(): void {
    if (this.#stray === null) return;
    const { file, lines } = this.#stray;
    this.#stray = null;
    const advice = lines.findIndex((line) => line.startsWith("This error was not caught from a test"));
    const error = lines.slice(0, advice < 0 ? undefined : advice).join("\n").replace(/^error: /, "");
    // The list of failures at the end names it once more, without a text.
    if (error.trim() !== "") this.#log.strayError(file, error);
  }
}

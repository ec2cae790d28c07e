/**
 * Reads what `bun test` prints on standard error while it runs: the file, the tests that have ended, and the errors between
 * tests, which its JUnit file leaves out.
 *
 * @module
 */
import type { PartLog, Status } from "./part_log.ts";

const FILE = /^(\S.*\.ts):$/;
const ENDED = /^\((pass|fail|skip|todo)\) (.*?)(?: \[(\d+(?:\.\d+)?)ms\])?$/;
const BETWEEN = "# Unhandled error between tests";
/** What it prints when it is done: the counts. */
const CLOSING =
  /^ +\d+ (?:pass|fail|skip|todo|error|errors|filtered out|expect\(\) calls)$|^Ran \d+ tests? across /;
const RULE = /^-{20,}$/;
const STATUS: Readonly<Record<string, Status>> = {
  pass: "passed",
  fail: "failed",
  skip: "skipped",
  todo: "skipped",
};

/** Reads the lines of one `bun test`. */
export class BunLines {
  readonly #log: PartLog;
  #text: string[] = [];
  #between: string[] | null = null;
  #rules = 0;

  /** @param log Where to write down what is read. */
  constructor(log: PartLog) {
    this.#log = log;
  }

  /** A line of standard output: tests print here, and nobody says which. */
  line(text: string): void {
    if (!text.startsWith("bun test v")) this.#log.print("", text);
  }

  /** A line that is not whole tells nothing. */
  partial(): void {}

  /** A line of standard error. */
  complaint(text: string): void {
    if (this.#between !== null) return this.#unhandled(text);
    if (CLOSING.test(text)) return;
    if (text === BETWEEN) {
      this.#between = [];
      this.#rules = 0;
      return;
    }
    const file = FILE.exec(text)?.[1];
    if (file !== undefined) {
      this.#flush();
      return this.#log.beginFile(file);
    }
    const ended = ENDED.exec(text);
    if (!ended) {
      this.#text.push(text);
      return;
    }
    const [, word, name, ms] = ended;
    const status = STATUS[word];
    // What stands before a failed test is its error; before others, what they printed.
    if (status !== "failed") this.#flush();
    this.#log.end({
      file: this.#log.file,
      name: name.split(" > "),
      status,
      ms: ms === undefined ? undefined : Number(ms),
      error: status === "failed" ? this.#text.join("\n") : undefined,
    });
    this.#text = [];
  }

  /** The process has ended. */
  end(): void {
    this.#flush();
    if (this.#between !== null && this.#between.length > 0) this.#closeBetween();
  }

  #flush(): void {
    for (const line of this.#text.splice(0)) this.#log.print(this.#log.file, line);
  }

  #unhandled(text: string): void {
    if (!RULE.test(text)) {
      this.#between!.push(text);
      return;
    }
    if (++this.#rules === 2) this.#closeBetween();
  }

  #closeBetween(): void {
    this.#log.strayError(this.#log.file, this.#between!.join("\n").trim());
    this.#between = null;
  }
}

/**
 * Reads the lines of `node_reporter.ts`.
 *
 * @module
 */
import type { PartLog } from "./part_log.ts";

interface Line {
  readonly event: "dequeue" | "complete" | "stdout" | "stderr" | "summary";
  readonly kind?: string;
  readonly name?: string;
  readonly file?: string;
  readonly isFile: boolean;
  readonly id?: number;
  readonly parent?: number;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly text?: string;
  readonly passed?: boolean;
  readonly ms?: number;
  readonly failure?: string;
  readonly exitCode?: number;
  readonly signal?: string | null;
  readonly error?: string;
}

/** Reads the events of one `node --test`. */
export class NodeEvents {
  /** Whether the runner came to its end and said so. */
  finished = false;

  readonly #log: PartLog;
  readonly #root: string;
  /** Names by file and id, for the groups a test stands in. */
  readonly #names = new Map<string, { readonly name: string; readonly parent?: number }>();
  /** Files whose own process came to its end and said so. */
  readonly #summed = new Set<string>();
  readonly #rest = new Map<string, string>();

  /**
   * @param log Where to write down what is read.
   * @param root The folder to which files are relative, with a slash at its end.
   */
  constructor(log: PartLog, root: string) {
    this.#log = log;
    this.#root = root;
  }

  /** A whole line of standard output. */
  line(text: string): void {
    let line: Line;
    try {
      line = JSON.parse(text) as Line;
      if (typeof line.event !== "string") throw new TypeError("no event");
    } catch {
      return this.#log.print("", text);
    }
    const file = this.#relative(line.file ?? "");
    if (line.event === "dequeue") this.#begin(file, line);
    else if (line.event === "complete") this.#complete(file, line);
    else if (line.event === "summary") {
      if (line.file === undefined) this.finished = true;
      else this.#summed.add(file);
    } else this.#output(file, line.text ?? "");
  }

  /** A line that is not whole tells nothing. */
  partial(): void {}

  /** A line of standard error: the runner's own. */
  complaint(text: string): void {
    this.#log.print("", text);
  }

  /** The process has ended. */
  end(): void {
    for (const [file, rest] of this.#rest) if (rest !== "") this.#log.print(file, rest);
  }

  #relative(path: string): string {
    return path.startsWith(this.#root) ? path.slice(this.#root.length) : path;
  }

  #begin(file: string, line: Line): void {
    if (line.isFile) return this.#log.beginFile(file);
    this.#names.set(`${file}\n${line.id}`, { name: line.name!, parent: line.parent });
    this.#log.beginTest(file, this.#path(file, line).join(" > "));
  }

  #complete(file: string, line: Line): void {
    if (line.isFile) return this.#fileEnded(file, line);
    if (line.kind === "suite" && (line.passed || line.failure === "subtestsFailed")) return;
    // Its steps say what failed.
    if (line.failure === "subtestsFailed") return;
    const left = line.skip ?? line.todo;
    this.#log.end({
      file,
      name: this.#path(file, line),
      status: left !== undefined && left !== false ? "skipped" : line.passed ? "passed" : "failed",
      ms: line.ms,
      reason: typeof left === "string" ? left : undefined,
      error: line.error,
    });
  }

  #fileEnded(file: string, line: Line): void {
    if (line.passed && this.#summed.has(file)) return;
    if (line.failure === "subtestsFailed") return;
    const how = line.failure === "testTimeoutFailure"
      ? line.error ?? "timed out"
      : typeof line.signal === "string"
      ? `its process was ended by ${line.signal}`
      : `its process ended with code ${line.exitCode ?? 0} before its tests were done`;
    // Node sends no word of the tests of a process that ends early; its last words are on standard error.
    this.#log.strayError(file, how, "ended early");
  }

  #path(file: string, line: Line): string[] {
    const path = [line.name ?? ""];
    for (let id = line.parent; id;) {
      const above = this.#names.get(`${file}\n${id}`);
      if (above === undefined) break;
      path.unshift(above.name);
      id = above.parent;
    }
    return path;
  }

  #output(file: string, text: string): void {
    const lines = ((this.#rest.get(file) ?? "") + text).split("\n");
    this.#rest.set(file, lines.pop()!);
    for (const line of lines) this.#log.print(file, line);
  }
}

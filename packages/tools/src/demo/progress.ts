/**
 * The line that tells how the stream goes: rewritten in place on a terminal, one line a second elsewhere.
 *
 * @module
 */
import process from "node:process";
import { fitToShow } from "@nnrp/core";
import { gatedStyleOf } from "../output_gate.ts";
import { digits, percents } from "../report/markup.ts";
import type { PhaseRecord } from "./phase.ts";

/** Time between two looks on a terminal, ms. */
const TERMINAL_MS = 100;
/** Time between two lines elsewhere, ms. */
const LINES_MS = 1000;

/** A terminal or a file. */
export interface ProgressOutput {
  /** Writes one line. */
  readonly print: (line: string) => void;
  /** Writes without a line end; undefined = this is no terminal. */
  readonly write?: (text: string) => void;
  /** Columns of the terminal. */
  readonly columns?: number;
  /** Whether colours are welcome. */
  readonly colors?: boolean;
}

/** The process's own output, as far as it is a terminal. */
export function processOutput(print: (line: string) => void): ProgressOutput {
  const { stdout, env } = process;
  if (!stdout.isTTY) return { print };
  return {
    print,
    write: (text) => void stdout.write(text),
    columns: stdout.columns ?? 80,
    colors: (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb",
  };
}

/** Shows the state of a phase. */
export class Progress {
  readonly #output: ProgressOutput;
  readonly #now: () => number;
  #nextMs = 0;

  /**
   * Makes a Progress.
   *
   * @param output Where to.
   * @param now A monotonic clock, ms.
   */
  constructor(output: ProgressOutput, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#now = now;
  }

  /** A phase begins. */
  begin(heading: string): void {
    this.#output.print(this.#bold(heading));
    this.#nextMs = this.#now() + (this.#output.write === undefined ? LINES_MS : TERMINAL_MS);
  }

  /** A frame ended: shows it if it is time to. */
  update(record: PhaseRecord): void {
    const now = this.#now();
    if (now < this.#nextMs) return;
    const { write, columns = 80 } = this.#output;
    this.#nextMs = now + (write === undefined ? LINES_MS : TERMINAL_MS);
    const line = progressLine(record);
    if (write === undefined) this.#output.print(line);
    else write(`\r\x1b[K${fitToShow(line).slice(0, Math.max(1, columns - 1))}`);
  }

  /** The phase is over: its last state stays. */
  end(record: PhaseRecord): void {
    this.#output.write?.("\r\x1b[K");
    this.#output.print(progressLine(record));
  }

  #bold(text: string): string {
    return gatedStyleOf({ colours: this.#output.colors ?? false, columns: Infinity }).title(text);
  }
}

/** The state of a phase in one line: 80 characters as long as all is well. */
export function progressLine(record: PhaseRecord): string {
  const { framesPerSecond, p50, p99, results, coverage, psnr, bicubicPsnr } = record.numbers();
  const gain = psnr - bicubicPsnr;
  return [
    `${digits(record.elapsedMs / 1000, 1).padStart(5)} s`,
    `${digits(framesPerSecond, 0)} frames/s`,
    `p50 ${digits(p50, 1)} p99 ${digits(p99, 1)} ms`,
    results.toString().replaceAll(",", ""),
    `tiles ${percents(coverage)}`,
    `${gain >= 0 ? "+" : ""}${digits(gain, 1)} dB`,
  ].join("  ");
}

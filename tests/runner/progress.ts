/**
 * One line that says how far a part is: written over and over in a terminal, now and then elsewhere.
 *
 * @module
 */
import type { PartLog } from "./part_log.ts";

/** How often the line is written in a terminal, ms. */
export const TERMINAL_EVERY_MS = 100;
/** How often elsewhere, ms. */
export const ELSEWHERE_EVERY_MS = 30_000;

/** Where progress goes. */
export interface Screen {
  /** Whether lines can be overwritten. */
  readonly terminal: boolean;
  /** Whether colours are wanted. */
  readonly colors: boolean;
  /** Characters of a line. */
  columns(): number;
  /** Writes. */
  write(text: string): void;
}

/** The screen of this process. */
export function ownScreen(): Screen {
  const terminal = Deno.stdout.isTerminal();
  const encoder = new TextEncoder();
  return {
    terminal,
    colors: terminal && !Deno.noColor,
    columns: () => {
      try {
        return Deno.consoleSize().columns || 80;
      } catch {
        return 80;
      }
    },
    write: (text) => {
      for (let bytes = encoder.encode(text); bytes.length > 0;) {
        bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
      }
    },
  };
}

/** Minutes and seconds. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** The progress of one part. */
export class Progress {
  readonly #screen: Screen;
  readonly #title: string;
  readonly #log: PartLog;
  readonly #totalFiles: number;
  #shown = false;
  #lastMs = 0;

  /**
   * @param screen Where to write.
   * @param title The part.
   * @param log How far it is.
   * @param totalFiles How many files it has.
   */
  constructor(screen: Screen, title: string, log: PartLog, totalFiles: number) {
    this.#screen = screen;
    this.#title = title;
    this.#log = log;
    this.#totalFiles = totalFiles;
  }

  /** Writes the line if it is time to. @param elapsedMs Since the part began. */
  tick(elapsedMs: number): void {
    const every = this.#screen.terminal ? TERMINAL_EVERY_MS : ELSEWHERE_EVERY_MS;
    if (elapsedMs - this.#lastMs < every) return;
    this.#lastMs = elapsedMs;
    const line = this.line(elapsedMs);
    if (!this.#screen.terminal) return this.#screen.write(`${line}\n`);
    this.#screen.write(`\r\x1b[2K${line}`);
    this.#shown = true;
  }

  /** The line, cut to the width of the screen. */
  line(elapsedMs: number): string {
    const { counts: { done, failed }, files, file } = this.#log;
    const red = failed > 0 && this.#screen.colors;
    const counts = `${this.#title}  ${duration(elapsedMs)}  ${done} done, `;
    const failures = `${failed} failed`;
    // The last file begun is still running.
    const rest = `  ${files}/${Math.max(files, this.#totalFiles)} files  ${file}`;
    const room = this.#screen.terminal
      ? this.#screen.columns() - 1 - counts.length - failures.length
      : Infinity;
    const tail = rest.length <= room ? rest : `${rest.slice(0, Math.max(0, room - 1))}…`;
    return `${counts}${red ? `\x1b[31m${failures}\x1b[39m` : failures}${tail}`;
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown) this.#screen.write("\r\x1b[2K");
    this.#shown = false;
  }
}

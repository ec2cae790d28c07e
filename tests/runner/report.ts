/**
 * What is printed once all parts have run: what was skipped and why, every failure with what repeats it, the counts.
 *
 * @module
 */
import { errorText, outputText } from "./error_text.ts";
import type { Failure, Outcome } from "./outcome.ts";
import type { PartLog } from "./part_log.ts";
import { repeatCommand, type RuntimeName } from "./repeat.ts";

/** Lines shown of what a file with a failure printed. */
const OUTPUT_LINES = 25;
/** Failures of one part that are shown in full; the rest by name. */
const FULL_FAILURES = 30;

/** A part that has run. */
export interface Part {
  /** Where it ran. */
  readonly runtime: RuntimeName;
  /** For people: `"Node 24.21.0"`. */
  readonly title: string;
  /** Why it did not run; then there is nothing else. */
  readonly missing?: string;
  /** What came out. */
  readonly outcome: Outcome;
  /** What it printed. */
  readonly log: PartLog;
}

/** How things are emphasized. */
export interface Style {
  /** Failures. */
  bad(text: string): string;
  /** Headings and commands. */
  strong(text: string): string;
  /** What matters less. */
  faint(text: string): string;
}

/** Emphasis by colours, or none. */
export function styleOf(colors: boolean): Style {
  const by = (on: number, off: number) => (text: string) => colors ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return { bad: by(31, 39), strong: by(1, 22), faint: by(2, 22) };
}

/** Lines about what was skipped, one per reason and file. */
export function skippedLines(parts: readonly Part[]): string[] {
  const groups = new Map<string, { title: string; names: string[]; text: string }>();
  for (const { title, missing, outcome } of parts) {
    if (missing !== undefined) groups.set(title, { title, names: ["all"], text: missing });
    for (const { file, name, reason } of outcome.skipped) {
      const text = `${file}: ${reason ?? "no reason given"}`;
      const group = groups.get(`${title}\n${text}`) ?? { title, names: [], text };
      group.names.push(name.join(" > "));
      groups.set(`${title}\n${text}`, group);
    }
  }
  return [...groups.values()].map(({ title, names, text }) =>
    `skipped on ${title}: ${names.length === 1 ? names[0] : `${names.length} tests`} (${text})`
  );
}

/** Everything that failed in one part. */
export function failureLines(part: Part, root: string, style: Style): string[] {
  const { outcome: { failures }, log, runtime, title } = part;
  const lines: string[] = [];
  const names = namesOf(part);
  const count = `${failures.length} ${failures.length === 1 ? "failure" : "failures"}`;
  lines.push("", style.strong(`${title}: ${count}`));
  const shown = new Set<string>();
  failures.forEach((failure, i) => {
    const again = repeatCommand(runtime, failure.file, failure.name, names.get(failure.file));
    lines.push("", `${style.bad(`${i + 1}.`)} ${style.strong(heading(failure))}`);
    if (i < FULL_FAILURES) {
      lines.push(...errorText(failure.error, root).map((line) => `   ${line}`.trimEnd()));
    }
    lines.push(`   ${style.faint("again:")} ${again}`);
    if (i >= FULL_FAILURES) return;
    // Said once per file, with its last failure.
    const last = failures.findLastIndex((other) => other.file === failure.file) === i;
    if (!last) return;
    shown.add(failure.file);
    lines.push(...printed(log, failure.file, style));
  });
  if (!shown.has("")) lines.push(...printed(log, "", style));
  return lines;
}

function heading({ file, name, title }: Failure): string {
  const what = name === undefined ? title ?? "" : name.join(" > ");
  return file === "" ? what : `${file}: ${what}`;
}

function printed(log: PartLog, file: string, style: Style): string[] {
  const lines = outputText(log.output(file), OUTPUT_LINES);
  if (lines.length === 0) return [];
  const head = file === "" ? "printed, by none of the files in particular:" : `${file} printed:`;
  return [`   ${style.faint(head)}`, ...lines.map((line) => `   ${style.faint("|")} ${line}`.trimEnd())];
}

function namesOf({ log, runtime }: Part): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>();
  for (const { file, name } of log.results) {
    const known = names.get(file) ?? new Set();
    known.add(runtime === "deno" ? name[0] : name.join(" "));
    names.set(file, known);
  }
  return names;
}

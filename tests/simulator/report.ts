/**
 * What people read: a line of progress, and a summary.
 *
 * @module
 */
import type { CampaignSums, Finder } from "./campaign.ts";
import type { Finding } from "./finding.ts";
import { printScript, type Script } from "./script.ts";

/** Seeds of a row that are listed. */
const SEEDS_SHOWN = 8;

/** The line of progress. */
export function progressLine(done: number, of: number, sums: CampaignSums): string {
  return `seed ${done} of ${of}, ${
    sums.sessionHours.toFixed(1)
  } session-hours, ${sums.news.size} failures, ` +
    `${sums.known.size} known faults`;
}

/** The summary of a campaign. */
export function summary(sums: CampaignSums): string {
  const perHour = sums.cpuMs > 0 ? Math.round(sums.sessionHours / (sums.cpuMs / 3_600_000)) : 0;
  return [
    `${sums.seeds} seeds, ${sums.sessionHours.toFixed(2)} session-hours of storm, ${perHour} per CPU hour ` +
    `(${(sums.cpuMs / 1000).toFixed(1)} s)`,
    `${sums.submitted} frames, ${sums.answered} answered; ${sums.sessions} sessions, ${sums.faults} faults`,
    ...rows("Known faults (known_faults.ts)", [...sums.known].map(([row, finder]) => [row, finder])),
    ...rows("FAILURES", [...sums.news].map(([key, finder]) => [key, finder])),
    sums.news.size === 0 ? "no failures" : `${sums.news.size} kinds of failure`,
  ].join("\n");
}

/** A finding with what led to it. */
export function failureReport(finding: Finding, tail: string, script: Script): string {
  const { oracle, what, atMs, client, tags } = finding;
  return [
    `${oracle}: ${what}`,
    `  at ${atMs.toFixed(3)} ms${client === "" ? "" : `, client ${client}`}; ${[...tags].join(", ")}`,
    "the end of its trace:",
    tail,
    "its script:",
    printScript(script),
  ].join("\n");
}

function rows(title: string, finders: readonly (readonly [string, Finder])[]): string[] {
  if (finders.length === 0) return [];
  const sorted = [...finders].sort((a, b) => b[1].seeds.length - a[1].seeds.length);
  return ["", `${title}:`, ...sorted.map(([name, { seeds }]) => `  ${name}\n      ${seedList(seeds)}`), ""];
}

function seedList(seeds: readonly number[]): string {
  const more = seeds.length > SEEDS_SHOWN ? ` … (${seeds.length} seeds)` : "";
  return `seed ${seeds.slice(0, SEEDS_SHOWN).join(", ")}${more}`;
}

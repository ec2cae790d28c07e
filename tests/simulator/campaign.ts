/**
 * Many seeds: plays them, keeps the sums, tells known faults from news.
 *
 * @module
 */
import type { Finding } from "./finding.ts";
import { type KnownFault, knownFault } from "./known_faults.ts";
import { makeScript, type Script, type ScriptOptions } from "./script.ts";
import { type Outcome, simulate } from "./simulation.ts";

/** What a campaign plays. */
export interface CampaignOptions {
  /** What is played, in order. */
  readonly scripts: Iterable<Script>;
  /** How many that are. */
  readonly count: number;
  /** Whether each is played twice, and the runs must be equal. */
  readonly twice: boolean;
  /** Whether known faults fail the run as well. */
  readonly strict: boolean;
  /** Processor time used so far, ms. */
  readonly cpuMs: () => number;
  /** Called after each seed. */
  readonly played?: (done: number, of: number, sums: CampaignSums) => void;
}

/** Which seeds found something. */
export interface Finder {
  /** Words of it. */
  readonly what: string;
  /** Seeds, each once. */
  readonly seeds: number[];
}

/** What came of a campaign. */
export interface CampaignSums {
  /** Seeds played. */
  seeds: number;
  /** Session-hours of storm played; those of a second run do not count. */
  sessionHours: number;
  /** Processor time of that, ms. */
  cpuMs: number;
  /** Frames submitted. */
  submitted: number;
  /** Frames answered. */
  answered: number;
  /** Sessions begun. */
  sessions: number;
  /** Faults played. */
  faults: number;
  /** How often oracles had something to judge. */
  readonly judged: Map<string, number>;
  /** News: what fails the run, by oracle and words. */
  readonly news: Map<string, Finder>;
  /** Known faults that were found, by their row. */
  readonly known: Map<string, Finder>;
  /** The first run with news, to be shown and shrunk. */
  first: { readonly outcome: Outcome; readonly finding: Finding } | null;
}

/** The scripts of seeds, each made when it is its turn. */
export function* scriptsOf(
  seeds: Iterable<number>,
  options: ScriptOptions,
): Generator<Script, void, undefined> {
  for (const seed of seeds) yield makeScript(seed, options);
}

/** Plays a campaign. */
export async function campaign(options: CampaignOptions): Promise<CampaignSums> {
  const sums: CampaignSums = {
    seeds: 0,
    sessionHours: 0,
    cpuMs: 0,
    submitted: 0,
    answered: 0,
    sessions: 0,
    faults: 0,
    judged: new Map(),
    news: new Map(),
    known: new Map(),
    first: null,
  };
  for (const script of options.scripts) {
    const { seed } = script;
    const startedMs = options.cpuMs();
    const outcome = await simulate(script);
    sums.cpuMs += options.cpuMs() - startedMs;
    sums.seeds++;
    sums.sessionHours += outcome.sessionHours;
    sums.submitted += outcome.frames.submitted;
    sums.answered += outcome.frames.answered;
    sums.sessions += outcome.sessions;
    sums.faults += outcome.faults;
    for (const [oracle, count] of outcome.judged) {
      sums.judged.set(oracle, (sums.judged.get(oracle) ?? 0) + count);
    }
    for (const finding of outcome.findings) judge(sums, seed, outcome, finding, options.strict);
    if (options.twice) {
      const again = await simulate(script);
      if (again.hash !== outcome.hash) judge(sums, seed, outcome, differs(outcome, again), options.strict);
    }
    options.played?.(sums.seeds, options.count, sums);
  }
  return sums;
}

function judge(sums: CampaignSums, seed: number, outcome: Outcome, finding: Finding, strict: boolean): void {
  const known: KnownFault | undefined = knownFault(finding);
  if (known !== undefined) count(sums.known, known.row, known.row, seed);
  if (known !== undefined && !strict) return;
  count(sums.news, `${finding.oracle}: ${finding.what}`, finding.what, seed);
  sums.first ??= { outcome, finding };
}

function count(finders: Map<string, Finder>, key: string, what: string, seed: number): void {
  let finder = finders.get(key);
  if (finder === undefined) finders.set(key, finder = { what, seeds: [] });
  if (finder.seeds.at(-1) !== seed) finder.seeds.push(seed);
}

function differs(one: Outcome, other: Outcome): Finding {
  return {
    oracle: "determinism",
    what: "two runs of one seed differ",
    atMs: 0,
    client: "",
    tags: new Set([one.hash, other.hash]),
  };
}

/**
 * From a script that fails to a shorter one that still does: without clients, faults, kinds of work and time that it does not need.
 *
 * @module
 */
import type { Finding } from "./finding.ts";
import type { Script } from "./script.ts";
import type { Outcome } from "./simulation.ts";
import { WORK } from "./work/table.ts";

/** How to shrink. */
export interface ShrinkOptions {
  /** Plays a script. */
  readonly play: (script: Script) => Promise<Outcome>;
  /** The finding that must come again: of the same oracle, with the same words. */
  readonly wanted: Finding;
  /** Most runs. */
  readonly maxRuns: number;
  /** When to stop at the latest, by this clock, ms. */
  readonly until: { readonly now: () => number; readonly ms: number };
}

/** Shrinks a script. */
export async function shrink(
  script: Script,
  options: ShrinkOptions,
): Promise<{ script: Script; runs: number }> {
  const shrinker = new Shrinker(script, options);
  await shrinker.shorten();
  await shrinker.drop("clients");
  await shrinker.drop("faults");
  await shrinker.dropWork();
  await shrinker.drop("clients");
  await shrinker.drop("faults");
  return { script: shrinker.best, runs: shrinker.runs };
}

/** How much longer than to the finding a storm goes on, ms: what is begun must be able to fail. */
const AFTER_MS = 1000;

class Shrinker {
  best: Script;
  runs = 0;
  readonly #options: ShrinkOptions;

  constructor(script: Script, options: ShrinkOptions) {
    this.best = script;
    this.#options = options;
  }

  /** The storm ends just after what was found. */
  async shorten(): Promise<void> {
    const { wanted } = this.#options;
    const first = await this.#find(this.best);
    if (first === undefined) return;
    await this.#try({ ...this.best, stormMs: Math.min(this.best.stormMs, wanted.atMs + AFTER_MS) });
    for (let stormMs = this.best.stormMs / 2; stormMs > AFTER_MS; stormMs /= 2) {
      if (!await this.#try({ ...this.best, stormMs })) return;
    }
  }

  /** Leaves out as many as it can, halves first (ddmin). */
  async drop(what: "clients" | "faults"): Promise<void> {
    const ends = this.best.faults.filter(({ at }) => at <= this.best.stormMs);
    if (what === "faults" && ends.length < this.best.faults.length) {
      await this.#try({ ...this.best, faults: ends });
    }
    for (
      let size = Math.ceil(this.best[what].length / 2);
      size >= 1;
      size = size === 1 ? 0 : Math.ceil(size / 2)
    ) {
      for (let at = 0; at < this.best[what].length && this.#mayGoOn;) {
        const left = this.best[what].filter((_, i) => i < at || i >= at + size);
        if (what === "clients" && left.length === 0) break;
        if (!await this.#try({ ...this.best, [what]: left })) at += size;
      }
    }
  }

  /** Leaves out kinds of work. */
  async dropWork(): Promise<void> {
    const names = Object.keys(WORK).filter((name) => name !== "quick");
    for (let size = names.length; size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let at = 0; at < names.length && this.#mayGoOn; at += size) {
        const more = names.slice(at, at + size).filter((name) => !this.best.without.includes(name));
        if (more.length > 0) await this.#try({ ...this.best, without: [...this.best.without, ...more] });
      }
    }
  }

  get #mayGoOn(): boolean {
    const { maxRuns, until } = this.#options;
    return this.runs < maxRuns && until.now() < until.ms;
  }

  async #find(script: Script): Promise<Finding | undefined> {
    this.runs++;
    const { findings } = await this.#options.play(script);
    const { oracle, what } = this.#options.wanted;
    return findings.find((finding) => finding.oracle === oracle && finding.what === what);
  }

  async #try(script: Script): Promise<boolean> {
    if (!this.#mayGoOn || await this.#find(script) === undefined) return false;
    this.best = script;
    return true;
  }
}

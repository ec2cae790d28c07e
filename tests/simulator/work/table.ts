/**
 * Kinds of work, and how often each is drawn.
 *
 * @module
 */
import type { SessionRun } from "../session_run.ts";
import { cacheWork } from "./cache.ts";
import { controlWork } from "./control.ts";
import { frameWork } from "./frames.ts";
import { lifeWork } from "./life.ts";
import { reuseWork } from "./reuse.ts";
import { streamWork } from "./streams.ts";

/** A kind of work. */
export interface Work {
  /** How often it is drawn, beside the others. */
  readonly weight: number;
  /** Begins it. What goes on afterwards may not reject. */
  readonly play: (run: SessionRun) => void | Promise<void>;
}

/** All kinds of work, by name. */
export const WORK: { readonly [name: string]: Work } = {
  ...frameWork,
  ...streamWork,
  ...reuseWork,
  ...cacheWork,
  ...controlWork,
  ...lifeWork,
};

const NAMES = Object.keys(WORK);
const TOTAL = NAMES.reduce((sum, name) => sum + WORK[name].weight, 0);

/** Draws work and begins it. A kind that the script leaves out is drawn all the same, so that what follows stays. */
export function drawWork(run: SessionRun): void {
  const { stage, random } = run;
  // After the storm only plain frames, which must be answered.
  let at = random.between(0, TOTAL);
  const drawn = NAMES.find((name) => (at -= WORK[name].weight) < 0) ?? NAMES[0];
  const name = stage.phase === "storm" && !stage.script.without.includes(drawn) ? drawn : "quick";
  stage.counts.work.set(name, (stage.counts.work.get(name) ?? 0) + 1);
  try {
    const played = WORK[name].play(run);
    played?.catch((error: unknown) => run.checkError(error, `work "${name}"`));
  } catch (error) {
    run.checkError(error, `work "${name}"`);
  }
}

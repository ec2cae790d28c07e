/**
 * Rounds: all peers of a work are up at once and take turns, in an order that rotates from round to round; the first round
 * warms up and is thrown away.
 *
 * @module
 */
import { commandOf, type Contender, run, type Runtime, yardstick } from "./contenders.ts";
import type { Measured } from "./peers/control.ts";
import { Peer } from "./processes.ts";
import type { PeerName, Work } from "./works.ts";

/** How much longer the first round is: optimising compilers are at work for a second or two, on the same core. */
const WARM_UP = 2;

/** What is to be run. */
export interface Plan {
  /** Works in order. */
  readonly works: readonly Work[];
  /** Runtimes of ours. */
  readonly runtimes: readonly Runtime[];
  /** Peers to compare with, where the work has them. */
  readonly peers: readonly PeerName[];
  /** Rounds that count. */
  readonly rounds: number;
  /** Seconds per peer and round. */
  readonly seconds: number;
  /** Told what is going on. */
  readonly progress: (text: string) => void;
}

/** What one contender reached in one work. */
export interface Outcome {
  /** The work. */
  readonly work: Work;
  /** The contender. */
  readonly contender: Contender;
  /** One measurement per round; empty if it could not run. */
  readonly rounds: readonly Measured[];
  /** Why it could not run. */
  readonly missing?: string;
}

/** Works that are measured in the same rounds: those of one carrier whose yardsticks do the same. */
function groups(works: readonly Work[]): Work[][] {
  const found: Work[][] = [];
  for (const work of works) {
    const same = found.find(([first]) => first.name.startsWith("D") && work.name.startsWith("D"));
    if (same) same.push(work);
    else found.push([work]);
  }
  return found;
}

/** A contender with what it takes to run it. */
interface Entry {
  readonly works: readonly Work[];
  readonly contender: Contender;
  peer: Peer | null;
  missing?: string;
  readonly rounds: Measured[];
}

/** Runs the plan. */
export async function runPlan(plan: Plan): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const taskset = (await run(["taskset", "--version"])).ok;
  if (!taskset) {
    plan.progress("taskset is missing: nothing is pinned to a core, latencies will have two modes\n");
  }
  for (const works of groups(plan.works)) {
    const entries = entriesOf(works, plan);
    const prefix = taskset && works[0].pinned ? ["taskset", "-c", "0"] : [];
    try {
      await start(entries, prefix, plan);
      await rounds(entries, plan);
    } finally {
      await Promise.all(entries.map((entry) => entry.peer?.stop()));
    }
    for (const { works, contender, rounds, missing } of entries) {
      for (const work of works) outcomes.push({ work, contender, rounds, missing });
    }
  }
  plan.progress("");
  return outcomes;
}

/** Ours in every runtime, once per work; every yardstick once for all of them. */
function entriesOf(works: readonly Work[], plan: Plan): Entry[] {
  const entries: Entry[] = [];
  const add = (contender: Contender, works: readonly Work[]): void => {
    const known = entries.some(({ contender: c }) =>
      c.peer !== "ours" && c.peer === contender.peer && c.runtime === contender.runtime
    );
    if (!known) entries.push({ works, contender, peer: null, rounds: [] });
  };
  for (const runtime of plan.runtimes) {
    const able = works.filter((work) => work.runtimes?.includes(runtime) ?? true);
    if (able.length === 0) continue;
    for (const work of able) add({ peer: "ours", runtime }, [work]);
    for (const peer of works[0].peers) if (plan.peers.includes(peer)) add(yardstick(peer, runtime), works);
  }
  return entries;
}

async function start(entries: readonly Entry[], prefix: readonly string[], plan: Plan): Promise<void> {
  for (const entry of entries) {
    const { contender: { peer, runtime }, works: [{ name, carrier }] } = entry;
    plan.progress(`${name}: starting ${peer} on ${runtime}`);
    try {
      entry.peer = await Peer.start(await commandOf(entry.contender, carrier), prefix);
    } catch (error) {
      entry.missing = error instanceof Error ? error.message : String(error);
    }
  }
}

async function rounds(entries: readonly Entry[], plan: Plan): Promise<void> {
  for (let round = 0; round <= plan.rounds; round++) {
    for (let turn = 0; turn < entries.length; turn++) {
      const entry = entries[(turn + round) % entries.length];
      if (entry.peer === null) continue;
      const { contender: { peer, runtime }, works: [{ name, job }] } = entry;
      plan.progress(
        `${name}: ${round === 0 ? "warm-up" : `round ${round} of ${plan.rounds}`}, ${peer} on ${runtime}`,
      );
      try {
        const seconds = round === 0 ? plan.seconds * WARM_UP : plan.seconds;
        const measured = await entry.peer.measure({ ...job, seconds });
        if (round > 0) entry.rounds.push(measured);
      } catch (error) {
        entry.missing = `failed in round ${round}: ${error instanceof Error ? error.message : String(error)}`;
        entry.rounds.length = 0;
        await entry.peer.stop();
        entry.peer = null;
      }
    }
  }
}

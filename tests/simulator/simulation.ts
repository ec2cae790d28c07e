/**
 * Plays a script from the first dial to the last timer.
 *
 * @module
 */
import { WaitedInVainError } from "@nnrp/testing";
import { SimClient } from "./client.ts";
import { Weathermaker } from "./faults.ts";
import type { Finding } from "./finding.ts";
import { checkCancels } from "./oracles/cancel.ts";
import { checkHalfOpen } from "./oracles/half_open.ts";
import { connectionsOf } from "./oracles/give_up.ts";
import { checkEmpty, checkSettled } from "./oracles/leaks.ts";
import { checkMemory } from "./oracles/memory.ts";
import { checkStats } from "./oracles/stats.ts";
import { checkServed, checkTurns, HEALED_MS } from "./oracles/starvation.ts";
import { type Script, sessionHours } from "./script.ts";
import type { SubmittedCall } from "./ledger.ts";
import { SimServer } from "./server.ts";
import { Stage } from "./stage.ts";
import { closeSession } from "./work/life.ts";

/** What came of a run. */
export interface Outcome {
  /** What was played. */
  readonly script: Script;
  /** What oracles found. */
  readonly findings: readonly Finding[];
  /** Tells whether two runs were the same. */
  readonly hash: string;
  /** The last lines of the trace. */
  readonly tail: string;
  /** Session-hours of the storm. */
  readonly sessionHours: number;
  /** Frames submitted, and answered. */
  readonly frames: { readonly submitted: number; readonly answered: number };
  /** Sessions that began. */
  readonly sessions: number;
  /** Faults that were played. */
  readonly faults: number;
  /** Events of the world. */
  readonly events: number;
  /** How often oracles had something to judge. */
  readonly judged: ReadonlyMap<string, number>;
  /** Work that was begun, by kind. */
  readonly work: ReadonlyMap<string, number>;
}

/** Options of {@linkcode simulate}. */
export interface SimulateOptions {
  /** Lines of the trace that are kept. Default 60. */
  readonly traceLines?: number;
  /** Hears of every frame that is submitted. */
  readonly submitted?: SubmittedCall;
}

/** How often oracles look, ms of virtual time. */
const LOOK_EVERY_MS = 1000;
/** How long what was begun may take to end, ms: the longest handler, an idle time, a close. */
const SETTLE_MS = 180_000;
/** How long closing everything may take, ms. */
const CLOSE_MS = 90_000;
/** How long after that the last timer may fire, ms: a suspended session is forgotten after a minute. */
const REST_MS = 130_000;
/** Events of one run at most: a run that is busy for ever ends. */
const LIMIT_EVENTS = 100_000_000;

/** Plays a script. Never rejects: what is thrown is a finding. */
export async function simulate(
  script: Script,
  options: SimulateOptions = {},
): Promise<Outcome> {
  const stage = new Stage(script, options.traceLines ?? 60, options.submitted);
  try {
    await play(stage);
  } catch (error) {
    const words = error instanceof WaitedInVainError
      ? error.message.split(";")[0]
      : String((error as Error)?.stack ?? error);
    stage.found("crash", `the run ended with ${words}`);
  }
  const { world, findings, ledger, counts } = stage;
  return {
    script,
    findings: findings.all,
    hash: world.trace.hash,
    tail: String(world.trace),
    sessionHours: sessionHours(script),
    frames: { submitted: ledger.submitted, answered: ledger.answered },
    sessions: counts.sessions,
    faults: counts.faults,
    events: world.trace.count,
    judged: counts.judged,
    work: counts.work,
  };
}

async function play(stage: Stage): Promise<void> {
  const { world, script } = stage;
  const limitEvents = LIMIT_EVENTS;
  for (const plan of script.servers) stage.servers.push(new SimServer(stage, plan));
  for (const plan of script.clients) stage.clients.push(new SimClient(stage, plan));
  await world.run(async () => {
    for (const server of stage.servers) await server.start();
  });
  for (const client of stage.clients) client.begin();
  const weather = new Weathermaker(stage);
  weather.begin();
  const looks = new Looks(stage);
  looks.begin();
  await world.advance(script.stormMs, { limitEvents });
  weather.heal();
  stage.enter("healed");
  await world.advance(HEALED_MS, { limitEvents });
  stage.enter("closing");
  await settle(stage);
  checkSettled(stage);
  await closeAll(stage);
  looks.end();
  await world.advance(REST_MS, { limitEvents });
  checkEmpty(stage);
}

/** Lets what was begun end. */
async function settle(stage: Stage): Promise<void> {
  const { world } = stage;
  const untilMs = world.now() + SETTLE_MS;
  for (const client of stage.clients) {
    if (client.run !== null && client.run.pause !== 0) {
      client.run.pause = 0;
      client.run.session.resumeSubmit();
    }
  }
  while (
    world.now() < untilMs && (stage.ledger.waiting.size > 0 || stage.iterators.left().length > 0)
  ) {
    await world.advance(LOOK_EVERY_MS);
  }
}

/** Closes everything in order: some clients first, the others when their server goes. */
async function closeAll(stage: Stage): Promise<void> {
  const { world, clients, servers } = stage;
  for (const { run, plan } of clients) {
    if (run === null) continue;
    if (plan.index % 2 === 0) void closeSession(run, 2000);
    else run.closing = { atMs: world.now(), drainMs: 0 }; // what happens now is the harness's doing
  }
  await world.advance(CLOSE_MS / 2);
  for (const one of servers) {
    if (one.server !== null) void one.close(one.server, 5000);
  }
  await world.advance(CLOSE_MS / 2);
  for (const { run } of clients) if (run !== null) void run.session.close({ drainMs: 0 });
  await world.advance(CLOSE_MS / 2);
}

/** Oracles that look from time to time. */
class Looks {
  readonly #stage: Stage;
  #isOver = false;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  begin(): void {
    this.#stage.world.after(LOOK_EVERY_MS, () => {
      if (this.#isOver) return;
      this.#look();
      this.begin();
    });
  }

  end(): void {
    this.#isOver = true;
  }

  #look(): void {
    const stage = this.#stage;
    connectionsOf(stage).look();
    checkMemory(stage);
    checkHalfOpen(stage);
    checkTurns(stage);
    checkCancels(stage);
    for (const { run } of stage.clients) if (run !== null) checkStats(run);
    if (stage.phase === "healed") checkServed(stage);
    stage.ledger.prune();
    stage.iterators.prune();
  }
}

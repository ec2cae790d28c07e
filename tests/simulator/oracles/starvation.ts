/**
 * No session starves: while others are served again and again, one that waits gets its turn; and when all is well everybody is.
 *
 * @module
 */
import type { SimClient } from "../client.ts";
import type { Frame } from "../ledger.ts";
import type { SimServer } from "../server.ts";
import type { Stage } from "../stage.ts";

/** How long a frame may wait while others of its server are begun, ms. */
const TURN_MS = 5000;
/** How long after the storm everybody must have got an answer, ms: backoff, dial, the longest handler and some more. */
const SERVED_MS = 90_000;

/** Since when what waits of one client is kept waiting by others, as far as the looks of an oracle show. */
export class TurnWait {
  #sinceMs = Infinity; // first look at which nothing of its own kept it

  /**
   * Looks at it.
   *
   * @param nowMs Virtual time, ms.
   * @param isOwn Whether something of its own keeps it now: its line, a pause, a handler that works for it.
   */
  look(nowMs: number, isOwn: boolean): void {
    if (isOwn) this.#sinceMs = Infinity;
    else if (this.#sinceMs === Infinity) this.#sinceMs = nowMs;
  }

  /**
   * From when on a frame waits for others, ms; Infinity = it does not.
   *
   * @param submittedMs When it was submitted, ms.
   */
  sinceMs(submittedMs: number): number {
    return Math.max(submittedMs, this.#sinceMs);
  }
}

/** Looks at what waits. */
export function checkTurns(stage: Stage): void {
  const nowMs = stage.world.now();
  for (const client of stage.clients) client.turnWait.look(nowMs, isKeptByItself(stage, client));
  const oldest: Map<string, Frame> = new Map();
  for (const frame of stage.ledger.waiting) {
    const { name } = frame.run.client;
    const isPlain = (frame.order.act === "quick" || frame.order.act === "promise") && frame.order.up === 0;
    if (!isPlain || frame.handled > 0 || frame.pause !== 0 || frame.run !== frame.run.client.run) continue;
    if (!oldest.has(name)) oldest.set(name, frame);
  }
  for (const [name, frame] of oldest) {
    const { run, submittedMs } = frame;
    const sinceMs = run.client.turnWait.sinceMs(submittedMs);
    if (nowMs - sinceMs < TURN_MS) continue;
    if (stage.trouble.since(run.client.plan, submittedMs - 30_000)) continue;
    const server = serverOf(stage, run.client);
    const others = begunSince(server, sinceMs, name, false);
    if (begunSince(server, sinceMs, name, true) > 0 || others < 2 * server.plan.concurrency) continue;
    stage.found(
      "starvation",
      "a frame waits for seconds while frames of others are begun again and again",
      name,
      run.tags(frame),
    );
  }
}

/** What waits in its client's own line, or behind frames of its own, is not kept waiting by others. */
function isKeptByItself(stage: Stage, client: SimClient): boolean {
  const { run } = client;
  if (run === null || run.pause !== 0 || run.closing !== null || run.session.state !== "active") return true;
  if (run.session.stats.waiting > 0) return true;
  return [...serverOf(stage, client).running].some(({ frame }) => frame.run === run);
}

function serverOf(stage: Stage, client: SimClient): SimServer {
  return stage.servers.find(({ plan }) => plan.index === client.plan.server)!;
}

/** The storm has been over for so long: everybody was answered since. */
export function checkServed(stage: Stage): void {
  if (stage.phase !== "healed" || stage.world.now() - stage.phaseSinceMs < SERVED_MS) return;
  for (const client of stage.clients) {
    if (client.lastAnswerMs >= stage.phaseSinceMs) continue;
    const state = client.run?.session.state ?? "without a session";
    stage.found(
      "starvation",
      `a client got no answer for ${SERVED_MS} ms after all was well again (${state})`,
      client.name,
      [...client.run?.tags() ?? [], "after the storm"],
    );
  }
}

/** How long the storm must be over before {@linkcode checkServed} can say something, ms. */
export const HEALED_MS: number = SERVED_MS + 2000;

function begunSince(server: SimServer, fromMs: number, client: string, own: boolean): number {
  return server.begun.filter((one) => one.atMs >= fromMs && (one.client === client) === own).length;
}

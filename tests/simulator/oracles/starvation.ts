/**
 * No session starves: while others are served again and again, one that waits gets its turn; and when all is well everybody is.
 *
 * @module
 */
import type { Frame } from "../ledger.ts";
import type { SimServer } from "../server.ts";
import type { Stage } from "../stage.ts";

/** How long a frame may wait while others of its server are begun, ms. */
const TURN_MS = 5000;
/** How long after the storm everybody must have got an answer, ms: backoff, dial, the longest handler and some more. */
const SERVED_MS = 90_000;

/** Looks at what waits. */
export function checkTurns(stage: Stage): void {
  const nowMs = stage.world.now();
  const oldest: Map<string, Frame> = new Map();
  for (const frame of stage.ledger.waiting) {
    const { name } = frame.run.client;
    const isPlain = (frame.order.act === "quick" || frame.order.act === "promise") && frame.order.up === 0;
    if (
      !isPlain || frame.handled > 0 || frame.pause !== 0 || frame.run.pause !== 0 ||
      frame.run.closing !== null
    ) continue;
    if (!oldest.has(name)) oldest.set(name, frame);
  }
  for (const [name, frame] of oldest) {
    const { run, submittedMs } = frame;
    if (nowMs - submittedMs < TURN_MS || run.session.state !== "active") continue;
    if (stage.trouble.since(run.client.plan, submittedMs - 30_000)) continue;
    const server = stage.servers.find((one) => one.plan.index === run.client.plan.server)!;
    // What waits in its client's own line, or behind frames of its own, is not kept waiting by others.
    const isOwn = [...server.running].some((one) => one.frame.run === run) || run.session.stats.waiting > 0;
    if (isOwn) continue;
    const others = begunSince(server, submittedMs, name, false);
    if (begunSince(server, submittedMs, name, true) > 0 || others < 2 * server.plan.concurrency) continue;
    stage.found(
      "starvation",
      "a frame waits for seconds while frames of others are begun again and again",
      name,
      run.tags(frame),
    );
  }
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

/**
 * At the end nothing is left: no frame, no iterator, no session, no connection, no timer.
 *
 * @module
 */
import { kindOf } from "../ledger.ts";
import type { Stage } from "../stage.ts";

/** What was begun has ended. Before everything is closed. */
export function checkSettled(stage: Stage): void {
  for (const frame of stage.ledger.waiting) {
    const { run } = frame;
    stage.found("endings", `a frame never ended: ${kindOf(frame)}`, run.client.name, run.tags(frame));
  }
  stage.iterators.prune();
  for (const one of stage.iterators.left()) {
    stage.found("iterators", `the finally of an iterator never ran: "${one.act}"`, "", [one.act]);
  }
  for (const one of stage.iterators.endedTwice) {
    stage.found("iterators", `an iterator was ended more than once: "${one.act}"`, "", [one.act]);
  }
}

/** Everything was closed, and time has passed. */
export function checkEmpty(stage: Stage): void {
  for (const link of stage.net.links) {
    for (const connection of link.connections) {
      const sides = ["client", "server"].filter((side) => connection.ends.every((end) => end.side !== side));
      stage.found("leaks", `a connection is left open at the end, by its ${sides.join(" and ")}`, "", sides);
    }
  }
  for (const server of stage.servers) {
    const { sessions = 0, suspended = 0 } = server.server?.stats ?? {};
    if (sessions > 0) stage.found("leaks", "a session is left at the end", "", ["session"]);
    if (suspended > 0) stage.found("leaks", "a suspended session is left at the end", "", ["suspended"]);
  }
  const kinds = new Set(stage.world.pending().map(({ host, kind }) => `${host.replace(/\d+/, "")} ${kind}`));
  for (const kind of kinds) stage.found("leaks", `a timer is left at the end: ${kind}`, "", ["timer"]);
}

/**
 * A peer that is gone is noticed: its end of the connection at once, silence after a few pings that nobody answers.
 *
 * @module
 */
import type { VirtualConnection } from "@nnrp/testing";
import type { Stage } from "../stage.ts";
import { connectionsOf } from "./give_up.ts";

/** Pings every 5 s that stay without an answer for so long mean something, ms: 2 × 15 s, and some more. */
const SILENCE_MS = 50_000;
/** How soon the end of a connection must be noticed that arrived, ms. */
const NOTICE_MS = 10_000;

/** Looks at all connections. */
export function checkHalfOpen(stage: Stage): void {
  const book = connectionsOf(stage);
  for (const client of stage.clients) {
    for (const connection of book.of(client.name)) {
      if (connection.ends.length === 1) checkGone(stage, connection, client.plan);
      else if (connection.ends.length === 0) checkSilent(stage, connection, client.plan);
    }
  }
}

type Who = { index: number; server: number };

function checkGone(stage: Stage, connection: VirtualConnection, who: Who): void {
  const [gone] = connection.ends;
  const nowMs = stage.world.now();
  if (gone.by === "network" || nowMs - gone.atMs < NOTICE_MS) return;
  // What stood still or was held up may take as long again.
  if (stage.trouble.since(who, gone.atMs - 1000, "silent", "stopped", "blocked", "slow", "restarted")) return;
  const side = gone.side === "client" ? "server" : "client";
  stage.found(
    "half-open",
    `a ${side} has not noticed for ${NOTICE_MS} ms that its peer is gone`,
    `c${who.index}`,
    ["gone", side],
  );
}

function checkSilent(stage: Stage, connection: VirtualConnection, who: Who): void {
  const nowMs = stage.world.now();
  const { client, server } = connection.arrivals;
  const sides = [["client", client, connection.client], ["server", server, connection.server]] as const;
  for (const [side, arrivals, host] of sides) {
    if (nowMs - arrivals.lastArrivalMs < SILENCE_MS || arrivals.arrivedBytes === 0) continue;
    // Whoever stands still itself cannot notice anything.
    if (host.isFrozen || stage.trouble.since(who, arrivals.lastArrivalMs, "stopped", "blocked")) continue;
    stage.found(
      "half-open",
      `a ${side} keeps a peer that answers no ping for ${SILENCE_MS} ms`,
      `c${who.index}`,
      ["silent", side],
    );
  }
}

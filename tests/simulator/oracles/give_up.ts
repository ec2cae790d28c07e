/**
 * No side gives up a peer whose bytes it could have read: they lie in its own system, or arrived within the time that it waits.
 *
 * @module
 */
import type { SessionEnd } from "@nnrp/client";
import type { ServerLogEvent } from "@nnrp/server";
import type { ConnectionEnd, VirtualConnection } from "@nnrp/testing";
import type { SimClient } from "../client.ts";
import type { SimServer } from "../server.ts";
import type { SessionRun } from "../session_run.ts";
import type { Stage } from "../stage.ts";

/** First port that the network gives to clients: the number of a connection is in its port. */
const FIRST_PORT = 49_152;
/** Ends of connections that are remembered. */
const KEPT = 256;

/** Who says it. */
type Side = "client" | "server";
/** What a side finds its peer guilty of. */
type Verdict = "idle" | "stall";

/**
 * Words by which each side tells its own verdicts. Those of a stall travel: carriers with reasons take them to the
 * peer, which tells them as why its connection ended. Those of silence are kept.
 */
const VERDICTS: Readonly<Record<Side, readonly { readonly words: RegExp; readonly kind: Verdict }[]>> = {
  client: [
    { words: /nothing was received within the idle time/, kind: "idle" },
    { words: /the server took nothing for/, kind: "stall" },
  ],
  server: [
    { words: /nothing was received within the idle time/, kind: "idle" },
    { words: /the client took nothing for/, kind: "stall" },
  ],
};

/** Connections of a run: those that are open, and the last that are gone. */
export class Connections {
  readonly #stage: Stage;
  readonly #known: Map<number, VirtualConnection> = new Map();
  readonly #judged: Set<string> = new Set();

  /** Makes a Connections. */
  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Looks which are there. */
  look(): void {
    for (const link of this.#stage.net.links) {
      for (const connection of link.connections) this.#known.set(connection.id, connection);
    }
    for (const id of this.#known.keys()) {
      if (this.#known.size <= KEPT) break;
      this.#known.delete(id);
    }
  }

  /** The one of this number. */
  find(id: number): VirtualConnection | undefined {
    if (!this.#known.has(id)) this.look();
    return this.#known.get(id);
  }

  /** Those of a client. */
  *of(name: string): Generator<VirtualConnection, void, undefined> {
    this.look();
    for (const connection of this.#known.values()) if (connection.client.name === name) yield connection;
  }

  /** Whether an end is judged for the first time. */
  first(connection: VirtualConnection, side: string): boolean {
    const key = `${connection.id} ${side}`;
    if (this.#judged.has(key)) return false;
    this.#judged.add(key);
    return true;
  }
}

const books: WeakMap<Stage, Connections> = new WeakMap();

/** The connections of a run. */
export function connectionsOf(stage: Stage): Connections {
  let book = books.get(stage);
  if (book === undefined) books.set(stage, book = new Connections(stage));
  return book;
}

/** A server says that a session ended or waits for its client. */
export function judgeServerLog(server: SimServer, event: ServerLogEvent): void {
  if (event.type !== "session-end" && event.type !== "session-suspended") return;
  const verdict = verdictOf("server", `${event.message} ${event.error ?? ""}`);
  const { stage, plan } = server;
  const connection = connectionsOf(stage).find(Number(event.remote.split(":").at(-1)) - FIRST_PORT + 1);
  if (connection === undefined) return;
  if (event.type === "session-suspended") checkAbortedDial(stage, connection);
  if (verdict === null) return;
  const limitMs = verdict === "idle" ? plan.idleTimeoutMs : plan.sendStallMs;
  judge(stage, connection, "server", verdict, limitMs);
}

/** A client that gave its dial up never had a session: none waits for it. */
function checkAbortedDial(stage: Stage, connection: VirtualConnection): void {
  const client = stage.clients.find((one) => one.name === connection.client.name);
  if (client === undefined || client.run !== null) return;
  if (!client.dials.gaveUp(connection, stage.world.now())) return;
  stage.found("leaks", "a session waits for a client that gave its dial up", client.name, ["aborted dial"]);
}

/** A client's session ended. */
export function judgeClientEnd(run: SessionRun, end: SessionEnd): void {
  if (end.local) judgeLoss(run.client, end.reason);
}

function judgeLoss({ stage, name, plan }: SimClient, words: string): void {
  const verdict = verdictOf("client", words);
  if (verdict === null) return;
  const limitMs = verdict === "idle" ? plan.idleTimeoutMs : plan.sendStallMs;
  const all = [...connectionsOf(stage).of(name)];
  const endOf = ({ ends }: VirtualConnection) => ends.find(({ side }) => side === "client");
  const dropped = all.filter((connection) => {
    const end = endOf(connection);
    return end !== undefined && end.by === "itself" && end.atMs > stage.world.now() - 100;
  });
  // One that was dialled for a move is open, too, and is not the one that was given up.
  const open = all.filter(({ ends }) => ends.length === 0);
  for (const connection of dropped.length > 0 ? dropped : open) {
    judge(stage, connection, "client", verdict, limitMs);
  }
}

/** A client lost its connection and dials again. */
export function judgeClientLog(client: SimClient, type: string, message: string): void {
  if (type === "connection-lost") judgeLoss(client, message);
}

/**
 * The verdict on its peer that a side tells; null = these words are none, or the peer's own.
 *
 * @param side Who says it.
 * @param words How it tells the end of a connection.
 */
export function verdictOf(side: Side, words: string): Verdict | null {
  return VERDICTS[side].find((verdict) => verdict.words.test(words))?.kind ?? null;
}

function judge(
  stage: Stage,
  connection: VirtualConnection,
  side: Side,
  verdict: Verdict,
  limitMs: number,
): void {
  const end = connection.ends.find((one) => one.side === side) ?? stillOpen(stage, connection, side);
  if (!connectionsOf(stage).first(connection, side)) return;
  stage.judged("give-up");
  const isUnread = end.unreadBytes > 0;
  const silentMs = end.atMs - end.lastArrivalMs;
  // A client that talks and takes none of its answers is cut all the same: a path that swallows one way looks like that.
  const isJust = silentMs >= limitMs || (verdict === "stall" && side === "server");
  if (!isUnread && isJust) return;
  const client = stage.clients.find((one) => one.name === connection.client.name)!;
  stage.found(
    "give-up",
    isUnread
      ? `a ${side} gave its peer up (${verdict}) with unread bytes of it in its own system`
      : `a ${side} gave its peer up (${verdict}) although bytes of it had come within the time`,
    client.name,
    [...client.run?.tags() ?? [], verdict, side, ...stage.trouble.kindsSince(client.plan, end.atMs - 60_000)],
  );
}

function stillOpen(stage: Stage, connection: VirtualConnection, side: Side): ConnectionEnd {
  const { unreadBytes, arrivedBytes, lastArrivalMs } = connection.arrivals[side];
  return { side, by: "itself", atMs: stage.world.now(), unreadBytes, arrivedBytes, lastArrivalMs };
}

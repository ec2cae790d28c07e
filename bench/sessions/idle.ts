/**
 * What idle sessions cost a server process.
 *
 * @module
 */
import { type Child, type Runtime, withPair } from "./child.ts";
import { median, type Row } from "./report.ts";

/** Sessions that are opened unless told otherwise, and the most bytes they may cost together. */
export const IDLE_SESSIONS = 1000;
const MOST_BYTES = 64 * 1024 * 1024;
/** The aim for ten times as many. */
const MANY_SESSIONS = 10_000;
const MOST_BYTES_OF_MANY = 256 * 1024 * 1024;
/** Sessions opened before, and left open, so that code and pools are there before anything is counted. */
const WARM_UP = 20;
/** Time between the last handshake and the first look, ms: four keep-alive rounds. */
const SETTLE_MS = 10_000;
/** Looks at the memory, and the time between two, ms. */
const LOOKS = 5;
const LOOK_MS = 1000;
const LIMIT_MS = 120_000;
const MIB = 1024 * 1024;

interface Inside {
  readonly sessions: number;
  readonly heap: number;
  readonly outside: number;
}

/** Measures in one runtime: server in one process, clients in another. */
export function measureIdle(runtime: Runtime, count: number, seconds = SETTLE_MS / 1000): Promise<Row[]> {
  const most = count < MANY_SESSIONS
    ? MOST_BYTES * count / IDLE_SESSIONS
    : MOST_BYTES_OF_MANY * count / MANY_SESSIONS;
  return withPair(runtime, "idle_server.ts", "idle_clients.ts", async (server, clients) => {
    await clients.ask({ count: WARM_UP, exchange: true }, LIMIT_MS);
    await sleep(seconds * 100);
    const rssBefore = await rss(server);
    const insideBefore = await server.ask<Inside>({ collect: true }, LIMIT_MS);
    await clients.ask({ count: WARM_UP + count, exchange: true }, LIMIT_MS);
    await sleep(seconds * 1000);
    const busyBefore = await server.usage();
    const looks: number[] = [];
    for (let i = 0; i < LOOKS; i++) {
      looks.push(await rss(server));
      await sleep(LOOK_MS);
    }
    const busyAfter = await server.usage();
    const inside = await server.ask<Inside>({ collect: true }, LIMIT_MS);
    if (inside.sessions !== WARM_UP + count) throw new Error(`only ${inside.sessions} sessions are open`);
    const more = looks.map((bytes) => bytes - rssBefore);
    const processorMs = busyAfter.userMs + busyAfter.systemMs - busyBefore.userMs - busyBefore.systemMs;
    const row = { work: "idle", runtime };
    return [
      {
        ...row,
        what: `${count} idle sessions, RSS of the server beyond its own`,
        value: median(more) / MIB,
        unit: "MiB",
        rounds: more.map((bytes) => bytes / MIB),
        bar: { most: most / MIB },
      },
      { ...row, what: "  per session", value: median(more) / count, unit: "B" },
      {
        ...row,
        what: "  live after a collection, per session",
        value: (inside.heap - insideBefore.heap) / count,
        unit: "B",
      },
      {
        ...row,
        what: "  and outside the JavaScript heap",
        value: (inside.outside - insideBefore.outside) / count,
        unit: "B",
      },
      {
        ...row,
        what: "  RSS beyond its own after a collection",
        value: (await rss(server) - rssBefore) / MIB,
        unit: "MiB",
      },
      {
        ...row,
        what: "  processor time of the idle server",
        value: processorMs / (LOOKS * LOOK_MS) * 100,
        unit: "%",
      },
    ];
  });
}

async function rss(server: Child): Promise<number> {
  return (await server.usage()).rssBytes;
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/**
 * What a server with one worker does with half as much again as it can do: every frame is answered, as many in time as the
 * order of work allows, and one greedy session takes nothing from the others.
 *
 * @module
 */
import { type Child, type Runtime, withPair } from "./child.ts";
import { type Arrival, type Ending, goodputShares, jainIndex, simulate } from "./discipline.ts";
import type { ClientRecord, ClientsJob } from "./overload_clients.ts";
import type { ServerRecord } from "./overload_server.ts";
import { median, quantile, type Row } from "./report.ts";

/** Load, as a multiple of the capacity. */
const OVERLOAD = 1.5;
/** Frames that may wait per session: the server's default. */
const QUEUE_BOUND = 64;
/** How long a handler keeps the processor, ms (`overload_server.ts`). */
const WORK_MS = 1;
/** Rounds in which the capacity is measured (after one to warm up), their length, and how long the load lasts, s. */
const CAPACITY_ROUNDS = 3;
const CAPACITY_SECONDS = 2;
const LOAD_SECONDS = 15;
/** A load is repeated so often while handlers take longer than this many times their work: others took the processor. */
const REPEATS = 3;
const QUIET = 1.03;
/** The best round of the capacity may be so many times the middle one. */
const STEADY = 1.05;
/** Least share of what the order of work can reach, and least fairness. */
const LEAST_OF_BEST = 0.95;
const LEAST_JAIN = 0.95;
const LIMIT_MS = 60_000;

/** Measures in one runtime, with frames that may be dropped and with frames that may not. */
export function measureOverload(runtime: Runtime, seconds = LOAD_SECONDS): Promise<Row[]> {
  return withPair(runtime, "overload_server.ts", "overload_clients.ts", async (server, clients) => {
    const full: ClientsJob = { inFlight: 64, seconds: CAPACITY_SECONDS };
    const rates: number[] = [];
    for (let round = 0; round <= CAPACITY_ROUNDS; round++) {
      rates.push((await clients.ask<{ rate: number }>(full, LIMIT_MS)).rate);
    }
    const capacity = Math.max(...rates); // what others take of the machine is no capacity
    if (median(rates.slice(1)) * STEADY < capacity) {
      throw new Error(`others took the processor: ${rates.map(Math.round).join(", ")} frames per second`);
    }
    const rows: Row[] = [{
      work: "overload",
      runtime,
      what: "capacity: frames per second, 64 in flight",
      value: capacity,
      unit: "/s",
      rounds: rates.slice(1),
    }];
    const betweenMs = Math.max(0, 1000 / capacity - WORK_MS);
    for (const droppable of [true, false]) {
      const job = { rate: capacity * OVERLOAD, seconds, droppable };
      let records = await load(server, clients, job);
      for (let again = 0; again < REPEATS && meanRunMs(records) > WORK_MS * QUIET; again++) {
        records = await load(server, clients, job);
      }
      if (meanRunMs(records) > WORK_MS * QUIET) {
        throw new Error(
          `others took the processor: a handler ran ${meanRunMs(records).toFixed(2)} ms, not ${WORK_MS}`,
        );
      }
      rows.push(...judge(runtime, droppable, clients.hello.greedy as number, records, betweenMs));
    }
    return rows;
  });
}

interface Records {
  readonly server: readonly ServerRecord[];
  readonly clients: readonly ClientRecord[];
}

async function load(
  server: Child,
  clients: Child,
  job: { rate: number; seconds: number; droppable: boolean },
): Promise<Records> {
  const folder = await Deno.makeTempDir({ prefix: "nnrp_overload_" });
  try {
    await server.ask({}, LIMIT_MS);
    await clients.ask({ ...job, file: `${folder}/clients` } satisfies ClientsJob, LIMIT_MS);
    await server.ask({ file: `${folder}/server` }, LIMIT_MS);
    const read = async (name: string) => JSON.parse(await Deno.readTextFile(`${folder}/${name}`));
    return { server: await read("server"), clients: await read("clients") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** How long a handler ran on average, ms. */
function meanRunMs({ server }: Records): number {
  const runs = server.filter(([, , , , endMs]) => endMs > 0).map(([, , , startMs, endMs]) => endMs - startMs);
  return runs.reduce((a, b) => a + b, 0) / runs.length;
}

function judge(
  runtime: Runtime,
  droppable: boolean,
  greedy: number,
  records: Records,
  betweenMs: number,
): Row[] {
  const seen = new Map(records.clients.map((record) => [`${record[0]}/${record[1]}`, record]));
  const arrivals: Arrival[] = [];
  const endings: Ending[] = [];
  const atClient: Ending[] = [];
  const onTheWayMs: number[] = [];
  const expiredLateMs: number[] = [];
  const servicesMs: number[] = [];
  for (const [session, frame, atMs, startMs, endMs] of records.server) {
    const client = seen.get(`${session}/${frame}`)!;
    const [, , budgetMs, , answeredMs, answer] = client;
    arrivals.push({ session, atMs, budgetMs, droppable });
    const inTime = (momentMs: number): Ending =>
      momentMs === 0 || answer !== "complete" ? "dropped" : momentMs <= atMs + budgetMs ? "inTime" : "late";
    endings.push(inTime(endMs));
    atClient.push(inTime(answeredMs));
    if (endMs > 0 && answer === "complete") onTheWayMs.push(answeredMs - endMs);
    if (answer === "drop" && startMs === 0) expiredLateMs.push(answeredMs - atMs - budgetMs);
  }
  for (const [, , , startMs, endMs] of [...records.server].sort((a, b) => a[3] - b[3])) {
    if (endMs > 0) servicesMs.push(endMs - startMs);
  }
  const best = simulate(arrivals, servicesMs, QUEUE_BOUND, betweenMs);
  const free = simulate(arrivals, servicesMs, QUEUE_BOUND);
  const share = (all: readonly Ending[]): number => all.filter((e) => e === "inTime").length / all.length;
  const jain = (all: readonly Ending[]): number =>
    jainIndex([...goodputShares(arrivals, all)].filter(([id]) => id !== greedy).map(([, one]) => one.share));
  const greedyShare = (all: readonly Ending[]): number => goodputShares(arrivals, all).get(greedy)!.share;
  const unanswered = records.clients.filter(([, , , , at]) => at === 0).length;
  const kinds = new Map<string, number>();
  for (const [, , , , , answer] of records.clients) kinds.set(answer, (kinds.get(answer) ?? 0) + 1);
  const kindText = [...kinds].map(([kind, count]) => `${count} ${kind}`).join(", ");

  const row = { work: "overload", runtime, unit: "" };
  const kind = droppable ? "may be dropped" : "must run";
  const rows: Row[] = [
    {
      ...row,
      what: `frames ${kind}: unanswered of ${records.clients.length} (${kindText})`,
      value: unanswered,
      bar: { most: 0 },
    },
    {
      ...row,
      what: "  in time, as a share of what the same order can reach",
      value: share(endings) / share(best),
      bar: { least: LEAST_OF_BEST },
    },
    { ...row, what: "  Jain's index of the 19", value: jain(endings), bar: { least: LEAST_JAIN } },
    { ...row, what: "  the same if receiving and sending cost nothing", value: share(endings) / share(free) },
    { ...row, what: "  a handler's run, mean", value: meanRunMs(records), unit: "ms" },
    { ...row, what: "  in time", value: share(endings) },
    { ...row, what: "  in time at best", value: share(best) },
    { ...row, what: "  in time when it reaches the client", value: share(atClient) },
    { ...row, what: "  Jain's index at best", value: jain(best) },
    { ...row, what: "  in time of the greedy session", value: greedyShare(endings) },
    { ...row, what: "  in time of the greedy session at best", value: greedyShare(best) },
    { ...row, what: "  from handler to client, p50", value: quantile(onTheWayMs, 0.5), unit: "ms" },
    { ...row, what: "  from handler to client, p99", value: quantile(onTheWayMs, 0.99), unit: "ms" },
  ];
  if (expiredLateMs.length > 0) {
    rows.push(
      {
        ...row,
        what: "  drop after the end of the budget, p50",
        value: quantile(expiredLateMs, 0.5),
        unit: "ms",
      },
      {
        ...row,
        what: "  drop after the end of the budget, p99",
        value: quantile(expiredLateMs, 0.99),
        unit: "ms",
      },
    );
  }
  return rows;
}

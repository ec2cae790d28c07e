/**
 * The clients of the overload measurement: many sessions, frames at random times whatever becomes of earlier ones (open
 * loop, Poisson), one session that sends half of them.
 *
 * @module
 */
import { type ClientSession, dialClient } from "@nnrp/client";
import { BudgetPolicy, NnrpProtocolError, ResultClass } from "@nnrp/core";
import { writeFileSync } from "node:fs";
import { args, control } from "../peers/control.ts";

/** Share of the load that the first session sends. */
const GREEDY_SHARE = 0.5;
/** Budgets, ms. */
const BUDGET_MS = { least: 2, most: 20 };
/** How long the last answers may take, ms. */
const PATIENCE_MS = 10_000;

/** What is asked: the most that goes through (`inFlight` at a time), or a load. */
export type ClientsJob =
  | { readonly inFlight: number; readonly seconds: number }
  | {
    /** Frames per second. */
    readonly rate: number;
    readonly seconds: number;
    /** Whether frames may be dropped when their budget is over. */
    readonly droppable: boolean;
    /** Where the records go. */
    readonly file: string;
  };

/** A frame as its client saw it: session id, frame id, budget, when it was submitted and answered (0 = never), and how. */
export type ClientRecord = [
  session: number,
  frame: number,
  budgetMs: number,
  sentMs: number,
  answeredMs: number,
  answer: string,
];

const [port] = await args();
const sessions: ClientSession[] = [];
for (let i = 0; i < 20; i++) {
  sessions.push(
    await dialClient(`nnrp+tcp://127.0.0.1:${port}`, { ignoreMaxConcurrentFrames: true }),
  );
}
const nextFrame: number[] = sessions.map(() => 1);

function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Numbers between 0 and 1 that are the same in every run (mulberry32). */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Answers per second when the server is never idle. */
async function capacity(
  { inFlight, seconds }: { inFlight: number; seconds: number },
): Promise<{ rate: number }> {
  const beganMs = now();
  const endMs = beganMs + seconds * 1000;
  let count = 0;
  const worker = async (session: ClientSession, i: number): Promise<void> => {
    while (now() < endMs) {
      await session.submit({ frameId: nextFrame[i]++ });
      count++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, (_, i) => worker(sessions[i % 20], i % 20)));
  return { rate: count / (now() - beganMs) * 1000 };
}

async function load(job: Extract<ClientsJob, { rate: number }>): Promise<{ sent: number }> {
  const draw = random(42);
  const records: ClientRecord[] = [];
  const answers: Promise<void>[] = [];
  const beganMs = now();
  let nextMs = 0;
  const send = (): void => {
    const i = draw() < GREEDY_SHARE ? 0 : 1 + Math.floor(draw() * (sessions.length - 1));
    const budgetMs = BUDGET_MS.least + Math.floor(draw() * (BUDGET_MS.most - BUDGET_MS.least + 1));
    const frameId = nextFrame[i]++;
    const record: ClientRecord = [sessions[i].sessionId, frameId, budgetMs, now(), 0, ""];
    records.push(record);
    const answer = (text: string): void => {
      record[4] = now();
      record[5] = text;
    };
    answers.push(
      sessions[i].submit({
        frameId,
        latencyBudgetMs: budgetMs,
        budgetPolicy: job.droppable ? BudgetPolicy.ALLOW_DROP : 0,
      }).then(
        (result) =>
          answer(result.isDrop ? "drop" : result.resultClass === ResultClass.COMPLETE ? "complete" : "odd"),
        (error) => answer(error instanceof NnrpProtocolError ? error.codeName : `failed: ${error}`),
      ),
    );
  };
  await new Promise<void>((done) => {
    const turn = (): void => {
      const elapsedMs = now() - beganMs;
      while (nextMs <= elapsedMs && nextMs < job.seconds * 1000) {
        send();
        nextMs += -Math.log(1 - draw()) / job.rate * 1000;
      }
      if (nextMs < job.seconds * 1000) setImmediate(turn);
      else done();
    };
    turn();
  });
  await Promise.race([Promise.all(answers), new Promise((done) => setTimeout(done, PATIENCE_MS))]);
  writeFileSync(job.file, JSON.stringify(records));
  return { sent: records.length };
}

await control({ greedy: sessions[0].sessionId }, (job) => {
  const asked = job as unknown as ClientsJob;
  return "rate" in asked ? load(asked) : capacity(asked);
});

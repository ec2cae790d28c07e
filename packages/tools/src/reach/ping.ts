/**
 * What `nnrp ping` does: opens a session, measures round trips one after the other, and sums them up.
 *
 * @module
 */
import { type ClientSession, NnrpTimeoutError, shownAddress } from "@nnrp/client";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandError, type CommandInput } from "../command.ts";
import { connect } from "../connect.ts";
import { mean, percentile } from "../report/statistics.ts";
import { milliseconds, rounded } from "./milliseconds.ts";
import type { ServerChoice } from "./server_options.ts";

/** What to measure. */
export interface PingPlan extends ServerChoice {
  /** Pings. */
  readonly count: number;
  /** From one to the next, ms. */
  readonly intervalMs: number;
  /** JSON instead of lines. */
  readonly json: boolean;
}

/** Round trips in ms, summed up; null where nothing was answered. */
export interface PingSummary {
  /** Pings sent. */
  readonly sent: number;
  /** Pings answered in time. */
  readonly answered: number;
  /** Shortest. */
  readonly minMs: number | null;
  /** Mean. */
  readonly avgMs: number | null;
  /** Median. */
  readonly p50Ms: number | null;
  /** 99 of 100 are shorter. */
  readonly p99Ms: number | null;
  /** Longest. */
  readonly maxMs: number | null;
}

/**
 * Pings a server.
 *
 * @returns 0 if every ping was answered, else 1.
 */
export async function ping(plan: PingPlan, input: CommandInput): Promise<number> {
  const startedMs = performance.now();
  const session = await connect(plan.address, plan.dial);
  const openedMs = rounded(performance.now() - startedMs);
  const times: (number | null)[] = [];
  const { carrierName, sessionId } = session;
  if (!plan.json) {
    input.print(
      `${shownAddress(plan.address)} over ${carrierName}, session ${sessionId}, opened in ${
        milliseconds(openedMs)
      }`,
    );
  }
  try {
    for (let i = 0; i < plan.count && !input.signal.aborted; i++) {
      if (i > 0) await pause(plan.intervalMs, input.signal);
      if (input.signal.aborted) break;
      const time = await pingOnce(session, plan);
      times.push(time);
      if (!plan.json) input.print(`ping ${i + 1}  ${time === null ? "no answer" : milliseconds(time)}`);
    }
  } finally {
    await session.close();
  }
  const summary = summarise(times);
  if (plan.json) {
    const address = shownAddress(plan.address);
    input.print(JSON.stringify({ address, carrier: carrierName, openedMs, timesMs: times, ...summary }));
  } else input.print(summaryLine(summary));
  return summary.answered === times.length && times.length > 0 ? 0 : 1;
}

/** null if there was no answer in time. */
async function pingOnce(session: ClientSession, plan: PingPlan): Promise<number | null> {
  try {
    return rounded(await session.ping({ timeoutMs: plan.dial.timeoutMs, signal: plan.dial.signal }));
  } catch (error) {
    if (error instanceof NnrpTimeoutError || plan.dial.signal?.aborted) return null;
    throw new CommandError(
      `the session with ${shownAddress(plan.address)} ended: ${
        error instanceof Error ? error.message : error
      }`,
    );
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    // Ctrl-C: what was measured until now is summed up.
  }
}

/** Sums round trips up. */
export function summarise(times: readonly (number | null)[]): PingSummary {
  const answered = times.filter((time) => time !== null).sort((a, b) => a - b);
  const of = (value: number): number | null => answered.length === 0 ? null : value;
  return {
    sent: times.length,
    answered: answered.length,
    minMs: of(answered[0]),
    avgMs: of(rounded(mean(answered))),
    p50Ms: of(percentile(answered, 0.5)),
    p99Ms: of(percentile(answered, 0.99)),
    maxMs: of(answered.at(-1)!),
  };
}

function summaryLine(summary: PingSummary): string {
  const { sent, answered, minMs, avgMs, p50Ms, p99Ms, maxMs } = summary;
  const head = `${sent} sent, ${answered} answered`;
  if (minMs === null) return head;
  const parts = Object.entries({ min: minMs, avg: avgMs!, p50: p50Ms!, p99: p99Ms!, max: maxMs! });
  return `${head}: ${parts.map(([name, ms]) => `${name} ${milliseconds(ms)}`).join(", ")}`;
}

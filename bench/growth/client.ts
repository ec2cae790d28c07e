/**
 * Ours as a client: `client.ts ECHO_PORT TOKENS_PORT ONE_PORT` measures what it is told. Runs on Deno and Node.
 *
 * @module
 */
import { type ClientSession, dialClient, type FrameRequest, TypedPayload } from "@nnrp/client";
import { CacheObjectKind, SubmitMode } from "@nnrp/core";
import { args, control, type Measured } from "../peers/control.ts";
import type { GrowthJob } from "./axes.ts";

const MANY = 1 << 17;
const MANY_BYTES = 1024 * 1024 * 1024;
/** Sessions dialled at once. */
const DIALS = 64;

const [echo, tokens, one] = await args();
const PORTS = { echo, tokens, "one-at-a-time": one };

function dial({ server = "echo", slots = 65_535 }: GrowthJob): Promise<ClientSession> {
  return dialClient(`nnrp://127.0.0.1:${PORTS[server]}`, {
    maxInFlight: slots,
    maxWaitingSubmits: MANY,
    maxUnclaimedResults: MANY,
    maxUnclaimedBytes: MANY_BYTES,
    maxStreamResults: 2_000_000,
    maxStreamBytes: MANY_BYTES,
    profile: { maxCacheEntries: 65_535, maxCacheBytes: MANY_BYTES / 4 },
    idleTimeoutMs: 0,
  });
}

/** The job, on sessions of its own. */
async function measure(job: GrowthJob): Promise<Measured> {
  const sessions: ClientSession[] = [];
  try {
    const wanted = job.kind === "sessions" ? job.count! : 1;
    while (sessions.length < wanted) {
      const batch = Math.min(DIALS, wanted - sessions.length);
      sessions.push(...await Promise.all(Array.from({ length: batch }, () => dial(job))));
    }
    switch (job.kind) {
      case "sessions":
        return await rate(job, sessions);
      case "stream":
        return await streams(job, sessions[0]);
      case "give-up":
        return await giveUp(job, sessions[0]);
      case "inbox":
        return await inbox(job, sessions[0]);
      case "cache":
        return await cache(job, sessions[0]);
      default:
        return await rate(job, sessions);
    }
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}

/** Keeps requests going for a while, round after round; the requests under way at the end are finished. */
async function keepGoing(
  seconds: number,
  workers: number,
  request: (worker: number) => Promise<void>,
): Promise<Measured> {
  const begun = performance.now();
  const end = begun + seconds * 1000;
  const often = workers >= 64 ? 63 : 0;
  let count = 0;
  let running = true;
  const worker = async (i: number): Promise<void> => {
    do {
      await request(i);
      // The clock is read now and then only, as in the bare peer.
      if ((++count & often) === 0 && performance.now() >= end) running = false;
    } while (running);
  };
  await Promise.all(Array.from({ length: workers }, (_, i) => worker(i)));
  return { rate: count / (performance.now() - begun) * 1000, count };
}

function rate(
  { size, inFlight, budgets, seconds }: GrowthJob,
  sessions: readonly ClientSession[],
): Promise<Measured> {
  const typedPayloads = [TypedPayload.opaqueBytes(new Uint8Array(size).fill(7))];
  const requests: FrameRequest[] = budgets
    // Budgets that are never over, in no order.
    ? Array.from({ length: 997 }, (_, i) => ({ typedPayloads, latencyBudgetMs: 60_000 + (i * 389) % 997 }))
    : [{ typedPayloads }];
  let next = 0;
  return keepGoing(seconds, inFlight, async (worker) => {
    const result = await sessions[worker % sessions.length].submit(requests[next++ % requests.length]);
    if (result.typedPayloads[0].payload.length !== size) throw new Error("not what was sent");
  });
}

async function streams(job: GrowthJob, session: ClientSession): Promise<Measured> {
  const body = new Uint8Array(job.size);
  new DataView(body.buffer).setUint32(0, job.results, true);
  const request = { typedPayloads: [TypedPayload.opaqueBytes(body)] };
  const { rate, count } = await keepGoing(job.seconds, job.inFlight, async () => {
    let parts = 0;
    for await (const part of session.submitStream(request)) parts += part.typedPayloads.length;
    if (parts !== job.results) throw new Error(`expected ${job.results} parts, got ${parts}`);
  });
  return { rate: rate! * job.results, count: count! * job.results };
}

/** Many submits wait behind a full window; one signal ends them all. */
function giveUp({ count = 1, size, seconds }: GrowthJob, session: ClientSession): Promise<Measured> {
  const request = { typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(size))] };
  return times(seconds, count, async () => {
    const abort = new AbortController();
    const submits = Array.from({ length: count }, () => session.submit(request, { signal: abort.signal }));
    abort.abort();
    await Promise.allSettled(submits);
  });
}

/** Results come, are kept, and are received by frame, the newest first. */
function inbox({ count = 1, size, seconds }: GrowthJob, session: ClientSession): Promise<Measured> {
  const request = { typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(size))] };
  return times(seconds, count, async () => {
    const keys = await Promise.all(Array.from({ length: count }, () => session.submitNowait(request)));
    for (const { frameId, viewId } of keys.reverse()) await session.receiveResult({ frameId, viewId });
  });
}

async function cache(job: GrowthJob, session: ClientSession): Promise<Measured> {
  const { count = 1, size, inFlight, seconds } = job;
  const puts: Promise<{ readonly usable: boolean; readonly reference: FrameRequest["cameraReference"] }>[] =
    [];
  const references: FrameRequest["cameraReference"][] = [];
  for (let key = 0; key < count; key++) {
    puts.push(
      session.putCache({ kind: CacheObjectKind.CAMERA_BLOCK, key: BigInt(key), data: new Uint8Array(size) }),
    );
    if (puts.length < 32 && key + 1 < count) continue;
    for (const { usable, reference } of await Promise.all(puts.splice(0))) {
      if (!usable) throw new Error("the server did not keep an object");
      references.push(reference);
    }
  }
  let next = 0;
  return keepGoing(seconds, inFlight, async () => {
    await session.submit({ submitMode: SubmitMode.REFERENCE, cameraReference: references[next++ % count] });
  });
}

/** Runs `batch`, which does `size` things, again and again. */
async function times(seconds: number, size: number, batch: () => Promise<void>): Promise<Measured> {
  const begun = performance.now();
  let count = 0;
  do {
    await batch();
    count += size;
  } while (performance.now() - begun < seconds * 1000);
  return { rate: count / (performance.now() - begun) * 1000, count };
}

await control({ ready: true }, (job) => measure(job as unknown as GrowthJob));

/**
 * The client's load for peers with an ordinary API, one promise per request: ours and the yardsticks run this same code.
 *
 * @module
 */
import { type Job, Latencies, type Measured } from "./control.ts";

/** What a peer must be able to do. */
export interface Caller<Answer> {
  /** Sends bytes and resolves with what came back. */
  echo(body: Uint8Array): Promise<Answer>;
  /** Bytes of an answer. */
  size(answer: Answer): number;
  /** Asks for `results` results of the size of `body` and resolves with the bytes of them all. */
  stream(body: Uint8Array, results: number, batches: boolean): Promise<number>;
}

/** Runs a job on a peer. */
export function load<Answer>(caller: Caller<Answer>, job: Job): Promise<Measured> {
  const body = new Uint8Array(job.size).fill(7);
  return job.kind === "latency" ? latency(caller, job, body) : rate(caller, job, body);
}

async function latency<Answer>(caller: Caller<Answer>, job: Job, body: Uint8Array): Promise<Measured> {
  const times = new Latencies();
  const end = performance.now() + job.seconds * 1000;
  for (let now = 0; now < end;) {
    const begun = performance.now();
    const answer = await caller.echo(body);
    now = performance.now();
    times.add(now - begun);
    check(caller.size(answer), body.length);
  }
  return times.result();
}

async function rate<Answer>(caller: Caller<Answer>, job: Job, body: Uint8Array): Promise<Measured> {
  const begun = performance.now();
  const end = begun + job.seconds * 1000;
  const stream = job.kind === "stream";
  const often = stream || body.length >= 1 << 18 ? 0 : 63;
  let requests = 0;
  let running = true;
  const worker = async (): Promise<void> => {
    while (running) {
      if (stream) check(await caller.stream(body, job.results, job.batches), body.length * job.results);
      else check(caller.size(await caller.echo(body)), body.length);
      // The clock is read now and then only, as in the bare peer.
      if ((++requests & often) === 0 && performance.now() >= end) running = false;
    }
  };
  await Promise.all(Array.from({ length: job.inFlight }, worker));
  const count = requests * (stream ? job.results : 1);
  return { rate: count / (performance.now() - begun) * 1000, count };
}

function check(actual: number, expected: number): void {
  if (actual !== expected) throw new Error(`expected ${expected} bytes, got ${actual}`);
}

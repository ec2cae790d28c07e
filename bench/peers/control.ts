/**
 * How the runner talks to a peer process: one JSON line in, one JSON line out, on Deno, Node and Bun alike. A peer whose
 * stdin ends is over; nothing is left behind.
 *
 * @module
 */

/** What the runner asks a client to measure. */
export interface Job {
  /** `latency`: one at a time, every round trip timed. `rate`: keep `inFlight` going. `stream`: many results each. */
  readonly kind: "latency" | "rate" | "stream";
  /** Bytes of a request's payload (of a result's payload in `stream`). */
  readonly size: number;
  /** Requests kept in flight. */
  readonly inFlight: number;
  /** Results per request (`stream` only). */
  readonly results: number;
  /** Whether results are taken as batches (`stream`, ours only). */
  readonly batches: boolean;
  /** How long to measure, s. */
  readonly seconds: number;
}

/** What a client answers: percentiles in microseconds, or answers (results) per second. */
export interface Measured {
  /** Median round trip, us. */
  readonly p50?: number;
  /** 99th percentile of the round trips, us. */
  readonly p99?: number;
  /** Round trips, or results in `stream`, per second. */
  readonly rate?: number;
  /** How many the numbers rest on. */
  readonly count?: number;
}

const deno: typeof Deno | undefined = (globalThis as { Deno?: typeof Deno }).Deno;

/** Lines of stdin until it ends. */
async function* lines(): AsyncGenerator<string> {
  const chunks: AsyncIterable<Uint8Array> = deno
    ? deno.stdin.readable
    : (await import("node:process")).default.stdin as AsyncIterable<Uint8Array>;
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

/** Prints one JSON line. */
async function say(value: unknown): Promise<void> {
  const line = JSON.stringify(value) + "\n";
  if (deno) await deno.stdout.write(new TextEncoder().encode(line));
  else (await import("node:process")).default.stdout.write(line);
}

/** Ends this process. */
async function exit(): Promise<never> {
  if (deno) deno.exit(0);
  return (await import("node:process")).default.exit(0);
}

/** Arguments after the file name. */
export async function args(): Promise<readonly string[]> {
  return deno ? deno.args : (await import("node:process")).default.argv.slice(2);
}

/**
 * Runs a peer: says `hello` once, then answers every line with `answer(job)` until stdin ends. A failure is answered as
 * `{"error": …}`, so that the runner can name it.
 */
export async function control(hello: unknown, answer: (job: Job) => Promise<unknown>): Promise<never> {
  await say(hello);
  for await (const line of lines()) {
    try {
      await say(await answer(JSON.parse(line) as Job));
    } catch (error) {
      await say({ error: error instanceof Error ? error.stack ?? error.message : String(error) });
    }
  }
  return exit();
}

/** Round trip times, collected without allocating. */
export class Latencies {
  #times = new Float64Array(1 << 20);
  #count = 0;

  /** @param ms One round trip, ms. */
  add(ms: number): void {
    if (this.#count < this.#times.length) this.#times[this.#count++] = ms;
  }

  /** The percentiles so far. */
  result(): Measured {
    const sorted = this.#times.subarray(0, this.#count).sort();
    const at = (q: number): number =>
      (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0) * 1000;
    return { p50: at(0.5), p99: at(0.99), count: sorted.length };
  }
}

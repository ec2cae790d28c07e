/**
 * What the bare peer does with frames, on any runtime: the server echoes or sends many results, the client keeps its
 * requests going by callbacks alone. No promise is made per message.
 *
 * @module
 */
import { CHUNK, ECHO, type OnFrame, STREAM } from "./bare_frame.ts";
import type { FrameWriter } from "./bare_writer.ts";
import { type Job, Latencies, type Measured } from "./control.ts";

/** The server's handler: writes to `out`, the connection flushes at the end of the turn. */
export function answer(out: FrameWriter): OnFrame {
  return (kind, id, wanted, bytes, start, length) => {
    if (kind === ECHO) return out.frame(ECHO, id, 0, bytes, start, length);
    if (kind !== STREAM) throw new Error(`unknown kind ${kind}`);
    for (let i = 0; i < wanted; i++) out.frame(STREAM, id, wanted - i, bytes, start, length);
  };
}

/** The client: one job after the other on one connection. */
export class Client {
  #out: FrameWriter;
  #flush: () => void;
  #onFrame: OnFrame = () => {};

  /**
   * @param out Where requests are written.
   * @param flush Starts sending, for the first requests of a job; later ones leave at the end of their turn.
   */
  constructor(out: FrameWriter, flush: () => void) {
    this.#out = out;
    this.#flush = flush;
  }

  /** Hands a received frame to the job. */
  readonly onFrame: OnFrame = (kind, id, wanted, bytes, start, length) =>
    this.#onFrame(kind, id, wanted, bytes, start, length);

  /** Runs a job. */
  run(job: Job): Promise<Measured> {
    return new Promise((resolve, reject) => {
      const body = new Uint8Array(job.size).fill(7);
      const check = (length: number): void => {
        if (length !== job.size) reject(new Error(`expected ${job.size} bytes, got ${length}`));
      };
      if (job.kind === "latency") this.#latency(job, body, check, resolve);
      else this.#rate(job, body, check, resolve);
      this.#flush();
    });
  }

  #latency(job: Job, body: Uint8Array, check: (n: number) => void, resolve: (m: Measured) => void): void {
    const times = new Latencies();
    const end = performance.now() + job.seconds * 1000;
    let id = 1;
    let begun = performance.now();
    this.#onFrame = (_kind, _id, _wanted, _bytes, _start, length) => {
      const now = performance.now();
      times.add(now - begun);
      check(length);
      if (now >= end) return resolve(times.result());
      begun = now;
      this.#out.frame(ECHO, ++id, 0, body, 0, body.length);
    };
    this.#out.frame(ECHO, id, 0, body, 0, body.length);
  }

  #rate(job: Job, body: Uint8Array, check: (n: number) => void, resolve: (m: Measured) => void): void {
    const begun = performance.now();
    const end = begun + job.seconds * 1000;
    const stream = job.kind === "stream";
    let id = 0, open = 0, count = 0, requests = 0;
    let running = true;
    const send = (): void => {
      open++;
      this.#out.frame(stream ? STREAM : ECHO, ++id, job.results, body, 0, body.length);
    };
    this.#onFrame = (_kind, _id, wanted, _bytes, _start, length) => {
      count++;
      check(length);
      if (stream && wanted > 1) return;
      open--;
      // The clock is read now and then only; a large body is worth a reading.
      if (running && (stream || body.length >= CHUNK || (++requests & 63) === 0)) {
        running = performance.now() < end;
      }
      if (running) send();
      else if (open === 0) resolve({ rate: count / (performance.now() - begun) * 1000, count });
    };
    for (let i = 0; i < job.inFlight; i++) send();
  }
}

/**
 * Random walks over everything a session can do while it moves: frames of any size, streams, cancels, pings, patches, moves, two
 * at once, lost connections. The steps come from a seed; what must hold holds for any timing (behaviour spec §11).
 *
 * @module
 */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { type ClientSession, NnrpError, type Result, TypedPayload } from "@nnrp/client";
import type { ReceivedSubmit } from "@nnrp/core";
import { drop, type HandlerOutput } from "@nnrp/server";
import { type Meeting, PLACES } from "../support/places.ts";
import { until } from "../support/raw_peer.ts";
import { turn, turns } from "../support/turns.ts";

/** Numbers from a seed (mulberry32), 0…1. */
function numbers(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Steps of one walk. */
const STEPS = 600;
/** Walks of each kind. */
const WALKS = 3;

/** What a frame wants is in its first token: `kind count`. */
async function handle(frame: ReceivedSubmit): Promise<HandlerOutput> {
  const [kind, count] = frame.text().split(" ");
  if (kind === "stream") return parts(Number(count));
  if (kind === "drop") return drop();
  if (kind === "slow") await turns(Number(count));
  if (kind === "fail") throw new Error("as wished");
  return { typedPayloads: frame.typedPayloads };
}

async function* parts(count: number) {
  for (let i = 0; i < count; i++) {
    if (i % 8 === 0) await turn();
    yield { typedPayloads: [TypedPayload.tokenChunk(`${i} `)] };
  }
}

/** What became of the submits of a walk. */
interface Tally {
  submitted: number;
  settled: number;
  wrong: string[];
}

class Walk {
  readonly tally: Tally = { submitted: 0, settled: 0, wrong: [] };
  readonly #session: ClientSession;
  readonly #random: () => number;
  readonly #mayLose: boolean;
  readonly #pending = new Set<Promise<void>>();

  constructor(session: ClientSession, random: () => number, mayLose: boolean) {
    this.#session = session;
    this.#random = random;
    this.#mayLose = mayLose;
  }

  #upTo(most: number): number {
    return Math.floor(this.#random() * most);
  }

  /** Keeps a call in mind; only errors that the caller expects may come of it. */
  #watch(what: string, call: Promise<unknown>, mayFail: (error: unknown) => boolean): void {
    const watched: Promise<void> = call.then(() => {}, (error) => {
      if (!mayFail(error)) this.tally.wrong.push(`${what}: ${error}`);
    }).then(() => void this.#pending.delete(watched));
    this.#pending.add(watched);
  }

  /** Counts a submit and how it ends, which must be once. */
  #submit(what: string, answer: Promise<Result>, mayFail: boolean, check: (r: Result) => boolean): void {
    this.tally.submitted++;
    const checked = answer.then((result) => {
      if (!check(result)) this.tally.wrong.push(`${what}: another answer (${result.text().slice(0, 20)})`);
    }).finally(() => this.tally.settled++);
    this.#watch(what, checked, (error) => error instanceof NnrpError && (mayFail || this.#mayLose));
  }

  async #readStream(count: number, leaveAfter: number): Promise<void> {
    this.tally.submitted++;
    let text = "";
    let seen = 0;
    const request = { typedPayloads: [TypedPayload.tokenChunk(`stream ${count}`)] };
    try {
      for await (const part of this.#session.submitStream(request)) {
        text += part.text();
        if (++seen > leaveAfter) break;
      }
      const expected = Array.from({ length: Math.min(seen, count) }, (_, i) => `${i} `).join("");
      if (text !== expected || (seen <= leaveAfter && seen !== count)) {
        this.tally.wrong.push(
          `stream of ${count}, left after ${leaveAfter}: ${seen} parts, ${text.slice(-20)}`,
        );
      }
    } finally {
      this.tally.settled++;
    }
  }

  step(): void {
    const session = this.#session;
    const dice = this.#random();
    const text = (words: string) => TypedPayload.tokenChunk(words);
    if (dice < 0.40) {
      const words = `echo ${this.tally.submitted}`;
      this.#submit(words, session.submit({ typedPayloads: [text(words)] }), false, (r) => r.text() === words);
    } else if (dice < 0.50) {
      const words = `big ${this.tally.submitted}`;
      const bytes = new Uint8Array(this.#upTo(300_000)).fill(this.tally.submitted);
      const request = { typedPayloads: [text(words), TypedPayload.opaqueBytes(bytes)] };
      this.#submit(words, session.submit(request), false, (r) => {
        const back = r.opaqueBytesPayloads[0];
        return r.text() === words && back.length === bytes.length && back.every((b) => b === bytes[0]);
      });
    } else if (dice < 0.60) {
      const words = `slow ${this.#upTo(8)} ${this.tally.submitted}`;
      this.#submit(words, session.submit({ typedPayloads: [text(words)] }), false, (r) => r.text() === words);
    } else if (dice < 0.64) {
      this.#submit("drop", session.submit({ typedPayloads: [text("drop")] }), false, (r) => r.isDrop);
    } else if (dice < 0.68) {
      this.#submit("fail", session.submit({ typedPayloads: [text("fail")] }), true, () => false);
    } else if (dice < 0.78) {
      const cancel = new AbortController();
      const words = `slow ${this.#upTo(5)} cancelled`;
      const answer = session.submit({ typedPayloads: [text(words)] }, { signal: cancel.signal });
      this.#submit(words, answer, true, (r) => r.text() === words);
      const later = this.#upTo(3);
      if (later === 0) cancel.abort(new Error("no longer wanted"));
      else void turns(later).then(() => cancel.abort(new Error("no longer wanted")));
    } else if (dice < 0.86) {
      const count = this.#upTo(60);
      const leaveAfter = this.#random() < 0.3 ? this.#upTo(20) : Infinity;
      this.#watch(
        "stream",
        this.#readStream(count, leaveAfter),
        (error) => error instanceof NnrpError && this.#mayLose,
      );
    } else if (dice < 0.89) {
      this.#watch("ping", session.ping(), (error) => error instanceof NnrpError && this.#mayLose);
    } else if (dice < 0.90) {
      this.#watch(
        "patch",
        session.patch({ qualityTier: this.#upTo(4) }),
        (error) => error instanceof NnrpError && this.#mayLose,
      );
    } else if (dice < 0.98) {
      this.#move();
      if (this.#random() < 0.2) this.#move(); // two at once: one of them is too many
    } else if (this.#mayLose && this.#random() < 0.5) {
      void session.raw.carrier.close({ graceful: false });
    }
  }

  #move(): void {
    const moved = this.#session.migrate().then((outcome) => {
      if (!outcome.accepted && !this.#mayLose) {
        this.tally.wrong.push(`refused: ${outcome.ackMetadata?.acceptCode}`);
      }
    });
    // A session that moves or reconnects already says so.
    this.#watch("move", moved, (error) => error instanceof NnrpError && (this.#mayLose || isBusy(error)));
  }

  /** Waits for everything that was begun. */
  async quiet(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }
}

function isBusy(error: Error): boolean {
  return error.message.includes("is moving already");
}

async function walk(meeting: Meeting, seed: number, steps: number, mayLose: boolean): Promise<Tally> {
  const random = numbers(seed);
  const reconnect = mayLose ? { minDelayMs: 1, maxDelayMs: 5, maxAttempts: 100 } : undefined;
  const session = await meeting.dial({ reconnect });
  const walker = new Walk(session, random, mayLose);
  for (let i = 0; i < steps; i++) {
    walker.step();
    if (random() < 0.3) await turn();
    if (i % 200 === 199) await walker.quiet();
  }
  await walker.quiet();
  await until(() => session.state === "active", "the session to be active");
  assertEquals(session.stats.inFlight, 0, "in flight at the client");
  assertEquals(session.stats.waiting, 0, "waiting at the client");
  const { server } = meeting;
  const own = () => server.sessions.find((s) => s.sessionId === session.sessionId)!;
  await until(() => own().stats.inFlight === 0, "the server to be idle");
  const last = await session.submit({ typedPayloads: [TypedPayload.tokenChunk("echo last")] });
  assertEquals(last.text(), "echo last");
  await session.close();
  await until(
    () => !server.sessions.some((s) => s.sessionId === session.sessionId),
    "the server to see the end",
  );
  return walker.tally;
}

for (const place of PLACES) {
  for (const mayLose of [false, true]) {
    const what = mayLose ? "moves and losses" : "moves";
    test(`${place.name}: whatever happens between ${what}, every submit ends once and nothing is left over`, async () => {
      const meeting = await place.serve(handle, { maxQueuedFrames: 1000 });
      for (let seed = 1; seed <= WALKS; seed++) {
        const tally = await walk(meeting, seed, STEPS, mayLose);
        assertEquals(tally.wrong, [], `seed ${seed}`);
        assertEquals(tally.settled, tally.submitted, `seed ${seed}`);
      }
      const { open, sessions, suspended, bytesInFlight, running, queued } = meeting.server.stats;
      await meeting.end();
      assertEquals({ open, sessions, suspended, bytesInFlight, running, queued }, {
        open: 0,
        sessions: 0,
        suspended: 0,
        bytesInFlight: 0,
        running: 0,
        queued: 0,
      });
    });
  }
}

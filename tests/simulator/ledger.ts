/**
 * Every frame that a client submitted: what it asked for, what became of it here and at the server. Oracles read it.
 *
 * @module
 */
import type { Findings } from "./finding.ts";
import { type Order, orderText } from "./order.ts";
import type { SessionRun } from "./session_run.ts";

/** How a frame was submitted. */
export type Way = "submit" | "first" | "eos" | "stream" | "batches" | "text" | "left" | "nowait";

/** What the cache may answer to a frame that refers to it. */
export interface CacheWish {
  /** Key of the object. */
  readonly key: number;
  /** Number of the first put whose object may come. */
  readonly from: () => number;
  /** Number of the last one. */
  readonly to: () => number;
  /** Puts up to this one were taken out before. */
  readonly gone: number;
}

/** A frame. */
export interface Frame {
  /** What it asks for. */
  readonly order: Order;
  /** How it was submitted. */
  readonly way: Way;
  /** In which session. */
  readonly run: SessionRun;
  /** When `submit` was called, ms. */
  readonly submittedMs: number;
  /** What it is told to take at most, ms; 0 = no budget. */
  readonly budgetMs: number;
  /** Whether the application gave it its id. */
  readonly ownId: boolean;
  /** Whether its id had been used and given up before. */
  readonly reusedId: boolean;
  /** The session's pause under way when it was submitted; 0 = none. */
  readonly pause: number;
  /** What it refers to, if anything. */
  readonly cache: CacheWish | null;
  /** Whether the client gave it up itself: cancel, time-out, discard, first part, loop left. */
  givenUp: boolean;
  /** When it was over for the client, ms; −1 before. */
  overMs: number;
  /** How it ended. */
  outcome: string;
  /** How often handlers were started for it. */
  handled: number;
  /** When the last one began and, for one answer, when it was there, ms; −1 before. */
  startedMs: number;
  /** See `startedMs`. */
  answeredMs: number;
  /** When the server received it, ms. */
  receivedMs: number;
  /** Whether a handler works on it. */
  running: boolean;
}

/** Hears of every frame: its client, and what it asks for. */
export type SubmittedCall = (client: string, order: string) => void;

/** How long a frame that is over is remembered, ms: longer than anything of it may be on its way. */
const REMEMBER_MS = 600_000;
/** How often that is looked at, ms. */
const PRUNE_EVERY_MS = 60_000;

/** All frames of a run. */
export class Ledger {
  readonly #now: () => number;
  readonly #findings: Findings;
  readonly #submitted: SubmittedCall | undefined;
  readonly #frames: Map<string, Frame> = new Map();
  readonly #waiting: Set<Frame> = new Set();
  readonly #traced: Map<bigint, Frame> = new Map();
  #prunedMs = 0;
  /** Frames submitted. */
  submitted = 0;
  /** Frames that got their answer. */
  answered = 0;
  /** Frames that ended otherwise. */
  failed = 0;

  /** Makes a Ledger. */
  constructor(now: () => number, findings: Findings, submitted?: SubmittedCall) {
    this.#submitted = submitted;
    this.#now = now;
    this.#findings = findings;
  }

  /** A frame is submitted. */
  open(frame: Frame): void {
    this.submitted++;
    this.#submitted?.(frame.run.client.name, orderText(frame.order));
    this.#frames.set(frame.order.nonce, frame);
    this.#waiting.add(frame);
  }

  /** The frame of this name, unless it is long over. */
  find(nonce: string): Frame | undefined {
    return this.#frames.get(nonce);
  }

  /** A frame has ended for its client. Twice is a finding. */
  over(frame: Frame, outcome: string, answered: boolean): void {
    if (frame.overMs >= 0) {
      this.#findings.add({
        oracle: "endings",
        what: `a frame ended twice: ${kindOf(frame)} with "${frame.outcome}", then "${outcome}"`,
        atMs: this.#now(),
        client: frame.run.client.name,
        tags: frame.run.tags(frame),
      });
      return;
    }
    this.#waiting.delete(frame);
    frame.overMs = this.#now();
    frame.outcome = outcome;
    if (answered) this.answered++;
    else this.failed++;
  }

  /** A trace id that names a frame, for those that can carry no text. */
  trace(frame: Frame): bigint {
    const traceId = BigInt(this.#traced.size + 1);
    this.#traced.set(traceId, frame);
    return traceId;
  }

  /** The frame of that trace id. */
  traced(traceId: bigint): Frame | undefined {
    return this.#traced.get(traceId);
  }

  /** Frames that are not over. */
  get waiting(): ReadonlySet<Frame> {
    return this.#waiting;
  }

  /** Frames of a session. */
  *of(run: SessionRun): Generator<Frame, void, undefined> {
    for (const frame of this.#frames.values()) if (frame.run === run) yield frame;
  }

  /** Forgets what is long over. */
  prune(): void {
    const isDue = this.#now() - this.#prunedMs >= PRUNE_EVERY_MS;
    if (!isDue) return;
    this.#prunedMs = this.#now();
    const beforeMs = this.#now() - REMEMBER_MS;
    for (const [nonce, frame] of this.#frames) {
      if (frame.overMs >= 0 && frame.overMs < beforeMs && !frame.running) this.#frames.delete(nonce);
    }
  }
}

/** What kind of frame it is, for messages: without its number, so that equal findings have equal words. */
export function kindOf({ way, order, reusedId }: Frame): string {
  return `${way} of "${order.act}"${order.parts > 0 ? ` in parts` : ""}${
    reusedId ? " under an id used again" : ""
  }`;
}

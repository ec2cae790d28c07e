/**
 * One session of a client and what its application does with it, until it is over.
 *
 * @module
 */
import {
  type ClientSession,
  type FrameRequest,
  NnrpError,
  type Result,
  type SubmitOptions,
  TypedPayload,
} from "@nnrp/client";
import type { SessionEnd } from "@nnrp/client";
import { RandomStream, type VirtualHost } from "@nnrp/testing";
import type { SimClient } from "./client.ts";
import type { CacheWish, Frame, Way } from "./ledger.ts";
import { CacheModel } from "./cache_model.ts";
import { bulkOf, type Order, orderText, UPLOAD } from "./order.ts";
import { checkAnswer } from "./oracles/answers.ts";
import { checkCached } from "./oracles/cache.ts";
import { judgeClientEnd } from "./oracles/give_up.ts";
import { checkFigures } from "./oracles/lateness.ts";
import { checkClosingFrame } from "./oracles/closing.ts";
import { checkMovedFrame } from "./oracles/moves.ts";
import { judgeSessionEnd } from "./oracles/session_ends.ts";
import { checkStats } from "./oracles/stats.ts";
import type { Stage } from "./stage.ts";
import { consume } from "./work/results_loop.ts";
import { drawWork } from "./work/table.ts";

/** What a frame is to be. */
export interface FrameWish extends Partial<Omit<Order, "nonce">> {
  /** How it is submitted. */
  readonly way: Way;
  /** Further fields of the request. */
  readonly request?: FrameRequest;
  /** Whether its id had been used and given up before. */
  readonly reusedId?: boolean;
  /** What it refers to. */
  readonly cache?: CacheWish;
  /** Bulk to submit instead of one of its own. */
  readonly bulk?: Uint8Array;
}

/** Frames of one session that its application has open at most. */
const MAX_OPEN = 48;

/** A session with its work. */
export class SessionRun {
  /** Whose it is. */
  readonly client: SimClient;
  /** The session. */
  readonly session: ClientSession;
  /** Its name: client, life, number. */
  readonly name: string;
  /** Where it runs. */
  readonly host: VirtualHost;
  /** The run it is part of. */
  readonly stage: Stage;
  /** What its work is drawn from. */
  readonly random: RandomStream;
  /** What its cache at the server should hold. */
  readonly cache: CacheModel = new CacheModel();
  /** When it began, ms. */
  readonly sinceMs: number;
  /** Whether it is over, or its machine was killed. */
  isOver = false;
  /** Whether its machine was killed. */
  isKilled = false;
  /** Number of the pause under way; 0 = none. */
  pause = 0;
  /** When the application began to close it, and the time it gives; null before. */
  closing: { readonly atMs: number; readonly drainMs: number } | null = null;
  /** When a move of it last succeeded, ms; −1 before. */
  movedMs = -1;
  /** Frames open. */
  open = 0;
  /** Circumstances that a finding may have to do with. */
  readonly circumstances: Set<string> = new Set();
  #number = 0;
  #pauses = 0;
  readonly #ownIds: Set<number> = new Set();
  #over: () => void = () => {};

  /** Makes a SessionRun; its work begins. */
  constructor(client: SimClient, session: ClientSession, name: string) {
    this.client = client;
    this.session = session;
    this.name = name;
    this.host = client.host;
    this.stage = client.stage;
    this.sinceMs = this.host.now();
    this.random = new RandomStream(client.stage.script.seed, `work of ${name}`);
    this.circumstances.add(session.carrierName === "virtual-streams" ? "multi-stream" : "stream");
    this.stage.world.note(client.name, `session ${name} on ${session.carrierName}`);
    void consume(this);
    void this.#work();
  }

  /** Resolves when the session is over. */
  async played(): Promise<void> {
    const killed = new Promise<null>((done) => this.#over = () => done(null));
    const end = await Promise.race([this.session.closed, killed]);
    this.isOver = true;
    if (end !== null) this.#ended(end);
  }

  /** Its machine was killed: nothing of it happens any more, and nobody waits. */
  killed(): void {
    this.isKilled = this.isOver = true;
    for (const frame of this.stage.ledger.of(this)) {
      if (frame.overMs < 0) this.stage.ledger.over(frame, "killed", false);
    }
    this.#over();
  }

  /** What a finding about a frame of this session is tagged with. */
  tags(frame?: Frame): Set<string> {
    const tags = new Set(this.circumstances);
    for (const kind of this.stage.trouble.kindsSince(this.client.plan, this.host.now() - 60_000)) {
      tags.add(kind);
    }
    if (this.client.plan.reconnect !== "no") tags.add("with reconnect");
    if (this.session.stats.moves > 0) tags.add("moved");
    if (this.session.stats.reconnects > 0) tags.add("reconnected");
    if (frame !== undefined) {
      tags.add(frame.order.act);
      tags.add(frame.way);
      if (frame.ownId) tags.add("own id");
      if (frame.reusedId) tags.add("id used again");
      if (frame.handled > 1) tags.add("handled again");
    }
    return tags;
  }

  /** Whether its application may begin something more. */
  get hasRoom(): boolean {
    return this.open < MAX_OPEN;
  }

  /** The application gives a frame an id of its own; returns whether that had been used before. */
  usesId(frameId: number): boolean {
    const isAgain = this.#ownIds.has(frameId);
    this.#ownIds.add(frameId);
    return isAgain;
  }

  /** A number for the next pause of submits. */
  nextPause(): number {
    return ++this.#pauses;
  }

  /** A frame as it will be submitted, and its place in the ledger. */
  frame(wish: FrameWish): { readonly frame: Frame; readonly request: FrameRequest } {
    const nonce = `${this.name}.${++this.#number}`;
    const { way, act = "quick", parts = 0, bytes = 0, ms = 0, up = 0, request = {} } = wish;
    const order: Order = { nonce, act, parts, bytes, ms, up };
    const frame: Frame = {
      order,
      way,
      run: this,
      submittedMs: this.host.now(),
      budgetMs: request.latencyBudgetMs ?? 0,
      ownId: request.frameId !== undefined,
      reusedId: wish.reusedId ?? false,
      pause: this.pause,
      cache: wish.cache ?? null,
      givenUp: false,
      overMs: -1,
      outcome: "",
      handled: 0,
      startedMs: -1,
      answeredMs: -1,
      receivedMs: -1,
      running: false,
    };
    this.stage.ledger.open(frame);
    if (frame.cache !== null) {
      return { frame, request: { ...request, traceId: this.stage.ledger.trace(frame) } };
    }
    const payloads = [TypedPayload.tokenChunk(orderText(order))];
    const bulk = wish.bulk ?? (up > 0 ? bulkOf(nonce, UPLOAD, up) : undefined);
    if (bulk !== undefined) payloads.push(TypedPayload.opaqueBytes(bulk));
    return { frame, request: { ...request, typedPayloads: payloads } };
  }

  /** Submits a frame and judges what comes. Never rejects. */
  async submit(wish: FrameWish, options?: SubmitOptions): Promise<Result | null> {
    const { frame, request } = this.frame(wish);
    this.open++;
    let result: Result | null = null;
    try {
      result = await this.session.submit(request, options);
    } catch (error) {
      this.failed(frame, error, options?.signal);
    }
    this.open--;
    if (result !== null) {
      if (options?.until === "first") frame.givenUp = true;
      this.answered(frame, [result], options?.until !== "first");
    }
    return result;
  }

  /** A frame was answered; `whole`: all of the answer. */
  answered(frame: Frame, results: readonly Result[], whole: boolean): void {
    if (this.isKilled) return;
    this.client.lastAnswerMs = this.host.now();
    this.stage.ledger.over(frame, "answered", true);
    if (!checkAnswer(this.stage, frame, results, whole)) return;
    checkFigures(this.stage, frame, results.at(-1));
    checkCached(this.stage, frame, results[0]);
  }

  /** A frame failed. */
  failed(frame: Frame, error: unknown, signal?: AbortSignal): void {
    if (this.isKilled) return;
    const code = error instanceof NnrpError ? error.code : "";
    if (code === "TIMEOUT" || code === "CANCELLED" || signal?.aborted) frame.givenUp = true;
    this.stage.ledger.over(frame, `${code} ${String(error)}`.slice(0, 200), false);
    checkClosingFrame(this.stage, frame);
    checkMovedFrame(this.stage, frame);
    this.checkError(error, "a frame");
  }

  /** Whatever the library throws is one of its errors. */
  checkError(error: unknown, what: string): void {
    if (error instanceof NnrpError && error.code !== "INTERNAL") return;
    this.stage.found("calls", `${what} failed with ${String(error)}`, this.client.name, this.tags());
  }

  /** Awaits a call that must settle within a time; a call that hangs is a finding. */
  async within<T>(call: Promise<T>, limitMs: number, what: string): Promise<T | undefined> {
    const startedMs = this.host.now();
    let isOver = false;
    const cancel = this.host.after(limitMs, () => {
      if (isOver || this.isKilled) return;
      // What stood still itself, or was set back by it, gets as long again.
      if (this.stage.trouble.since(this.client.plan, startedMs, "stopped", "blocked")) return;
      this.stage.found("calls", `${what} has not settled after ${limitMs} ms`, this.client.name, this.tags());
    });
    try {
      return await call;
    } catch (error) {
      this.checkError(error, what);
      return undefined;
    } finally {
      isOver = true;
      cancel();
    }
  }

  async #work(): Promise<void> {
    const { stage, random, host } = this;
    while (!this.isOver && !stage.isClosing) {
      // Exponential, with an end: at least a frame in four times the mean.
      const meanMs = 1000 / this.client.plan.framesPerSecond;
      await host.sleep(Math.min(-Math.log(1 - random.next()) * meanMs, 4 * meanMs));
      if (this.isOver || this.closing !== null || stage.isClosing) return;
      if (this.hasRoom) drawWork(this);
    }
  }

  #ended(end: SessionEnd): void {
    const { stage } = this;
    stage.world.note(this.client.name, `session ${this.name} ended: ${end.kind}, ${end.reason}`);
    judgeClientEnd(this, end);
    judgeSessionEnd(this, end);
    checkStats(this);
  }
}

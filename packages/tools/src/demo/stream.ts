/**
 * Streams the moving view: at each beat of the clock the tiles that changed are submitted, answers are pasted as they come.
 * Never waits for an answer: when this side is late it leaves out frames of the view, when too many frames are under way it
 * holds one back, and both are counted.
 *
 * @module
 */
import { meanX2, psnr, type TileGrid, tileGrid, tileSubmit } from "@nnrp/backends";
import {
  BudgetPolicy,
  type ClientSession,
  NnrpProtocolError,
  NnrpTimeoutError,
  type Result,
  ResultClass,
} from "@nnrp/client";
import { Canvas, type Shown, type SmallFrame } from "./canvas.ts";
import { type FrameRecord, type PhaseOptions, PhaseRecord } from "./phase.ts";
import type { Scene } from "./scene.ts";

/** Most frames under way; at a steady rate more than budget / interval never are. */
const MAX_IN_FLIGHT = 6;
/** So many answers in a row without anything new, and the next submit asks for one tile, however late it comes. */
const MAX_BARREN = 8;
/** When the picture of a phase is taken, as a part of its duration: in the middle of a pan. */
const SNAPSHOT_AT = 0.2;
/** After this long a frame is given up, whatever the server does, ms. */
const GIVE_UP_MS = 5000;

/** A client that streams one scene to one session. */
export class DemoStream {
  readonly #session: ClientSession;
  readonly #scene: Scene;
  readonly #grid: TileGrid;
  readonly #canvas: Canvas;
  #inFlight = 0;
  #frameNumber = 0;
  /** Tiles of the next submit at most; shrinks while nothing but whole frames are allowed and those are too much. */
  #askLimit: number;
  /** Answers in a row that brought nothing new. */
  #barren = 0;

  /**
   * Makes a DemoStream.
   *
   * @param session A session with a super-resolution server.
   * @param scene What is to be seen; the view's sizes are even.
   */
  constructor(session: ClientSession, scene: Scene) {
    this.#session = session;
    this.#scene = scene;
    this.#grid = tileGrid(scene.motion.viewWidth / 2, scene.motion.viewHeight / 2);
    this.#canvas = new Canvas(this.#grid);
    this.#askLimit = this.tiles;
  }

  /** Tiles of the view. */
  get tiles(): number {
    return this.#grid.columns * this.#grid.rows;
  }

  /**
   * Submits whole frames without a budget, uncounted: WebAssembly is compiled twice, and the better code comes only after
   * some work.
   *
   * @param durationMs For how long.
   */
  async warmUp(durationMs: number): Promise<void> {
    const ends = performance.now() + durationMs;
    const small = meanX2(this.#scene.at(0).original);
    do await this.#session.submit(tileSubmit(small, this.#grid), { timeoutMs: GIVE_UP_MS }); while (
      performance.now() < ends
    );
  }

  /**
   * Streams for a while.
   *
   * @param options How long, how fast, under which budget.
   * @param progress Called after each frame of the view.
   * @param signal Ends it early.
   * @throws What ended the session.
   */
  async run(
    options: PhaseOptions,
    progress: (record: PhaseRecord) => void,
    signal: AbortSignal,
  ): Promise<PhaseRecord> {
    const record = new PhaseRecord(options);
    const interval = 1000 / options.fps;
    const total = Math.max(1, Math.round(options.durationMs / interval));
    const under: Promise<void>[] = [];
    const began = performance.now();
    let last = -1;
    let failed = false;
    while (!signal.aborted && !failed) {
      await sleep(began + (last + 1) * interval - performance.now());
      const beat = Math.floor((performance.now() - began) / interval + 1e-6);
      if (beat >= total) break;
      if (beat <= last) continue; // the timer was early
      record.skipped += beat - last - 1;
      last = beat;
      const submitted = this.#beat(record, beat * interval);
      if (submitted !== null) {
        under.push(submitted);
        submitted.catch(() => failed = true); // told by Promise.all below
      }
      record.elapsedMs = performance.now() - began;
      progress(record);
    }
    await Promise.all(under);
    record.skipped += signal.aborted ? 0 : total - 1 - last;
    record.elapsedMs = performance.now() - began;
    return record;
  }

  /** One frame of the view; the promise is that of its answer. */
  #beat(record: PhaseRecord, atMs: number): Promise<void> | null {
    const number = this.#frameNumber++;
    const { state, original } = this.#scene.at(atMs);
    const frame = this.#canvas.frame(meanX2(original));
    const wanted = this.#canvas.wanted(frame, number);
    const show = (answer: Answer) => {
      const { picture, bicubicPicture, shown } = this.#canvas.compose(frame);
      const part = (what: Shown) => shown.filter((x) => x === what).length / shown.length;
      record.frames.push({
        atMs,
        motion: state.kind,
        ...answer,
        fresh: part("fresh"),
        kept: part("kept"),
        psnr: psnr(picture, original),
        bicubicPsnr: psnr(bicubicPicture, original),
      });
      if (
        record.snapshot === null && atMs >= SNAPSHOT_AT * record.options.durationMs && state.kind !== "rest"
      ) {
        record.snapshot = { picture, shown };
      }
    };
    const held = this.#inFlight >= MAX_IN_FLIGHT;
    if (wanted.length === 0 || held) {
      show({ ...NOTHING, held: held && wanted.length > 0 });
      return null;
    }
    // On a machine that cannot do a single tile in time the picture would freeze: now and then one may take as long as it
    // needs, which also shows the server what a tile costs by now.
    const patient = this.#barren >= MAX_BARREN;
    if (patient) this.#barren = 0;
    const ids = wanted.slice(0, patient ? 1 : this.#askLimit);
    return this.#submit(record.options, frame, ids, patient).then(show);
  }

  /** Submits tiles and takes the answer in. Never rejects for what is only this frame's trouble. */
  async #submit(
    options: PhaseOptions,
    frame: SmallFrame,
    ids: readonly number[],
    patient: boolean,
  ): Promise<Answer> {
    this.#inFlight++;
    this.#canvas.asked(frame, ids);
    const began = performance.now();
    let result: Result | null = null;
    try {
      result = await this.#session.submit({
        ...tileSubmit(frame.small, this.#grid, ids),
        latencyBudgetMs: patient ? 0 : options.serverBudgetMs,
        budgetPolicy: patient ? 0 : options.policy,
      }, { timeoutMs: GIVE_UP_MS });
    } catch (error) {
      if (!(error instanceof NnrpProtocolError || error instanceof NnrpTimeoutError)) throw error;
    } finally {
      this.#inFlight--;
    }
    const latencyMs = performance.now() - began;
    const answer = result === null || result.isDrop ? null : result;
    const stale = answer?.resultClass === ResultClass.STALE_REUSE;
    const covered = this.#canvas.take(frame, ids, answer, stale);
    const fresh = answer !== null && !stale;
    this.#barren = fresh ? 0 : this.#barren + 1;
    if (!patient) this.#adapt(options, ids.length, fresh);
    return {
      asked: ids.length,
      className: result?.className ?? "ERROR",
      held: false,
      covered,
      latencyMs,
      inferenceMs: answer?.metadata?.inferenceMs ?? 0,
    };
  }

  /** Where parts are not allowed, ask for less after a frame that was too much, and for more after one that was not. */
  #adapt(options: PhaseOptions, asked: number, answered: boolean): void {
    if ((options.policy & BudgetPolicy.ALLOW_PARTIAL) !== 0) this.#askLimit = this.tiles;
    else if (answered) this.#askLimit = Math.min(this.tiles, this.#askLimit + Math.ceil(this.tiles / 8));
    else this.#askLimit = Math.max(1, Math.floor(asked / 2));
  }
}

type Answer = Pick<FrameRecord, "asked" | "className" | "held" | "covered" | "latencyMs" | "inferenceMs">;

const NOTHING: Answer = {
  asked: 0,
  className: null,
  held: false,
  covered: 0,
  latencyMs: NaN,
  inferenceMs: 0,
};

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

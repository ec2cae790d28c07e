/**
 * The super-resolution backend: luma tiles in, luma tiles of twice the size out, within the frame's budget. Tiles are
 * run in batches; between batches the event loop gets a turn, so that a cancelled frame stops and nobody else waits for
 * long. When time runs out the frame is answered with what its policy allows; see `docs/super-resolution.md`.
 *
 * @module
 */
import { BudgetPolicy, NnrpStateError, NnrpValueError } from "@nnrp/core";
import type { Backend, BackendDrop, BackendFrame, BackendOutput, BackendRunOptions } from "./backend.ts";
import { CostEstimate } from "./cost_estimate.ts";
import type { OnnxRuntime, OnnxRuntimeChoice } from "./onnx/runtime.ts";
import { OnnxSession } from "./onnx/session.ts";
import { StaleTileStore } from "./stale_tiles.ts";
import {
  readTileFrame,
  staleTileResult,
  SUPER_RESOLUTION_HALO,
  SUPER_RESOLUTION_SCALE,
  type TileFrame,
  tileResult,
  type TileTimes,
} from "./super_resolution_frame.ts";

/** Options of {@linkcode superResolution}. All have defaults. */
export interface SuperResolutionOptions {
  /** Which ONNX Runtime, or one of the program's own. Default `"auto"`: native where installed, else wasm. */
  readonly runtime?: OnnxRuntimeChoice | OnnxRuntime;
  /** Another model of the same interface. Default: the packaged one. */
  readonly model?: URL | Uint8Array;
  /** Receptive field radius of that model, pixels. Default 4. */
  readonly halo?: number;
  /** Threads of the native runtime. Default: the runtime's own choice. */
  readonly threads?: number;
  /** Most input pixels of one frame, halos included. Default 16,777,216 (a 3840×2160 picture in 32×32 tiles fits). */
  readonly maxFramePixels?: number;
  /** Most input pixels of one inference; smaller means finer stops, larger a little less overhead. Default 24,576. */
  readonly maxBatchPixels?: number;
  /** Part of the budget that is left for sending the result, ms. Default 1. */
  readonly reserveMs?: number;
  /** Most bytes of old tiles kept for STALE_REUSE, over all sessions; 0 keeps none. Default 64 MiB. */
  readonly staleBytes?: number;
  /** A monotonic clock, ms. Default `performance.now`. */
  readonly clock?: () => number;
}

/** How the frames of a backend ended. */
export interface SuperResolutionStats {
  /** Answered whole. */
  readonly complete: number;
  /** Answered in part. */
  readonly partial: number;
  /** Answered with old tiles. */
  readonly stale: number;
  /** Not answered for lack of time. */
  readonly dropped: number;
  /** Not answered because cancelled. */
  readonly cancelled: number;
  /** Present estimate: time for a million input pixels, ms. */
  readonly msPerMegapixel: number;
  /** Bytes of old tiles kept. */
  readonly staleBytes: number;
}

/** The packaged network. */
const PACKAGED_MODEL: URL = new URL("../models/super_resolution_x2.onnx", import.meta.url);

/**
 * A ×2 super-resolution backend for luma tiles. The model is loaded on first use; call `ready()` before serving, or the
 * first frames lose their budget to the loading.
 *
 * @param options Which runtime, which model, bounds.
 */
export function superResolution(options: SuperResolutionOptions = {}): SuperResolution {
  return new SuperResolution(options);
}

/** See {@linkcode superResolution}. */
export class SuperResolution implements Backend {
  /** Name of the model. */
  readonly name = "super-resolution-x2";
  /** Pixels of surroundings that each tile must bring on each side. */
  readonly halo: number;
  readonly #options: SuperResolutionOptions;
  readonly #clock: () => number;
  readonly #reserveMs: number;
  readonly #maxBatchPixels: number;
  readonly #cost = new CostEstimate();
  readonly #stale: StaleTileStore;
  readonly #counts = { complete: 0, partial: 0, stale: 0, dropped: 0, cancelled: 0 };
  #session: Promise<OnnxSession> | undefined;
  #closed = false;
  // Runs are one after the other: the end of the last one that was begun.
  #tail: Promise<unknown> = Promise.resolve();
  #input = new Float32Array(0);

  /**
   * Loads nothing yet.
   *
   * @param options Which runtime, which model, bounds.
   */
  constructor(options: SuperResolutionOptions = {}) {
    this.#options = options;
    this.halo = options.halo ?? SUPER_RESOLUTION_HALO;
    this.#clock = options.clock ?? (() => performance.now());
    this.#reserveMs = options.reserveMs ?? 1;
    this.#maxBatchPixels = options.maxBatchPixels ?? 24_576;
    this.#stale = new StaleTileStore(options.staleBytes ?? 64 * 1024 * 1024);
  }

  /** How the frames so far ended. */
  get stats(): SuperResolutionStats {
    return { ...this.#counts, msPerMegapixel: this.#cost.msFor(1e6), staleBytes: this.#stale.bytes };
  }

  /** Which runtime runs the model; loads it if need be. */
  async runtimeName(): Promise<"native" | "wasm" | "given"> {
    return (await this.#open()).runtimeName;
  }

  /**
   * Resolves when the model is loaded, checked and warm.
   *
   * @throws NnrpValueError (field `model`) for a missing or wrong model, NnrpUnsupportedError without ONNX Runtime.
   */
  async ready(): Promise<void> {
    await this.#open();
  }

  /**
   * Answers one frame: COMPLETE, PARTIAL, STALE_REUSE or a drop, as its budget and policy allow.
   *
   * @throws NnrpProtocolError (frame scope) if the frame breaks the convention; the errors of {@linkcode ready}.
   */
  async run(frame: BackendFrame, options: BackendRunOptions = {}): Promise<BackendOutput> {
    const arrived = this.#clock() - (options.queueMs ?? 0);
    const tiles = readTileFrame(frame, this.halo, this.#options.maxFramePixels ?? 16_777_216);
    const session = this.#open();
    const work = this.#tail.then(async () =>
      await this.#answer(await session, frame, tiles, arrived, options)
    );
    this.#tail = work.catch(() => {});
    return await work;
  }

  /** Waits for the run under way and gives the model back. Later runs are refused. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#tail;
    const session = await this.#session?.catch(() => undefined);
    this.#session = undefined;
    await session?.close();
  }

  async #answer(
    session: OnnxSession,
    frame: BackendFrame,
    tiles: TileFrame,
    arrived: number,
    options: BackendRunOptions,
  ): Promise<BackendOutput> {
    const signal = options.signal ?? frame.signal;
    if (signal?.aborted) return this.#drop("cancelled");
    const { latencyBudgetMs, budgetPolicy } = frame.metadata;
    // Without a policy nothing but the whole answer is allowed, however late.
    const bounded = latencyBudgetMs > 0 && budgetPolicy !== 0;
    const deadline = bounded ? arrived + latencyBudgetMs - this.#reserveMs : Infinity;
    const partial = (budgetPolicy & BudgetPolicy.ALLOW_PARTIAL) !== 0;

    const began = this.#clock();
    const answers: (Uint8Array | null)[] = new Array(tiles.tiles.length).fill(null);
    let done = 0;
    const batchLimit = Math.max(1, Math.floor(this.#maxBatchPixels / tiles.inputPixels));
    while (done < answers.length) {
      const left = answers.length - done;
      // Looked at before the turn below: work that is done must not wait for it while the budget runs out.
      const affordable = Math.floor(this.#cost.unitsWithin(deadline - this.#clock()) / tiles.inputPixels);
      // Half an answer that nobody may have is not worth beginning.
      if (affordable < (partial ? 1 : left)) {
        if (done === 0 && this.#clock() < deadline) this.#cost.refused();
        break;
      }
      if (done > 0) await turn();
      if (signal?.aborted) return this.#drop("cancelled");
      const count = Math.min(batchLimit, left, affordable);
      await this.#batch(session, tiles, done, count, answers);
      done += count;
      if (signal?.aborted) return this.#drop("cancelled");
    }
    const now = this.#clock();
    const times = { inferenceMs: now - began, queueMs: began - arrived, totalMs: now - arrived };
    if (done < answers.length && !(partial && done > 0)) {
      return this.#late(frame, tiles, times, options.session);
    }
    if (options.session !== undefined) {
      this.#stale.remember(
        options.session,
        tiles.viewId,
        tiles.geometry,
        tiles.frameId,
        tiles.tileIds,
        answers,
      );
    }
    if (done < answers.length) this.#counts.partial++;
    else this.#counts.complete++;
    return tileResult(tiles, answers, times);
  }

  /** The answer to a frame for which there is no time. */
  #late(frame: BackendFrame, tiles: TileFrame, times: TileTimes, session: object | undefined): BackendOutput {
    if ((frame.metadata.budgetPolicy & BudgetPolicy.ALLOW_STALE_REUSE) !== 0 && session !== undefined) {
      const known = this.#stale.recall(session, tiles.viewId, tiles.geometry);
      const reused = tiles.tileIds.map((id) => known?.tiles.get(id) ?? null);
      if (known !== undefined && reused.some((tile) => tile !== null)) {
        this.#counts.stale++;
        return staleTileResult(tiles, known.frameId, reused, times);
      }
    }
    return this.#drop("budget");
  }

  #drop(reason: BackendDrop["reason"]): BackendDrop {
    if (reason === "budget") this.#counts.dropped++;
    else this.#counts.cancelled++;
    return { drop: true, reason };
  }

  /** Runs tiles `first … first + count - 1` in one inference and measures it. */
  async #batch(
    session: OnnxSession,
    frame: TileFrame,
    first: number,
    count: number,
    answers: (Uint8Array | null)[],
  ): Promise<void> {
    const began = this.#clock();
    const { inputPixels, outputPixels } = frame;
    const size = count * inputPixels;
    if (this.#input.length < size) this.#input = new Float32Array(size);
    const input = this.#input.subarray(0, size);
    for (let i = 0; i < count; i++) {
      const tile = frame.tiles[first + i];
      const offset = i * inputPixels;
      for (let p = 0; p < inputPixels; p++) input[offset + p] = tile[p] / 255;
    }
    const { data } = await session.run(input, [count, 1, frame.inputHeight, frame.inputWidth]);
    for (let i = 0; i < count; i++) {
      const answer = new Uint8Array(outputPixels);
      const offset = i * outputPixels;
      for (let p = 0; p < outputPixels; p++) {
        const value = data[offset + p] * 255 + 0.5;
        answer[p] = value <= 0 ? 0 : value >= 255 ? 255 : value; // storing cuts the fraction off
      }
      answers[first + i] = answer;
    }
    this.#cost.measured(size, this.#clock() - began);
  }

  /** The model, loaded once; a model that could not be loaded stays so. */
  #open(): Promise<OnnxSession> {
    if (this.#closed) throw new NnrpStateError("the super-resolution backend is closed");
    if (this.#session === undefined) {
      this.#session = this.#load();
      this.#session.catch(() => {}); // whoever asked is told; nobody else needs to be
    }
    return this.#session;
  }

  async #load(): Promise<OnnxSession> {
    const { model = PACKAGED_MODEL, runtime, threads } = this.#options;
    const session = await OnnxSession.open(model, { runtime, threads });
    try {
      const side = 32 + 2 * this.halo;
      const count = Math.max(1, Math.floor(this.#maxBatchPixels / side ** 2));
      const input = new Float32Array(count * side * side);
      // The first inference is slow (memory, compilation); the second one is what the estimate begins with.
      await this.#probe(session, input, count, side);
      const began = this.#clock();
      await this.#probe(session, input, count, side);
      this.#cost.measured(input.length, this.#clock() - began);
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** One inference on nothing, which also shows whether the model answers in the agreed shape. */
  async #probe(session: OnnxSession, input: Float32Array, count: number, side: number): Promise<void> {
    const wanted = `${count}x1x${32 * SUPER_RESOLUTION_SCALE}x${32 * SUPER_RESOLUTION_SCALE}`;
    let found: string;
    let cause: unknown;
    try {
      found = (await session.run(input, [count, 1, side, side])).dims.join("x");
    } catch (error) {
      found = error instanceof Error ? error.message : String(error);
      cause = error;
    }
    if (found !== wanted) {
      throw new NnrpValueError(
        `the model does not answer ${count}x1x${side}x${side} (halo ${this.halo}) as it should`,
        {
          field: "model",
          expected: wanted,
          actual: found,
          cause,
        },
      );
    }
  }
}

/** Lets everybody else run: sockets, timers, cancellations. */
function turn(): Promise<void> {
  const immediate = (globalThis as { setImmediate?: (then: () => void) => void }).setImmediate;
  // Where there is no setImmediate (browsers), a timer costs up to 4 ms.
  return new Promise((resolve) => immediate === undefined ? setTimeout(resolve, 0) : immediate(resolve));
}

/**
 * The client's frames in flight: who waits for which key, which ids are free, whose time is over, and what a result means to its
 * waiter (behaviour spec §8).
 *
 * @module
 */
import {
  NnrpCancelledError,
  type NnrpError,
  NnrpInternalError,
  NnrpStateError,
  NnrpValueError,
  NnrpWireError,
} from "../../errors.ts";
import { MessageType, ResultClass } from "../../wire/enums.ts";
import { HeaderFlags } from "../../wire/flags.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import type { FrameWaiter } from "../engine/engine_host.ts";
import { FrameTable } from "./frame_table.ts";
import { GivenUpFrames } from "./given_up_frames.ts";
import { isPart, Result } from "./result.ts";

/** Counters of the client's frames. */
export interface ClientFrameCounts {
  /** Frames submitted. */
  submitted: number;
  /** Results received, parts included. */
  results: number;
  /** Frames that ended with a result, by class. */
  complete: number;
  /** See `complete`. */
  partial: number;
  /** See `complete`. */
  staleReuse: number;
  /** See `complete`. */
  degraded: number;
  /** Frames the server dropped. */
  dropped: number;
  /** Frames that ended with an ERROR, an unreadable result, or the session. */
  failed: number;
  /** Frames cancelled here. */
  cancelled: number;
  /** Frames discarded here. */
  discarded: number;
  /** Waits that timed out. */
  timedOut: number;
  /** Results that came after the wait had timed out. */
  late: number;
  /** Results for frames that are not in flight: unsolicited, after the final one, or after a cancel. */
  unknown: number;
}

/** A waiter threw when it was given a result; `open`: its frame was not at its end, and the server still works on it. */
export type HandOverFault = (waiter: FrameWaiter, open: boolean, error: NnrpInternalError) => void;

/** See the module. */
export class PendingFrames {
  /** Counters by cause. */
  readonly counts: ClientFrameCounts = {
    submitted: 0,
    results: 0,
    complete: 0,
    partial: 0,
    staleReuse: 0,
    degraded: 0,
    dropped: 0,
    failed: 0,
    cancelled: 0,
    discarded: 0,
    timedOut: 0,
    late: 0,
    unknown: 0,
  };
  /** Greatest id of a frame whose final result came; 0 = none yet. */
  lastResultFrameId = 0;
  /** Whether a PARTIAL without EOS is a part only: agreed in the handshake. */
  streamedResults = false;
  /** When the next wait ends, ms; Infinity = none does. */
  nextDeadlineMs: number = Infinity;

  readonly #frames = new FrameTable<FrameWaiter>();
  #gone = new GivenUpFrames();
  #late = 0; // frames in the table whose wait timed out: they hold a key, no slot
  #nextFrameId = 1;
  #wrappedFrameId = 0;
  #minFrameId = 0; // after a move without token: ids must grow from here (behaviour spec §11)

  readonly #handOverFault: HandOverFault;

  /**
   * Makes a PendingFrames.
   *
   * @param handOverFault Told of results that a waiter could not take.
   */
  constructor(handOverFault: HandOverFault) {
    this.#handOverFault = handOverFault;
  }

  /** Frames that hold a slot. */
  get inFlight(): number {
    return this.#frames.size - this.#late;
  }

  /**
   * The id of the next frame.
   *
   * @param wished Id that the caller wants; undefined = the next free one.
   * @param viewId Its view.
   * @throws NnrpStateError if the key is in flight, NnrpValueError if the id must grow and does not.
   */
  choose(wished: number | undefined, viewId: number): number {
    const frameId = this.#minFrameId === 0 ? wished : this.#growing(wished);
    if (frameId === undefined) return this.#free(viewId);
    if (this.#frames.has(frameId, viewId)) {
      throw new NnrpStateError(
        `frame ${frameId}/${viewId} is in flight already; wait for it, discard it, or take another id or view`,
      );
    }
    return frameId;
  }

  /** The id after the greatest one used; only after 2³² frames it has to look for one that is free. */
  #free(viewId: number): number {
    let id = this.#nextFrameId;
    if (id <= 0xffffffff) return id;
    do id = this.#wrappedFrameId = (this.#wrappedFrameId + 1) >>> 0; while (
      this.#frames.has(id, viewId) || this.#gone.has(id, viewId)
    );
    return id;
  }

  #growing(wished: number | undefined): number | undefined {
    const id = wished ?? Math.max(this.#nextFrameId, this.#minFrameId);
    if (id > 0xffffffff && wished === undefined) {
      this.#minFrameId = 0; // the ids have been used up: they begin anew
      return undefined;
    }
    if (id < this.#minFrameId) {
      throw new NnrpValueError("must grow after a move without token", {
        field: "frameId",
        expected: `${this.#minFrameId} or more`,
        actual: id,
      });
    }
    this.#minFrameId = id < 0xffffffff ? id + 1 : 0;
    return id;
  }

  /** Ids go on from here, and must grow. */
  growFrom(frameId: number): void {
    this.#minFrameId = Math.max(this.#minFrameId, frameId);
  }

  /** A frame was written: remembers who waits for it. */
  enter(frameId: number, viewId: number, waiter: FrameWaiter): void {
    waiter.frameId = frameId;
    waiter.viewId = viewId;
    this.#frames.set(frameId, viewId, waiter);
    if (waiter.deadlineMs !== 0 && waiter.deadlineMs < this.nextDeadlineMs) {
      this.nextDeadlineMs = waiter.deadlineMs;
    }
    if (frameId >= this.#nextFrameId) this.#nextFrameId = frameId + 1;
    this.counts.submitted++;
  }

  /** Who waits for the frame; undefined if it is not in flight. */
  get(frameId: number, viewId: number): FrameWaiter | undefined {
    return this.#frames.get(frameId, viewId);
  }

  /** All frames whose answer is due, in no order. */
  waiters(): FrameWaiter[] {
    const all: FrameWaiter[] = [];
    this.#frames.forEach((waiter) => void all.push(waiter));
    return all;
  }

  /** A RESULT_PUSH or RESULT_DROP came. */
  result(cursor: PacketCursor): void {
    const { frameId, viewId } = cursor;
    if (this.#gone.size !== 0 && this.#swallow(cursor)) return;
    const slot = this.#frames.find(frameId, viewId);
    if (slot < 0) {
      this.counts.unknown++;
      return;
    }
    const waiter = this.#frames.at(slot);
    let result: Result;
    try {
      result = new Result(cursor);
    } catch (error) {
      if (!(error instanceof NnrpWireError)) throw error;
      this.take(frameId, viewId);
      this.counts.failed++;
      waiter.failed(error);
      return;
    }
    this.counts.results++;
    const final = result.isDrop || result.resultClass !== ResultClass.PARTIAL ||
      (result.flags & HeaderFlags.EOS) !== 0 ||
      !(waiter.untilEos || this.streamedResults);
    result.isFinal = final;
    if (waiter.late) this.counts.late++;
    if (final) {
      if (frameId > this.lastResultFrameId) this.lastResultFrameId = frameId;
      this.#frames.deleteAt(slot);
      if (waiter.late) this.#late--;
      this.#countFinal(result);
    }
    try {
      waiter.result(result, final);
    } catch (cause) {
      this.#handOverFailed(waiter, final, cause);
    }
  }

  /** A waiter could not take its result: its frame fails, nothing else does. */
  #handOverFailed(waiter: FrameWaiter, final: boolean, cause: unknown): void {
    const { frameId, viewId } = waiter;
    const what = `the result of frame ${frameId}/${viewId} could not be handed over`;
    const error = new NnrpInternalError(what, { cause });
    const open = !final && this.take(frameId, viewId) !== undefined;
    if (open) {
      this.#gone.add(frameId, viewId);
      this.counts.failed++;
    }
    waiter.failed(error);
    this.#handOverFault(waiter, open, error);
  }

  /** Whether a result is the late answer of a frame that was given up: a new frame of the same key must not get it. */
  #swallow(cursor: PacketCursor): boolean {
    const { frameId, viewId } = cursor;
    if (!this.#gone.has(frameId, viewId)) return false;
    this.counts.unknown++;
    const part = cursor.msgType === MessageType.RESULT_PUSH && this.streamedResults &&
      isPart(cursor.view, cursor.metaOffset, cursor.metaLength) && (cursor.flags & HeaderFlags.EOS) === 0;
    if (!part) this.#gone.answered(frameId, viewId);
    return true;
  }

  #countFinal(result: Result): void {
    const counts = this.counts;
    if (result.isDrop) counts.dropped++;
    else {
      const resultClass = result.resultClass;
      if (resultClass === ResultClass.COMPLETE) counts.complete++;
      else if (resultClass === ResultClass.PARTIAL) counts.partial++;
      else if (resultClass === ResultClass.STALE_REUSE) counts.staleReuse++;
      else counts.degraded++;
    }
  }

  /** An ERROR about a frame came. */
  fail(frameId: number, viewId: number, error: NnrpError): void {
    if (this.#gone.answered(frameId, viewId)) return; // the last word on a frame that was given up
    const waiter = this.take(frameId, viewId);
    if (waiter === undefined) return;
    this.counts.failed++;
    waiter.failed(error);
  }

  /** Takes a frame out and frees what it held; undefined if it is not in flight. */
  take(frameId: number, viewId: number): FrameWaiter | undefined {
    const waiter = this.#frames.delete(frameId, viewId);
    if (waiter !== undefined && waiter.late) this.#late--;
    return waiter;
  }

  /** Nobody wants the frame any more; its late result is swallowed. Whether it was in flight. */
  giveUp(frameId: number, viewId: number, why: "cancelled" | "discarded", cause?: unknown): boolean {
    const waiter = this.take(frameId, viewId);
    if (waiter === undefined) return false;
    this.#gone.add(frameId, viewId);
    this.counts[why]++;
    waiter.failed(new NnrpCancelledError(`frame ${frameId}/${viewId} was ${why}`, { cause }));
    return true;
  }

  /** The wait is over: frees the slot, keeps the key for the late result. Whether it held a slot. */
  timeOut(frameId: number, viewId: number): boolean {
    const waiter = this.#frames.get(frameId, viewId);
    if (waiter === undefined || waiter.late) return false;
    this.#setLate(waiter);
    return true;
  }

  #setLate(waiter: FrameWaiter): void {
    waiter.late = true;
    this.#late++;
    this.counts.timedOut++;
  }

  /** Ends the waits whose time is over. */
  expire(nowMs: number): void {
    let next = Infinity;
    this.#frames.forEach((waiter) => {
      if (waiter.late || waiter.deadlineMs === 0) return;
      if (waiter.deadlineMs <= nowMs) {
        this.#setLate(waiter);
        waiter.timedOut();
      } else if (waiter.deadlineMs < next) next = waiter.deadlineMs;
    });
    this.nextDeadlineMs = next;
  }

  /** Takes out all frames: who waited, those whose wait is over included. */
  clear(): FrameWaiter[] {
    this.#late = 0;
    this.nextDeadlineMs = Infinity;
    return this.#frames.clear();
  }

  /** Fails a frame that was taken out. */
  failTaken(waiter: FrameWaiter, error: NnrpError): void {
    this.counts.failed++;
    if (!waiter.late) waiter.failed(error);
  }

  /** A session that knows nothing of the frames so far begins: no late result comes. */
  forget(): void {
    this.#gone = new GivenUpFrames();
    this.lastResultFrameId = 0;
    this.#minFrameId = 0;
  }
}

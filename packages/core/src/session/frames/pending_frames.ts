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
import { DeadlineHeap } from "../../deadline_heap.ts";
import { ErrorCode, MessageType, ResultClass } from "../../wire/enums.ts";
import { HeaderFlags } from "../../wire/flags.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import type { FrameWaiter } from "../engine/engine_host.ts";
import { FrameTable } from "./frame_table.ts";
import { RecentKeys } from "./recent_keys.ts";
import { isPart, Result } from "./result.ts";

/** Frames whose wait timed out that are kept for their late results; beyond it the eldest fail. */
export const MAX_LATE_FRAMES = 65536;
/** Errors about frames that a server never began: no part of their results can be under way. */
const NEVER_BEGUN: ReadonlySet<number> = new Set([
  ErrorCode.SERVER_BUSY,
  ErrorCode.LIMIT_EXCEEDED,
  ErrorCode.CACHE_MISS,
  ErrorCode.FRAME_EXPIRED,
]);

/**
 * Counters of the client's frames. At any moment `submitted` is the sum of `complete`, `partial`, `staleReuse`, `degraded`, `dropped`,
 * `failed`, `cancelled`, `discarded`, and of the frames that have not ended: those in flight, those whose wait timed out and whose
 * answer may still come, and those that lost their path and are not sent anew yet.
 */
export interface ClientFrameCounts {
  /** Frames submitted, each once, however often it was sent. */
  submitted: number;
  /** Times a frame was sent anew because its path was lost. */
  resubmitted: number;
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
  /** Frames cancelled by the caller. */
  cancelled: number;
  /** Frames discarded by the caller. */
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
  /** Counters of frames since the session began. */
  readonly counts: ClientFrameCounts = {
    submitted: 0,
    resubmitted: 0,
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

  readonly #frames = new FrameTable<FrameWaiter>();
  readonly #deadlines = new DeadlineHeap<FrameWaiter>();
  // Keys that may not be reused. A key is only a number: an answer to the frame that had it before could not
  // be distinguished from one to the new frame. Bounded: the eldest are forgotten, and may be used again.
  #gone = new RecentKeys(); // given up, and the answer may still come
  #goneUntilEos = new RecentKeys(); // of those: the ones whose answer ends with EOS, whatever was agreed
  #crossing = new RecentKeys(); // several streams: a cancel, or parts, may be overtaken by what belongs to a new frame
  #late = 0; // frames in the table whose wait timed out: they hold a key, no slot
  readonly #lateOnes = new Set<FrameWaiter>(); // eldest first
  readonly #lost = new Set<FrameWaiter>(); // out of the table because their path is gone; neither ended nor sent anew
  #nextFrameId = 1;
  #widestGap = 0; // ids that the caller left out, where the most are
  #beforeFree = 0; // where the search for a free id begins once the greatest was used: at that gap
  #minFrameId = 0; // after a move without token: ids must grow from here (behaviour spec §11)

  readonly #handOverFault: HandOverFault;

  /**
   * No frames are in flight yet.
   *
   * @param handOverFault Called with results that a waiter could not take.
   */
  constructor(handOverFault: HandOverFault) {
    this.#handOverFault = handOverFault;
  }

  /** When the next wait ends, ms; Infinity = none does. */
  get nextDeadlineMs(): number {
    return this.#deadlines.nextMs;
  }

  /** Frames in flight: each holds one slot. */
  get inFlight(): number {
    return this.#frames.size - this.#late;
  }

  /** Frames whose wait timed out and whose answer may still come: they hold a key, no slot. */
  get late(): number {
    return this.#late;
  }

  /** Frames that lost their path, and have neither ended nor been sent anew. */
  get lost(): number {
    return this.#lost.size;
  }

  /**
   * The id of the next frame.
   *
   * @param wished Id that the caller requests; undefined = the next free one.
   * @param viewId Its view.
   * @throws NnrpStateError if an answer to an earlier frame of this key may still come: it is in flight, its wait timed out, or
   *   it was given up (of those the newest 1,024 are known). NnrpValueError if the id must grow and does not.
   */
  choose(wished: number | undefined, viewId: number): number {
    const frameId = this.#minFrameId === 0 ? wished : this.#growing(wished);
    if (frameId === undefined) return this.#free(viewId);
    const why = this.#whyTaken(frameId, viewId);
    if (why !== null) {
      throw new NnrpStateError(
        `frame ${frameId}/${viewId} ${why}; take another id or view, or leave the id out for one that is free`,
      );
    }
    return frameId;
  }

  /** Whether no answer to an earlier frame of this key may still come. */
  isFree(frameId: number, viewId: number): boolean {
    return this.#whyTaken(frameId, viewId) === null;
  }

  /** Why a new frame of this key could get the answer of an earlier one; null = it cannot. */
  #whyTaken(frameId: number, viewId: number): string | null {
    const waiter = this.#frames.get(frameId, viewId);
    if (waiter !== undefined) {
      return waiter.late
        ? "timed out, and its late answer may still come"
        : "is in flight already, and its answer would be taken for that of the new frame";
    }
    if (this.#gone.has(frameId, viewId)) return "was given up, and its answer may still come";
    if (this.#crossing.has(frameId, viewId)) {
      return "was given up or failed on a carrier with several streams, and what belongs to it may still be under way";
    }
    return null;
  }

  /** The id after the greatest one used; only after the greatest possible one it has to look for one that is free. */
  #free(viewId: number): number {
    let id = this.#nextFrameId;
    if (id <= 0xffffffff) return id;
    do id = this.#beforeFree = (this.#beforeFree + 1) >>> 0; while (this.#whyTaken(id, viewId) !== null);
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
    if (waiter.deadlineMs !== 0) this.#deadlines.push(waiter);
    const gap = frameId - this.#nextFrameId;
    if (gap >= 0) {
      if (gap > this.#widestGap) {
        this.#widestGap = gap;
        this.#beforeFree = this.#nextFrameId - 1;
      }
      this.#nextFrameId = frameId + 1;
    }
    if (this.#lost.size !== 0 && this.#lost.delete(waiter)) this.counts.resubmitted++;
    else this.counts.submitted++;
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

  /** Handles a RESULT_PUSH or RESULT_DROP. */
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
      if (this.#isPart(cursor, waiter.untilEos)) this.#giveUp(frameId, viewId, waiter);
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
      this.#leave(waiter);
      this.#countFinal(result);
    }
    try {
      waiter.result(result, final);
    } catch (cause) {
      this.#handOverFailed(waiter, final, cause);
    }
  }

  /**
   * A result came that is not taken: its frame fails.
   *
   * @param cursor Of its body nothing is there.
   * @returns Whether more results of the frame are to come.
   */
  refuse(cursor: PacketCursor, error: NnrpError): boolean {
    const { frameId, viewId } = cursor;
    if (this.#gone.size !== 0 && this.#swallow(cursor)) return false;
    const waiter = this.take(frameId, viewId);
    if (waiter === undefined) {
      this.counts.unknown++;
      return false;
    }
    const open = this.#isPart(cursor, waiter.untilEos);
    if (open) this.#giveUp(frameId, viewId, waiter);
    this.counts.failed++;
    if (!waiter.late) waiter.failed(error);
    return open;
  }

  /** A waiter could not take its result: its frame fails, nothing else does. */
  #handOverFailed(waiter: FrameWaiter, final: boolean, cause: unknown): void {
    const { frameId, viewId } = waiter;
    const what = `the result of frame ${frameId}/${viewId} could not be handed over`;
    const error = new NnrpInternalError(what, { cause });
    const open = !final && this.take(frameId, viewId) !== undefined;
    if (open) {
      this.#giveUp(frameId, viewId, waiter);
      this.counts.failed++;
    }
    waiter.failed(error);
    this.#handOverFault(waiter, open, error);
  }

  /** The frame is abandoned while its answer is still due. */
  #giveUp(frameId: number, viewId: number, waiter: FrameWaiter): void {
    this.#gone.add(frameId, viewId);
    if (waiter.untilEos && !this.streamedResults) this.#goneUntilEos.add(frameId, viewId);
  }

  /** Whether more results of the frame follow this one. */
  #isPart(cursor: PacketCursor, untilEos: boolean): boolean {
    return cursor.msgType === MessageType.RESULT_PUSH && (untilEos || this.streamedResults) &&
      (cursor.flags & HeaderFlags.EOS) === 0 && isPart(cursor.view, cursor.metaOffset, cursor.metaLength);
  }

  /** Whether a result is the late answer of a frame that was given up: a new frame of the same key must not get it. */
  #swallow(cursor: PacketCursor): boolean {
    const { frameId, viewId } = cursor;
    if (!this.#gone.has(frameId, viewId)) return false;
    this.counts.unknown++;
    if (!this.#isPart(cursor, this.#goneUntilEos.has(frameId, viewId))) this.#answered(frameId, viewId);
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

  /** The last answer to a frame that was abandoned; false if none is due. */
  #answered(frameId: number, viewId: number): boolean {
    this.#goneUntilEos.delete(frameId, viewId);
    return this.#gone.delete(frameId, viewId);
  }

  /**
   * Handles an ERROR about a frame.
   *
   * @param errorCode Its code.
   * @param multiStream Whether it may have overtaken results of the frame.
   */
  fail(frameId: number, viewId: number, error: NnrpError, errorCode: number, multiStream: boolean): void {
    if (multiStream && !NEVER_BEGUN.has(errorCode)) this.cross(frameId, viewId);
    if (this.#answered(frameId, viewId)) return;
    const waiter = this.take(frameId, viewId);
    if (waiter === undefined) return;
    this.counts.failed++;
    waiter.failed(error);
  }

  /** A frame was not sent, so that no answer to it comes: it fails, and its key is free. Whether it was known. */
  unsent(frameId: number, viewId: number, error: NnrpError): boolean {
    const waiter = this.take(frameId, viewId);
    if (waiter === undefined) return this.#answered(frameId, viewId);
    this.counts.failed++;
    if (!waiter.late) waiter.failed(error);
    return true;
  }

  /** Takes a frame out and frees what it held; undefined if it is not in flight. */
  take(frameId: number, viewId: number): FrameWaiter | undefined {
    const waiter = this.#frames.delete(frameId, viewId);
    if (waiter !== undefined) this.#leave(waiter);
    return waiter;
  }

  /** A frame that is out of the table frees what it held beside its key. */
  #leave(waiter: FrameWaiter): void {
    if (waiter.heapAt >= 0) this.#deadlines.remove(waiter);
    if (!waiter.late) return;
    this.#late--;
    this.#lateOnes.delete(waiter);
  }

  /** What belongs to this frame may still be under way when a new frame of its key would be there. */
  cross(frameId: number, viewId: number): void {
    if (this.#frames.has(frameId, viewId) || this.#gone.has(frameId, viewId)) {
      this.#crossing.add(frameId, viewId);
    }
  }

  /** The frame is abandoned; its late result is discarded. Returns whether it was in flight. */
  giveUp(frameId: number, viewId: number, why: "cancelled" | "discarded", cause?: unknown): boolean {
    const waiter = this.take(frameId, viewId);
    if (waiter === undefined) return false;
    this.#giveUp(frameId, viewId, waiter);
    this.counts[why]++;
    waiter.failed(new NnrpCancelledError(`frame ${frameId}/${viewId} was ${why}`, { cause }));
    return true;
  }

  /**
   * The wait timed out: frees the slot, keeps the key for the late result. Returns whether it held a slot.
   */
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
    this.#deadlines.remove(waiter);
    this.#lateOnes.add(waiter);
    if (this.#lateOnes.size <= MAX_LATE_FRAMES) return;
    const [eldest] = this.#lateOnes; // its server has answered nothing for tens of thousands of frames
    this.take(eldest.frameId, eldest.viewId);
    this.#giveUp(eldest.frameId, eldest.viewId, eldest);
    this.counts.failed++;
  }

  /** Ends the waits whose time is over, in the order of their deadlines. */
  expire(nowMs: number): void {
    for (
      let waiter = this.#deadlines.take(nowMs);
      waiter !== undefined;
      waiter = this.#deadlines.take(nowMs)
    ) {
      this.#setLate(waiter);
      waiter.timedOut();
    }
  }

  /**
   * Takes out all frames: who waited, those whose wait is over included. Their answers may come still. Each is entered anew or ended by
   * {@linkcode PendingFrames.endLost}.
   */
  clear(): FrameWaiter[] {
    this.#late = 0;
    this.#lateOnes.clear();
    this.#deadlines.clear();
    const all = this.#frames.clear();
    for (const waiter of all) {
      this.#giveUp(waiter.frameId, waiter.viewId, waiter);
      this.#lost.add(waiter);
    }
    return all;
  }

  /** The same for one frame: its answer may come still, on another path. */
  lose(waiter: FrameWaiter): void {
    this.take(waiter.frameId, waiter.viewId);
    this.#giveUp(waiter.frameId, waiter.viewId, waiter);
    this.#lost.add(waiter);
  }

  /** Takes out a frame that the server never began: no answer to it comes. See {@linkcode PendingFrames.clear}. */
  takeUnbegun(frameId: number, viewId: number): FrameWaiter | undefined {
    const waiter = this.take(frameId, viewId);
    if (waiter !== undefined) this.#lost.add(waiter);
    return waiter;
  }

  /** Counts the end of a frame that was taken out, without calling its waiter. Does nothing for other frames. */
  endLost(waiter: FrameWaiter, why: "failed" | "cancelled" | "timedOut"): void {
    if (!this.#lost.delete(waiter)) return;
    this.counts[why]++;
    if (why === "timedOut") this.counts.failed++; // no answer is due: this is its end
  }

  /** Fails a frame that was taken out. */
  failTaken(waiter: FrameWaiter, error: NnrpError): void {
    this.endLost(waiter, "failed");
    if (!waiter.late) waiter.failed(error);
  }

  /** A session that knows nothing of the frames so far begins: no late result comes. */
  forget(): void {
    this.#gone = new RecentKeys();
    this.#goneUntilEos = new RecentKeys();
    this.#crossing = new RecentKeys();
    this.lastResultFrameId = 0;
    this.#minFrameId = 0;
  }
}

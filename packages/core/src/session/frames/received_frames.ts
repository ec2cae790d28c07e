/**
 * The server's frames in flight: which keys are open, cancels that overtook their frame, and what may still be cancelled (behaviour
 * spec §8, §9).
 *
 * @module
 */
import type { NnrpError } from "../../errors.ts";
import { FrameTable } from "./frame_table.ts";
import type { KeptBuffer, ReceivedSubmit } from "./received_submit.ts";
import { RecentKeys } from "./recent_keys.ts";

/** Counters of the server's frames. */
export interface ReceivedFrameCounts {
  /** Most frames in flight at once. */
  maxInFlight: number;
  /** Of the cancels, the ones that came before their frame. */
  earlyCancels: number;
  /** Bytes of frames in flight. */
  bytesInFlight: number;
  /** Bytes of the read buffers that frames in flight keep alive, each counted once: not less than `bytesInFlight`. */
  keptBytes: number;
}

/** See the module. */
export class ReceivedFrames {
  /** Frames received and not settled. */
  inFlight = 0;
  /** Greatest frame id so far. */
  highestFrameId = 0;

  readonly #counts: ReceivedFrameCounts;
  readonly #frames = new FrameTable<ReceivedSubmit>();
  readonly #early = new RecentKeys(); // cancels that overtook their frame
  #newest: KeptBuffer | null = null; // frames of one buffer mostly come one after the other
  readonly #buffers = new Map<ArrayBufferLike, KeptBuffer>(); // all others
  readonly #unsent = new RecentKeys(); // frames whose answer could not be sent
  readonly #settled = new RecentKeys(); // carriers with several streams only: which keys a late cancel may mean

  /**
   * No frames are in flight yet.
   *
   * @param counts What to count in.
   */
  constructor(counts: ReceivedFrameCounts) {
    this.#counts = counts;
  }

  /** The frame in flight with this key, newest first. */
  get(frameId: number, viewId: number): ReceivedSubmit | undefined {
    return this.#frames.get(frameId, viewId);
  }

  /** A frame is in flight from now on. */
  enter(frame: ReceivedSubmit): void {
    const older = this.#frames.set(frame.frameId, frame.viewId, frame);
    if (older !== undefined) frame.older = older;
    this.inFlight++;
    if (frame.frameId > this.highestFrameId) this.highestFrameId = frame.frameId;
    const counts = this.#counts;
    counts.bytesInFlight += frame.byteLength;
    this.#keep(frame);
    if (this.inFlight > counts.maxInFlight) counts.maxInFlight = this.inFlight;
  }

  /**
   * A frame was settled.
   *
   * @param frame The frame, in flight.
   * @param multiStream Whether a cancel may come late, on a lane of its own.
   */
  settle(frame: ReceivedSubmit, multiStream: boolean): void {
    frame.settle();
    frame.releaseCache();
    this.inFlight--;
    this.#counts.bytesInFlight -= frame.byteLength;
    this.#letGo(frame);
    const { frameId, viewId } = frame;
    const slot = this.#frames.find(frameId, viewId);
    if (slot >= 0 && this.#frames.at(slot) === frame) {
      if (frame.older === null) this.#frames.deleteAt(slot);
      else this.#frames.set(frameId, viewId, frame.older);
    } else {
      let at = slot < 0 ? undefined : this.#frames.at(slot);
      while (at !== undefined && at.older !== frame) at = at.older ?? undefined;
      if (at !== undefined) at.older = frame.older;
    }
    if (multiStream) this.#settled.add(frameId, viewId);
  }

  #keep(frame: ReceivedSubmit): void {
    const { buffer } = frame;
    let kept = this.#newest;
    if (kept === null || kept.buffer !== buffer) kept = this.#newest = this.#turnTo(buffer);
    kept.frames++;
    frame.kept = kept;
  }

  /** The record of a buffer that is not the newest. */
  #turnTo(buffer: ArrayBufferLike): KeptBuffer {
    const before = this.#newest;
    if (before !== null) this.#buffers.set(before.buffer, before);
    const known = this.#buffers.get(buffer);
    if (known !== undefined) {
      this.#buffers.delete(buffer);
      return known;
    }
    const bytes = buffer.byteLength;
    this.#counts.keptBytes += bytes;
    return { buffer, bytes, frames: 0 };
  }

  #letGo(frame: ReceivedSubmit): void {
    const kept = frame.kept!;
    frame.kept = null;
    if (--kept.frames > 0) return;
    this.#counts.keptBytes -= kept.bytes;
    if (this.#newest === kept) this.#newest = null; // it would keep the buffer alive
    else this.#buffers.delete(kept.buffer);
  }

  /** A cancel came for a key that is not in flight, on a carrier where it may have overtaken its frame. */
  cancelUnknown(frameId: number, viewId: number): void {
    if (this.#settled.delete(frameId, viewId)) return;
    this.#counts.earlyCancels++;
    this.#early.add(frameId, viewId);
  }

  /** Whether this frame was cancelled before it came. */
  wasCancelled(frame: ReceivedSubmit): boolean {
    return this.#early.size > 0 && this.#early.delete(frame.frameId, frame.viewId);
  }

  /** Bytes of the answer to this frame vanished before it was sent: the next try would bring the same about. */
  couldNotSend(frameId: number, viewId: number): void {
    this.#unsent.add(frameId, viewId);
  }

  /** Whether this frame was sent anew by a client that did not hear, with its connection, that it has failed. */
  isFailedBefore(frame: ReceivedSubmit): boolean {
    return this.#unsent.size > 0 && this.#unsent.has(frame.metadata.retryOfFrame, frame.viewId);
  }

  /** Takes out all frames, settled and aborted. */
  abort(error: NnrpError): ReceivedSubmit[] {
    this.inFlight = 0;
    this.#counts.bytesInFlight = this.#counts.keptBytes = 0;
    this.#buffers.clear();
    this.#newest = null;
    const all: ReceivedSubmit[] = [];
    for (const newest of this.#frames.clear()) {
      for (let frame: ReceivedSubmit | null = newest; frame !== null; frame = frame.older) {
        frame.settle();
        frame.releaseCache();
        frame.abort(error);
        all.push(frame);
      }
    }
    return all;
  }
}

/**
 * Collects the packets of a turn into few byte ranges: heads and small payloads side by side in one slab, large payloads as
 * they lie. A carrier takes the ranges and writes them with as few system calls as its runtime allows; meanwhile the next
 * turn collects into another slab. An idle queue holds no memory.
 *
 * @module
 */
import {
  anyVanished,
  type BorrowedPacket,
  type BorrowedRange,
  type LostPacket,
  lostPackets,
  lostWithFollowers,
  oncePerFrame,
} from "./borrowed_bytes.ts";
import { WRITE_BUFFER_LARGE, WRITE_BUFFER_SMALL, WRITE_BY_REFERENCE } from "./limits.ts";
import type { Lane } from "./metadata/registry.ts";
import type { Outbox } from "./outbox.ts";
import { giveBackSlab, type Slab, SLAB_STEP, takeSlab } from "./slab_pool.ts";

/** What one take hands to the carrier. */
export interface WriteBatch {
  /** The ranges in order. */
  readonly ranges: Uint8Array[];
  /** Their length together, bytes. */
  readonly length: number;
  /** {@linkcode WriteQueue.total} behind them: once they are written, everything before it was sent or left out. */
  readonly end: number;
}

/**
 * A batch ends behind the first packet with memory of the application that makes it this long: what comes after it can still be left
 * out if that memory vanishes while the batch is written. Writes of this size cost no more per byte than larger ones.
 */
const BORROWED_BATCH_BYTES = 1024 * 1024;

/** The outbox of a byte stream. */
export class WriteQueue implements Outbox {
  /** The slab being written. */
  bytes: Uint8Array = EMPTY;
  /** The same memory. */
  view: DataView = EMPTY_VIEW;
  /** Bytes collected, not taken and not left out. */
  length = 0;
  /** Bytes ever collected. */
  total = 0;
  /** Of those, up to where a caller's memory is needed until it is sent. */
  borrowedUntil = 0;
  /** Of those, up to where all was taken or left out. */
  takenUntil = 0;

  #from = 0; // where the range that is not sealed yet begins in the slab
  #at = 0; // where the next byte goes
  #sealed: Uint8Array[] = [];
  // What lies in memory of the application: of what is collected, and of the batch that is being written.
  #ranges: BorrowedRange[] = [];
  #packets: BorrowedPacket[] = [];
  #leftOut: readonly LostPacket[] = []; // of what is collected: taken out again
  #writingRanges: readonly BorrowedRange[] = [];
  #writingPackets: readonly BorrowedPacket[] = [];
  #used: Slab[] = []; // slabs of this turn that are full
  #slab: Slab | null = null; // the one being written: `bytes` and `view`
  #inFlight: Slab[] = []; // slabs of the batch that is being written
  #size = WRITE_BUFFER_SMALL; // of the next fresh slab: grows when a turn overflows, shrinks after quiet ones
  #quiet = 0;

  /** Makes room for `size` contiguous bytes and returns their offset in `bytes` and `view`. */
  reserve(size: number): number {
    let at = this.#at;
    if (at + size > this.bytes.length) {
      this.#nextSlab(size);
      at = 0;
    }
    this.#at = at + size;
    this.length += size;
    this.total += size;
    return at;
  }

  /** Adds bytes: copied below 32 KiB, else kept as a view until they are sent. How many they are is settled here. */
  append(data: Uint8Array, field = "body", index = 0, item = 0): void {
    const size = data.length;
    if (size >= WRITE_BY_REFERENCE) this.#borrow(data, field, index, item);
    else if (size > 0) {
      const at = this.reserve(size);
      this.bytes.set(data, at);
    }
  }

  #borrow(data: Uint8Array, field: string, index: number, item: number): void {
    this.#seal();
    const size = data.length;
    const { resizable } = data.buffer as { resizable?: boolean };
    if (resizable === true) {
      // Its pages may go while the system reads from them: an error of the socket at best, the end of the process at worst.
      this.#sealed.push(new Uint8Array(data));
    } else {
      this.#sealed.push(data);
      this.#ranges.push({ bytes: data, size, from: this.total, field, index, item });
      this.borrowedUntil = this.total + size;
    }
    this.length += size;
    this.total += size;
  }

  /**
   * Notes a packet that was added while memory of the application waits to be taken: `borrowedUntil` is beyond `takenUntil`.
   *
   * @param from {@linkcode WriteQueue.total} before the packet, which ends here.
   */
  note(from: number, lane: Lane, frameId: number, viewId: number, last: boolean): void {
    this.#packets.push({ from, to: this.total, lane, frameId, viewId, last });
  }

  /** Whether memory of packets that wait is not there any more: they are to be dropped before the next take. */
  get hasVanished(): boolean {
    return anyVanished(this.#ranges);
  }

  /**
   * Takes packets out whose memory is not there any more, and what follows them of their frames.
   *
   * @returns One for each of their frames; null if there are none.
   */
  dropVanished(): readonly LostPacket[] | null {
    if (!this.hasVanished) return null;
    const gone = lostWithFollowers(this.#packets, this.#ranges);
    if (gone.length === 0) return null;
    this.#leaveOut(gone);
    return oncePerFrame(gone);
  }

  #leaveOut(gone: readonly LostPacket[]): void {
    this.#seal();
    const sizes = new Map(this.#ranges.map(({ bytes, size }) => [bytes, size]));
    const kept: Uint8Array[] = [];
    let start = this.takenUntil; // of the first range, or of what was left out before it
    for (const range of this.#sealed) {
      for (const { from, to } of this.#leftOut) if (from === start) start = to;
      const size = sizes.get(range) ?? range.length;
      const end = start + size;
      let next = start; // not kept and not left out yet
      const keep = (to: number) => {
        if (to > next) kept.push(to - next === size ? range : range.subarray(next - start, to - start));
      };
      for (const { from, to } of gone) {
        if (to <= next || from >= end) continue;
        keep(from);
        next = Math.min(to, end);
      }
      keep(end);
      start = end;
    }
    const isGone = (at: number) => gone.some(({ from, to }) => at >= from && at < to);
    this.#sealed = kept;
    this.#ranges = this.#ranges.filter(({ from }) => !isGone(from));
    this.#packets = this.#packets.filter(({ from }) => !isGone(from));
    this.#leftOut = [...this.#leftOut, ...gone].sort((a, b) => a.from - b.from);
    for (const { from, to } of gone) this.length -= to - from;
  }

  /**
   * The packets of the batch being written of which not all has been sent and bytes have vanished. What comes behind them can not
   * be sent any more.
   *
   * @param sent Up to where all was sent, in bytes ever collected.
   */
  vanishedUnderWay(sent: number): readonly LostPacket[] {
    const gone = lostPackets(this.#writingPackets, this.#writingRanges);
    return gone.filter(({ to }) => to > sent);
  }

  /** The collected ranges, or null if there are none. Call {@linkcode WriteQueue.written} when they are sent. */
  take(): WriteBatch | null {
    if (this.length === 0) {
      if (this.#leftOut.length > 0) this.#leftOut = NOTHING_LOST;
      this.takenUntil = this.total;
      return null;
    }
    this.#seal();
    if (this.#packets.length > 0) {
      const part = this.#takePart();
      if (part !== null) return part;
    }
    const batch = { ranges: this.#sealed, length: this.length, end: this.total };
    this.#sealed = [];
    this.takenUntil = this.total;
    if (this.#packets.length > 0) this.#takeBorrowed(this.#ranges.length, this.#packets.length);
    if (this.#leftOut.length > 0) this.#leftOut = NOTHING_LOST;
    this.length = 0;
    // The slabs cannot take more bytes while they are being written from: others collect.
    if (this.#slab !== null) this.#used.push(this.#slab);
    this.#inFlight = this.#used;
    this.#used = [];
    if (this.#inFlight.length > 1 || this.#at * 8 >= this.#size) this.#quiet = 0;
    else if (++this.#quiet === QUIET_BATCHES) this.#shrink();
    this.#use(null);
    return batch;
  }

  /** What is collected up to the end of a packet with memory of the application, where that is much and more follows. */
  #takePart(): WriteBatch | null {
    const start = this.takenUntil;
    const packets = this.#packets.findIndex(({ to }) => to - start >= BORROWED_BATCH_BYTES) + 1;
    if (packets === 0 || packets === this.#packets.length) return null;
    let { to: end } = this.#packets[packets - 1];
    let length = end - start;
    const later: LostPacket[] = [];
    for (const lost of this.#leftOut) {
      if (lost.from < end) length -= lost.to - lost.from;
      else if (lost.from === end) end = lost.to;
      else later.push(lost);
    }
    // Its slabs stay: what is not taken lies in them too, and they collect what is still to come.
    let count = 0;
    let left = length;
    while (left > 0 && this.#sealed[count].length <= left) left -= this.#sealed[count++].length;
    const ranges = this.#sealed.slice(0, count);
    this.#sealed = this.#sealed.slice(count);
    if (left > 0) {
      ranges.push(this.#sealed[0].subarray(0, left));
      this.#sealed[0] = this.#sealed[0].subarray(left);
    }
    this.#takeBorrowed(this.#ranges.filter(({ from }) => from < end).length, packets);
    this.#leftOut = later;
    this.takenUntil = end;
    this.length -= length;
    return { ranges, length, end };
  }

  /** So many borrowed ranges and packets are being written now. */
  #takeBorrowed(ranges: number, packets: number): void {
    this.#writingRanges = this.#ranges.slice(0, ranges);
    this.#writingPackets = this.#packets.slice(0, packets);
    this.#ranges = this.#ranges.slice(ranges);
    this.#packets = this.#packets.slice(packets);
  }

  #forgetWriting(): void {
    if (this.#writingPackets.length === 0) return;
    this.#writingRanges = [];
    this.#writingPackets = [];
  }

  /** The batch of the last take was sent: its slabs may be used again. */
  written(): void {
    this.#forgetWriting();
    const slabs = this.#inFlight;
    this.#inFlight = NONE;
    for (let i = 0; i < slabs.length; i++) giveBackSlab(slabs[i]);
  }

  /** Forgets what was collected. A write under way may still read its slabs, so nobody else gets them. */
  clear(): void {
    this.#sealed = [];
    this.#ranges = [];
    this.#packets = [];
    this.#leftOut = NOTHING_LOST;
    this.#forgetWriting();
    this.takenUntil = this.total;
    this.length = 0;
    this.#used = [];
    this.#inFlight = NONE;
    this.#use(null);
  }

  /** Writes into this slab from now on. */
  #use(slab: Slab | null): void {
    this.#slab = slab;
    this.bytes = slab === null ? EMPTY : slab.bytes;
    this.view = slab === null ? EMPTY_VIEW : slab.view;
    this.#from = this.#at = 0;
  }

  #seal(): void {
    if (this.#at > this.#from) {
      this.#sealed.push(this.bytes.subarray(this.#from, this.#at));
      this.#from = this.#at;
    }
  }

  #nextSlab(size: number): void {
    this.#seal();
    if (this.#slab !== null) {
      if (this.#from > 0 && this.#size < WRITE_BUFFER_LARGE) this.#size *= SLAB_STEP;
      this.#used.push(this.#slab);
      this.#quiet = 0;
    }
    this.#use(takeSlab(Math.max(size, this.#size)));
  }

  #shrink(): void {
    this.#quiet = 0;
    if (this.#size > WRITE_BUFFER_SMALL) this.#size /= SLAB_STEP;
  }
}

/** What a byte stream fails with that finds bytes it is writing gone; who owns the stream knows whose they were. */
export const VANISHED = "bytes have vanished while they were being sent";

const NONE: Slab[] = [];
const NOTHING_LOST: readonly LostPacket[] = [];
/** Batches in a row that needed an eighth of the slab at most before it shrinks. */
const QUIET_BATCHES = 256;
const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);

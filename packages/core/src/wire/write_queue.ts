/**
 * Collects the packets of a turn into few byte ranges: heads and small payloads side by side in one slab, large payloads as
 * they lie. A carrier takes the ranges and writes them with as few system calls as its runtime allows; meanwhile the next
 * turn collects into another slab. An idle queue holds no memory.
 *
 * @module
 */
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
}

/** A packet that is sent from memory of its caller. */
export interface BorrowedPacket {
  /** Where it begins and ends, in bytes ever collected. */
  readonly from: number;
  /** See `from`. */
  readonly to: number;
  /** Its lane. */
  readonly lane: Lane;
  /** Its frame. */
  readonly frameId: number;
  /** Its view. */
  readonly viewId: number;
}

/** The outbox of a byte stream. */
export class WriteQueue implements Outbox {
  /** The slab being written. */
  bytes: Uint8Array = EMPTY;
  /** The same memory. */
  view: DataView = EMPTY_VIEW;
  /** Bytes collected and not taken. */
  length = 0;
  /** Bytes ever collected. */
  total = 0;
  /** Of those, up to where a caller's memory is needed until it is sent. */
  borrowedUntil = 0;

  #from = 0; // where the range that is not sealed yet begins in the slab
  #at = 0; // where the next byte goes
  #sealed: Uint8Array[] = [];
  #borrowedAt: number[] = []; // which of them are a caller's memory,
  #borrowedSizes: number[] = []; // and how long that was when it was added
  #packets: BorrowedPacket[] = []; // and whose
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
  append(data: Uint8Array): void {
    const size = data.length;
    if (size >= WRITE_BY_REFERENCE) {
      this.#seal();
      this.#borrowedAt.push(this.#sealed.length);
      this.#borrowedSizes.push(size);
      // A view that follows the length of its buffer would become another one; this one becomes empty if its buffer is cut short.
      const { resizable } = data.buffer as { resizable?: boolean };
      this.#sealed.push(resizable === true ? data.subarray(0, size) : data);
      this.length += size;
      this.total += size;
      this.borrowedUntil = this.total;
    } else if (size > 0) {
      const at = this.reserve(size);
      this.bytes.set(data, at);
    }
  }

  /**
   * Notes whose memory was added.
   *
   * @param from {@linkcode WriteQueue.total} before the packet, which ends here.
   */
  borrowedBy(from: number, lane: Lane, frameId: number, viewId: number): void {
    this.#packets.push({ from, to: this.total, lane, frameId, viewId });
  }

  /**
   * Takes packets out whose memory is not there any more; they count as taken. Null if there are none.
   */
  dropVanished(): readonly BorrowedPacket[] | null {
    const at = this.#borrowedAt;
    for (let i = 0; i < at.length; i++) if (this.#sealed[at[i]].length === 0) return this.#drop();
    return null;
  }

  #drop(): readonly BorrowedPacket[] | null {
    this.#seal();
    const sizes = this.#sealed.map((range) => range.length);
    this.#borrowedAt.forEach((at, i) => sizes[at] = this.#borrowedSizes[i]);
    const starts: number[] = [];
    let start = this.total - this.length;
    for (const size of sizes) {
      starts.push(start);
      start += size;
    }
    const gone = this.#packets.filter(({ from, to }) =>
      this.#borrowedAt.some((at) => this.#sealed[at].length === 0 && starts[at] >= from && starts[at] < to)
    );
    if (gone.length === 0) return null;
    const kept: Uint8Array[] = [];
    const keptAt: number[] = [];
    const keptSizes: number[] = [];
    this.#sealed.forEach((range, i) => {
      const end = starts[i] + sizes[i];
      const borrowed = this.#borrowedAt.includes(i);
      let next = starts[i]; // not kept and not dropped yet
      const keep = (to: number) => {
        if (to <= next) return;
        if (borrowed) {
          keptAt.push(kept.length);
          keptSizes.push(to - next);
        }
        kept.push(to - next === sizes[i] ? range : range.subarray(next - starts[i], to - starts[i]));
      };
      for (const { from, to } of gone) {
        if (to <= next || from >= end) continue;
        keep(from);
        next = Math.min(to, end);
      }
      keep(end);
    });
    this.#sealed = kept;
    this.#borrowedAt = keptAt;
    this.#borrowedSizes = keptSizes;
    this.#packets = this.#packets.filter((packet) => !gone.includes(packet));
    for (const { from, to } of gone) this.length -= to - from;
    return gone;
  }

  #forgetBorrowed(): void {
    if (this.#borrowedAt.length > 0) {
      this.#borrowedAt = [];
      this.#borrowedSizes = [];
    }
    if (this.#packets.length > 0) this.#packets = [];
  }

  /** The collected ranges, or null if there are none. Call {@linkcode WriteQueue.written} when they are sent. */
  take(): WriteBatch | null {
    if (this.length === 0) return null;
    this.#seal();
    const batch = { ranges: this.#sealed, length: this.length };
    this.#sealed = [];
    this.#forgetBorrowed();
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

  /** The batch of the last take was sent: its slabs may be used again. */
  written(): void {
    const slabs = this.#inFlight;
    this.#inFlight = NONE;
    for (let i = 0; i < slabs.length; i++) giveBackSlab(slabs[i]);
  }

  /** Forgets what was collected. A write under way may still read its slabs, so nobody else gets them. */
  clear(): void {
    this.#sealed = [];
    this.#forgetBorrowed();
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

/** Words for {@linkcode hasVanished}. */
export const VANISHED =
  "bytes that were to be sent have vanished: their buffer was transferred, or the memory that it lay in has grown";

/**
 * Whether the memory of a range is not there any more, so that nothing true can be sent for it. No range of a batch is empty by
 * itself.
 *
 * @param ranges What was being written.
 */
export function hasVanished(ranges: readonly Uint8Array[]): boolean {
  for (let i = 0; i < ranges.length; i++) if (ranges[i].length === 0) return true;
  return false;
}

const NONE: Slab[] = [];
/** Batches in a row that needed an eighth of the slab at most before it shrinks. */
const QUIET_BATCHES = 256;
const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);

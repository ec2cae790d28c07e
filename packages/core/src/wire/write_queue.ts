/**
 * Collects the packets of a turn into few byte ranges: heads and small payloads side by side in one slab, large payloads as
 * they lie. A carrier takes the ranges and writes them with as few system calls as its runtime allows; meanwhile the next
 * turn collects into another slab.
 *
 * @module
 */
import { WRITE_BUFFER_LARGE, WRITE_BUFFER_SMALL, WRITE_BY_REFERENCE } from "./limits.ts";
import type { Outbox } from "./outbox.ts";

/** What one take hands to the carrier. */
export interface WriteBatch {
  /** The ranges in order. */
  readonly ranges: Uint8Array[];
  /** Their length together, bytes. */
  readonly length: number;
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
  #inFlight: Uint8Array | null = null; // slab of the batch that is being written, if it may be used again
  #spare: Uint8Array | null = null;
  #spareView: DataView | null = null;
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

  /** Adds bytes: copied below 32 KiB, else kept as a view until they are sent. */
  append(data: Uint8Array): void {
    const size = data.length;
    if (size >= WRITE_BY_REFERENCE) {
      this.#seal();
      this.#sealed.push(data);
      this.length += size;
      this.total += size;
      this.borrowedUntil = this.total;
    } else if (size > 0) {
      const at = this.reserve(size);
      this.bytes.set(data, at);
    }
  }

  /** The collected ranges, or null if there are none. Call {@linkcode WriteQueue.written} when they are sent. */
  take(): WriteBatch | null {
    if (this.length === 0) return null;
    this.#seal();
    const batch = { ranges: this.#sealed, length: this.length };
    this.#sealed = [];
    this.length = 0;
    // The slab cannot take more bytes while it is being written from: another one collects.
    this.#inFlight = this.bytes;
    if (this.#at * 8 >= this.#size) this.#quiet = 0;
    else if (++this.#quiet === QUIET_BATCHES) this.#shrink();
    if (this.#spare !== null) {
      this.bytes = this.#spare;
      this.view = this.#spareView!;
      this.#spare = this.#spareView = null;
    } else {
      this.bytes = EMPTY;
      this.view = EMPTY_VIEW;
    }
    this.#from = this.#at = 0;
    return batch;
  }

  /** The batch of the last take was sent: its slab may be used again. */
  written(): void {
    const slab = this.#inFlight;
    if (slab === null) return;
    this.#inFlight = null;
    if (slab.length !== this.#size) return;
    if (this.bytes.length === 0) {
      this.bytes = slab;
      this.view = new DataView(slab.buffer);
    } else if (this.#spare === null) {
      this.#spare = slab;
      this.#spareView = new DataView(slab.buffer);
    }
  }

  /** Forgets what was collected. */
  clear(): void {
    this.#sealed = [];
    this.length = 0;
    this.#inFlight = null;
    this.#spare = this.#spareView = null;
    this.bytes = EMPTY;
    this.view = EMPTY_VIEW;
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
    if (this.#from > 0 && this.#size < WRITE_BUFFER_LARGE) {
      this.#size *= 4;
      this.#spare = this.#spareView = null;
    }
    if (this.#spare !== null && this.#spare.length >= size) {
      this.bytes = this.#spare;
      this.view = this.#spareView!;
      this.#spare = this.#spareView = null;
    } else {
      this.bytes = new Uint8Array(Math.max(size, this.#size));
      this.view = new DataView(this.bytes.buffer);
    }
    this.#from = this.#at = 0;
    this.#quiet = 0;
  }

  #shrink(): void {
    this.#quiet = 0;
    this.#spare = this.#spareView = null;
    if (this.#size > WRITE_BUFFER_SMALL) this.#size /= 4;
  }
}

/** Batches in a row that needed an eighth of the slab at most before it shrinks. */
const QUIET_BATCHES = 256;
const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);

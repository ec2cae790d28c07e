/**
 * Receiving half of a bare connection: reads go into buffers of 256 KiB and frames are cut there.
 *
 * @module
 */
import { CHUNK, HEAD, ID, KIND, LARGE, LENGTH, type OnFrame, sumHead, WANTED } from "./bare_frame.ts";

/** The sum of all heads read: it keeps the reads from being optimised away. */
export let checksum = 0;

/** Cuts frames from read buffers, in place. A frame that spans reads is assembled once. */
export class Cutter {
  #onFrame: OnFrame;
  #bytes: Uint8Array = new Uint8Array(CHUNK);
  #view = new DataView(this.#bytes.buffer);
  #start = 0;
  #end = 0;
  /** A body too large for the buffer, being filled. */
  #large: Uint8Array | null = null;
  #filled = 0;
  #given = false;

  /** @param onFrame Called for every whole frame. */
  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** Where the next read goes. */
  get room(): Uint8Array {
    if (this.#large) return this.#filled === 0 ? this.#large : this.#large.subarray(this.#filled);
    return this.#end === 0 ? this.#bytes : this.#bytes.subarray(this.#end);
  }

  /** Takes `n` bytes that were read into {@linkcode Cutter.room}. */
  read(n: number): void {
    if (this.#large) {
      this.#filled += n;
      if (this.#filled < this.#large.length) return;
      const body = this.#large;
      this.#large = null;
      this.#emit(0, body, 0, body.length);
      this.#start = this.#end = 0;
      return;
    }
    this.#end += n;
    this.#cut();
  }

  /** Takes bytes that somebody else read (Node's data events): copied once, then cut like all others. */
  feed(chunk: Uint8Array): void {
    let taken = 0;
    while (taken < chunk.length) {
      const room = this.room;
      const n = Math.min(room.length, chunk.length - taken);
      room.set(n === chunk.length ? chunk : chunk.subarray(taken, taken + n));
      taken += n;
      this.read(n);
    }
  }

  #cut(): void {
    const bytes = this.#bytes, view = this.#view, end = this.#end;
    let start = this.#start;
    while (end - start >= HEAD) {
      const length = view.getUint32(start + LENGTH, true);
      const total = HEAD + length;
      if (end - start < total) {
        if (total > CHUNK) {
          this.#large = new Uint8Array(length);
          this.#large.set(bytes.subarray(start + HEAD, end));
          this.#filled = end - start - HEAD;
          // The head stays in the buffer, which is free otherwise.
          bytes.copyWithin(0, start, start + HEAD);
          this.#start = this.#end = 0;
          return;
        }
        break;
      }
      this.#emit(start, bytes, start + HEAD, length);
      start += total;
    }
    if (start === end && !this.#given) this.#start = this.#end = 0;
    else if (this.#given || (start > 0 && end > CHUNK / 2)) this.#move(start, end);
    else this.#start = start;
  }

  #emit(head: number, bytes: Uint8Array, start: number, length: number): void {
    const v = this.#view;
    checksum = (checksum + sumHead(v, head)) % 0x40000000;
    if (length >= LARGE && bytes === this.#bytes) this.#given = true;
    this.#onFrame(
      v.getUint32(head + KIND, true),
      v.getUint32(head + ID, true),
      v.getUint32(head + WANTED, true),
      bytes,
      start,
      length,
    );
  }

  /** Moves the rest to the start, of a fresh buffer if somebody holds a view on this one. */
  #move(start: number, end: number): void {
    if (this.#given) {
      const fresh = new Uint8Array(CHUNK);
      if (end > start) fresh.set(this.#bytes.subarray(start, end));
      this.#bytes = fresh;
      this.#view = new DataView(fresh.buffer);
      this.#given = false;
    } else {
      this.#bytes.copyWithin(0, start, end);
    }
    this.#start = 0;
    this.#end = end - start;
  }
}

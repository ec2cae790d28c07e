/**
 * Sending half of a bare connection: frames are collected in buffers of 256 KiB, large bodies stay where they lie.
 *
 * @module
 */
import { CHUNK, HEAD, LARGE, writeHead } from "./bare_frame.ts";

/** Takes frames to send. */
export interface FrameWriter {
  /** Adds a frame whose body is a range of `bytes`. */
  frame(kind: number, id: number, wanted: number, bytes: Uint8Array, start: number, length: number): void;
}

/** Collects frames: small ones in one buffer, large bodies as they are. */
export class Writer implements FrameWriter {
  #bytes: Uint8Array = new Uint8Array(CHUNK);
  #view = new DataView(this.#bytes.buffer);
  #start = 0;
  #end = 0;
  #parts: Uint8Array[] = [];
  /** Full buffers: not taken yet, being sent, free again. */
  #full: Uint8Array[] = [];
  #sending: Uint8Array[] = [];
  #free: Uint8Array[] = [];

  /** Adds a frame whose body is a range of `bytes`. */
  frame(
    kind: number,
    id: number,
    wanted: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): void {
    const large = length >= LARGE;
    const need = large ? HEAD : HEAD + length;
    if (this.#end + need > CHUNK) this.#next();
    const at = this.#end;
    writeHead(this.#view, at, kind, id, length, wanted);
    this.#end = at + need;
    if (large) {
      this.#cut();
      this.#parts.push(
        start === 0 && length === bytes.length ? bytes : bytes.subarray(start, start + length),
      );
    } else if (length <= 64) {
      const to = this.#bytes;
      for (let i = 0, o = at + HEAD; i < length; i++) to[o + i] = bytes[start + i];
    } else {
      this.#bytes.set(
        start === 0 && length === bytes.length ? bytes : bytes.subarray(start, start + length),
        at + HEAD,
      );
    }
  }

  /** Whether there is something to send. */
  get waiting(): boolean {
    return this.#end > this.#start || this.#parts.length > 0;
  }

  /** What has been collected; call {@linkcode Writer.done} once all of it is sent, before the next `take`. */
  take(): Uint8Array[] {
    this.#cut();
    const parts = this.#parts;
    this.#parts = [];
    [this.#sending, this.#full] = [this.#full, this.#sending];
    return parts;
  }

  /** What was taken has been sent: its buffers are free, and the present one starts again if nothing was added. */
  done(): void {
    if (!this.waiting) this.#start = this.#end = 0;
    while (this.#sending.length > 0) this.#free.push(this.#sending.pop()!);
  }

  #cut(): void {
    if (this.#end === this.#start) return;
    this.#parts.push(this.#bytes.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  #next(): void {
    this.#cut();
    this.#full.push(this.#bytes);
    this.#bytes = this.#free.pop() ?? new Uint8Array(CHUNK);
    this.#view = new DataView(this.#bytes.buffer);
    this.#start = this.#end = 0;
  }
}

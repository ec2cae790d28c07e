/**
 * Memory that frames are put together in, shared by all connections of a process: a connection holds some only while a write is
 * under way.
 *
 * @module
 */
import { MAX_SENT_MESSAGE } from "./frame_header.ts";

/** Where the payload begins in a {@linkcode FrameBuffer}: a multiple of 4 with room for the longest head before it. */
export const PAYLOAD_AT = 16;
const SMALL = 4 * 1024 + PAYLOAD_AT;
const MIDDLE = 32 * 1024 + PAYLOAD_AT;
const LARGE = MAX_SENT_MESSAGE + PAYLOAD_AT;
/** Unused memory that is kept, bytes of each size. */
const KEPT_BYTES = 1024 * 1024;

/** Memory, as bytes and as words. */
export interface FrameBuffer {
  /** The memory. */
  readonly bytes: Uint8Array;
  /** The same memory. */
  readonly words: Int32Array;
}

const shelves = [SMALL, MIDDLE, LARGE].map((size) => ({ size, buffers: [] as FrameBuffer[] }));

/** Memory for a head and `payload` bytes, at most {@linkcode MAX_SENT_MESSAGE}. What it holds is arbitrary. */
export function takeBuffer(payload: number): FrameBuffer {
  const shelf = shelves.find(({ size }) => size >= PAYLOAD_AT + payload)!;
  const kept = shelf.buffers.pop();
  if (kept !== undefined) return kept;
  const bytes = new Uint8Array(shelf.size);
  return { bytes, words: new Int32Array(bytes.buffer) };
}

/** Nobody reads or writes this memory any more. */
export function giveBackBuffer(buffer: FrameBuffer): void {
  const shelf = shelves.find(({ size }) => size === buffer.bytes.length)!;
  if (shelf.buffers.length * shelf.size < KEPT_BYTES) shelf.buffers.push(buffer);
}

/**
 * Memory that streams are read into. A read hands its buffer to the runtime and gets it back with the bytes; it is used
 * again unless somebody keeps a view on it.
 *
 * @module
 */

/** First read of a stream that is expected to be short, bytes. */
export const SMALL_READ = 4 * 1024;
/** Read once a read filled the small one: larger ones bring nothing (docs/architecture.md, "Speed"). */
export const LARGE_READ = 64 * 1024;
/** Unused buffers that are kept, of each size. */
const KEPT = 32;

const small: ArrayBuffer[] = [];
const large: ArrayBuffer[] = [];

/** Memory for a read. */
export function takeReadBuffer(size: number): Uint8Array<ArrayBuffer> {
  const shelf = size === LARGE_READ ? large : small;
  return new Uint8Array(shelf.pop() ?? new ArrayBuffer(size === LARGE_READ ? LARGE_READ : SMALL_READ));
}

/** Nobody keeps a view on it. */
export function giveBackReadBuffer(buffer: ArrayBufferLike): void {
  const shelf = buffer.byteLength === LARGE_READ ? large : buffer.byteLength === SMALL_READ ? small : null;
  if (shelf !== null && shelf.length < KEPT) shelf.push(buffer as ArrayBuffer);
}

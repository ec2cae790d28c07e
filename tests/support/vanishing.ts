/**
 * Memory that is taken away from whoever was given it, in the ways there are in programs.
 *
 * @module
 */

/** Bytes whose memory can be taken away. */
export interface DoomedBytes {
  /** The bytes. */
  readonly bytes: Uint8Array;
  /** Takes their memory away. */
  readonly take: () => void;
}

/** How memory goes: handed to a worker; a buffer cut short, seen by a view with or without a length; a module that wanted more. */
export type WayToVanish = "transferred" | "cut short" | "followed and cut short" | "outgrown";

/** All of them. */
export const WAYS_TO_VANISH: readonly WayToVanish[] = [
  "transferred",
  "cut short",
  "followed and cut short",
  "outgrown",
];

const PAGE_BYTES = 65_536;

/** Bytes filled with `fill`, to be taken away in this way. */
export function doomedBytes(way: WayToVanish, length: number, fill = 0): DoomedBytes {
  if (way === "outgrown") {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(length / PAGE_BYTES) });
    return { bytes: new Uint8Array(memory.buffer, 0, length).fill(fill), take: () => void memory.grow(1) };
  }
  if (way === "transferred") {
    const bytes = new Uint8Array(length).fill(fill);
    return { bytes, take: () => void structuredClone(null, { transfer: [bytes.buffer] }) };
  }
  const buffer = new Resizable(length, { maxByteLength: length });
  const bytes = way === "cut short" ? new Uint8Array(buffer, 0, length) : new Uint8Array(buffer);
  return { bytes: bytes.fill(fill), take: () => buffer.resize(length >> 1) };
}

/** An ArrayBuffer as of ES2024. */
interface ResizableBuffer extends ArrayBuffer {
  resize(length: number): void;
}
const Resizable = ArrayBuffer as unknown as new (
  length: number,
  options: { maxByteLength: number },
) => ResizableBuffer;

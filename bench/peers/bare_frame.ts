/**
 * The frame of the bare peer: a head of 120 bytes (what NNRP's header and metadata take), every field written and every
 * field read, then the body.
 *
 * @module
 */

/** Bytes of a head. */
export const HEAD = 120;
/** Bodies from here up are sent from where they lie, bytes. */
export const LARGE = 32 * 1024;
/** Size of read and write buffers, bytes. */
export const CHUNK = 256 * 1024;
/** Kind of a frame that wants its body back. */
export const ECHO = 1;
/** Kind of a frame that wants as many results as its field 3 says. */
export const STREAM = 2;

/** Field of a head: kind. */
export const KIND = 8;
/** Field of a head: body length. */
export const LENGTH = 16;
/** Field of a head: request id. */
export const ID = 24;
/** Field of a head: results wanted. */
export const WANTED = 40;

/** Fills all fields of a head. */
export function writeHead(
  v: DataView,
  o: number,
  kind: number,
  id: number,
  length: number,
  wanted: number,
): void {
  v.setUint32(o, 0x45524142, true);
  v.setUint8(o + 4, 1);
  v.setUint8(o + 5, 0);
  v.setUint8(o + 6, 16);
  v.setUint8(o + 7, 40);
  v.setUint32(o + KIND, kind, true);
  v.setUint32(o + 12, 80, true);
  v.setUint32(o + LENGTH, length, true);
  v.setUint32(o + 20, 7, true);
  v.setUint32(o + ID, id, true);
  v.setUint16(o + 28, 1, true);
  v.setUint16(o + 30, 2, true);
  v.setUint32(o + 32, id, true);
  v.setUint32(o + 36, 0, true);
  v.setUint32(o + WANTED, wanted, true);
  v.setUint32(o + 44, 1, true);
  v.setUint32(o + 48, 2, true);
  v.setUint32(o + 52, 3, true);
  v.setUint32(o + 56, 4, true);
  v.setUint32(o + 60, 5, true);
  v.setUint32(o + 64, 6, true);
  v.setUint32(o + 68, 7, true);
  v.setUint32(o + 72, 8, true);
  v.setUint32(o + 76, 9, true);
  v.setUint32(o + 80, 10, true);
  v.setUint32(o + 84, 11, true);
  v.setUint32(o + 88, 12, true);
  v.setUint32(o + 92, 13, true);
  v.setUint32(o + 96, 14, true);
  v.setUint32(o + 100, 15, true);
  v.setUint32(o + 104, 16, true);
  v.setUint32(o + 108, 17, true);
  v.setUint32(o + 112, 18, true);
  v.setUint32(o + 116, 19, true);
}

/** Reads the fields of a head that nobody else reads and adds them up, so that they are really read. */
export function sumHead(v: DataView, o: number): number {
  return v.getUint32(o, true) + v.getUint8(o + 4) + v.getUint8(o + 5) + v.getUint8(o + 6) +
    v.getUint8(o + 7) +
    v.getUint32(o + 12, true) + v.getUint32(o + 20, true) + v.getUint16(o + 28, true) +
    v.getUint16(o + 30, true) +
    v.getUint32(o + 32, true) + v.getUint32(o + 36, true) + v.getUint32(o + 44, true) +
    v.getUint32(o + 48, true) +
    v.getUint32(o + 52, true) + v.getUint32(o + 56, true) + v.getUint32(o + 60, true) +
    v.getUint32(o + 64, true) +
    v.getUint32(o + 68, true) + v.getUint32(o + 72, true) + v.getUint32(o + 76, true) +
    v.getUint32(o + 80, true) +
    v.getUint32(o + 84, true) + v.getUint32(o + 88, true) + v.getUint32(o + 92, true) +
    v.getUint32(o + 96, true) +
    v.getUint32(o + 100, true) + v.getUint32(o + 104, true) + v.getUint32(o + 108, true) +
    v.getUint32(o + 112, true) + v.getUint32(o + 116, true);
}

/** Takes a frame: kind, id, wanted, and the body as a range of `bytes`. */
export type OnFrame = (
  kind: number,
  id: number,
  wanted: number,
  bytes: Uint8Array,
  start: number,
  length: number,
) => void;

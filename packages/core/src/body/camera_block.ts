/**
 * The camera block that rc2's replay tool writes (wire spec §16). To the protocol a camera block is opaque.
 *
 * @module
 */
import { NnrpValueError, NnrpWireError } from "../errors.ts";

const MAGIC = 0x4d43524e; // "NRCM", little-endian
const VERSION = 1;
const HEAD_SIZE = 22;

/** Camera of a recorded frame. All numbers are 32-bit floats on the wire; matrices usually have 16 of them. */
export interface ReplayCameraBlock {
  /** View matrix. */
  readonly view: ArrayLike<number>;
  /** Projection matrix. */
  readonly proj: ArrayLike<number>;
  /** View and projection of the frame before. */
  readonly prevViewProj: ArrayLike<number>;
  /** Horizontal jitter, pixels. */
  readonly jitterX: number;
  /** Vertical jitter, pixels. */
  readonly jitterY: number;
}

/**
 * Writes a camera block.
 *
 * @throws NnrpValueError if a matrix has more than 65535 numbers, or a finite number is too large for 32 bits.
 */
export function encodeReplayCameraBlock(camera: ReplayCameraBlock): Uint8Array {
  const { view, proj, prevViewProj, jitterX, jitterY } = camera;
  for (const [field, floats] of Object.entries({ view, proj, prevViewProj })) {
    if (floats.length > 0xffff) {
      throw new NnrpValueError("too many numbers", {
        field,
        expected: "at most 65535",
        actual: floats.length,
      });
    }
    checkFloats(floats, field);
  }
  checkFloats([jitterX], "jitterX");
  checkFloats([jitterY], "jitterY");
  const bytes = new Uint8Array(HEAD_SIZE + 4 * (view.length + proj.length + prevViewProj.length));
  const out = new DataView(bytes.buffer);
  out.setUint32(0, MAGIC, true);
  out.setUint16(4, VERSION, true);
  out.setUint16(6, view.length, true);
  out.setUint16(8, proj.length, true);
  out.setUint16(10, prevViewProj.length, true);
  out.setFloat32(14, jitterX, true);
  out.setFloat32(18, jitterY, true);
  let at = HEAD_SIZE;
  for (const floats of [view, proj, prevViewProj]) {
    for (let i = 0; i < floats.length; i++, at += 4) out.setFloat32(at, floats[i], true);
  }
  return bytes;
}

/**
 * Reads a camera block.
 *
 * @throws NnrpWireError if it is no such block, of another version, cut, or followed by more bytes.
 */
export function decodeReplayCameraBlock(bytes: Uint8Array): ReplayCameraBlock {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEAD_SIZE) throw refused("cut", 0, HEAD_SIZE, bytes.length);
  if (view.getUint32(0, true) !== MAGIC) throw refused("bad magic", 0, MAGIC, view.getUint32(0, true));
  if (view.getUint16(4, true) !== VERSION) {
    throw refused("unknown version", 4, VERSION, view.getUint16(4, true));
  }
  const counts = [view.getUint16(6, true), view.getUint16(8, true), view.getUint16(10, true)];
  const length = HEAD_SIZE + 4 * (counts[0] + counts[1] + counts[2]);
  if (bytes.length !== length) throw refused("length differs from the counts", 6, length, bytes.length);
  let at = HEAD_SIZE;
  const [first, second, third] = counts.map((count) => {
    const floats: number[] = [];
    for (let i = 0; i < count; i++, at += 4) floats.push(view.getFloat32(at, true));
    return floats;
  });
  return {
    view: first,
    proj: second,
    prevViewProj: third,
    jitterX: view.getFloat32(14, true),
    jitterY: view.getFloat32(18, true),
  };
}

/** Infinity and NaN travel; a finite number that would become Infinity does not. */
function checkFloats(floats: ArrayLike<number>, field: string): void {
  for (let i = 0; i < floats.length; i++) {
    if (Number.isFinite(floats[i]) && !Number.isFinite(Math.fround(floats[i]))) {
      throw new NnrpValueError("too large for a 32-bit float", { field, actual: floats[i] });
    }
  }
}

function refused(message: string, offset: number, expected: number, actual: number): NnrpWireError {
  return new NnrpWireError(message, { field: "replay_camera_block", offset, expected, actual });
}

/**
 * Reads and writes PNG files. Every colour type and depth is read, as eight bits per channel; a file that is no picture
 * ends in one line that says what it is instead.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { readFile, writeFile } from "node:fs/promises";
// @ts-types="npm:@types/pngjs@6.0.5"
import pngjs from "pngjs";
import { CommandError } from "../command.ts";
import type { Picture } from "./picture.ts";

/** Most pixels of a picture that is read: what one frame of the packaged backend may hold, and 64 MiB in memory. */
export const MAX_PIXELS = 16_777_216;

/** What a PNG file says about itself. */
export interface PngFacts {
  /** Bits per channel in the file: 1, 2, 4, 8 or 16. */
  readonly depth: number;
  /** Channels as the file has them, for example `"RGB"` or `"palette"`. */
  readonly kind: "gray" | "RGB" | "palette" | "gray + alpha" | "RGBA";
}

const KINDS: Readonly<Record<number, PngFacts["kind"]>> = {
  0: "gray",
  2: "RGB",
  3: "palette",
  4: "gray + alpha",
  6: "RGBA",
};

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** How other files that people try begin. */
const OTHERS: readonly (readonly [name: string, offset: number, bytes: readonly number[]])[] = [
  ["a JPEG", 0, [0xff, 0xd8, 0xff]],
  ["a GIF", 0, [0x47, 0x49, 0x46, 0x38]],
  ["a WebP picture", 8, [0x57, 0x45, 0x42, 0x50]],
  ["a BMP picture", 0, [0x42, 0x4d]],
  ["a TIFF picture", 0, [0x49, 0x49, 0x2a, 0x00]],
  ["a TIFF picture", 0, [0x4d, 0x4d, 0x00, 0x2a]],
];

/**
 * Decodes a PNG file.
 *
 * @param bytes The file.
 * @param name What to call it in errors.
 * @throws CommandError if it is no PNG, damaged, or too large.
 */
export function decodePng(bytes: Uint8Array, name: string): { picture: Picture; facts: PngFacts } {
  if (!begins(bytes, 0, SIGNATURE)) {
    const other = bytes.length === 0
      ? "empty"
      : OTHERS.find(([, offset, start]) => begins(bytes, offset, start))?.[0];
    throw new CommandError(`${name} is ${other ? `${other}, not a PNG` : "no PNG picture"}; give a PNG file`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const facts = bytes.length < 29 ? undefined : { depth: bytes[24], kind: KINDS[bytes[25]] };
  if (facts?.kind === undefined) throw damaged(name, "its header is cut off or unknown");
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  // From the header, before a byte is decompressed: a small file may promise a huge picture.
  if (width * height > MAX_PIXELS || Math.max(width, height) > 0xffff) {
    throw new CommandError(
      `${name} is ${width}x${height} pixels, more than ${MAX_PIXELS}; give a smaller one`,
    );
  }
  try {
    const { data } = pngjs.PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    return { picture: pictureOf(width, height, data), facts };
  } catch (error) {
    throw damaged(name, error instanceof Error ? error.message : String(error));
  }
}

/**
 * Encodes a picture: as gray if it has no colour, with opacity if it has any.
 *
 * @param picture The picture.
 */
export function encodePng(picture: Picture): Uint8Array {
  const { width, height, rgb, alpha, gray } = picture;
  const data = Buffer.alloc(4 * width * height, 255);
  for (let i = 0, from = 0, to = 0; i < width * height; i++, from += 3, to += 4) {
    data[to] = rgb[from];
    data[to + 1] = rgb[from + 1];
    data[to + 2] = rgb[from + 2];
    if (alpha !== null) data[to + 3] = alpha[i];
  }
  const png = new pngjs.PNG({ width, height });
  png.data = data;
  const colorType = (gray ? 0 : 2) + (alpha === null ? 0 : 4);
  const bytes = pngjs.PNG.sync.write(png, { colorType: colorType as 0 | 2 | 4 | 6, inputHasAlpha: true });
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/**
 * Reads a PNG file.
 *
 * @throws CommandError if it is not there, not readable, or no PNG.
 */
export async function readPng(path: string | URL): Promise<{ picture: Picture; facts: PngFacts }> {
  const name = path instanceof URL ? path.pathname : path;
  let bytes: Uint8Array;
  try {
    bytes = await readBytes(path);
  } catch (error) {
    const code = (error as { code?: string }).code;
    const why = code === "ENOENT"
      ? "there is no such file"
      : code === "EISDIR"
      ? "it is a folder"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new CommandError(`cannot read ${name}: ${why}; give a PNG file`);
  }
  return decodePng(bytes, name);
}

/**
 * Writes a PNG file.
 *
 * @throws CommandError if it cannot be written.
 */
export async function writePng(path: string, picture: Picture): Promise<void> {
  try {
    await writeFile(path, encodePng(picture));
  } catch (error) {
    throw new CommandError(`cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** From a file, or from where the package was loaded (JSR: https). */
async function readBytes(path: string | URL): Promise<Uint8Array> {
  if (path instanceof URL && path.protocol !== "file:") {
    const response = await fetch(path);
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  }
  return new Uint8Array(await readFile(path));
}

function pictureOf(width: number, height: number, rgba: Uint8Array): Picture {
  const count = width * height;
  const rgb = new Uint8Array(3 * count);
  const alpha = new Uint8Array(count);
  let gray = true;
  let opaque = true;
  for (let i = 0, from = 0, to = 0; i < count; i++, from += 4, to += 3) {
    const [r, g, b, a] = [rgba[from], rgba[from + 1], rgba[from + 2], rgba[from + 3]];
    rgb[to] = r;
    rgb[to + 1] = g;
    rgb[to + 2] = b;
    alpha[i] = a;
    if (r !== g || g !== b) gray = false;
    if (a !== 255) opaque = false;
  }
  return { width, height, rgb, alpha: opaque ? null : alpha, gray };
}

function begins(bytes: Uint8Array, offset: number, start: readonly number[]): boolean {
  return start.every((byte, i) => bytes[offset + i] === byte);
}

function damaged(name: string, why: string): CommandError {
  return new CommandError(`${name} is a damaged PNG (${why}); save it anew`);
}

/**
 * Builds PNG files of any colour type and depth for tests, unfiltered.
 *
 * @module
 */
import { deflateSync } from "node:zlib";
import { Buffer } from "node:buffer";

/** What a file is to hold. */
export interface PngFixture {
  /** Pixels per row. */
  readonly width: number;
  /** Bits per channel. */
  readonly depth: number;
  /** 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA. */
  readonly colorType: number;
  /** Packed bytes of each row. */
  readonly rows: readonly (readonly number[])[];
  /** PLTE chunk. */
  readonly palette?: readonly number[];
  /** tRNS chunk. */
  readonly transparency?: readonly number[];
  /** Height to write into the header. Default: the number of rows. */
  readonly height?: number;
}

/** The file. */
export function pngFixture(fixture: PngFixture): Uint8Array {
  const { width, depth, colorType, rows, palette, transparency, height = rows.length } = fixture;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colorType, 0, 0, 0], 8);
  const pixels = Buffer.from(rows.flatMap((row) => [0, ...row]));
  const chunks = [
    chunk("IHDR", header),
    ...(palette === undefined ? [] : [chunk("PLTE", Buffer.from(palette))]),
    ...(transparency === undefined ? [] : [chunk("tRNS", Buffer.from(transparency))]),
    chunk("IDAT", deflateSync(pixels)),
    chunk("IEND", Buffer.alloc(0)),
  ];
  return new Uint8Array(
    Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), ...chunks]),
  );
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc(body), body.length + 4);
  return out;
}

function crc(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return (value ^ 0xffffffff) >>> 0;
}

/**
 * Reads and writes npm tarballs (gzip over ustar, every path below `package/`). What is written depends on the files alone: no
 * times, no owners, entries in order of their names, so that the same sources give the same bytes.
 *
 * @module
 */

/** The files of a package: path below `package/` → bytes. */
export type PackageFiles = Map<string, Uint8Array>;

const BLOCK = 512;
const PREFIX = "package/";
/** Files that may be run. */
const PROGRAM = /^bin\//;

/**
 * Files of a tarball.
 *
 * @param bytes The `.tgz`.
 * @throws Error if a path comes twice or lies outside `package/`.
 */
export async function readTarball(bytes: Uint8Array<ArrayBuffer>): Promise<PackageFiles> {
  const tar = await through(bytes, new DecompressionStream("gzip"));
  const files: PackageFiles = new Map();
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0;) {
    const prefix = text(tar, at + 345, 155);
    const path = (prefix === "" ? "" : `${prefix}/`) + text(tar, at, 100);
    const size = parseInt(text(tar, at + 124, 12), 8);
    const type = String.fromCharCode(tar[at + 156]);
    at += BLOCK;
    if (type === "0" || type === "\0") {
      const name = path.slice(PREFIX.length);
      if (!path.startsWith(PREFIX) || name.split("/").includes("..")) throw new Error(`odd path ${path}`);
      if (files.has(name)) throw new Error(`${path} is there twice`);
      files.set(name, tar.slice(at, at + size));
    } else if (type !== "5") {
      throw new Error(`${path}: entries of type ${JSON.stringify(type)} are not expected`);
    }
    at += Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

/**
 * A tarball of files.
 *
 * @throws Error if a path is too long for the format (100 bytes after the last fitting `/`).
 */
export async function writeTarball(files: PackageFiles): Promise<Uint8Array<ArrayBuffer>> {
  const blocks: Uint8Array[] = [];
  // package.json first: installers that only look into it need not unpack the rest.
  const order = [...files.keys()].sort((a, b) =>
    Number(b === "package.json") - Number(a === "package.json") || (a < b ? -1 : 1)
  );
  for (const name of order) {
    const content = files.get(name)!;
    const padding = (BLOCK - content.length % BLOCK) % BLOCK;
    blocks.push(header(PREFIX + name, content.length), content, new Uint8Array(padding));
  }
  blocks.push(new Uint8Array(2 * BLOCK));
  return await through(concat(blocks), new CompressionStream("gzip"));
}

function header(path: string, size: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (value: string, offset: number) => block.set(new TextEncoder().encode(value), offset);
  const octal = (value: number, length: number) => value.toString(8).padStart(length - 1, "0") + "\0";
  let prefix = "";
  let name = path;
  while (new TextEncoder().encode(name).length > 100) {
    const cut = name.indexOf("/");
    if (cut < 0) throw new Error(`${path} is too long for a tarball`);
    prefix += (prefix === "" ? "" : "/") + name.slice(0, cut);
    name = name.slice(cut + 1);
  }
  put(name, 0);
  put(octal(PROGRAM.test(path.slice(PREFIX.length)) ? 0o755 : 0o644, 8), 100);
  put(octal(0, 8), 108);
  put(octal(0, 8), 116);
  put(octal(size, 12), 124);
  put(octal(0, 12), 136);
  put("        ", 148);
  put("0", 156);
  put("ustar\x0000", 257);
  put(prefix, 345);
  put(octal(block.reduce((sum, byte) => sum + byte, 0), 7) + " ", 148);
  return block;
}

function text(bytes: Uint8Array, offset: number, length: number): string {
  const field = bytes.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  transform: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(transform)).arrayBuffer());
}

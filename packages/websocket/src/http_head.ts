/**
 * As much of HTTP/1.1 as a WebSocket handshake needs: one head, of bounded size, and the bytes behind it.
 *
 * @module
 */
import type { RawSocket } from "./raw_socket.ts";

/** Longest head that is read, bytes; what common servers allow. */
export const MAX_HEAD = 16 * 1024;

/** A head that was read. */
export interface HttpHead {
  /** Request or status line. */
  readonly first: string;
  /** Fields by lower-case name; repeated ones joined by a comma. */
  readonly fields: ReadonlyMap<string, string>;
  /** Bytes that came behind it. */
  readonly rest: Uint8Array;
}

/** Why a head cannot be read. */
export class HttpHeadError extends Error {}

/** Reads a head. Rejects with HttpHeadError, or with the socket's error. */
export async function readHead(socket: RawSocket): Promise<HttpHead> {
  let bytes = new Uint8Array(0);
  let searched = 0;
  for (;;) {
    const end = endOfHead(bytes, searched);
    if (end > MAX_HEAD || (end < 0 && bytes.length > MAX_HEAD)) {
      throw new HttpHeadError(`an HTTP head longer than ${MAX_HEAD} bytes`);
    }
    const foreign = foreignProtocol(bytes);
    if (foreign !== null) throw new HttpHeadError(foreign); // nothing more would come
    if (end >= 0) return parse(bytes.subarray(0, end), bytes.subarray(end + 4));
    searched = Math.max(0, bytes.length - 3);
    const chunk = await socket.read();
    if (chunk === null) {
      throw new HttpHeadError(
        bytes.length === 0
          ? "the connection ended without a word"
          : "the connection ended inside the HTTP head",
      );
    }
    const longer = new Uint8Array(bytes.length + chunk.length);
    longer.set(bytes);
    longer.set(chunk, bytes.length);
    bytes = longer;
  }
}

/** Whether a field whose value is a list of tokens holds this one, in any case. */
export function hasToken(value: string | undefined | null, token: string): boolean {
  return (value ?? "").toLowerCase().split(",").some((part) => part.trim() === token);
}

/** What begins like no HTTP head, in words; null if it may be one. */
function foreignProtocol(bytes: Uint8Array): string | null {
  if (bytes.length === 0 || (bytes[0] >= 0x41 && bytes[0] <= 0x5a)) {
    const nnrp = bytes.length >= 4 && NNRP.every((byte, i) => bytes[i] === byte);
    return nnrp ? "plain NNRP, which begins with nnrp:// or nnrp+tcp:// and not with ws://" : null;
  }
  const tls = bytes[0] === 0x15 || bytes[0] === 0x16;
  return tls ? "TLS, which begins with wss:// and not with ws://" : "no HTTP";
}

/** How every packet begins. */
const NNRP = [0x4e, 0x4e, 0x52, 0x50];

/** Where the empty line begins, or -1. */
function endOfHead(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(13, from); at >= 0 && at + 3 < bytes.length; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
  return -1;
}

function parse(head: Uint8Array, rest: Uint8Array): HttpHead {
  const [first, ...lines] = new TextDecoder("latin1").decode(head).split("\r\n");
  const fields = new Map<string, string>();
  for (const line of lines) {
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (match === null) throw new HttpHeadError("an HTTP field that is none");
    const name = match[1].toLowerCase();
    const before = fields.get(name);
    fields.set(name, before === undefined ? match[2] : `${before}, ${match[2]}`);
  }
  return { first, fields, rest };
}

/**
 * As much of HTTP/1.1 as a WebSocket handshake needs: one head, of bounded size, and the bytes behind it.
 * Every byte is visited a fixed number of times, however they were cut and whatever they are.
 *
 * @module
 */
import type { RawSocket } from "@nnrp/runtime/sockets";

/** Longest head that is read, bytes without the empty line; what common servers allow. */
export const MAX_HEAD = 16 * 1024;
/** Most fields of a head; browsers and proxies send about thirty. */
export const MAX_FIELDS = 128;

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
  const collector = new HeadCollector();
  for (;;) {
    const chunk = await socket.read();
    if (chunk === null) {
      throw new HttpHeadError(
        collector.length === 0
          ? "the connection ended without a word"
          : "the connection ended inside the HTTP head",
      );
    }
    const rest = collector.push(chunk);
    if (rest !== null) return { ...parseHead(collector.head), rest };
  }
}

/** Puts a head together from pieces of any size. */
export class HeadCollector {
  readonly #max: number;
  #bytes = new Uint8Array(1024);
  #have = 0;
  #matched = 0; // how much of the empty line's CR LF CR LF was seen last

  /** @param max Longest head, bytes. Default {@linkcode MAX_HEAD}. */
  constructor(max: number = MAX_HEAD) {
    this.#max = max;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#have;
  }

  /** The head without the empty line, once it is whole. */
  get head(): Uint8Array {
    return this.#bytes.subarray(0, this.#have - END.length);
  }

  /**
   * Takes bytes.
   *
   * @returns What came behind the head; null if it is not whole yet.
   * @throws HttpHeadError if it is too long, or begins like no HTTP.
   */
  push(chunk: Uint8Array): Uint8Array | null {
    const most = Math.min(chunk.length, this.#max + END.length - this.#have);
    let at = 0;
    while (at < most && this.#matched < END.length) {
      const byte = chunk[at++];
      this.#matched = byte === END[this.#matched] ? this.#matched + 1 : byte === END[0] ? 1 : 0;
    }
    this.#keep(chunk.subarray(0, at));
    const foreign = foreignProtocol(this.#bytes.subarray(0, this.#have));
    if (foreign !== null) throw new HttpHeadError(foreign); // nothing more would come
    if (this.#matched === END.length) return chunk.subarray(at);
    if (this.#have < this.#max + END.length) return null;
    throw new HttpHeadError(`an HTTP head longer than ${this.#max} bytes`);
  }

  /** Memory doubles, so that all copies together are no more than the head. */
  #keep(bytes: Uint8Array): void {
    const needed = this.#have + bytes.length;
    if (needed > this.#bytes.length) {
      const longer = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      longer.set(this.#bytes.subarray(0, this.#have));
      this.#bytes = longer;
    }
    this.#bytes.set(bytes, this.#have);
    this.#have = needed;
  }
}

/** The end of the last field and the empty line. */
const END = [13, 10, 13, 10];

/** Whether a field whose value is a list of tokens holds this one (in lower case), in any case. */
export function hasToken(value: string | undefined | null, token: string): boolean {
  if (!value) return false;
  for (let start = 0; start <= value.length;) {
    const comma = value.indexOf(",", start);
    const end = comma < 0 ? value.length : comma;
    const part = trimBlanks(value, start, end);
    if (part.length === token.length && part.toLowerCase() === token) return true;
    start = end + 1;
  }
  return false;
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

/**
 * Takes a head apart.
 *
 * @param head The head without the empty line.
 * @param maxFields Most fields. Default {@linkcode MAX_FIELDS}.
 * @throws HttpHeadError for a line that is no field, or too many of them.
 */
export function parseHead(head: Uint8Array, maxFields: number = MAX_FIELDS): Omit<HttpHead, "rest"> {
  const lines = new TextDecoder("latin1").decode(head).split("\r\n");
  if (lines.length - 1 > maxFields) throw new HttpHeadError(`an HTTP head of more than ${maxFields} fields`);
  const fields = new Map<string, string>();
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i];
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = trimBlanks(line, colon + 1, line.length);
    if (!isToken(name) || NOT_IN_VALUES.test(value)) throw new HttpHeadError("an HTTP field that is none");
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { first: lines[0], fields };
}

/** Lone ends of lines, which other readers may take for the end of the field, and NUL. */
const NOT_IN_VALUES = /[\0\r\n]/;
const NO_TOKEN = /[^!#$%&'*+.^_`|~0-9A-Za-z-]/;

function isToken(text: string): boolean {
  return text !== "" && !NO_TOKEN.test(text);
}

/** What stands from `start` to `end`, without spaces and tabs around it. */
function trimBlanks(text: string, start: number, end: number): string {
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

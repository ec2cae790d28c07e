/**
 * Takes the frames of a WebSocket apart (RFC 6455 §5), however the bytes were cut: payload of binary messages is handed on as it
 * comes, unmasked in place; message borders mean nothing and no message is put together.
 *
 * @module
 */
import { CloseCode, mayTravel } from "./close_code.ts";
import { FrameBudget } from "./frame_budget.ts";
import {
  FrameViolation,
  MAX_CONTROL_BYTES,
  MAX_HEAD_BYTES,
  MAX_RECEIVED_MESSAGE,
  Opcode,
} from "./frame_header.ts";
import { unmask } from "./mask.ts";

/** What a reader finds. */
export interface FrameEvents {
  /** Payload of a binary message, unmasked: `bytes` from `start` to `end`. */
  payload(bytes: Uint8Array, start: number, end: number): void;
  /** A ping wants a pong with this payload; the memory is the receiver's. */
  ping(payload: Uint8Array): void;
  /** The peer has ended; what follows is ignored. 1005 = without a code. */
  close(code: number, reason: string): void;
}

/** The receiving half of a WebSocket, without a socket. */
export class FrameReader {
  readonly #masked: boolean;
  readonly #events: FrameEvents;
  readonly #budget: FrameBudget;
  readonly #head = new Uint8Array(MAX_HEAD_BYTES); // the start of a head that is not whole yet
  #headHave = 0;
  readonly #key = new Uint8Array(4);
  #phase = 0; // payload bytes of the present frame so far
  #left = 0; // and to come
  #control: Uint8Array | null = null; // payload of a control frame being collected
  #opcode = 0;
  #inMessage = false; // a binary message goes on in the next data frame
  #messageBytes = 0;
  #closed = false;

  /**
   * @param masked Whether the peer must mask (it is a client) or must not (it is a server).
   * @param events Called with what is found.
   * @param clock Milliseconds of a monotonic clock, for the bound on frames that carry nothing.
   */
  constructor(masked: boolean, events: FrameEvents, clock: () => number) {
    this.#masked = masked;
    this.#events = events;
    this.#budget = new FrameBudget(clock);
  }

  /** Payload bytes of the present data frame still to come; 0 between frames. */
  get remaining(): number {
    return this.#control === null ? this.#left : 0;
  }

  /**
   * Takes bytes; payload in them is unmasked in place.
   *
   * @throws FrameViolation at the first broken rule; what came before it was handed on.
   */
  push(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end && !this.#closed) {
      if (this.#left > 0) at = this.#take(bytes, at, end);
      else if (this.#headHave > 0 || end - at < MAX_HEAD_BYTES) at = this.#collectHead(bytes, at, end);
      else at += this.#readHead(bytes, at, end - at);
    }
  }

  /** Bytes that were read straight to where payload is wanted: unmasks them; at most {@linkcode FrameReader.remaining}. */
  direct(bytes: Uint8Array, count: number): void {
    if (this.#masked) unmask(bytes, 0, count, this.#key, this.#phase);
    this.#phase = (this.#phase + count) & 3;
    this.#left -= count;
  }

  #take(bytes: Uint8Array, at: number, end: number): number {
    const stop = Math.min(end, at + this.#left);
    if (this.#masked) unmask(bytes, at, stop, this.#key, this.#phase);
    this.#phase = (this.#phase + stop - at) & 3;
    this.#left -= stop - at;
    const control = this.#control;
    if (control === null) this.#events.payload(bytes, at, stop);
    else {
      control.set(bytes.subarray(at, stop), control.length - this.#left - (stop - at));
      if (this.#left === 0) this.#endControl(control);
    }
    return stop;
  }

  /** A head that is cut, or so near the end that it may be: put together byte by byte. */
  #collectHead(bytes: Uint8Array, at: number, end: number): number {
    while (at < end) {
      this.#head[this.#headHave++] = bytes[at++];
      if (this.#readHead(this.#head, 0, this.#headHave) > 0) {
        this.#headHave = 0;
        break;
      }
    }
    return at;
  }

  /** Reads a head of at most `have` bytes; returns its length, 0 if it is longer than that. */
  #readHead(bytes: Uint8Array, at: number, have: number): number {
    if (have < 2) return 0;
    const first = bytes[at];
    const second = bytes[at + 1];
    const opcode = first & 0x0f;
    this.#judge(first, second, opcode);
    let length = second & 0x7f;
    const size = (length < 126 ? 2 : length === 126 ? 4 : 10) + (this.#masked ? 4 : 0);
    if (have < size) return 0;
    let key = at + 2;
    if (length === 126) {
      length = bytes[at + 2] << 8 | bytes[at + 3];
      key = at + 4;
      if (length < 126) throw wrongLength(length);
    } else if (length === 127) {
      length = longLength(bytes, at + 2);
      key = at + 10;
    }
    if (this.#masked) {
      for (let i = 0; i < 4; i++) this.#key[i] = bytes[key + i];
    }
    this.#phase = 0;
    this.#left = length;
    if (opcode >= Opcode.CLOSE) {
      this.#opcode = opcode;
      this.#control = new Uint8Array(length);
      if (length === 0) this.#endControl(this.#control);
    } else this.#beginData(opcode, (first & 0x80) !== 0, length);
    return size;
  }

  /** Everything that the first two bytes can have wrong. */
  #judge(first: number, second: number, opcode: number): void {
    if ((first & 0x70) !== 0) {
      throw protocolError("frame.rsv", "reserved bits without an extension", 0, (first >> 4) & 7);
    }
    if (((second & 0x80) !== 0) !== this.#masked) {
      throw protocolError(
        "frame.mask",
        this.#masked ? "a client's frame is not masked" : "a server's frame is masked",
        this.#masked ? 1 : 0,
        second >> 7,
      );
    }
    if (opcode >= Opcode.CLOSE) {
      if (opcode > Opcode.PONG) {
        throw protocolError("frame.opcode", "unknown kind of frame", "0 to 10", opcode);
      }
      if ((first & 0x80) === 0) throw protocolError("frame.fin", "a control frame in pieces", 1, 0);
      if ((second & 0x7f) > MAX_CONTROL_BYTES) {
        throw protocolError("frame.length", "a control frame too long", `at most ${MAX_CONTROL_BYTES}`);
      }
    } else if (opcode === Opcode.TEXT) {
      throw new FrameViolation(
        CloseCode.UNSUPPORTED_DATA,
        "frame.opcode",
        "a text message; NNRP is a byte stream in binary messages",
        "2 (binary)",
        "1 (text)",
      );
    } else if (opcode > Opcode.BINARY) {
      throw protocolError("frame.opcode", "unknown kind of frame", "0 to 10", opcode);
    } else if ((opcode === Opcode.CONTINUATION) !== this.#inMessage) {
      throw protocolError(
        "frame.opcode",
        this.#inMessage ? "a new message inside another" : "a continuation of nothing",
      );
    }
  }

  #beginData(opcode: number, final: boolean, length: number): void {
    this.#messageBytes = opcode === Opcode.CONTINUATION ? this.#messageBytes + length : length;
    if (this.#messageBytes > MAX_RECEIVED_MESSAGE) {
      throw new FrameViolation(
        CloseCode.TOO_BIG,
        "frame.length",
        "a message too large",
        `at most ${MAX_RECEIVED_MESSAGE}`,
        this.#messageBytes,
      );
    }
    this.#control = null;
    this.#inMessage = !final;
    this.#budget.data(length);
  }

  #endControl(payload: Uint8Array): void {
    this.#control = null;
    if (this.#opcode === Opcode.CLOSE) {
      this.#close(payload);
      return;
    }
    this.#budget.control();
    if (this.#opcode === Opcode.PING) this.#events.ping(payload);
  }

  #close(payload: Uint8Array): void {
    let code: number = CloseCode.NONE;
    let reason = "";
    if (payload.length > 0) {
      code = payload.length === 1 ? 0 : payload[0] << 8 | payload[1];
      if (!mayTravel(code)) throw protocolError("close.code", "no close code", "1000 to 4999", code);
      try {
        reason = new TextDecoder("utf-8", { fatal: true }).decode(payload.subarray(2));
      } catch {
        throw new FrameViolation(CloseCode.INVALID_DATA, "close.reason", "is no UTF-8");
      }
    }
    this.#closed = true;
    this.#events.close(code, reason);
  }
}

function longLength(bytes: Uint8Array, at: number): number {
  let length = 0;
  for (let i = 0; i < 8; i++) length = length * 256 + bytes[at + i];
  if (bytes[at] >= 0x80) throw protocolError("frame.length", "highest bit set", "at most 2^63 - 1");
  if (length < 65536) throw wrongLength(length);
  return length;
}

function wrongLength(length: number): FrameViolation {
  return protocolError("frame.length", "not in its shortest form", undefined, length);
}

function protocolError(
  field: string,
  rule: string,
  expected?: string | number,
  actual?: string | number,
): FrameViolation {
  return new FrameViolation(CloseCode.PROTOCOL_ERROR, field, rule, expected, actual);
}

/**
 * A WebSocket over any ordered byte stream, as a byte stream of its own: framing, ping and pong, the closing
 * handshake. Used on both sides on Deno, Node and Bun; it can stop reading, and keeps reading after it has
 * sent its close frame.
 *
 * @module
 */
import type { ByteStream, ByteStreamEvents, CancelTimer, Host } from "@nnrp/core";
import { CloseCode, describeClose, isOrderly } from "./close_code.ts";
import { FrameViolation, Opcode } from "./frame_header.ts";
import { type FrameEvents, FrameReader } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";
import { maskKeysOf } from "./mask.ts";

/** First read buffer, bytes: thousands of idle connections stay cheap. */
const READ_SMALL = 1024;
/** Read buffer once a read filled the one before, bytes; payload beyond it is read straight into its place. */
const READ_LARGE = 64 * 1024;
/** Factor between one size and the next. */
const READ_STEP = 8;
/** Reads in a row that wanted an eighth of the buffer at most before it shrinks. */
const QUIET_READS = 64;
/** From this much outstanding payload on it is read straight to where it is wanted, bytes. */
const DIRECT_FROM = 16 * 1024;
/** How long a close frame may take to leave before the connection is cut, ms. */
const CLOSE_FRAME_MS = 1000;

/** What a framed stream needs besides its socket. */
export interface FramedStreamOptions {
  /** Whether this side is the client: it masks what it sends, the other side does if not. */
  readonly client: boolean;
  /** Bytes that came behind the HTTP head. */
  readonly rest: Uint8Array;
  /** Provides clock, timers and random numbers. */
  readonly host: Host;
}

/** A WebSocket on a {@linkcode ByteStream}. */
export class FramedStream implements ByteStream {
  readonly #raw: ByteStream;
  readonly #client: boolean;
  readonly #host: Host;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  #rest: Uint8Array;
  #events: ByteStreamEvents | null = null;
  #paused = false;

  // Receiving: one of three ways. Bytes of our own buffer are copied out of it, payload read straight to its place is not,
  // and chunks of the runtime are handed on with their heads taken out.
  #buffer = EMPTY;
  #quietReads = 0;
  #direct: Uint8Array | null = null;
  #place: Uint8Array | null = null; // where payload out of our buffer goes,
  #placeAt = 0; // and how much of it is filled
  #chunk: Uint8Array | null = null; // a chunk of the runtime being taken apart:
  #from = 0; // payload found so far
  #to = 0;

  // Sending: one raw write at a time.
  #batch = false; // the upper layer waits for `written`
  #writing = 0; // payload bytes of the raw write under way
  #busy = false;
  #pong: Uint8Array | null = null; // only the latest ping needs an answer (RFC 6455 §5.5.3)
  #closeDue = false;
  #closeCode: number = CloseCode.NORMAL;
  #closeSent = false; // given to the socket
  #sendFailed = false;

  #faulty = false; // the peer broke a rule
  #peerClosed = false;
  #failure: unknown;
  #destroying = false;
  #destroyed = false;
  #cancelTimer: CancelTimer = () => {};

  /**
   * @param raw The socket, not started, behind the HTTP upgrade.
   * @param options Which side, and what was read already.
   */
  constructor(raw: ByteStream, options: FramedStreamOptions) {
    this.#raw = raw;
    const { client, host } = options;
    this.#client = client;
    this.#host = host;
    this.#rest = options.rest;
    const events: FrameEvents = {
      payload: (bytes, start, end) => this.#payload(bytes, start, end),
      ping: (payload) => {
        this.#pong = payload;
        this.#send();
      },
      close: (code, reason) => this.#close(code, reason),
    };
    this.#reader = new FrameReader(!client, events, () => host.now());
    this.#writer = new FrameWriter(client ? maskKeysOf(host) : null);
  }

  /** Starts reading; bytes that came behind the HTTP head are first. */
  start(events: ByteStreamEvents): void {
    this.#events = events;
    const raw = this.#raw;
    if (this.#rest.length > 0) {
      raw.pause();
      queueMicrotask(() => this.#takeRest());
    }
    raw.start({
      target: () => this.#target(),
      filled: (count) => this.#filled(count),
      data: (chunk) => this.#takeChunk(chunk),
      progress: () => {},
      written: () => this.#written(),
      writeFailed: (cause) => this.#writeFailed(cause),
      fault: (error) => events.fault(error),
      failed: (cause) => events.failed(cause),
      ended: () => this.#rawEnded(),
      closed: (cause) => this.#rawClosed(cause),
    });
  }

  #takeRest(): void {
    const rest = this.#rest;
    this.#rest = EMPTY;
    if (this.#destroyed) return;
    this.#takeChunk(rest);
    if (!this.#paused) this.#raw.resume();
  }

  // Receiving

  #target(): Uint8Array {
    const remaining = this.#reader.remaining;
    if (remaining >= DIRECT_FROM && !this.#deaf) {
      const place = this.#events!.target();
      return this.#direct = place.length > remaining ? place.subarray(0, remaining) : place;
    }
    if (this.#buffer.length === 0) this.#buffer = new Uint8Array(READ_SMALL);
    return this.#buffer;
  }

  #filled(count: number): void {
    const direct = this.#direct;
    this.#direct = null;
    if (this.#deaf) return;
    if (direct !== null) {
      this.#reader.direct(direct, count);
      this.#events!.filled(count);
      return;
    }
    const buffer = this.#buffer;
    this.#takeApart(buffer, count);
    if (count === buffer.length && count < READ_LARGE) this.#buffer = new Uint8Array(count * READ_STEP);
    else if (count * 8 > buffer.length || buffer.length === READ_SMALL) this.#quietReads = 0;
    else if (++this.#quietReads === QUIET_READS) {
      this.#quietReads = 0;
      this.#buffer = EMPTY;
    }
  }

  #takeChunk(chunk: Uint8Array): void {
    if (this.#deaf) return;
    this.#chunk = chunk;
    this.#from = this.#to = 0;
    this.#takeApart(chunk, chunk.length);
    this.#chunk = null;
  }

  #takeApart(bytes: Uint8Array, count: number): void {
    try {
      this.#reader.push(bytes, 0, count);
      this.#flush();
    } catch (error) {
      if (!(error instanceof FrameViolation)) {
        this.#fail(error);
        return;
      }
      this.#flush();
      this.#faulty = true;
      this.#closeCode = error.closeCode;
      this.#events!.fault(error.error);
    }
  }

  /** Payload is handed on at the end of the read, so that many small messages make one turn. */
  #payload(bytes: Uint8Array, start: number, end: number): void {
    if (this.#chunk !== null) {
      if (this.#to === this.#from) this.#from = this.#to = start;
      else if (this.#to < start) bytes.copyWithin(this.#to, start, end);
      this.#to += end - start;
      return;
    }
    while (start < end && !this.#destroyed) {
      const place = this.#place ??= this.#events!.target();
      const size = Math.min(end - start, place.length - this.#placeAt);
      place.set(bytes.subarray(start, start + size), this.#placeAt);
      this.#placeAt += size;
      start += size;
      if (this.#placeAt === place.length) this.#flush();
    }
  }

  /** Hands on the payload found so far. */
  #flush(): void {
    if (this.#place !== null) {
      const count = this.#placeAt;
      this.#place = null;
      this.#placeAt = 0;
      this.#events!.filled(count);
    } else if (this.#chunk !== null && this.#to > this.#from) {
      const payload = this.#chunk.subarray(this.#from, this.#to);
      this.#from = this.#to = 0;
      this.#events!.data(payload);
    }
  }

  /** The peer's close frame: reported after everything that came before it. */
  #close(code: number, reason: string): void {
    this.#flush();
    if (this.#destroyed) return;
    this.#peerClosed = true;
    if (isOrderly(code)) {
      if (this.#closeSent && !this.#busy) this.#bothClosed();
      this.#events!.ended();
      return;
    }
    this.#failure = new Error(`the peer closed the WebSocket with ${describeClose(code, reason)}`);
    this.destroy();
  }

  /** Whether received bytes are ignored. */
  get #deaf(): boolean {
    return this.#faulty || this.#destroying;
  }

  #rawEnded(): void {
    if (this.#faulty && !this.#destroying) {
      this.#events!.ended();
      if (this.#closeSent && !this.#busy) this.#destroyNow();
      return;
    }
    // Who ends the connection behind its close frame does not listen any more: a tab that was closed.
    if (!this.#peerClosed) this.#failure = new Error("the connection ended without a WebSocket close frame");
    this.#destroyNow();
  }

  // Sending

  /** Writes the ranges in order. */
  write(ranges: Uint8Array[]): void {
    if (this.#sendFailed) {
      this.#events!.writeFailed(new Error("the WebSocket takes nothing any more"));
      return;
    }
    this.#batch = true;
    this.#writer.begin(ranges);
    this.#send();
  }

  #send(): void {
    try {
      this.#sendNext();
    } catch (cause) {
      this.#fail(cause); // the runtime's callback that this may stand in must not throw
    }
  }

  /** Something of this side failed: the frame being written or read has no end. */
  #fail(cause: unknown): void {
    this.#sendFailed = true;
    this.#busy = false;
    this.#events!.failed(cause);
  }

  #sendNext(): void {
    if (this.#events === null) return; // who closes it unstarted does not wait for anything
    while (!this.#busy && !this.#sendFailed && !this.#closeSent && !this.#destroyed) {
      if (this.#pong !== null) {
        const pong = this.#writer.control(Opcode.PONG, this.#pong);
        this.#pong = null;
        this.#rawWrite([pong]);
      } else if (this.#writer.left > 0) {
        const before = this.#writer.left;
        const message = this.#writer.next();
        this.#writing = before - this.#writer.left;
        this.#rawWrite(message);
      } else if (this.#batch) {
        this.#batch = false;
        this.#events!.written(); // the upper layer may call write() here
      } else if (this.#closeDue) {
        const payload = new Uint8Array([this.#closeCode >> 8, this.#closeCode & 0xff]);
        this.#closeSent = true;
        this.#rawWrite([this.#writer.control(Opcode.CLOSE, payload)]);
      } else return;
    }
  }

  #rawWrite(ranges: Uint8Array[]): void {
    this.#busy = true;
    this.#raw.write(ranges);
  }

  #written(): void {
    this.#busy = false;
    this.#writer.sent();
    const count = this.#writing;
    this.#writing = 0;
    if (count > 0 && this.#writer.left > 0) this.#events!.progress(count);
    if (!this.#closeSent) this.#send();
    else if (this.#destroying) this.#destroyNow();
    else if (this.#peerClosed) this.#bothClosed();
  }

  /** Nothing can flow any more: the server ends the connection (RFC 6455 §7.1.1), the client follows. */
  #bothClosed(): void {
    if (!this.#client && !this.#destroyed) this.#raw.shutdown(false);
  }

  #writeFailed(cause: unknown): void {
    if (this.#sendFailed) return;
    this.#sendFailed = true;
    this.#busy = false;
    this.#writer.clear();
    this.#batch = false;
    if (this.#destroying) this.#destroyNow();
    else this.#events!.writeFailed(cause); // a pong's failure too: nothing after it can be sent
  }

  // Ending

  /** Pauses reading (receive backpressure). */
  pause(): void {
    this.#paused = true;
    this.#raw.pause();
  }

  /** Resumes reading. */
  resume(): void {
    this.#paused = false;
    if (this.#rest.length === 0) this.#raw.resume();
  }

  /** Sends the close frame behind what was written. The peer may go on sending until it closes too. */
  shutdown(_reading: boolean): void {
    if (this.#closeDue) return;
    this.#closeDue = true;
    this.#send();
  }

  /** Ends both halves, with a close frame if it can leave at once; the second call does not wait for it. */
  destroy(): void {
    if (this.#destroyed) return;
    const frameUnderWay = this.#closeSent && this.#busy;
    if (
      this.#events === null || this.#destroying || this.#sendFailed || (this.#busy && !frameUnderWay) ||
      (this.#closeSent && !this.#busy)
    ) {
      this.#destroyNow();
      return;
    }
    this.#destroying = true;
    this.#cancelTimer = this.#host.after(CLOSE_FRAME_MS, () => this.#destroyNow());
    this.#raw.resume(); // so that it notices if the peer goes away
    this.#batch = false;
    this.#writer.clear();
    this.shutdown(false);
  }

  #destroyNow(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#cancelTimer();
    this.#raw.destroy();
  }

  #rawClosed(cause: unknown): void {
    const wanted = this.#destroying || this.#destroyed || this.#peerClosed;
    this.#destroyed = true;
    this.#cancelTimer();
    this.#writer.clear();
    this.#buffer = EMPTY;
    this.#events!.closed(this.#failure ?? (wanted ? undefined : cause ?? new Error("the socket closed")));
  }
}

const EMPTY = new Uint8Array(0);

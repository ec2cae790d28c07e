/**
 * A WebSocket object of a runtime (a browser's, or one from `Deno.upgradeWebSocket`) as a byte stream. Such
 * an object cannot stop receiving: while it is paused, what comes is kept, up to a bound. And it drops what
 * comes once close was called, so a close that still wants to read waits for the peer's.
 *
 * @module
 */
import {
  type ByteStream,
  type ByteStreamEvents,
  type CancelTimer,
  type Host,
  roundTripWait,
  VANISHED,
} from "@nnrp/core";
import { CloseCode, describeClose, isOrderly } from "./close_code.ts";
import { FrameBudget } from "./frame_budget.ts";
import { FrameViolation, MAX_SENT_MESSAGE } from "./frame_header.ts";

/** Beyond this many unsent bytes the next write waits. */
const HIGH_WATER = 1024 * 1024;
/** Interval at which it polls whether they have left, ms; there is no event for it. */
const LOOK_MS = 4;
/** What is kept while paused, bytes; a peer that sends more ignores its credits. */
export const MAX_PAUSED_BYTES: number = 64 * 1024 * 1024;
/** How long nothing may come before a close that wanted to read on closes, ms, at least: the peer's event loop may be busy. */
const QUIET_MS = 150;
/**
 * The same in round trips: what the peer said before it heard that this side is done is on its way for up to one. Within four of
 * them whoever moves off the path waits for this side's end (`graceWindow` in @nnrp/runtime).
 */
const QUIET_ROUND_TRIPS = 1.5;
/** How long the closing handshake may take, ms, or some round trips if they take longer. */
const CLOSING_MS = 1000;

/** As much of a WebSocket object as is needed; its `binaryType` is set to `"arraybuffer"`. */
export interface WebSocketLike {
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** How binary messages are handed over. */
  binaryType: string;
  /** Bytes accepted and not sent yet. */
  readonly bufferedAmount: number;
  /** Sends a message. */
  send(data: Uint8Array<ArrayBuffer>): void;
  /** Begins the closing handshake. */
  close(code?: number, reason?: string): void;
  /** Listens to `open`, `message`, `error` or `close`. */
  // deno-lint-ignore no-explicit-any
  addEventListener(type: string, listener: (event: any) => void): void;
}

/** An open {@linkcode WebSocketLike} as a byte stream. */
export class WebSocketStream implements ByteStream {
  readonly #socket: WebSocketLike;
  readonly #host: Host;
  #events: ByteStreamEvents | null = null;
  #paused = false;
  #held: Uint8Array[] = []; // came before the start or while paused
  #heldBytes = 0;
  #heldClose: { code: number; reason: string; wasClean: boolean } | null = null;
  readonly #budget: FrameBudget;
  #faulty = false;
  #closeCode: number = CloseCode.NORMAL;
  #ranges: readonly Uint8Array[] = NONE; // being sent: the next byte is
  #index = 0; // in this range
  #at = 0; // here
  #quiet: CancelTimer | null = null;
  #closing: CancelTimer | null = null;
  #looking: CancelTimer | null = null;
  #closed = false;
  #openedMs = -Infinity; // until the first message came
  #roundTripMs: number | undefined;

  /**
   * @param socket Open, or about to be; nothing received yet. This object owns it.
   * @param host Provides clock and timers.
   */
  constructor(socket: WebSocketLike, host: Host) {
    this.#socket = socket;
    this.#host = host;
    this.#budget = new FrameBudget(() => host.now());
    socket.binaryType = "arraybuffer";
    if (socket.readyState === 1) this.#openedMs = host.now();
    else socket.addEventListener("open", () => this.#openedMs = host.now());
    socket.addEventListener("message", ({ data }: { data: unknown }) => this.#message(data));
    socket.addEventListener("close", (event: CloseEvent) => {
      this.#heldClose = { code: event.code, reason: event.reason, wasClean: event.wasClean };
      if (this.#events !== null && !this.#paused) this.#ended();
    });
    socket.addEventListener("error", () => {}); // `close` follows and says more
  }

  /** Starts reporting. */
  start(events: ByteStreamEvents): void {
    this.#events = events;
    if (this.#held.length > 0 || this.#heldClose !== null) queueMicrotask(() => this.#release());
  }

  #message(data: unknown): void {
    if (this.#faulty || this.#closed) return;
    if (!(data instanceof ArrayBuffer)) {
      this.#fault(
        new FrameViolation(
          CloseCode.UNSUPPORTED_DATA,
          "message",
          "a text message; NNRP is a byte stream in binary messages",
          "binary",
          typeof data === "string" ? "text" : typeof data,
        ),
      );
      return;
    }
    try {
      this.#budget.data(data.byteLength);
    } catch (error) {
      if (!(error instanceof FrameViolation)) throw error;
      this.#fault(error);
      return;
    }
    if (data.byteLength === 0) return;
    if (this.#openedMs !== -Infinity) {
      // The peer sends its first packet once it knows that the socket is open.
      this.#roundTripMs = this.#host.now() - this.#openedMs;
      this.#openedMs = -Infinity;
    }
    const chunk = new Uint8Array(data);
    if (this.#quiet !== null) this.#waitForQuiet();
    if (this.#events !== null && !this.#paused && this.#held.length === 0) {
      this.#events.data(chunk);
      return;
    }
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > MAX_PAUSED_BYTES) {
      const rule = "sends on although nothing is read";
      this.#fault(new FrameViolation(CloseCode.POLICY, "message", rule, `at most ${MAX_PAUSED_BYTES} bytes`));
    }
  }

  #fault({ closeCode, error }: FrameViolation): void {
    this.#faulty = true;
    this.#held = [];
    this.#closeCode = closeCode;
    if (this.#events !== null) this.#events.fault(error);
    else this.#socket.close(localCode(closeCode));
  }

  /** Hands on what was kept, as long as nobody pauses again. */
  #release(): void {
    while (!this.#paused && !this.#closed && this.#held.length > 0) {
      const chunk = this.#held.shift()!;
      this.#heldBytes -= chunk.length;
      this.#events!.data(chunk);
    }
    if (!this.#paused && this.#heldClose !== null) this.#ended();
  }

  /** The closing handshake is done, or the connection was lost. */
  #ended(): void {
    if (this.#closed) return;
    const { code, reason, wasClean } = this.#heldClose!;
    const unsent = this.#ranges !== NONE || this.#socket.bufferedAmount > 0;
    if (wasClean && isOrderly(code) && !this.#faulty) this.#events!.ended();
    if (this.#ranges !== NONE) {
      this.#ranges = NONE;
      this.#events!.writeFailed(new Error("the WebSocket closed"));
    }
    let failure: Error | undefined;
    if (!wasClean) failure = new Error(`the WebSocket was lost: ${describeClose(code, reason)}`);
    else if (!isOrderly(code)) {
      failure = new Error(`the peer closed the WebSocket with ${describeClose(code, reason)}`);
    } else if (unsent) failure = new Error("the peer closed the WebSocket before everything was sent");
    this.#finish(failure);
  }

  #finish(failure: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#quiet?.();
    this.#closing?.();
    this.#looking?.();
    this.#held = [];
    this.#events?.closed(failure);
  }

  /** Sends the ranges in messages of 256 KiB at most; `written` comes at once unless too much waits to leave. */
  write(ranges: Uint8Array[]): void {
    this.#ranges = ranges;
    this.#index = this.#at = 0;
    this.#send();
  }

  readonly #send = (): void => {
    try {
      this.#sendNext();
    } catch (cause) {
      this.#ranges = NONE;
      this.#events!.failed(cause); // a timer calls, too
    }
  };

  #sendNext(): void {
    const socket = this.#socket;
    if (socket.readyState !== 1) {
      this.#ranges = NONE;
      this.#events!.writeFailed(new Error("the WebSocket is not open"));
      return;
    }
    while (this.#index < this.#ranges.length) {
      if (socket.bufferedAmount > HIGH_WATER) {
        this.#looking = this.#host.after(LOOK_MS, this.#send);
        return;
      }
      for (let i = this.#index; i < this.#ranges.length; i++) {
        if (this.#ranges[i].length === 0) throw new Error(VANISHED);
      }
      const message = this.#next();
      try {
        socket.send(message as Uint8Array<ArrayBuffer>);
      } catch (cause) {
        this.#ranges = NONE;
        this.#events!.writeFailed(cause);
        return;
      }
      if (this.#index < this.#ranges.length) this.#events!.progress(message.length);
    }
    this.#ranges = NONE;
    this.#events!.written();
  }

  /** The next message: a range as it lies, or several small ones together. */
  #next(): Uint8Array {
    const ranges = this.#ranges;
    const first = ranges[this.#index];
    if (this.#at > 0 || first.length >= MAX_SENT_MESSAGE || this.#index === ranges.length - 1) {
      const piece = first.subarray(this.#at, this.#at + MAX_SENT_MESSAGE);
      this.#at += piece.length;
      if (this.#at === first.length) {
        this.#index++;
        this.#at = 0;
      }
      return piece;
    }
    let end = this.#index;
    let length = 0;
    while (end < ranges.length && length + ranges[end].length <= MAX_SENT_MESSAGE) {
      length += ranges[end++].length;
    }
    const message = new Uint8Array(length);
    for (let at = 0; this.#index < end; this.#index++) {
      message.set(ranges[this.#index], at);
      at += ranges[this.#index].length;
    }
    return message;
  }

  /** From now on what comes is kept. */
  pause(): void {
    this.#paused = true;
  }

  /** Hands on what was kept and everything to come. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#held.length > 0 || this.#heldClose !== null) queueMicrotask(() => this.#release());
  }

  /** Closes behind what was sent; if more is to be read, not before the peer closes or falls silent. */
  shutdown(reading: boolean, roundTripMs?: number): void {
    this.#roundTripMs = roundTripMs ?? this.#roundTripMs;
    if (reading) this.#waitForQuiet();
    else this.#close();
  }

  #waitForQuiet(): void {
    this.#quiet?.();
    const quietMs = roundTripWait(QUIET_MS, this.#roundTripMs, QUIET_ROUND_TRIPS);
    this.#quiet = this.#host.after(quietMs, () => this.#close());
  }

  #close(): void {
    if (this.#closing !== null || this.#closed) return;
    this.#quiet?.();
    this.#quiet = null;
    const closingMs = roundTripWait(CLOSING_MS, this.#roundTripMs);
    this.#closing = this.#host.after(closingMs, () => this.#finish(new Error("the peer did not close")));
    if (this.#socket.readyState <= 1) this.#socket.close(localCode(this.#closeCode));
  }

  /** Closes; does not wait for the peer longer than a moment, and not at all the second time. */
  destroy(): void {
    if (this.#closed) return;
    this.#faulty = true;
    this.#paused = false;
    if (this.#closing !== null || this.#socket.readyState === 3) {
      queueMicrotask(() => this.#finish(undefined));
    } else {
      this.#ranges = NONE;
      this.#looking?.();
      this.#close();
    }
  }
}

/** Applications may close with 1000 or 3000 and up only; the others become 4000 + their last three digits. */
function localCode(code: number): number {
  return code === CloseCode.NORMAL || code >= 3000 ? code : 4000 + code % 1000;
}

const NONE: readonly Uint8Array[] = [];

/**
 * A carrier on one ordered byte stream (TCP, TLS, WebSocket, memory): all lanes share it, packets lie back to back
 * (behaviour spec §2). What differs between streams is behind {@linkcode ByteStream}.
 *
 * @module
 */
import type {
  Carrier,
  CarrierCloseOptions,
  CarrierLimits,
  CarrierSink,
  CloseInfo,
  Lane,
  PeerIdentity,
} from "./carrier.ts";
import { NnrpConnectionClosedError, type NnrpError, NnrpInternalError, NnrpWireError } from "./errors.ts";
import { wordsOf } from "./failures.ts";
import { MessageType } from "./wire/enums.ts";
import { MAX_BODY_BYTES_BEFORE_HELLO, MAX_METADATA_BYTES, MAX_PROBE_BODY_BYTES } from "./wire/limits.ts";
import type { Outbox } from "./wire/outbox.ts";
import type { PacketCursor } from "./wire/packet_cursor.ts";
import { PacketReader } from "./wire/packet_reader.ts";
import { hasVanished, VANISHED, WriteQueue } from "./wire/write_queue.ts";

/** What a socket reports. Nothing comes after `closed`. */
export interface ByteStreamEvents {
  /** Where the next read may write; for sockets that read into memory they are given. */
  target(): Uint8Array;
  /** So many bytes were read into the target. */
  filled(count: number): void;
  /** A chunk was received; its memory may be kept. */
  data(chunk: Uint8Array): void;
  /** So many bytes of the write under way were taken, and there are more: tells a slow peer from one that takes nothing. */
  progress(count: number): void;
  /** The last write is done; its memory is free. */
  written(): void;
  /** The last write failed: nothing can be sent any more. */
  writeFailed(cause: unknown): void;
  /** What came breaks the rules below the packets (WebSocket frames): the carrier says so to the peer and closes. */
  fault(error: NnrpError): void;
  /** Something of this side failed, and what would be sent or read from here on makes no sense: the carrier closes at once. */
  failed(cause: unknown): void;
  /** The peer finished sending. */
  ended(): void;
  /** The socket is gone; `cause` if by a failure. */
  closed(cause?: unknown): void;
}

/** A runtime's socket, as thin as it can be. */
export interface ByteStream {
  /** Starts reading and reporting. */
  start(events: ByteStreamEvents): void;
  /** Writes the ranges in order; called again only after `written`. Synchronous completion is allowed. */
  write(ranges: Uint8Array[]): void;
  /** Stops reading. */
  pause(): void;
  /** Reads on. */
  resume(): void;
  /**
   * Ends the sending half after what was written. `reading`: what the peer still sends is wanted (for sockets that cannot end
   * one half alone).
   */
  shutdown(reading: boolean): void;
  /** Ends both halves at once; `closed` follows. */
  destroy(): void;
}

/** What a carrier says of itself. */
export interface ByteStreamCarrierInfo {
  /** Transport id on the wire. */
  readonly transport: number;
  /** Carrier name. */
  readonly name: string;
  /** Whether bytes are encrypted. */
  readonly encrypted: boolean;
  /** The peer's address. */
  readonly remote: string;
  /** Who the peer proved to be; see {@linkcode Carrier.peerIdentity}. */
  readonly peerIdentity?: PeerIdentity;
  /** Whether the peer's certificate was left unchecked; see {@linkcode Carrier.unverified}. */
  readonly unverified?: boolean;
  /**
   * Host timer, so that this file needs none of its own: calls back after `ms`; returns a cancel. Without one a closing carrier
   * waits for its peer as long as it takes, and ends its stream right after its last words.
   */
  readonly after?: (ms: number, call: () => void) => () => void;
  /**
   * Runs a call once the event loop has had its turn (`setImmediate`). Default: at once. Some runtimes finish a write before
   * the turn is over; what is committed meanwhile then leaves in one write at its end instead of in many small ones.
   */
  readonly later?: (call: () => void) => void;
}

/** How long a last ERROR is left alone before the stream ends: rc2 loses it otherwise (behaviour spec §4), ms. */
export const LAST_WORDS_MS = 150;
/** What waits after a write is sent at once from this size on; less waits for the end of the turn, bytes. */
const WRITE_AT_ONCE = 256 * 1024;
/** How long a closing carrier waits for its last bytes to leave and reads the peer's last words, ms. */
export const LINGER_MS = 1000;

/** A {@linkcode Carrier} on a {@linkcode ByteStream}. */
export class ByteStreamCarrier implements Carrier {
  /** Transport id on the wire. */
  readonly transport: number;
  /** Carrier name. */
  readonly name: string;
  /** Whether bytes are encrypted. */
  readonly encrypted: boolean;
  /** The peer's address. */
  readonly remote: string;
  /** Who the peer proved to be, if it did. */
  readonly peerIdentity: PeerIdentity | undefined;
  /** Whether the peer's certificate was left unchecked. */
  readonly unverified: boolean;
  /** All lanes share one stream: nothing overtakes. */
  readonly multiStream: boolean = false;
  /** What the reader refuses. */
  readonly limits: CarrierLimits = {
    maxMetadataBytes: MAX_METADATA_BYTES,
    maxBodyBytes: MAX_BODY_BYTES_BEFORE_HELLO,
    maxProbeBodyBytes: MAX_PROBE_BODY_BYTES,
  };
  /** Bytes the runtime took so far. */
  sentBytes = 0;
  /** Bytes received so far. */
  receivedBytes = 0;

  readonly #stream: ByteStream;
  readonly #after: ByteStreamCarrierInfo["after"];
  readonly #later: ((call: () => void) => void) | null;
  readonly #queue = new WriteQueue();
  readonly #reader: PacketReader;
  readonly #flushTask = () => {
    this.#flushDue = false;
    this.#guard(this.#sendTask);
  };
  readonly #sendTask = () => this.#send();
  readonly #writtenTask = () => this.#written();
  #submits = 0;
  #results = 0;
  #sink: CarrierSink | null = null;
  #inTurn = false;
  #flushDue = false;
  #writing = 0; // bytes of the write under way
  #endDelayMs = 0;
  #sendFailed = false;
  #waiters: { at: number; done: () => void }[] = [];
  #discard = false; // a closing carrier throws away what comes
  #finish = false; // FIN once everything is sent
  #finished = false;
  #peerEnded = false;
  #closing: { info: CloseInfo; cancel: () => void } | null = null;
  #closed: CloseInfo | null = null;
  #closeWaiters: (() => void)[] = [];
  #crashing = false;

  /**
   * Makes a ByteStreamCarrier.
   *
   * @param stream The socket; not started.
   * @param info What the carrier says of itself.
   */
  constructor(stream: ByteStream, info: ByteStreamCarrierInfo) {
    this.#stream = stream;
    this.transport = info.transport;
    this.name = info.name;
    this.encrypted = info.encrypted;
    this.remote = info.remote;
    this.peerIdentity = info.peerIdentity;
    this.unverified = info.unverified ?? false;
    this.#after = info.after;
    this.#later = info.later ?? null;
    this.#reader = new PacketReader(
      this.limits,
      (cursor) => this.#packet(cursor),
      (cursor) => this.#skips(cursor),
    );
  }

  /** Bytes committed and not yet taken by the runtime. */
  get bufferedBytes(): number {
    return this.#queue.length + this.#writing;
  }

  /** Starts reading. */
  start(sink: CarrierSink): void {
    this.#sink = sink;
    // Nothing that fails behind these calls gets back to the socket: a runtime would end the process for it.
    this.#stream.start({
      target: () => this.#reader.target(),
      filled: (count) => this.#received(count, null),
      data: (chunk) => this.#received(chunk.length, chunk),
      progress: (count) => {
        this.sentBytes += count;
        this.#writing -= count;
      },
      written: () => this.#guard(this.#writtenTask),
      writeFailed: (cause) => this.#guard(() => this.#writeFailed(cause)),
      fault: (error) => this.#guard(() => this.#fault(error)),
      failed: (cause) => this.#crashed(cause, false),
      ended: () => this.#guard(() => this.#ended()),
      closed: (cause) => this.#guard(() => this.#streamClosed(cause)),
    });
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (cause) {
      this.#crashed(cause, true);
    }
  }

  /**
   * Something failed here, in the sink or below it: the sink hears of it (and says so to the peer, if it can), and the connection
   * closes; nothing else does. Never throws. `graceful`: what was committed can still be sent.
   */
  #crashed(cause: unknown, graceful: boolean): void {
    if (this.#crashing) return; // what it brings about fails too
    this.#crashing = true;
    const what = `the ${this.name} connection cannot go on`;
    const error = cause instanceof NnrpInternalError ? cause : new NnrpInternalError(what, { cause });
    try {
      this.#sink!.fault(error);
    } catch {
      graceful = false;
    }
    try {
      this.#endDelayMs = LAST_WORDS_MS;
      this.#beginClose({ code: 1, reason: error.message, local: true, error }, graceful);
    } catch (failure) {
      this.#guard(() => this.#streamClosed(failure)); // the stream itself throws: it will tell nothing any more
    }
    this.#crashing = false;
  }

  /** Opens a packet. */
  begin(_lane: Lane, _frameId: number, _viewId: number): Outbox {
    return this.#queue;
  }

  /** Ends a packet; it leaves at the end of the turn. */
  commit(lane: Lane, _frameId: number, _viewId: number, _last: boolean): void {
    if (lane === "submit") this.#submits++;
    else if (lane === "result") this.#results++;
    if (this.#sendFailed || this.#finished || this.#closed !== null) this.#queue.clear();
    else if (!this.#inTurn && !this.#flushDue && this.#writing === 0) {
      this.#flushDue = true;
      queueMicrotask(this.#flushTask);
    }
  }

  /** Nothing to do: frames have no stream of their own here. */
  endFrame(_lane: Lane, _frameId: number, _viewId: number): void {}

  /** Made-up ids, for there is one stream only (behaviour spec §2). */
  lastStreamId(lane: Lane): number {
    return lane === "control" ? 0 : madeUpId(lane === "submit" ? this.#submits : this.#results);
  }

  /** Starts sending now. */
  flush(): void {
    this.#send();
  }

  /** Resolves when no caller's memory is needed any more; null if none is. */
  released(): Promise<void> | null {
    const until = this.#queue.borrowedUntil;
    return until <= this.sentBytes || this.bufferedBytes === 0 ? null : this.#sent(until);
  }

  /** Resolves when what was committed so far is sent or can never be. */
  drained(): Promise<void> {
    return this.bufferedBytes === 0 ? Promise.resolve() : this.#sent(this.#queue.total);
  }

  #sent(until: number): Promise<void> {
    return new Promise((done) => this.#waiters.push({ at: until, done }));
  }

  /** Stops reading. */
  pause(): void {
    this.#stream.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#stream.resume();
  }

  /** Sends what is committed, then ends the sending half; reading goes on. */
  endSending(): void {
    if (this.#closed !== null || this.#closing !== null) return;
    this.#finish = true;
    this.#send();
  }

  /** Sends what is committed, ends the sending half, reads the peer's last words for a moment, closes. */
  close(options: CarrierCloseOptions = {}): Promise<void> {
    const info: CloseInfo = { code: options.code ?? 0, reason: options.reason ?? "", local: true };
    if (this.#sink === null && this.#closed === null) {
      // Nobody listens to it yet, so nobody will be told: it lost a race of dials, or was one too many.
      this.#closed = info;
      this.#stream.destroy();
      return Promise.resolve();
    }
    if (this.#closing === null) this.#endDelayMs = options.endDelayMs ?? 0;
    this.#beginClose(info, options.graceful ?? true);
    if (this.#closed !== null) return Promise.resolve();
    return new Promise((done) => this.#closeWaiters.push(done));
  }

  #beginClose(info: CloseInfo, graceful: boolean): void {
    if (this.#closed !== null) return;
    if (this.#closing !== null) {
      if (!graceful) this.#stream.destroy();
      return;
    }
    this.#discard = true;
    const bothEnded = this.#finished && this.#peerEnded; // endSending() came before: nothing is left to wait for
    if (!graceful || this.#sendFailed || bothEnded) {
      this.#closing = { info, cancel: () => {} };
      this.#stream.destroy();
      return;
    }
    this.#closing = {
      info,
      cancel: this.#after?.(LINGER_MS, () => this.#guard(() => this.#stream.destroy())) ?? (() => {}),
    };
    this.#stream.resume();
    this.#finish = true;
    this.#send();
  }

  #received(count: number, chunk: Uint8Array | null): void {
    this.receivedBytes += count;
    const sink = this.#sink!;
    if (this.#discard) return;
    this.#inTurn = true;
    try {
      let fault: NnrpError | null = null;
      sink.begin();
      try {
        if (chunk === null) this.#reader.filled(count);
        else this.#reader.push(chunk);
      } catch (error) {
        if (!(error instanceof NnrpWireError)) throw error;
        fault = error;
      }
      sink.turn();
      this.#inTurn = false;
      if (fault !== null) this.#fault(fault);
      this.#send();
    } catch (cause) {
      this.#inTurn = false;
      this.#crashed(cause, true);
    }
  }

  #packet(cursor: PacketCursor): void {
    const type = cursor.msgType;
    let lane: Lane = "control";
    let streamId = 0;
    if (type === MessageType.RESULT_PUSH || type === MessageType.RESULT_DROP) {
      lane = "result";
      streamId = madeUpId(++this.#results);
    } else if (type === MessageType.FRAME_SUBMIT) {
      lane = "submit";
      streamId = madeUpId(++this.#submits);
    }
    if (!this.#discard) this.#sink!.packet(cursor, lane, streamId);
  }

  #skips(cursor: PacketCursor): boolean {
    const lane = cursor.msgType === MessageType.FRAME_SUBMIT ? "submit" : "result";
    if (!this.#discard && !(this.#sink!.skips?.(cursor, lane) ?? false)) return false;
    if (lane === "submit") this.#submits++;
    else this.#results++;
    return true;
  }

  /** Bytes that cannot be read: the sink hears of it first (it may send its last words), then the carrier closes. */
  #fault(error: NnrpError): void {
    if (this.#closed !== null || this.#discard) return;
    this.#sink!.fault(error);
    this.#endDelayMs = LAST_WORDS_MS;
    this.#beginClose({ code: 1, reason: error.message, local: true, error }, true);
  }

  #send(): void {
    if (this.#writing > 0 || this.#sendFailed || this.#closed !== null) return;
    const batch = this.#queue.take();
    if (batch !== null) {
      this.#writing = batch.length;
      try {
        if (hasVanished(batch.ranges)) throw new Error(VANISHED);
        this.#stream.write(batch.ranges);
      } catch (cause) {
        this.#crashed(cause, false);
      }
    } else if (this.#finish && !this.#finished) {
      this.#finished = true;
      if (this.#endDelayMs > 0 && this.#after) {
        this.#after(this.#endDelayMs, () => this.#guard(() => this.#shutdown()));
      } else this.#shutdown();
    }
  }

  #shutdown(): void {
    if (this.#closed !== null) return;
    this.#stream.shutdown(this.#closing === null);
    if (this.#peerEnded) this.#stream.destroy();
  }

  #written(): void {
    this.sentBytes += this.#writing;
    this.#writing = 0;
    this.#queue.written();
    this.#wake();
    if (
      this.#later === null || this.#finish || this.#queue.length === 0 || this.#queue.length >= WRITE_AT_ONCE
    ) {
      this.#send();
    } else if (!this.#flushDue) {
      this.#flushDue = true;
      this.#later(this.#flushTask);
    }
  }

  /** Ends sending only: what the peer said before it went is still read (behaviour spec §2). */
  #writeFailed(_cause: unknown): void {
    if (this.#sendFailed) return;
    this.#sendFailed = true;
    this.#writing = 0;
    this.#queue.clear();
    this.#wake();
    if (this.#closing !== null || this.#peerEnded) this.#stream.destroy();
  }

  #ended(): void {
    if (this.#peerEnded || this.#closed !== null) return;
    this.#peerEnded = true;
    const cut = this.#reader.endError(`${this.name} stream`);
    if (this.#closing !== null) {
      if (this.#finished || this.#sendFailed) this.#stream.destroy();
    } else if (cut !== null) {
      this.#fault(cut);
    } else if (this.#sendFailed) {
      this.#beginClose({ code: 0, reason: "connection closed by peer", local: false }, false);
    } else {
      this.#sink!.begin();
      this.#sink!.end();
      this.#sink!.turn();
      this.#send();
    }
  }

  #streamClosed(cause: unknown): void {
    if (this.#closed !== null) return;
    const closing = this.#closing;
    let info = closing?.info;
    if (info === undefined) {
      const reason = cause === undefined ? "connection closed by peer" : `connection lost: ${wordsOf(cause)}`;
      const error = cause === undefined
        ? undefined
        : new NnrpConnectionClosedError(this.name, reason, { cause });
      info = { code: 0, reason, local: false, error };
    }
    this.#closed = info;
    closing?.cancel();
    this.#queue.clear();
    this.#writing = 0;
    this.#wake();
    for (const done of this.#closeWaiters) done(); // promises: who waits goes on after this
    this.#closeWaiters = [];
    this.#sink!.closed(info);
  }

  #wake(): void {
    if (this.#waiters.length === 0) return;
    const all = this.#sendFailed || this.#closed !== null;
    const waiters = this.#waiters;
    this.#waiters = all ? [] : waiters.filter((w) => w.at > this.sentBytes);
    for (const w of waiters) if (all || w.at <= this.sentBytes) w.done();
  }
}

/** Ids as QUIC would number them: 2, 6, 10, … for the first, second, third packet of a lane; u32. */
function madeUpId(count: number): number {
  return count === 0 ? 0 : (count * 4 - 2) >>> 0;
}

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
import type { ByteStream, ByteStreamCarrierInfo } from "./byte_stream.ts";
import { internalErrorOf, NnrpConnectionClosedError, type NnrpError, NnrpWireError } from "./errors.ts";
import { wordsOf } from "./failures.ts";
import type { Host } from "./host.ts";
import { DRAIN_MS, Linger, LINGER_MS, lingerMs } from "./linger.ts";
import type { LostPacket } from "./wire/borrowed_bytes.ts";
import { MAX_BODY_BYTES_BEFORE_HELLO, MAX_METADATA_BYTES, MAX_PROBE_BODY_BYTES } from "./wire/limits.ts";
import { laneOf } from "./wire/metadata/registry.ts";
import type { Outbox } from "./wire/outbox.ts";
import type { PacketCursor } from "./wire/packet_cursor.ts";
import { PacketReader } from "./wire/packet_reader.ts";
import { SentWaiters } from "./wire/sent_waiters.ts";
import { WriteQueue } from "./wire/write_queue.ts";

/** How long a last ERROR is left alone before the stream ends: rc2 loses it otherwise (behaviour spec §4), ms. */
export const LAST_WORDS_MS = 150;
/** What waits after a write is sent at once from this size on; less waits for the end of the turn, bytes. */
const WRITE_AT_ONCE = 256 * 1024;
/** A close for a fault of either side sends its ERROR and nothing else: it waits no longer for the peer. */
const FAULT_LINGER: CarrierCloseOptions = { drainMs: LINGER_MS };

/** A {@linkcode Carrier} on a {@linkcode ByteStream}. */
export class ByteStreamCarrier implements Carrier {
  /** TransportId on the wire. */
  readonly transport: number;
  /** Carrier name, for example `"tcp"`. */
  readonly name: string;
  /** Whether bytes are encrypted. */
  readonly encrypted: boolean;
  /** The peer's address, `host:port`. */
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
  /** Bytes that the runtime accepted so far, or that were left out because they had vanished. */
  sentBytes = 0;
  /** Bytes received so far. */
  receivedBytes = 0;
  /** See {@linkcode Carrier.roundTripMs}. */
  roundTripMs: number | undefined = undefined;

  readonly #stream: ByteStream;
  readonly #host: Host | null;
  readonly #queue = new WriteQueue();
  readonly #reader: PacketReader;
  readonly #flushTask = () => {
    this.#flushDue = false;
    this.#guard(this.#sendTask);
  };
  readonly #sendTask = () => this.#send();
  readonly #writtenTask = () => this.#written();
  #mark = 0; // total of the queue before the packet begun
  #submits = 0;
  #results = 0;
  #sink: CarrierSink | null = null;
  #inTurn = false;
  #flushDue = false;
  #writing = 0; // bytes of the write under way
  #writtenUpTo = 0; // total of the queue behind it
  #endDelayMs = 0;
  #sendFailed = false;
  // Two rows, for positions ascend in each of them: who is served is at the front, however many wait behind.
  readonly #releaseWaiters = new SentWaiters();
  readonly #drainWaiters = new SentWaiters();
  #discard = false; // a closing carrier throws away what comes
  #finish = false; // FIN once everything is sent
  #finished = false;
  #peerEnded = false;
  #closing: CloseInfo | null = null;
  #linger: Linger | null = null;
  #closed: CloseInfo | null = null;
  #closeWaiters: (() => void)[] = [];
  #crashing = false;

  /**
   * A carrier that does not read yet: {@linkcode ByteStreamCarrier.start} starts it.
   *
   * @param stream The socket; not started.
   * @param info what the carrier reports about itself.
   */
  constructor(stream: ByteStream, info: ByteStreamCarrierInfo) {
    this.#stream = stream;
    this.transport = info.transport;
    this.name = info.name;
    this.encrypted = info.encrypted;
    this.remote = info.remote;
    this.peerIdentity = info.peerIdentity;
    this.unverified = info.unverified ?? false;
    this.#host = info.host ?? null;
    this.#reader = new PacketReader(
      this.limits,
      (cursor) => this.#packet(cursor),
      (cursor) => this.#skips(cursor),
    );
  }

  /** Bytes committed and not yet accepted by the runtime. */
  get bufferedBytes(): number {
    return this.#queue.length + this.#writing;
  }

  /** Memory of a packet of which only a part has come, bytes. */
  get heldBytes(): number {
    return this.#reader.heldBytes;
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
      failed: (cause) =>
        this.#guard(() => {
          if (!this.#cutShort()) this.#crashed(cause, false);
        }),
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
   * Something failed here, in the sink or below it: the sink is notified (and reports it to the peer, if it
   * can), and the connection closes; nothing else does. Never throws. `graceful`: what was committed can
   * still be sent.
   */
  #crashed(cause: unknown, graceful: boolean): void {
    if (this.#crashing) return; // what it brings about fails too
    this.#crashing = true;
    const error = internalErrorOf(cause, `the ${this.name} connection cannot go on`);
    try {
      this.#sink!.fault(error);
    } catch {
      graceful = false;
    }
    try {
      this.#endDelayMs = LAST_WORDS_MS;
      const options: CarrierCloseOptions = { ...FAULT_LINGER, graceful };
      this.#beginClose({ code: 1, reason: error.message, local: true, error }, options);
    } catch (failure) {
      this.#guard(() => this.#streamClosed(failure)); // the stream itself throws: it will tell nothing any more
    }
    this.#crashing = false;
  }

  /** Opens a packet. */
  begin(_lane: Lane, _frameId: number, _viewId: number): Outbox {
    this.#mark = this.#queue.total;
    return this.#queue;
  }

  /** Ends a packet; it leaves at the end of the turn. */
  commit(lane: Lane, frameId: number, viewId: number, last: boolean): void {
    const queue = this.#queue;
    if (queue.borrowedUntil > queue.takenUntil) queue.note(this.#mark, lane, frameId, viewId, last);
    if (lane === "submit") this.#submits++;
    else if (lane === "result") this.#results++;
    if (this.#sendFailed || this.#finished || this.#closed !== null) queue.clear();
    else if (!this.#inTurn && this.#writing === 0) this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    queueMicrotask(this.#flushTask);
  }

  /** Nothing to do: frames have no stream of their own here. */
  endFrame(_lane: Lane, _frameId: number, _viewId: number): void {}

  /** Made-up ids, for there is one stream only (behaviour spec §2). */
  lastStreamId(lane: Lane): number {
    return lane === "control" ? 0 : madeUpId(lane === "submit" ? this.#submits : this.#results);
  }

  /** Starts sending now. */
  flush(): void {
    this.#sendFromCall();
  }

  /** Resolves when no caller's memory is needed any more; null if none is. */
  released(): Promise<void> | null {
    const until = this.#queue.borrowedUntil;
    return until <= this.sentBytes || this.bufferedBytes === 0 ? null : this.#releaseWaiters.until(until);
  }

  /** Resolves when what was committed so far is sent or can never be. */
  drained(): Promise<void> {
    return this.bufferedBytes === 0 ? Promise.resolve() : this.#drainWaiters.until(this.#queue.total);
  }

  /** Pauses reading (receive backpressure). */
  pause(): void {
    this.#stream.pause();
  }

  /** Resumes reading. */
  resume(): void {
    this.#stream.resume();
  }

  /** Sends what is committed, then ends the sending half; reading goes on. */
  endSending(): void {
    if (this.#closed !== null || this.#closing !== null) return;
    this.#finish = true;
    this.#sendFromCall();
  }

  /** Sends what is committed, ends the sending half, waits for the peer's end, closes. */
  close(options: CarrierCloseOptions = {}): Promise<void> {
    const info: CloseInfo = { code: options.code ?? 0, reason: options.reason ?? "", local: true };
    if (this.#sink === null && this.#closed === null) {
      // No sink yet, so nothing is reported: it lost a race of dials, or was over a limit.
      this.#closed = info;
      this.#stream.destroy();
      return Promise.resolve();
    }
    if (this.#closing === null) this.#endDelayMs = options.endDelayMs ?? 0;
    this.#beginClose(info, options);
    if (this.#closed !== null) return Promise.resolve();
    return new Promise((done) => this.#closeWaiters.push(done));
  }

  #beginClose(info: CloseInfo, options: CarrierCloseOptions): void {
    const { graceful = true, stallMs = lingerMs(this.roundTripMs), drainMs = DRAIN_MS } = options;
    if (this.#closed !== null) return;
    if (this.#closing !== null) {
      if (!graceful) this.#stream.destroy();
      return;
    }
    this.#closing = info;
    this.#discard = true;
    const bothEnded = this.#finished && this.#peerEnded; // endSending() came before: nothing is left to wait for
    if (!graceful || this.#sendFailed || bothEnded) {
      this.#stream.destroy();
      return;
    }
    if (this.#host !== null) {
      const cut = () => this.#guard(() => this.#stream.destroy());
      this.#linger = new Linger(this.#host, { stallMs, drainMs }, () => this.sentBytes, cut);
    }
    this.#stream.resume();
    this.#finish = true;
    this.#sendFromCall();
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
      if (this.#closed !== null) this.#reader.clear();
      if (fault !== null) this.#fault(fault);
      this.#send();
    } catch (cause) {
      this.#inTurn = false;
      this.#crashed(cause, true);
    }
  }

  #packet(cursor: PacketCursor): void {
    const lane = laneOf(cursor.msgType);
    let streamId = 0;
    if (lane === "result") streamId = madeUpId(++this.#results);
    else if (lane === "submit") streamId = madeUpId(++this.#submits);
    if (!this.#discard) this.#sink!.packet(cursor, lane, streamId);
  }

  #skips(cursor: PacketCursor): boolean {
    const lane = laneOf(cursor.msgType);
    if (!this.#discard && !(this.#sink!.skips?.(cursor, lane) ?? false)) return false;
    if (lane === "submit") this.#submits++;
    else this.#results++;
    return true;
  }

  /**
   * Bytes that cannot be read: the sink is notified first (it may send an ERROR), then the carrier closes.
   */
  #fault(error: NnrpError): void {
    if (this.#closed !== null || this.#discard) return;
    this.#sink!.fault(error);
    this.#endDelayMs = LAST_WORDS_MS;
    this.#beginClose({ code: 1, reason: error.message, local: true, error }, FAULT_LINGER);
  }

  #send(): void {
    if (this.#writing > 0 || this.#sendFailed || this.#closed !== null) return;
    const lost = this.#queue.dropVanished();
    if (lost !== null) {
      this.#tellLost(lost);
      if (this.#writing > 0 || this.#sendFailed || this.#closed !== null) return; // the sink has sent or closed
    }
    const batch = this.#queue.take();
    if (batch === null && lost !== null) {
      this.sentBytes = this.#queue.total;
      this.#wake();
    }
    if (batch !== null) {
      this.#writing = batch.length;
      this.#writtenUpTo = batch.end;
      try {
        this.#stream.write(batch.ranges);
      } catch (cause) {
        if (!this.#cutShort()) this.#crashed(cause, false);
      }
    } else if (this.#finish && !this.#finished) {
      this.#finished = true;
      if (this.#endDelayMs > 0 && this.#host !== null) {
        this.#host.after(this.#endDelayMs, () => this.#guard(() => this.#shutdown()));
      } else this.#shutdown();
    }
  }

  /** Sends; the sink is notified later, since this is a call of its own. */
  #sendFromCall(): void {
    if (!this.#queue.hasVanished) this.#send();
    else this.#flushSoon();
  }

  /** Tells the sink of packets that cannot be sent, before anybody is notified that their memory is free. */
  #tellLost(packets: readonly LostPacket[]): void {
    const sink = this.#sink!;
    if (this.#discard) return;
    if (sink.vanished === undefined) throw packets[0].error;
    this.#inTurn = true;
    try {
      for (const packet of packets) sink.vanished(packet);
      sink.turn();
    } finally {
      this.#inTurn = false;
    }
  }

  /**
   * Bytes of a packet have vanished of which a part has left: what comes behind it would be taken for the rest of it, and zeros in
   * their place for an answer. So the connection ends as one that was lost; of the packets on it only those fail for good.
   *
   * @returns False if nothing has vanished.
   */
  #cutShort(): boolean {
    const packets = this.#queue.vanishedUnderWay(this.sentBytes);
    if (packets.length === 0 || this.#closed !== null) return false;
    const reason = `bytes of frame ${packets[0].frameId} have vanished while they were being sent`;
    const error = new NnrpConnectionClosedError(this.name, reason, { cause: packets[0].error });
    this.#sendFailed = true;
    this.#writing = 0;
    this.#queue.clear();
    this.#wake();
    if (!this.#discard) {
      for (const packet of packets) this.#sink!.vanished?.(packet);
      this.#sink!.turn();
    }
    this.#beginClose({ code: 1, reason, local: true, error }, { graceful: false });
    return true;
  }

  #shutdown(): void {
    if (this.#closed !== null) return;
    this.#stream.shutdown(this.#closing === null, this.roundTripMs);
    if (this.#peerEnded) this.#stream.destroy();
  }

  #written(): void {
    this.sentBytes = this.#writtenUpTo;
    this.#writing = 0;
    this.#queue.written();
    this.#wake();
    const { length } = this.#queue;
    if (this.#host === null || this.#finish || length === 0 || length >= WRITE_AT_ONCE) this.#send();
    else if (!this.#flushDue) {
      this.#flushDue = true;
      this.#host.yield(this.#flushTask, 0);
    }
  }

  /** Ends sending only: what the peer sent before it closed is still read (behaviour spec §2). */
  #writeFailed(_cause: unknown): void {
    if (this.#sendFailed || this.#cutShort()) return;
    this.#sendFailed = true;
    this.#writing = 0;
    this.#queue.clear();
    this.#wake();
    if (this.#closing !== null || this.#peerEnded) this.#stream.destroy();
  }

  #ended(): void {
    if (this.#peerEnded || this.#closed !== null) return;
    this.#peerEnded = true;
    const foreign = this.#reader.startError();
    const cut = this.#reader.endError(`${this.name} stream`);
    if (this.#closing !== null) {
      if (this.#finished || this.#sendFailed) this.#stream.destroy();
    } else if (foreign !== null) {
      this.#fault(foreign);
    } else if (cut !== null) {
      // No healthy peer stops in the middle of a packet: it died, or a middlebox closed the connection in
      // order.
      const reason = `connection lost: ${cut.message}`;
      const error = new NnrpConnectionClosedError(this.name, reason, { cause: cut });
      this.#beginClose({ code: 0, reason, local: false, error }, { graceful: false });
    } else if (this.#sendFailed) {
      const info = { code: 0, reason: "connection closed by peer", local: false };
      this.#beginClose(info, { graceful: false });
    } else {
      this.#sink!.begin();
      this.#sink!.end();
      this.#sink!.turn();
      this.#send();
    }
  }

  #streamClosed(cause: unknown): void {
    if (this.#closed !== null) return;
    let info = this.#closing;
    if (info === null) {
      const reason = cause === undefined ? "connection closed by peer" : `connection lost: ${wordsOf(cause)}`;
      const error = cause === undefined
        ? undefined
        : new NnrpConnectionClosedError(this.name, reason, { cause });
      info = { code: 0, reason, local: false, error };
    }
    this.#closed = info;
    this.#linger?.end();
    this.#queue.clear();
    if (!this.#inTurn) this.#reader.clear(); // a session that waits for its client keeps its last carrier
    this.#writing = 0;
    this.#wake();
    for (const done of this.#closeWaiters) done(); // promises: who waits goes on after this
    this.#closeWaiters = [];
    this.#sink!.closed(info);
  }

  #wake(): void {
    const sent = this.#sendFailed || this.#closed !== null ? Infinity : this.sentBytes;
    this.#releaseWaiters.wake(sent);
    this.#drainWaiters.wake(sent);
  }
}

/** Ids as QUIC would number them: 2, 6, 10, … for the first, second, third packet of a lane; u32. */
function madeUpId(count: number): number {
  return count === 0 ? 0 : (count * 4 - 2) >>> 0;
}

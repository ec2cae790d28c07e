/**
 * A carrier on a connection with many streams: control has one of its own, each submit travels on one, all results of a frame on
 * one, so that streams overtake each other wherever they may (behaviour spec §3).
 *
 * @module
 */
import {
  type Carrier,
  type CarrierCloseOptions,
  type CarrierLimits,
  type CarrierSink,
  type CloseInfo,
  DRAIN_MS,
  ErrorCode,
  FrameTable,
  type Lane,
  laneOf,
  Linger,
  LINGER_MS,
  type LingerOptions,
  type LostPacket,
  MAX_BODY_BYTES_BEFORE_HELLO,
  MAX_METADATA_BYTES,
  MAX_PROBE_BODY_BYTES,
  NnrpConnectionClosedError,
  type NnrpError,
  NnrpWireError,
  type Outbox,
  type PacketCursor,
  PacketReader,
  type PeerIdentity,
  WriteQueue,
} from "@nnrp/core";
import type { ConnectionInfo } from "./connection.ts";
import { type OutgoingOwner, OutgoingStream } from "./outgoing_stream.ts";
import type { Pipe } from "./pipe.ts";
import type { StreamsEnd, StreamsEvents } from "./streams_end.ts";

/** How long a carrier that closes after a fault waits for its ERROR to arrive, ms. */
const FAULT_LINGER: LingerOptions = { stallMs: 400, drainMs: 400 };

/** A connection with many streams as a carrier. */
export class MultiStreamCarrier implements Carrier, StreamsEvents, OutgoingOwner {
  /** Transport id on the wire. */
  readonly transport: number;
  /** Carrier name, for example `"tcp"`. */
  readonly name: string;
  /** Whether bytes count as encrypted. */
  readonly encrypted: boolean;
  /** The peer's address. */
  readonly remote: string;
  /** Who the peer proved to be, if it did. */
  readonly peerIdentity: PeerIdentity | undefined;
  /** Whether the peer's certificate counts as unchecked. */
  readonly unverified: boolean;
  /** Streams overtake each other. */
  readonly multiStream: boolean = true;
  /** What the readers refuse. */
  readonly limits: CarrierLimits = {
    maxMetadataBytes: MAX_METADATA_BYTES,
    maxBodyBytes: MAX_BODY_BYTES_BEFORE_HELLO,
    maxProbeBodyBytes: MAX_PROBE_BODY_BYTES,
  };
  /** Bytes that the system accepted so far. */
  sentBytes = 0;
  /** Bytes received so far. */
  receivedBytes = 0;

  readonly #end: StreamsEnd;
  readonly #control: OutgoingStream;
  readonly #frames = { submit: new FrameTable<OutgoingStream>(), result: new FrameTable<OutgoingStream>() };
  readonly #outgoing: Set<OutgoingStream> = new Set();
  readonly #dirty: Set<OutgoingStream> = new Set();
  readonly #void = new WriteQueue(); // for what is written after the end
  readonly #incoming: Set<Pipe> = new Set();
  readonly #lastIds: { [lane in Lane]: number } = { control: 0, submit: 0, result: 0 };
  readonly #flushTask = () => {
    this.#flushDue = false;
    this.flush();
  };
  #sink: CarrierSink | null = null;
  #held: (() => void)[] = []; // streams that are not read yet
  #packetStream: OutgoingStream | null = null; // of the packet begun; null: nobody will send it
  #packetMark = 0; // total of its queue before the packet
  #committed = 0;
  #inTurn = false;
  #flushDue = false;
  #paused = false;
  #controlSeen = false;
  #controlEnded = false;
  #endedStreams = 0;
  #peerStreams = -1; // how many there are beside control, once the peer said so
  #peerEnded = false;
  #sendEnding = false;
  #finished = false;
  #confirmed = false; // the peer has read all of it
  #closing: CloseInfo | null = null;
  #closed: CloseInfo | null = null;
  #linger: Linger | null = null;
  #closeWaiters: (() => void)[] = [];

  constructor(end: StreamsEnd, info: ConnectionInfo & { readonly remote: string }) {
    this.#end = end;
    this.transport = info.transport;
    this.name = info.name;
    this.encrypted = info.encrypted;
    this.remote = info.remote;
    this.peerIdentity = info.peerIdentity;
    this.unverified = info.unverified;
    end.listen(this);
    this.#control = this.#open(true);
  }

  /** Bytes committed and not yet taken by the system. */
  get bufferedBytes(): number {
    return this.#closed !== null ? 0 : this.#committed - this.sentBytes;
  }

  /** Starts reading. */
  start(sink: CarrierSink): void {
    this.#sink = sink;
    if (this.#closed !== null) {
      const closed = this.#closed;
      this.#end.host.deliver(this.#end.host.now(), () => sink.closed(closed)); // gone before anybody listened
      return;
    }
    const held = this.#held;
    this.#held = [];
    for (const read of held) read();
  }

  /** Opens a packet. */
  begin(lane: Lane, frameId: number, viewId: number): Outbox {
    if (this.#sendEnding || this.#closed !== null) {
      this.#packetStream = null;
      return this.#void;
    }
    const stream = this.#packetStream = this.#streamFor(lane, frameId, viewId);
    this.#packetMark = stream.queue.total;
    return stream.queue;
  }

  /** Ends a packet; it leaves at the end of the turn. */
  commit(lane: Lane, frameId: number, viewId: number, last: boolean): void {
    const stream = this.#packetStream;
    if (stream === null) {
      this.#void.clear();
      return;
    }
    this.#packetStream = null;
    const { queue } = stream;
    this.#committed += queue.total - this.#packetMark;
    if (queue.borrowedUntil > queue.takenUntil) {
      queue.note(this.#packetMark, lane, frameId, viewId, last);
    }
    this.#lastIds[lane] = stream.id;
    this.#touch(stream);
    if (last) this.endFrame(lane, frameId, viewId);
  }

  /** The frame ended: its stream ends after what it has. */
  endFrame(lane: Lane, frameId: number, viewId: number): void {
    if (lane === "control") return;
    const stream = this.#frames[lane].get(frameId, viewId);
    if (stream === undefined) return;
    this.#frames[lane].delete(frameId, viewId);
    stream.endSoon();
    this.#touch(stream);
  }

  /** Starts sending now. */
  flush(): void {
    if (this.#dirty.size === 0) return;
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (const stream of dirty) stream.flush();
  }

  /** Id of the stream that the last packet of a lane travelled on. */
  lastStreamId(lane: Lane): number {
    return this.#lastIds[lane];
  }

  /** Resolves when no caller's memory is needed any more; null if none is. */
  released(): Promise<void> | null {
    const borrowing = [...this.#outgoing].filter((s) => s.queue.borrowedUntil > s.sentBytes);
    if (borrowing.length === 0) return null;
    return all(borrowing.map((s) => s.taken(s.queue.borrowedUntil)));
  }

  /** Resolves when what was committed so far is sent or can never be. */
  drained(): Promise<void> {
    return all([...this.#outgoing].map((s) => s.taken(s.queue.total)));
  }

  /** Stops reading all streams. */
  pause(): void {
    if (this.#closing !== null) return;
    this.#paused = true;
    for (const pipe of this.#incoming) pipe.pause();
  }

  /** Resumes reading. */
  resume(): void {
    this.#paused = false;
    for (const pipe of this.#incoming) pipe.resume();
  }

  /** Sends what is committed and ends all streams; reading goes on. */
  endSending(): void {
    if (this.#sendEnding || this.#closed !== null) return;
    this.#sendEnding = true;
    for (const stream of this.#outgoing) {
      stream.endSoon();
      this.#dirty.add(stream);
    }
    this.flush();
  }

  /** Sends what is committed, ends all streams, waits a moment for the peer to do the same, closes. */
  close(options: CarrierCloseOptions = {}): Promise<void> {
    const { code = 0, reason = "", graceful = true, stallMs = LINGER_MS, drainMs = DRAIN_MS } = options;
    const info: CloseInfo = { code, reason, local: true };
    if (this.#closed !== null) return Promise.resolve();
    if (this.#sink === null) {
      // No sink yet, so nothing is reported: it lost a race of dials, or was over a limit.
      this.#closed = info;
      this.#end.disconnect(code, reason);
      return Promise.resolve();
    }
    this.#beginClose(info, graceful ? { stallMs, drainMs } : null);
    return new Promise((done) => this.#closeWaiters.push(done));
  }

  /** See StreamsEvents. */
  opened(id: number, isControl: boolean, pipe: Pipe): void {
    const read = () => this.#read(id, isControl, pipe);
    // Frames wait for the first control packet: without a session there is nobody who could take them.
    if (this.#sink === null || (!isControl && !this.#controlSeen)) this.#held.push(read);
    else read();
  }

  /** See StreamsEvents. */
  finished(what: OutgoingStream | number): void {
    if (typeof what === "number") {
      this.#peerStreams = what;
      this.#checkPeerEnd();
      return;
    }
    this.#outgoing.delete(what);
    if (!this.#sendEnding || this.#outgoing.size > 0 || this.#finished) return;
    this.#finished = true;
    this.#end.finish();
  }

  /** See StreamsEvents. */
  confirmed(): void {
    this.#confirmed = true;
    this.#leaveIfDone();
  }

  /** See StreamsEvents. */
  gone(code: number, reason: string, cause?: Error): void {
    if (this.#closed !== null) return;
    this.#linger?.end();
    this.#closed = this.#closing ?? this.#remoteEnd(code, reason, cause);
    for (const stream of this.#outgoing) stream.fail();
    this.#outgoing.clear();
    this.#dirty.clear();
    this.#incoming.clear();
    this.#held = [];
    this.#sink?.closed(this.#closed);
    for (const done of this.#closeWaiters) done();
    this.#closeWaiters = [];
  }

  /** See OutgoingOwner. */
  sent(bytes: number): void {
    this.sentBytes += bytes;
  }

  /** See OutgoingOwner. A packet of which a part has left ends the connection: its stream has no rest, and would be a fault. */
  vanished(packets: readonly LostPacket[], begun: boolean): void {
    if (this.#sink === null || this.#closing !== null || this.#closed !== null) return;
    for (const packet of packets) this.#sink.vanished?.(packet);
    this.#sink.turn();
    this.flush();
    if (!begun) return;
    const reason = `bytes of frame ${packets[0].frameId} have vanished while they were being sent`;
    const error = new NnrpConnectionClosedError(this.name, reason, { cause: packets[0].error });
    this.#beginClose({ code: 1, reason, local: true, error }, null);
  }

  #open(isControl: boolean): OutgoingStream {
    const { id, pipe } = this.#end.open(isControl);
    const stream = new OutgoingStream(id, pipe, this);
    this.#outgoing.add(stream);
    return stream;
  }

  #streamFor(lane: Lane, frameId: number, viewId: number): OutgoingStream {
    if (lane === "control") return this.#control;
    const known = this.#frames[lane].get(frameId, viewId);
    if (known !== undefined) return known;
    const stream = this.#open(false);
    this.#frames[lane].set(frameId, viewId, stream);
    return stream;
  }

  #touch(stream: OutgoingStream): void {
    this.#dirty.add(stream);
    if (this.#inTurn || this.#flushDue) return;
    this.#flushDue = true;
    queueMicrotask(this.#flushTask);
  }

  #read(id: number, isControl: boolean, pipe: Pipe): void {
    if (!isControl && !this.#controlSeen) {
      this.#held.push(() => this.#read(id, isControl, pipe));
      return;
    }
    const reader = new PacketReader(
      this.limits,
      (cursor) => this.#packet(cursor, id, isControl),
      (cursor) => this.#sink!.skips?.(cursor, laneOf(cursor.msgType)) ?? false,
    );
    this.#incoming.add(pipe);
    if (this.#paused) pipe.pause();
    pipe.read({
      data: (chunk) => this.#received(reader, chunk),
      ended: () => this.#ended(reader, pipe, id, isControl),
      broke: () => {}, // the connection tells
    });
  }

  #received(reader: PacketReader, chunk: Uint8Array): void {
    this.receivedBytes += chunk.length;
    if (this.#closing !== null) return;
    const sink = this.#sink!;
    let fault: NnrpError | null = null;
    sink.begin();
    this.#inTurn = true;
    try {
      reader.push(chunk);
    } catch (error) {
      if (!(error instanceof NnrpWireError)) throw error;
      fault = error;
    } finally {
      sink.turn();
      this.#inTurn = false;
    }
    if (fault !== null) this.#fault(fault);
    this.flush();
  }

  #packet(cursor: PacketCursor, id: number, isControl: boolean): void {
    const lane = isControl ? "control" : laneOf(cursor.msgType);
    this.#lastIds[lane] = id;
    if (this.#closing !== null) return;
    this.#sink!.packet(cursor, lane, id);
    if (this.#controlSeen || !isControl) return;
    this.#controlSeen = true;
    const held = this.#held;
    this.#held = [];
    for (const read of held) read();
  }

  #ended(reader: PacketReader, pipe: Pipe, id: number, isControl: boolean): void {
    this.#incoming.delete(pipe);
    const cut = reader.endError(`${this.name} stream ${id}`);
    if (cut !== null && this.#closing === null) {
      this.#fault(cut);
      return;
    }
    if (isControl) this.#controlEnded = true;
    else this.#endedStreams++;
    this.#checkPeerEnd();
  }

  /** Streams overtake each other, and so may the word that there are no more: the end is when all of them have ended. */
  #checkPeerEnd(): void {
    if (!this.#controlEnded || this.#endedStreams !== this.#peerStreams || this.#peerEnded) return;
    this.#peerEnded = true;
    this.#end.confirm();
    if (this.#closing === null) {
      const sink = this.#sink!;
      sink.begin();
      sink.end();
      sink.turn();
      this.flush();
    }
    this.#leaveIfDone();
  }

  /** The peer broke a rule: the sink is notified first (it may send an ERROR), then the carrier closes. */
  #fault(error: NnrpError): void {
    if (this.#closing !== null || this.#closed !== null) return;
    const sink = this.#sink!;
    sink.begin();
    sink.fault(error);
    sink.turn();
    this.flush();
    const info: CloseInfo = { code: closeCode(error), reason: error.message, local: true, error };
    this.#beginClose(info, FAULT_LINGER);
    this.#closing = info; // the host may have begun to close without a reason of its own
  }

  /** `linger` null: at once. */
  #beginClose(info: CloseInfo, linger: LingerOptions | null): void {
    if (this.#closed !== null) return;
    if (linger === null) {
      this.#closing ??= info;
      this.#end.disconnect(this.#closing.code, this.#closing.reason);
      return;
    }
    if (this.#closing !== null) return;
    this.endSending();
    this.#closing = info;
    this.resume();
    this.#linger = new Linger(this.#end.host, linger, () => this.sentBytes, () => this.#leave());
    this.#leaveIfDone();
  }

  #leaveIfDone(): void {
    if (this.#closing !== null && this.#confirmed && this.#peerEnded) this.#leave();
  }

  #leave(): void {
    this.#linger?.end();
    this.#end.disconnect(this.#closing!.code, this.#closing!.reason);
  }

  #remoteEnd(code: number, reason: string, cause: Error | undefined): CloseInfo {
    const words = cause === undefined
      ? reason || "connection closed by peer"
      : `connection lost: ${cause.message}`;
    if (cause === undefined && code === 0) return { code, reason: words, local: false };
    const message = code === 0 ? words : `peer closed with code ${code}: ${words}`;
    const error = new NnrpConnectionClosedError(this.name, message, { cause });
    return { code, reason: words, local: false, error };
  }
}

/** Application error code for a fault of the peer: the ErrorCode that an ERROR would have. */
function closeCode(error: NnrpError): number {
  const wire = error instanceof NnrpWireError ? error : null;
  if (wire?.limit) return ErrorCode.LIMIT_EXCEEDED;
  return wire?.field.startsWith("header") ? ErrorCode.MALFORMED_HEADER : ErrorCode.MALFORMED_BODY;
}

async function all(promises: Promise<void>[]): Promise<void> {
  await Promise.all(promises);
}

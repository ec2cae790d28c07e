/**
 * What carriers with several streams have in common: the sending half with its counters and backpressure, and the parts they
 * are made of. Which packet travels on which stream is the business of the carriers that extend it.
 *
 * @module
 */
import {
  type Carrier,
  type CarrierCloseOptions,
  type CarrierDatagrams,
  type CarrierLimits,
  type CarrierSink,
  type CloseInfo,
  DRAIN_MS,
  ErrorCode,
  type Host,
  internalErrorOf,
  type Lane,
  lingerMs,
  type LostPacket,
  NnrpConnectionClosedError,
  type NnrpError,
  NnrpInternalError,
  NnrpWireError,
  type Outbox,
  type PacketCursor,
  TransportId,
  WriteQueue,
} from "@nnrp/core";
import { isConnectionLoss, text } from "./connection_loss.ts";
import { Ending, type EndingOwner } from "./ending.ts";
import type { IncomingStream } from "./incoming_stream.ts";
import type { OutgoingOwner, OutgoingStream } from "./outgoing_stream.ts";
import { Receiving, type ReceivingOwner } from "./receiving.ts";

/** Application close code after a failure of this side. */
const INTERNAL = 1;

/** A connection with several streams as a carrier. */
export abstract class StreamCarrier implements Carrier, OutgoingOwner, ReceivingOwner, EndingOwner {
  /** TransportId.QUIC, WebTransport too. */
  readonly transport: number = TransportId.QUIC;
  /** Carrier name, for example `"tcp"`. */
  abstract readonly name: string;
  /** QUIC always encrypts. */
  readonly encrypted: boolean = true;
  /** The peer's address. */
  readonly remote: string;
  /** Provides the timers. */
  readonly host: Host;
  /** Streams overtake each other. */
  readonly multiStream: boolean = true;
  /** Unreliable datagrams. */
  abstract readonly datagrams?: CarrierDatagrams;
  /** Bytes that the runtime accepted so far. */
  sentBytes = 0;
  /** See {@linkcode Carrier.roundTripMs}. */
  roundTripMs: number | undefined = undefined;

  /** The streams from the peer. */
  protected readonly receiving: Receiving = new Receiving(this);
  /** The end of the connection. */
  protected readonly ending: Ending = new Ending(this);
  /** Streams towards the peer that are not finished. */
  protected readonly outgoing: Set<OutgoingStream> = new Set();

  #committed = 0;
  #lost = 0; // bytes committed that never can be sent
  #stream: OutgoingStream | null = null; // that the packet begun is written to; null: nobody will send it
  #mark = 0; // total of its queue before the packet
  readonly #void = new WriteQueue(); // for what is written after the end
  readonly #borrowing: Set<OutgoingStream> = new Set();
  #flushDue = false;
  readonly #flushTask = () => {
    this.#flushDue = false;
    this.guard(() => this.flush());
  };
  #crashing = false;

  /**
   * @param remote The peer's address.
   * @param host Provides the timers.
   */
  constructor(remote: string, host: Host) {
    this.remote = remote;
    this.host = host;
  }

  /** The stream a packet goes on; its queue is the outbox. */
  protected abstract streamFor(lane: Lane, frameId: number, viewId: number): OutgoingStream;
  /** The packet of {@linkcode StreamCarrier.streamFor} is written. */
  protected abstract written(
    stream: OutgoingStream,
    lane: Lane,
    frameId: number,
    viewId: number,
    last: boolean,
    bytes: number,
  ): void;
  /** Starts reading. */
  protected abstract startReading(): void;
  /** Nothing is left: releases what belongs to the connection. */
  protected abstract release(): void;
  /** Sends what is collected. */
  abstract flush(): void;
  /** The frame ended another way: its stream, if any, can end. */
  abstract endFrame(lane: Lane, frameId: number, viewId: number): void;
  /** Lane of a packet that came on this stream. */
  abstract laneOf(stream: IncomingStream, cursor: PacketCursor): Lane;
  /** A stream of the peer's ended, not inside a packet. */
  abstract streamEnded(stream: IncomingStream): void;
  /** Ends every stream of this side. */
  abstract endStreams(): Promise<void>;
  /** Says goodbye to the peer. */
  abstract disconnect(code: number, reason: string): void;

  /** What the readers refuse. */
  get limits(): CarrierLimits {
    return this.receiving.limits;
  }
  /** Bytes received so far. */
  get receivedBytes(): number {
    return this.receiving.bytes;
  }
  /** Memory of packets of which only a part has come, all streams together, bytes. */
  get heldBytes(): number {
    return this.receiving.heldBytes;
  }
  /** Bytes committed and not yet taken by the runtime. */
  get bufferedBytes(): number {
    return this.#committed - this.#lost - this.sentBytes;
  }
  /** Whether the connection is gone. */
  get isClosed(): boolean {
    return this.ending.closed !== null;
  }

  /** Starts reading. */
  start(sink: CarrierSink): void {
    this.receiving.sink = sink;
    const { closed } = this.ending;
    if (closed !== null) queueMicrotask(() => this.guard(() => sink.closed(closed))); // gone before anybody listened
    else this.startReading();
  }

  /** Opens a packet. */
  begin(lane: Lane, frameId: number, viewId: number): Outbox {
    if (this.ending.sendingOver) {
      this.#stream = null;
      return this.#void;
    }
    this.#stream = this.streamFor(lane, frameId, viewId);
    const { queue } = this.#stream;
    this.#mark = queue.total;
    return queue;
  }

  /** Ends a packet; it leaves at the end of the turn. */
  commit(lane: Lane, frameId: number, viewId: number, last: boolean): void {
    const stream = this.#stream;
    if (stream === null) {
      this.#void.clear();
      return;
    }
    this.#stream = null;
    const { queue } = stream;
    if (stream.over) {
      queue.clear();
      return;
    }
    const bytes = queue.total - this.#mark;
    this.#committed += bytes;
    if (queue.borrowedUntil > queue.takenUntil) {
      queue.note(this.#mark, lane, frameId, viewId, last);
      this.#borrowing.add(stream);
    }
    this.written(stream, lane, frameId, viewId, last, bytes);
    if (!this.receiving.inTurn && !this.#flushDue) {
      this.#flushDue = true;
      queueMicrotask(this.#flushTask);
    }
  }

  /** Writes bytes that are no packet. */
  protected append(stream: OutgoingStream, bytes: Uint8Array): void {
    if (stream.over) return;
    stream.queue.append(bytes);
    this.#committed += bytes.length;
  }

  /** Id of the stream that the last packet of a lane travelled on, whichever way. */
  lastStreamId(lane: Lane): number {
    return this.receiving.lastIds[lane];
  }

  /** Resolves when no caller's memory is needed any more; null if none is. */
  released(): Promise<void> | null {
    if (this.#borrowing.size === 0) return null;
    return all([...this.#borrowing].map((stream) => stream.taken(stream.queue.borrowedUntil)));
  }

  /** Resolves when what was committed so far is sent or can never be. */
  drained(): Promise<void> {
    if (this.bufferedBytes === 0) return Promise.resolve();
    return all([...this.outgoing].map((stream) => stream.taken(stream.queue.total)));
  }

  /** Stops reading all streams. */
  pause(): void {
    if (this.ending.closing === null && !this.isClosed) this.receiving.pause();
  }

  /** Resumes reading. */
  resume(): void {
    this.receiving.resume();
  }

  /** Sends what is committed and ends all streams; reading goes on. */
  endSending(): void {
    if (this.ending.sendingOver) return;
    this.flush();
    this.ending.endSending();
  }

  /** Sends what is committed, ends all streams, waits for the peer to do the same, closes. */
  close(options: CarrierCloseOptions = {}): Promise<void> {
    const { code = 0, reason = "", graceful = true, drainMs = DRAIN_MS } = options;
    const { stallMs = lingerMs(this.roundTripMs) } = options;
    if (!this.ending.sendingOver) this.flush();
    this.ending.close({ code, reason, local: true }, graceful ? { stallMs, drainMs } : null);
    return this.ending.done;
  }

  /** A close has begun. */
  closeBegan(): void {
    this.receiving.discard = true;
    this.receiving.release();
  }

  /** A chunk was dealt with; nothing else to do. */
  chunkShown(_stream: IncomingStream, _chunk: Uint8Array): void {}

  /** A turn is over. */
  turned(): void {
    this.flush();
  }

  /** The peer finished sending, and everything it sent was delivered. */
  protected peerFinished(): void {
    if (!this.ending.peerFinished()) return;
    const sink = this.receiving.sink!;
    sink.begin();
    sink.end();
    sink.turn();
    this.flush();
  }

  /** The peer broke a rule: the sink is notified first (it may send an ERROR), then the carrier closes. */
  fault(error: NnrpError): void {
    if (this.ending.closing !== null || this.isClosed) return;
    this.guard(() => {
      const sink = this.receiving.sink!;
      sink.begin();
      sink.fault(error);
      sink.turn();
      this.flush();
      this.ending.closeFor({ code: closeCode(error), reason: error.message, local: true, error });
    });
  }

  /** For calls whose only caller would be the runtime, which would end the process for what they throw. */
  protected guard(call: () => void): void {
    try {
      call();
    } catch (cause) {
      this.crashed(cause);
    }
  }

  /**
   * Something failed here, in the sink or below it: the sink is notified (and reports it to the peer, if it
   * can), and the connection closes; nothing else does. Never throws.
   */
  crashed(cause: unknown): void {
    if (this.#crashing) return; // what it brings about fails too
    this.#crashing = true;
    const error = internalErrorOf(cause, `the ${this.name} connection cannot go on`);
    let graceful = true;
    try {
      this.receiving.sink?.fault(error);
      this.flush();
    } catch {
      graceful = false;
    }
    try {
      const info = { code: INTERNAL, reason: error.message, local: true, error };
      if (graceful) this.ending.closeFor(info);
      else this.ending.close(info, null);
    } catch {
      this.disconnect(INTERNAL, error.message);
    }
    this.#crashing = false;
  }

  /** The runtime said that the connection is gone: shows what was read before, then ends. */
  protected connectionGone(code: number, reason: string, cause?: unknown): void {
    this.receiving.release();
    this.host.after(0, () => this.guard(() => this.ending.connectionClosed(code, reason, cause)));
  }

  /** The connection is gone. */
  gone(info: CloseInfo, cause: unknown): void {
    this.receiving.discard = true;
    this.receiving.release();
    for (const stream of [...this.outgoing]) stream.fail(cause);
    this.outgoing.clear();
    this.release();
    this.guard(() => this.receiving.sink?.closed(info));
  }

  /** The runtime accepted `bytes` bytes. */
  sent(bytes: number): void {
    this.sentBytes += bytes;
  }

  /** See OutgoingOwner. */
  vanished(packets: readonly LostPacket[], begun: boolean): void {
    if (begun) this.#cutShort(packets);
    else if (!this.isClosed && !this.receiving.discard) this.guard(() => this.#tellVanished(packets));
  }

  #tellVanished(packets: readonly LostPacket[]): void {
    const sink = this.receiving.sink!;
    if (sink.vanished === undefined) throw packets[0].error;
    for (const packet of packets) sink.vanished(packet);
    sink.turn();
    this.flush();
  }

  /** A part of a packet has left that has no rest: peers take a reset stream for a fault, so the connection ends as one that is lost. */
  #cutShort(packets: readonly LostPacket[]): void {
    if (this.ending.closing !== null || this.isClosed) return;
    const [{ frameId, error: cause }] = packets;
    const reason = `bytes of frame ${frameId} have vanished while they were being sent`;
    const error = new NnrpConnectionClosedError(this.name, reason, { cause });
    this.guard(() => this.#tellVanished(packets));
    this.ending.close({ code: INTERNAL, reason, local: true, error }, null);
  }

  /** A stream has nothing left to send for now. */
  emptied(stream: OutgoingStream): void {
    if (stream.queue.borrowedUntil <= stream.sentBytes) this.#borrowing.delete(stream);
  }

  /** A stream of this side's ended as it should. */
  finished(stream: OutgoingStream): void {
    this.outgoing.delete(stream);
    this.#borrowing.delete(stream);
  }

  /** A stream of this side's takes no more. */
  failed(stream: OutgoingStream, cause: unknown): void {
    this.#lost += stream.queue.total - stream.sentBytes;
    this.outgoing.delete(stream);
    this.#borrowing.delete(stream);
    if (this.isClosed || this.ending.closing !== null || isConnectionLoss(cause)) return;
    if (cause instanceof NnrpInternalError) {
      this.crashed(cause);
      return;
    }
    this.fault(
      new NnrpWireError(`the peer stopped reading ${this.name} stream ${stream.id}: ${text(cause)}`, {
        field: "stream",
        expected: "streams that are read to their end",
        actual: "a stopped stream",
        stage: "framing",
      }),
    );
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

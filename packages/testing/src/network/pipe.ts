/**
 * One direction of one ordered stream of bytes: from the writer's memory into the sender's buffer, over the wire into the
 * receiver's, from there in chunks to the reader.
 *
 * @module
 */
import type { VirtualHost } from "../time/virtual_host.ts";
import type { ArrivalCount } from "./arrival_count.ts";
import type { BufferAccount } from "./buffer_account.ts";
import { chunkLength } from "./weather.ts";
import type { Wire } from "./wire.ts";

/** Most bytes that travel as one. */
const SEGMENT_BYTES = 64 * 1024;
/** Least bytes that do, where there are more; and what a segment takes on a slow wire, ms. */
const LEAST_SEGMENT_BYTES = 1448;
const SEGMENT_MS = 5;

/** Who writes into a pipe. Called in events of the sender. */
export interface PipeWriter {
  /** The system took so many bytes of the write, and there are more. */
  progress(bytes: number): void;
  /** The system took the rest of the write. */
  written(): void;
  /** Nothing can be written any more. */
  writeFailed(cause: Error): void;
}

/** Who reads from a pipe. Called in events of the receiver. */
export interface PipeReader {
  /** There is a chunk; its memory is the reader's. */
  data(chunk: Uint8Array): void;
  /** Nothing more comes: the writer has ended. */
  ended(): void;
  /** Nothing more comes: the connection is broken. */
  broke(cause: Error): void;
}

/** What both ends of a pipe share with others of their connection. */
export interface PipeParts {
  /** What it travels on. */
  readonly wire: Wire;
  /** Who sends. */
  readonly sender: VirtualHost;
  /** Who receives. */
  readonly receiver: VirtualHost;
  /** What the sender's system holds. */
  readonly sendBuffer: BufferAccount;
  /** What the receiver's system holds. */
  readonly receiveBuffer: BufferAccount;
  /** Where is written down what arrives and what is read. */
  readonly arrivals: ArrivalCount;
  /** What comes after the reader is gone; once. */
  readonly unwanted: () => void;
  /** Whether the whole connection is over: nothing moves, neither end is notified. Default: never. */
  readonly isOver?: () => boolean;
  /**
   * Whether it is for the reader: what has arrived can be read until it is notified of the end. Default: as
   * `isOver`.
   */
  readonly isReaderOver?: () => boolean;
}

interface Piece {
  readonly bytes: Uint8Array;
  readonly atMs: number;
}

/** One direction of a stream. */
export class Pipe {
  readonly #parts: PipeParts;
  readonly #fillTask = () => this.#fill();
  readonly #pumpTask = () => this.#pump();
  #writer: PipeWriter | null = null;
  #reader: PipeReader | null = null;
  #pending: Uint8Array[] = []; // of the write under way: the writer's memory
  #taken = 0; // bytes taken, not reported yet
  #reportDue = false;
  #queue: Uint8Array[] = []; // in the sender's buffer, not on the wire
  #travelling: Piece[] = [];
  #arrivalDue = false;
  #leaving = false; // a segment is being put on the wire
  #unread: Uint8Array[] = [];
  #readDue = false;
  #nextReadMs = 0; // for slow readers
  #paused = false;
  #isEnding = false; // the writer has ended
  #endSent = false;
  #endArrived = false;
  #endTold = false;
  #broken: Error | null = null; // nothing moves any more
  #brokenTold = false;
  #writeBroken: Error | null = null;
  #readerGone = false;

  constructor(parts: PipeParts) {
    this.#parts = parts;
  }

  /** Notified of the progress of writes. */
  set writer(writer: PipeWriter) {
    this.#writer = writer;
  }

  /** Starts reading. */
  read(reader: PipeReader): void {
    this.#reader = reader;
    this.#wakeReader();
  }

  /** Pauses reading (receive backpressure). */
  pause(): void {
    this.#paused = true;
  }

  /** Resumes reading. */
  resume(): void {
    this.#paused = false;
    this.#wakeReader();
  }

  /** Writes ranges in order; called again only after `written`. */
  write(ranges: readonly Uint8Array[]): void {
    if (this.#writeBroken !== null) {
      this.#tellWriteFailed(this.#writeBroken);
      return;
    }
    this.#pending = ranges.filter((range) => range.length > 0);
    if (this.#pending.length === 0) this.#report();
    else this.#fill();
  }

  /** Ends the stream after what was written. */
  end(): void {
    this.#isEnding = true;
    this.#pump();
  }

  /** The writer closes: what the system took still travels, and then the end. */
  abandon(): void {
    this.#pending = [];
    this.#writer = null;
    this.end();
  }

  /** The reader closes: what comes is discarded, and the connection is notified. */
  refuse(): void {
    if (this.#readerGone) return;
    this.#readerGone = true;
    this.#reader = null;
    const wasUnread = this.#dropUnread();
    if (wasUnread) this.#parts.unwanted();
  }

  /** The receiver's system said that it wants nothing: writing fails from now on. What travels is lost. */
  breakWriting(cause: Error): void {
    if (this.#writeBroken !== null) return;
    this.#writeBroken = cause;
    this.#dropUnsent();
    const isWriting = this.#pending.length > 0;
    this.#pending = [];
    if (isWriting) this.#tellWriteFailed(cause);
  }

  /**
   * The connection is gone for both: what arrived can still be read, then the reader gets the error, the
   * writer at its next write.
   */
  break(cause: Error): void {
    if (this.#broken !== null) return;
    this.#broken = cause;
    this.breakWriting(cause);
    this.#wakeReader();
  }

  /** See {@linkcode Stalled}. */
  goOn(): void {
    this.#pump();
    if (this.#travelling.length > 0) this.#arriveAt(this.#parts.wire.loop.now() + this.#parts.wire.delayMs());
  }

  /** Takes into the sender's buffer what there is room for. */
  #fill(): void {
    const { sendBuffer } = this.#parts;
    while (this.#pending.length > 0) {
      const range = this.#pending[0];
      if (range.length === 0) { // it had bytes when the write began
        this.breakWriting(new Error("the memory of a write under way was taken away"));
        return;
      }
      const count = sendBuffer.takes(range.length);
      if (count === 0) {
        sendBuffer.wait(this.#fillTask);
        break;
      }
      const copy = new Uint8Array(count);
      copy.set(range.subarray(0, count));
      this.#queue.push(copy);
      sendBuffer.add(count);
      this.#taken += count;
      if (count === range.length) this.#pending.shift();
      else this.#pending[0] = range.subarray(count);
    }
    if (this.#taken > 0) this.#report();
    this.#pump();
  }

  /** Tells the writer what was taken, in an event of its host. */
  #report(): void {
    if (this.#reportDue) return;
    this.#reportDue = true;
    const { sender } = this.#parts;
    sender.deliver(sender.now(), () => {
      this.#reportDue = false;
      const taken = this.#taken;
      this.#taken = 0;
      if (this.#writeBroken !== null || this.#parts.isOver?.()) return;
      if (this.#pending.length > 0) this.#writer?.progress(taken);
      else this.#writer?.written();
    });
  }

  #tellWriteFailed(cause: Error): void {
    const { sender } = this.#parts;
    sender.deliver(sender.now(), () => this.#writer?.writeFailed(cause));
  }

  /** Puts on the wire what the receiver has room for. */
  #pump(): void {
    const { wire, sender, receiveBuffer } = this.#parts;
    if (this.#leaving || this.#broken !== null || this.#parts.isOver?.()) return;
    while (this.#queue.length > 0) {
      if (wire.isStopped) {
        wire.park(this);
        return;
      }
      const count = receiveBuffer.takes(this.#segmentLength());
      if (count === 0) {
        receiveBuffer.wait(this.#pumpTask);
        return;
      }
      const bytes = this.#nextSegment(count);
      receiveBuffer.add(bytes.length);
      const startMs = Math.max(sender.now(), wire.freeAtMs);
      const { bytesPerSecond } = wire.weather;
      const leftMs = startMs + bytes.length * 1000 / bytesPerSecond;
      this.#travel(bytes, leftMs);
      if (bytesPerSecond < Infinity) {
        wire.freeAtMs = leftMs;
        this.#leaving = true;
        wire.loop.schedule(leftMs, () => {
          this.#leaving = false;
          this.#pump();
        }, "wire");
        return;
      }
    }
    if (this.#isEnding && !this.#endSent && this.#pending.length === 0) {
      this.#endSent = true;
      this.#travel(END, Math.max(sender.now(), wire.freeAtMs));
    }
  }

  #segmentLength(): number {
    const { bytesPerSecond } = this.#parts.wire.weather;
    const atOnce = bytesPerSecond < Infinity
      ? Math.max(LEAST_SEGMENT_BYTES, Math.floor(bytesPerSecond * SEGMENT_MS / 1000))
      : SEGMENT_BYTES;
    return Math.min(this.#queue[0].length, atOnce, SEGMENT_BYTES);
  }

  #nextSegment(length: number): Uint8Array {
    const head = this.#queue[0];
    if (length === head.length) this.#queue.shift();
    else this.#queue[0] = head.subarray(length);
    return head.subarray(0, length);
  }

  #travel(bytes: Uint8Array, leftMs: number): void {
    const last = this.#travelling.at(-1);
    const atMs = Math.max(leftMs + this.#parts.wire.delayMs(), last?.atMs ?? 0);
    this.#travelling.push({ bytes, atMs });
    this.#arriveAt(this.#travelling[0].atMs);
  }

  #arriveAt(atMs: number): void {
    if (this.#arrivalDue) return;
    this.#arrivalDue = true;
    this.#parts.wire.loop.schedule(atMs, () => {
      this.#arrivalDue = false;
      this.#arrive();
    }, "wire");
  }

  #arrive(): void {
    const { wire, sendBuffer, receiveBuffer } = this.#parts;
    if (this.#travelling.length === 0 || this.#parts.isOver?.()) return;
    if (wire.isStopped) {
      wire.park(this);
      return;
    }
    const nowMs = wire.loop.now();
    let arrived = 0;
    while (this.#travelling.length > 0 && this.#travelling[0].atMs <= nowMs) {
      const { bytes } = this.#travelling.shift()!;
      if (bytes === END) this.#endArrived = true;
      else {
        arrived += bytes.length;
        this.#unread.push(bytes);
      }
    }
    if (this.#travelling.length > 0) this.#arriveAt(this.#travelling[0].atMs);
    sendBuffer.remove(arrived);
    if (!this.#readerGone) this.#parts.arrivals.arrived(arrived, nowMs);
    if (this.#readerGone) {
      receiveBuffer.remove(arrived);
      this.#unread = [];
      if (arrived > 0) this.#parts.unwanted();
    } else this.#wakeReader();
  }

  #wakeReader(): void {
    if (this.#readDue || this.#paused || this.#reader === null) return;
    const isEndNews = this.#endArrived && !this.#endTold;
    if (this.#unread.length === 0 && !isEndNews && (this.#broken === null || this.#brokenTold)) return;
    this.#readDue = true;
    const { receiver } = this.#parts;
    receiver.deliver(Math.max(receiver.now(), this.#nextReadMs), () => {
      this.#readDue = false;
      this.#readOnce();
    });
  }

  #readOnce(): void {
    const reader = this.#reader;
    const { isOver, isReaderOver = isOver } = this.#parts;
    if (this.#paused || reader === null || isReaderOver?.()) return;
    if (this.#unread.length > 0) {
      const { wire, receiver, receiveBuffer } = this.#parts;
      const { split, readBytesPerSecond } = wire.weather;
      const head = this.#unread[0];
      const length = chunkLength(split, head.length, wire.splits);
      if (length === head.length) this.#unread.shift();
      else this.#unread[0] = head.subarray(length);
      this.#nextReadMs = receiver.now() + length * 1000 / readBytesPerSecond;
      receiveBuffer.remove(length);
      this.#parts.arrivals.read(length);
      reader.data(head.slice(0, length)); // the reader may keep it, and shares no memory with others
      this.#wakeReader();
    } else if (this.#endArrived && !this.#endTold) {
      this.#endTold = true;
      reader.ended();
      this.#wakeReader();
    } else if (this.#broken !== null && !this.#brokenTold) {
      this.#brokenTold = true;
      reader.broke(this.#broken);
    }
  }

  #dropUnread(): boolean {
    let bytes = 0;
    for (const chunk of this.#unread) bytes += chunk.length;
    this.#unread = [];
    this.#parts.receiveBuffer.remove(bytes);
    this.#parts.arrivals.read(bytes);
    return bytes > 0;
  }

  /** Forgets what has not arrived. */
  #dropUnsent(): void {
    const { sendBuffer, receiveBuffer } = this.#parts;
    let queued = 0;
    let travelling = 0;
    for (const bytes of this.#queue) queued += bytes.length;
    for (const { bytes } of this.#travelling) travelling += bytes.length;
    this.#queue = [];
    this.#travelling = [];
    sendBuffer.remove(queued + travelling);
    receiveBuffer.remove(travelling);
  }
}

/** Stands for the end of the stream on its way. */
const END = new Uint8Array(0);

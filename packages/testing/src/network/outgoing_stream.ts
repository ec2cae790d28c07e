/**
 * A stream of a connection with many, towards the peer.
 *
 * @module
 */
import { type LostPacket, WriteQueue } from "@nnrp/core";
import type { Pipe, PipeWriter } from "./pipe.ts";

/** Whose stream it is. */
export interface OutgoingOwner {
  /** The system accepted `bytes` bytes. */
  sent(bytes: number): void;
  /** Packets are not sent, for bytes of them have vanished; `begun`: a part of the first has left. */
  vanished(packets: readonly LostPacket[], begun: boolean): void;
  /** Everything was accepted, and the end was sent. */
  finished(stream: OutgoingStream): void;
}

/** Collects packets and writes them, one write at a time. */
export class OutgoingStream implements PipeWriter {
  /** Id on the wire. */
  readonly id: number;
  /** Where packets are collected. */
  readonly queue: WriteQueue = new WriteQueue();
  /** Bytes the system took. */
  sentBytes = 0;
  readonly #pipe: Pipe;
  readonly #owner: OutgoingOwner;
  #writing = 0;
  #writtenUpTo = 0; // total of the queue behind it
  #isEnding = false;
  #isOver = false;
  #waiters: { at: number; done: () => void }[] = [];

  constructor(id: number, pipe: Pipe, owner: OutgoingOwner) {
    this.id = id;
    this.#pipe = pipe;
    this.#owner = owner;
    pipe.writer = this;
  }

  /** Writes what was collected. */
  flush(): void {
    if (this.#writing > 0 || this.#isOver) return;
    if (this.queue.hasVanished) queueMicrotask(() => this.#flush()); // the owner is not notified from inside its own call
    else this.#flush();
  }

  #flush(): void {
    if (this.#writing > 0 || this.#isOver) return;
    const lost = this.queue.dropVanished();
    if (lost !== null) this.#owner.vanished(lost, false); // before anybody is notified that their memory is free
    if (this.#writing > 0 || this.#isOver) return;
    const batch = this.queue.take();
    if (batch === null && lost !== null) {
      this.#count(this.queue.total - this.sentBytes);
      this.#wake();
    }
    if (batch !== null) {
      this.#writing = batch.length;
      this.#writtenUpTo = batch.end;
      this.#pipe.write(batch.ranges);
    } else if (this.#isEnding) {
      this.#isOver = true;
      this.#pipe.end();
      this.#owner.finished(this);
    }
  }

  /** Ends the stream after what was collected, with the next flush. */
  endSoon(): void {
    this.#isEnding = true;
  }

  /** Nothing can be sent any more. */
  fail(): void {
    this.#isOver = true;
    this.queue.clear();
    this.#wake();
  }

  /** Resolves when so many bytes were taken, or never will be. */
  taken(until: number): Promise<void> {
    if (this.#isOver || this.sentBytes >= until) return Promise.resolve();
    return new Promise((done) => this.#waiters.push({ at: until, done }));
  }

  /** See PipeWriter. */
  progress(bytes: number): void {
    this.#took(bytes);
  }

  /** See PipeWriter. */
  written(): void {
    this.#writing = 0;
    this.#count(this.#writtenUpTo - this.sentBytes); // with what was left out
    this.queue.written();
    this.#wake();
    this.flush();
  }

  /** See PipeWriter. */
  writeFailed(): void {
    const lost = this.queue.vanishedUnderWay(this.sentBytes);
    if (lost.length > 0) this.#owner.vanished(lost, true);
    this.fail();
  }

  #took(bytes: number): void {
    this.#writing -= bytes;
    this.#count(bytes);
  }

  #count(bytes: number): void {
    this.sentBytes += bytes;
    this.#owner.sent(bytes);
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = this.#isOver ? [] : waiters.filter((w) => w.at > this.sentBytes);
    for (const w of waiters) if (this.#isOver || w.at <= this.sentBytes) w.done();
  }
}

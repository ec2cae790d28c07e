/**
 * A stream of a connection with many, towards the peer.
 *
 * @module
 */
import { type BorrowedPacket, WriteQueue } from "@nnrp/core";
import type { Pipe, PipeWriter } from "./pipe.ts";

/** Whose stream it is. */
export interface OutgoingOwner {
  /** The system took so many bytes. */
  sent(bytes: number): void;
  /** Packets were taken out of the queue, for the memory that they were to be sent from is not there any more. */
  vanished(packets: readonly BorrowedPacket[]): void;
  /** Everything was taken, and the end was said. */
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
  #isEnding = false;
  #isOver = false;
  #waiters: { at: number; done: () => void }[] = [];

  /** Makes an OutgoingStream. */
  constructor(id: number, pipe: Pipe, owner: OutgoingOwner) {
    this.id = id;
    this.#pipe = pipe;
    this.#owner = owner;
    pipe.writer = this;
  }

  /** Writes what was collected. */
  flush(): void {
    if (this.#writing > 0 || this.#isOver) return;
    const vanished = this.queue.dropVanished();
    if (vanished !== null) {
      for (const { from, to } of vanished) this.#count(to - from);
      this.#wake();
      this.#owner.vanished(vanished);
    }
    const batch = this.queue.take();
    if (batch !== null) {
      this.#writing = batch.length;
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
    this.#took(this.#writing);
    this.queue.written();
    this.#wake();
    this.flush();
  }

  /** See PipeWriter. */
  writeFailed(): void {
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

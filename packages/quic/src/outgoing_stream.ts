/**
 * One stream towards the peer: collects packets, writes them in few large pieces, ends it once everything is out. It may
 * collect before the runtime has opened it.
 *
 * @module
 */
import { type Host, type LostPacket, VANISHED, type WriteBatch, WriteQueue } from "@nnrp/core";

/** Larger ranges are written in pieces of this size, so that progress of a slow peer is visible. */
const PIECE_BYTES = 256 * 1024;

/** What waits after a write is sent at once from this size on; less waits for the end of the event loop's turn, bytes. */
const WRITE_AT_ONCE = 64 * 1024;

/** Who owns the stream. */
export interface OutgoingOwner {
  /** Whose turns to use. */
  readonly host: Host;
  /** The runtime accepted `bytes` bytes. */
  sent(bytes: number): void;
  /**
   * Packets are not sent, for bytes of them have vanished. `begun`: a part of the first has left, so that its
   * stream is unusable; {@linkcode OutgoingOwner.failed} follows.
   */
  vanished(packets: readonly LostPacket[], begun: boolean): void;
  /** Everything collected so far was accepted by the runtime. */
  emptied(stream: OutgoingStream): void;
  /** The stream ended as it should; nothing follows. */
  finished(stream: OutgoingStream): void;
  /** The stream failed: the runtime accepts no more. Called once. */
  failed(stream: OutgoingStream, cause: unknown): void;
}

/** A stream that packets go out on. */
export class OutgoingStream {
  /** Where packets are written. */
  readonly queue: WriteQueue = new WriteQueue();
  /** Id of the stream; −1 until the runtime opened it. */
  id = -1;
  /** Bytes the runtime took. */
  sentBytes = 0;
  /** Whether it waits for a flush at the end of the turn. */
  dirty = false;

  readonly #owner: OutgoingOwner;
  #writer: WritableStreamDefaultWriter<Uint8Array> | null = null;
  #running = false;
  #ending = false;
  #over = false; // finished or failed
  #waiters: { at: number; done: () => void }[] = [];
  #isDone = false;
  #doneWaiters: (() => void)[] | null = null;

  /**
   * Makes an OutgoingStream that is not open yet.
   *
   * @param owner Notified of what becomes of it.
   */
  constructor(owner: OutgoingOwner) {
    this.#owner = owner;
  }

  /** Bytes that the runtime has not taken. */
  get unsentBytes(): number {
    return this.#over ? 0 : this.queue.total - this.sentBytes;
  }

  /** Whether nothing can be sent any more. */
  get over(): boolean {
    return this.#over;
  }

  /** Whether it ends after what was collected. */
  get ending(): boolean {
    return this.#ending;
  }

  /** The runtime opened it. */
  attach(writer: WritableStreamDefaultWriter<Uint8Array>, id: number): void {
    this.#writer = writer;
    this.id = id;
    writer.closed.catch(() => {}); // writes tell
    if (!this.#over) this.flush();
  }

  /** Starts writing what was collected. */
  flush(): void {
    if (this.#running || this.#writer === null || this.#over) return;
    if (this.queue.length > 0 || this.#ending) void this.#run(this.#writer);
  }

  /** Ends the stream after what was collected. */
  end(): void {
    this.#ending = true;
    this.flush();
  }

  /** The same, with the next flush. */
  endSoon(): void {
    this.#ending = true;
  }

  /** Resolves when so many bytes of this stream were taken, or never will be. */
  taken(until: number): Promise<void> {
    if (this.#over || this.sentBytes >= until) return Promise.resolve();
    return new Promise((done) => this.#waiters.push({ at: until, done }));
  }

  /** Resolves when nothing more happens on it: it ended or failed. */
  get done(): Promise<void> {
    if (this.#isDone) return Promise.resolve();
    return new Promise((done) => (this.#doneWaiters ??= []).push(done));
  }

  #setDone(): void {
    this.#isDone = true;
    for (const done of this.#doneWaiters ?? []) done();
    this.#doneWaiters = null;
  }

  /** Nothing can be sent any more, as the runtime reported. */
  fail(cause: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.queue.clear();
    this.#wake();
    this.#setDone();
    this.#owner.failed(this, cause);
  }

  async #run(writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
    this.#running = true;
    try {
      for (;;) {
        // Whoever wrote it is still at it, perhaps: the owner is not notified from inside its own call.
        if (this.queue.hasVanished) await Promise.resolve();
        const batch = this.#take();
        if (batch === null) break;
        const { ranges } = batch;
        for (let i = 0; i < ranges.length; i++) {
          const range = ranges[i];
          if (range.length === 0) throw new Error(VANISHED);
          if (range.length <= PIECE_BYTES) {
            await writer.write(range);
            if (this.#over) return;
            this.#took(range.length);
          } else {
            for (let at = 0, size = range.length; at < size; at += PIECE_BYTES) {
              const piece = range.subarray(at, at + PIECE_BYTES);
              if (piece.length === 0) throw new Error(VANISHED);
              await writer.write(piece);
              if (this.#over) return;
              this.#took(piece.length);
            }
          }
        }
        this.#took(batch.end - this.sentBytes); // what was left out
        this.queue.written();
        this.#wake();
        const { length } = this.queue;
        if (length === 0) this.#owner.emptied(this);
        // Small writes are done before the turn is over: what is collected meanwhile leaves in one write at its end.
        else if (length < WRITE_AT_ONCE && !this.#ending) {
          await new Promise<void>((done) => this.#owner.host.yield(done, 0));
          if (this.#over) return;
        }
      }
      if (this.#ending && !this.#over) {
        this.#over = true;
        await writer.close();
        this.#setDone();
        this.#owner.finished(this);
      }
    } catch (cause) {
      if (!this.#over) {
        // The runtime's error does not contain that.
        const lost = this.queue.vanishedUnderWay(this.sentBytes);
        if (lost.length > 0) this.#owner.vanished(lost, true);
        this.fail(cause);
      } else if (!this.#isDone) {
        // Everything was accepted; only FIN could not be sent any more.
        this.#setDone();
        this.#owner.finished(this);
      }
    } finally {
      this.#running = false;
    }
  }

  #take(): WriteBatch | null {
    const lost = this.queue.dropVanished();
    if (lost !== null) this.#owner.vanished(lost, false); // before anybody is notified that their memory is free
    if (this.#over) return null;
    const batch = this.queue.take();
    if (batch === null && lost !== null) {
      this.#took(this.queue.total - this.sentBytes);
      this.#wake();
      this.#owner.emptied(this);
    }
    return batch;
  }

  #took(bytes: number): void {
    this.sentBytes += bytes;
    this.#owner.sent(bytes);
  }

  #wake(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = this.#over ? [] : waiters.filter((w) => w.at > this.sentBytes);
    for (const w of waiters) if (this.#over || w.at <= this.sentBytes) w.done();
  }
}

/**
 * Memory that all sessions of a server hold together, and the line of those that read nothing until some of it is free. Who waits is
 * let in from here, in order, whoever frees what: a session that frees its own does not overtake the others.
 *
 * @module
 */
import { MemoryAccount } from "@nnrp/core";

/**
 * Free bytes per session that is let in at once; the next one follows when one of them has been updated, or
 * something is freed.
 */
const SHARE_TO_READ = 64 * 1024;
/** Caches of connected sessions may take this part of the server's memory: what refers to them needs the rest. */
const CACHE_SHARE = 0.5;

/** A session that waits for memory. */
export interface WaitingReader {
  /** It may read on. */
  letIn(): void;
}

/** The server's memory account, and its bound. */
export class ServerMemory {
  /** What all sessions hold. */
  readonly account: MemoryAccount;
  /** Bytes in caches of sessions with a connection. */
  cachedBytes = 0;
  /** Ends a session that waits for its client and holds something, the longest first; false if there is none. The server sets it. */
  relieve: () => boolean = () => false;

  readonly #hungry = new Set<WaitingReader>(); // with nothing in flight: they get what is freed first
  readonly #others = new Set<WaitingReader>();
  #lettingIn = false;
  #relieving = false;

  /** @param maxBytes Bytes beyond which sessions stop reading. */
  constructor(maxBytes: number) {
    this.account = new MemoryAccount(maxBytes);
  }

  /** Whether all sessions together hold too much, although no session that waits for its client holds anything any more. */
  isFull(): boolean {
    const { account } = this;
    if (account.held <= account.limit) return false;
    const isOuter = !this.#relieving;
    this.#relieving = true;
    try {
      while (isOuter && account.held > account.limit && this.relieve());
    } finally {
      if (isOuter) this.#relieving = false;
    }
    return account.held > account.limit;
  }

  /** Bytes by which the caches of all connected sessions together may still grow. */
  get spareCacheBytes(): number {
    return Math.max(0, this.account.limit * CACHE_SHARE - this.cachedBytes);
  }

  /** Whether somebody waits for memory. */
  get isAwaited(): boolean {
    return this.#hungry.size > 0 || this.#others.size > 0;
  }

  /**
   * Stands in line, at the end; who stands there already keeps its place.
   *
   * @param reader Who waits.
   * @param hungry Whether it has nothing in flight.
   */
  wait(reader: WaitingReader, hungry: boolean): void {
    const [line, other] = hungry ? [this.#hungry, this.#others] : [this.#others, this.#hungry];
    other.delete(reader);
    line.add(reader);
  }

  /** Leaves the line. Harmless for others. */
  leave(reader: WaitingReader): void {
    if (!this.#hungry.delete(reader)) this.#others.delete(reader);
  }

  /** Lets in who has waited longest, as far as there is room. */
  letIn(): void {
    if (this.#lettingIn || this.#relieving || !this.isAwaited || this.isFull()) return;
    this.#lettingIn = true;
    try {
      for (let room = this.account.limit - this.account.held; room > 0; room -= SHARE_TO_READ) {
        const line = this.#hungry.size > 0 ? this.#hungry : this.#others;
        const [first] = line;
        if (first === undefined) return;
        line.delete(first);
        first.letIn();
      }
    } finally {
      this.#lettingIn = false;
    }
  }
}

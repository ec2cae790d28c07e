/**
 * The memory account of one session: what is kept alive for its client, by kind. It is updated by polling,
 * not by each packet.
 *
 * @module
 */
import { type Carrier, MemoryAccount, MemoryKind, type ServerEngine } from "@nnrp/core";
import type { ServerMemory } from "./server_memory.ts";

/** Where a session's memory is. */
export interface MemoryHolder {
  /** Frames and cache. */
  readonly engine: ServerEngine;
  /** What came in part, and what was not sent yet. */
  readonly carrier: Carrier;
  /** What waits because too much was not sent yet. */
  readonly answers: {
    /** Memory that it keeps, bytes. */
    readonly heldBytes: number;
  };
}

/** See the module. */
export class SessionMemory {
  /** The session's account, below the server's. */
  readonly account: MemoryAccount;

  readonly #holder: MemoryHolder;
  readonly #server: ServerMemory;
  #cachedBytes = 0; // as the server knows

  /**
   * Opens an account.
   *
   * @param holder Where the memory is.
   * @param server What all sessions hold.
   */
  constructor(holder: MemoryHolder, server: ServerMemory) {
    this.#holder = holder;
    this.#server = server;
    this.account = new MemoryAccount(Infinity, server.account);
  }

  /** Bytes received and not answered, with the objects that those frames keep alive; views, not buffers. */
  get unansweredBytes(): number {
    const { counts, cache } = this.#holder.engine;
    return counts.bytesInFlight + cache.stats.usedBytes;
  }

  /** Updates the account. */
  book(): void {
    const { account } = this;
    const { engine, carrier, answers } = this.#holder;
    const { counts, cache, suspended } = engine;
    const { bytes, usedBytes } = cache.stats;
    account.set(MemoryKind.RECEIVED, counts.keptBytes);
    account.set(MemoryKind.RESOLVED, usedBytes);
    account.set(MemoryKind.PARTIAL, suspended ? 0 : carrier.heldBytes ?? 0);
    account.set(MemoryKind.UNSENT, (suspended ? 0 : carrier.bufferedBytes) + answers.heldBytes);
    account.set(MemoryKind.CACHED, suspended ? 0 : bytes);
    account.set(MemoryKind.SUSPENDED, suspended ? bytes : 0);
    this.#tellCached(suspended ? 0 : bytes);
    cache.spareBytes = this.#server.spareCacheBytes;
  }

  /** The session is over: it holds nothing any more. */
  close(): void {
    this.#tellCached(0);
    this.account.close();
  }

  #tellCached(bytes: number): void {
    this.#server.cachedBytes += bytes - this.#cachedBytes;
    this.#cachedBytes = bytes;
  }
}

/**
 * When a session stops reading, and when it reads on: while too many bytes wait for an answer, or too many answers for the client
 * to take them (docs/architecture.md, "Limits").
 *
 * @module
 */
import type { ServerMemory } from "./server_memory.ts";

/** What a gate goes by, and what it moves. */
export interface GatedSession {
  /** Bytes of frames received and not settled. */
  readonly bytesInFlight: number;
  /** Bytes that wait to be sent. */
  readonly unsentBytes: number;
  /** Resolves when what waits now was sent, or never can be. */
  sent(): Promise<void>;
  /** Stops reading after the present batch. */
  pauseReading(): void;
  /** Reads on. */
  resumeReading(): void;
  /** Something failed. Never throws. */
  crash(cause: unknown): void;
}

/** How much a session may hold, bytes. */
export interface GateLimits {
  /** Bytes received and not answered. */
  readonly maxSessionBytes: number;
  /** Bytes that wait to be sent. */
  readonly maxSendBufferBytes: number;
}

/** One for each session. */
export class ReadGate {
  /** Whether nothing is read. */
  isClosed = false;

  readonly #session: GatedSession;
  readonly #limits: GateLimits;
  readonly #memory: ServerMemory;
  #bookedBytes = 0; // of this session in the server's sum
  #sending: Promise<void> | null = null; // a look follows once what waited to be sent has left

  /**
   * Makes a ReadGate, open.
   *
   * @param session What to go by and what to move.
   * @param limits How much it may hold.
   * @param memory What all sessions hold.
   */
  constructor(session: GatedSession, limits: GateLimits, memory: ServerMemory) {
    this.#session = session;
    this.#limits = limits;
    this.#memory = memory;
  }

  /** Looks at the facts: after packets came, after answers went, and from time to time while it is closed. */
  look(): void {
    const { bytesInFlight, unsentBytes } = this.#session;
    const memory = this.#memory;
    if (bytesInFlight !== this.#bookedBytes) {
      memory.book(bytesInFlight - this.#bookedBytes);
      this.#bookedBytes = bytesInFlight;
    }
    const unsent = unsentBytes > this.#limits.maxSendBufferBytes;
    if (unsent && this.#sending === null) this.#lookOnceSent();
    const close = unsent || memory.isFull || bytesInFlight > this.#limits.maxSessionBytes;
    if (close === this.isClosed) return;
    this.isClosed = close;
    if (close) this.#session.pauseReading();
    else this.#session.resumeReading();
  }

  /** The session is on another connection, which is read. */
  connectionChanged(): void {
    this.isClosed = false;
    this.#sending = null;
  }

  #lookOnceSent(): void {
    const sending = this.#sending = this.#session.sent();
    sending.then(() => {
      if (this.#sending !== sending) return; // of a connection that was left
      this.#sending = null;
      this.look();
    }).catch((cause) => this.#session.crash(cause));
  }
}

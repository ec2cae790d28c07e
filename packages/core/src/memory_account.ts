/**
 * Accounting of the memory that a peer makes this side hold, in levels: a connection is an account of its
 * session, a session of its client, a client of the server. Every byte is booked once, where it is held, and
 * counts at all levels above. What is booked is what is kept alive: the buffer, not the view on it.
 *
 * Levels above are updated in steps that grow with what is held, so that a packet costs two additions and no
 * walk up the levels; they know a little too much, by at most an eighth (and never less than 256 bytes, never
 * more than 64 KiB, for each account below).
 *
 * @module
 */

/** Why memory is held. */
export const MemoryKind = {
  /** Whole packets that wait for their handler, or for the handshake. */
  RECEIVED: 0,
  /** Packets of which only a part has come. */
  PARTIAL: 1,
  /** Bodies put together from cached objects. */
  RESOLVED: 2,
  /** Results and control packets that are not sent yet. */
  UNSENT: 3,
  /** Objects in the cache. */
  CACHED: 4,
  /** What a session keeps while it waits for its client. */
  SUSPENDED: 5,
} as const;
/** A reason to hold memory. */
export type MemoryKind = typeof MemoryKind[keyof typeof MemoryKind];

const KINDS = 6;
/** Smallest step in which a level above is updated, bytes. */
const MIN_STEP = 256;
/** Largest step, bytes. */
const MAX_STEP = 64 * 1024;
/** A step is this part of what is held. */
const STEPS = 8;

/** Memory of one holder. */
export class MemoryAccount {
  /** Most bytes that may be held; more is booked all the same, for it is there, but the account is over its limit then. */
  limit: number;
  /** Bytes held here and, as far as they were reported, in the accounts below. */
  held = 0;
  /** Most bytes that were ever held. */
  peak = 0;

  readonly #parent: MemoryAccount | null;
  #kinds: Float64Array | null = null; // of this account alone; made with the first booking
  #told = 0; // bytes that the parent counts for this account
  #closed = false;

  /**
   * An account that holds nothing yet.
   *
   * @param limit Most bytes; Infinity = as many as the levels above allow.
   * @param parent The level above; null = this is the top.
   */
  constructor(limit: number, parent: MemoryAccount | null = null) {
    this.limit = limit;
    this.#parent = parent;
  }

  /**
   * Books memory that is held from now on, or, negative, no longer.
   *
   * @param kind Why.
   * @param bytes Bytes; what is released must have been booked under the same kind.
   */
  book(kind: MemoryKind, bytes: number): void {
    if (this.#closed || bytes === 0) return;
    (this.#kinds ??= new Float64Array(KINDS))[kind] += bytes;
    this.#add(bytes);
  }

  /** Sets what is held for one reason, for holders that know their sum. */
  set(kind: MemoryKind, bytes: number): void {
    this.book(kind, bytes - this.of(kind));
  }

  /** Bytes booked here under a kind, without the accounts below. */
  of(kind: MemoryKind): number {
    return this.#kinds === null ? 0 : this.#kinds[kind];
  }

  /** Whether this account or a level above is over its limit. */
  get isOver(): boolean {
    return this.held > this.limit || (this.#parent !== null && this.#parent.isOver);
  }

  /** Bytes that may still be taken before some level is over its limit; negative once one is. */
  get room(): number {
    const own = this.limit - this.held;
    return this.#parent === null ? own : Math.min(own, this.#parent.room);
  }

  /** The lowest level that is over its limit, this one first; null if none is. */
  get fullLevel(): MemoryAccount | null {
    if (this.held > this.limit) return this;
    return this.#parent === null ? null : this.#parent.fullLevel;
  }

  /** Releases everything: the holder is gone. Later bookings have no effect. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#kinds = null;
    this.held = 0;
    this.#tell(0);
  }

  #add(bytes: number): void {
    const held = this.held += bytes;
    if (held > this.peak) this.peak = held;
    if (this.#parent === null) return;
    // Above it, a level must never know too little; below it by more than two steps, it would know far too much.
    if (held > this.#told || held < this.#told - 2 * stepOf(this.#told)) this.#tell(held);
  }

  #tell(held: number): void {
    if (this.#parent === null) return;
    const step = stepOf(held);
    const told = held <= 0 ? 0 : Math.ceil(held / step) * step;
    const change = told - this.#told;
    this.#told = told;
    if (change !== 0) this.#parent.#add(change);
  }
}

/** A power of two, about an eighth of what is held. */
function stepOf(held: number): number {
  let step = MIN_STEP;
  while (step < MAX_STEP && step * STEPS < held) step *= 2;
  return step;
}

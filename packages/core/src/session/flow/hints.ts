/**
 * Advisory events: a bounded log for what the client's user has not read yet (result hints, flow updates),
 * and what the server's queue says about congestion (behaviour spec §10, RESULT_HINT).
 *
 * @module
 */
import { ResultHintCongestionState } from "../../wire/enums.ts";

/** Hints kept for a reader (docs/architecture.md, "Limits"): older hints are of no use. */
export const MAX_HINTS_KEPT = 256;

/** A first-in first-out list of at most `capacity` entries; the oldest makes room for the newest and is counted. */
export class BoundedLog<T> {
  /** Most entries kept. */
  readonly capacity: number;
  /** Entries that nobody read and that made room. */
  dropped = 0;

  #ring: (T | undefined)[] | undefined; // nothing is allocated before the first entry; grows up to the capacity
  #first = 0;
  #size = 0;

  /**
   * An empty log.
   *
   * @param capacity Most entries kept, ≥ 1.
   */
  constructor(capacity: number = MAX_HINTS_KEPT) {
    this.capacity = capacity;
  }

  /** Number of entries kept. */
  get size(): number {
    return this.#size;
  }

  /** Adds an entry; true if the oldest one made room for it. */
  push(entry: T): boolean {
    let ring = this.#ring;
    if (ring === undefined || (this.#size === ring.length && ring.length < this.capacity)) {
      ring = this.#grow();
    }
    const full = this.#size === ring.length;
    if (full) {
      this.dropped++;
      this.#first = (this.#first + 1) % ring.length;
      this.#size--;
    }
    ring[(this.#first + this.#size) % ring.length] = entry;
    this.#size++;
    return full;
  }

  /** Takes the oldest entry; undefined if there is none. */
  shift(): T | undefined {
    const ring = this.#ring;
    if (ring === undefined || this.#size === 0) return undefined;
    const entry = ring[this.#first];
    ring[this.#first] = undefined; // or the entry lives until it is overwritten
    this.#first = (this.#first + 1) % ring.length;
    this.#size--;
    return entry;
  }

  /** Forgets all entries without counting them as dropped. */
  clear(): void {
    this.#ring = undefined;
    this.#first = 0;
    this.#size = 0;
  }

  #grow(): (T | undefined)[] {
    const old = this.#ring;
    const ring = new Array<T | undefined>(Math.min(this.capacity, old === undefined ? 8 : old.length * 2))
      .fill(
        undefined,
      );
    for (let i = 0; i < this.#size; i++) ring[i] = old![(this.#first + i) % old!.length];
    this.#first = 0;
    this.#ring = ring;
    return ring;
  }
}

/** Share of the queue from which the state is ELEVATED. */
const ELEVATED_FROM = 0.5;
/** Share of the queue from which the state is SATURATED. */
const SATURATED_FROM = 0.9;
/**
 * How far below a threshold the queue must fall before the state goes back: hysteresis, so that hints do not
 * oscillate.
 */
const SLACK = 0.2;

/**
 * Watches a server's queue and tells when a RESULT_HINT is due: NONE while nothing waits, then STEADY,
 * ELEVATED from half of the queue and SATURATED from nine tenths, which asks the client to pause. A state
 * ends 0.2 below where it began. A client that was sent any state is also sent that of the empty queue.
 */
export class CongestionWatch {
  /** The state now. */
  state: ResultHintCongestionState = ResultHintCongestionState.NONE;

  #told: ResultHintCongestionState = ResultHintCongestionState.NONE;

  /** Whether the client believes that frames wait: it must be notified when they do not any more. */
  get isTold(): boolean {
    return this.#told !== ResultHintCongestionState.NONE;
  }

  /**
   * Evaluates the queue.
   *
   * @param queued Frames waiting now.
   * @param limit Frames that may wait, ≥ 1.
   * @returns The new state if the client should be notified, else undefined. That a few frames wait is no
   *   news from NONE.
   */
  observe(queued: number, limit: number): ResultHintCongestionState | undefined {
    const { NONE, STEADY, ELEVATED, SATURATED } = ResultHintCongestionState;
    const share = queued / limit;
    const before = this.state;
    const saturatedFrom = before === SATURATED ? SATURATED_FROM - SLACK : SATURATED_FROM;
    const elevatedFrom = before >= ELEVATED ? ELEVATED_FROM - SLACK : ELEVATED_FROM;
    if (share >= saturatedFrom) this.state = SATURATED;
    else if (share >= elevatedFrom) this.state = ELEVATED;
    else this.state = queued > 0 ? STEADY : NONE;
    if (this.state === this.#told || (this.state === STEADY && this.#told === NONE)) return undefined;
    return this.#told = this.state;
  }
}

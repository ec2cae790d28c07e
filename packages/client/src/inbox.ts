/**
 * Results of frames that were submitted without waiting, until somebody receives them: by frame or in order of arrival.
 * Bounded: the oldest unclaimed ones make room and are counted (behaviour spec §8.4).
 *
 * @module
 */
import { Fifo, FrameTable, NnrpError, type Result } from "@nnrp/core";

/** Unclaimed results kept (docs/architecture.md, "Limits"). */
export const MAX_UNCLAIMED = 1024;
/** Bytes of unclaimed results kept. */
export const MAX_UNCLAIMED_BYTES = 8 * 1024 * 1024;
/** Results below this size are copied when they are kept, so that they do not hold a read buffer. */
const DETACH_BELOW = 4096;

/** Who waits for a result. */
export interface InboxReceiver {
  /** A result came. */
  resolve(result: Result): void;
  /** The frame failed, or the session ended. */
  reject(error: NnrpError): void;
}

interface Item {
  readonly frameId: number;
  readonly viewId: number;
  readonly what: Result | NnrpError;
  readonly bytes: number;
  taken: boolean;
}

/** A receiver in a row, until it is served or gives up. */
interface Waiting {
  readonly receiver: InboxReceiver;
  gone: boolean;
}

/** Options of an {@linkcode Inbox}. */
export interface InboxLimits {
  /** Most unclaimed results. Default 1,024. */
  readonly maxUnclaimedResults?: number;
  /** Most bytes of unclaimed results. Default 8 MiB. */
  readonly maxUnclaimedBytes?: number;
}

/** The unclaimed results of one session and those who wait for some. */
export class Inbox {
  /** Results that made room for newer ones. */
  droppedUnclaimed = 0;

  readonly #maxItems: number;
  readonly #maxBytes: number;
  #arrivals = new Fifo<Item>(isTaken);
  #bytes = 0;
  #byFrame = new FrameTable<Fifo<Item>>();
  #waitingFor = new FrameTable<Fifo<Waiting>>();
  #waitingAny = new Fifo<Waiting>(isServed);
  #ended: NnrpError | null = null;

  /**
   * Makes a Inbox.
   *
   * @param limits Bounds.
   */
  constructor(limits: InboxLimits = {}) {
    this.#maxItems = limits.maxUnclaimedResults ?? MAX_UNCLAIMED;
    this.#maxBytes = limits.maxUnclaimedBytes ?? MAX_UNCLAIMED_BYTES;
  }

  /** Unclaimed results. */
  get size(): number {
    return this.#arrivals.size;
  }

  /** A result or a failure of a frame: to whoever waits for this frame, else for any, else it is kept. */
  deliver(frameId: number, viewId: number, what: Result | NnrpError): void {
    const waiting = this.#waitingFor.get(frameId, viewId);
    const next = waiting !== undefined ? waiting.shift() : this.#waitingAny.shift();
    if (waiting?.size === 0) this.#waitingFor.delete(frameId, viewId);
    if (next !== undefined) {
      next.gone = true;
      hand(what, next.receiver);
      return;
    }
    this.#keep(frameId, viewId, what);
  }

  #keep(frameId: number, viewId: number, what: Result | NnrpError): void {
    if (!(what instanceof NnrpError) && what.byteLength < DETACH_BELOW) what = what.detach();
    const bytes = what instanceof NnrpError ? 0 : what.byteLength;
    const item: Item = { frameId, viewId, what, bytes, taken: false };
    this.#arrivals.push(item);
    let same = this.#byFrame.get(frameId, viewId);
    if (same === undefined) this.#byFrame.set(frameId, viewId, same = new Fifo<Item>(isTaken));
    same.push(item);
    this.#bytes += bytes;
    while (this.size > this.#maxItems || (this.#bytes > this.#maxBytes && this.size > 1)) {
      const oldest = this.#arrivals.peek();
      if (oldest === undefined) break;
      this.#takeOut(oldest);
      this.droppedUnclaimed++;
    }
  }

  /** Takes the next result of a frame, or waits for it. Returns how to give up. */
  receive(frameId: number, viewId: number, receiver: InboxReceiver): () => void {
    const item = this.#byFrame.get(frameId, viewId)?.peek();
    if (item !== undefined) {
      this.#takeOut(item);
      hand(item.what, receiver);
      return noop;
    }
    if (this.#ended !== null) {
      receiver.reject(this.#ended);
      return noop;
    }
    let row = this.#waitingFor.get(frameId, viewId);
    if (row === undefined) this.#waitingFor.set(frameId, viewId, row = new Fifo<Waiting>(isServed));
    return wait(row, receiver, (left) => {
      if (left.size === 0 && this.#waitingFor.get(frameId, viewId) === left) {
        this.#waitingFor.delete(frameId, viewId);
      }
    });
  }

  /** Takes the oldest result of any frame, or waits for one. Returns how to give up. */
  receiveAny(receiver: InboxReceiver): () => void {
    const item = this.#arrivals.peek();
    if (item !== undefined) {
      this.#takeOut(item);
      hand(item.what, receiver);
      return noop;
    }
    if (this.#ended !== null) {
      receiver.reject(this.#ended);
      return noop;
    }
    return wait(this.#waitingAny, receiver, noop);
  }

  /** Forgets what is kept of a frame. */
  discard(frameId: number, viewId: number): void {
    const row = this.#byFrame.get(frameId, viewId);
    for (let item = row?.peek(); item !== undefined; item = row!.peek()) this.#takeOut(item);
  }

  /** The session ended: what is kept can still be received, everybody who waits fails. */
  end(error: NnrpError): void {
    this.#ended = error;
    for (const row of [...this.#waitingFor.clear(), this.#waitingAny]) {
      for (const waiting of row.clear()) {
        waiting.gone = true;
        waiting.receiver.reject(error);
      }
    }
  }

  #takeOut(item: Item): void {
    item.taken = true;
    this.#bytes -= item.bytes;
    this.#arrivals.left();
    const same = this.#byFrame.get(item.frameId, item.viewId)!;
    same.left();
    if (same.size === 0) this.#byFrame.delete(item.frameId, item.viewId);
  }
}

/** Puts a receiver into a row; returns how it gives up. */
function wait(
  row: Fifo<Waiting>,
  receiver: InboxReceiver,
  onLeave: (row: Fifo<Waiting>) => void,
): () => void {
  const waiting: Waiting = { receiver, gone: false };
  row.push(waiting);
  return () => {
    if (waiting.gone) return;
    waiting.gone = true;
    row.left();
    onLeave(row);
  };
}

function isTaken(item: Item): boolean {
  return item.taken;
}

function isServed(waiting: Waiting): boolean {
  return waiting.gone;
}

function hand(what: Result | NnrpError, receiver: InboxReceiver): void {
  if (what instanceof NnrpError) receiver.reject(what);
  else receiver.resolve(what);
}

function noop(): void {}

/**
 * Results of frames that were submitted without waiting, until somebody receives them: by frame or in order of arrival.
 * Bounded: the oldest unclaimed ones make room and are counted (behaviour spec §8.4).
 *
 * @module
 */
import { FrameTable, NnrpError, type Result } from "@nnrp/core";

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
  #arrivals: Item[] = []; // in order; taken ones are skipped
  #first = 0;
  #kept = 0;
  #bytes = 0;
  #byFrame = new FrameTable<Item[]>();
  #waitingFor = new FrameTable<InboxReceiver[]>();
  #waitingAny: InboxReceiver[] = [];
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
    return this.#kept;
  }

  /** A result or a failure of a frame: to whoever waits for this frame, else for any, else it is kept. */
  deliver(frameId: number, viewId: number, what: Result | NnrpError): void {
    const waiting = this.#waitingFor.get(frameId, viewId);
    const receiver = waiting !== undefined ? waiting.shift() : this.#waitingAny.shift();
    if (waiting?.length === 0) this.#waitingFor.delete(frameId, viewId);
    if (receiver !== undefined) {
      hand(what, receiver);
      return;
    }
    this.#keep(frameId, viewId, what);
  }

  #keep(frameId: number, viewId: number, what: Result | NnrpError): void {
    if (!(what instanceof NnrpError) && what.byteLength < DETACH_BELOW) what = what.detach();
    const bytes = what instanceof NnrpError ? 0 : what.byteLength;
    const item: Item = { frameId, viewId, what, bytes, taken: false };
    this.#arrivals.push(item);
    const same = this.#byFrame.get(frameId, viewId);
    if (same === undefined) this.#byFrame.set(frameId, viewId, [item]);
    else same.push(item);
    this.#kept++;
    this.#bytes += bytes;
    while (this.#kept > this.#maxItems || (this.#bytes > this.#maxBytes && this.#kept > 1)) {
      const oldest = this.#oldest();
      if (oldest === undefined) break;
      this.#takeOut(oldest);
      this.droppedUnclaimed++;
    }
  }

  /** Takes the next result of a frame, or waits for it. Returns how to give up. */
  receive(frameId: number, viewId: number, receiver: InboxReceiver): () => void {
    const item = this.#byFrame.get(frameId, viewId)?.[0];
    if (item !== undefined) {
      this.#takeOut(item);
      hand(item.what, receiver);
      return noop;
    }
    if (this.#ended !== null) {
      receiver.reject(this.#ended);
      return noop;
    }
    const waiting = this.#waitingFor.get(frameId, viewId);
    if (waiting === undefined) this.#waitingFor.set(frameId, viewId, [receiver]);
    else waiting.push(receiver);
    return () => {
      const list = this.#waitingFor.get(frameId, viewId);
      const at = list?.indexOf(receiver) ?? -1;
      if (at < 0) return;
      list!.splice(at, 1);
      if (list!.length === 0) this.#waitingFor.delete(frameId, viewId);
    };
  }

  /** Takes the oldest result of any frame, or waits for one. Returns how to give up. */
  receiveAny(receiver: InboxReceiver): () => void {
    const item = this.#oldest();
    if (item !== undefined) {
      this.#takeOut(item);
      hand(item.what, receiver);
      return noop;
    }
    if (this.#ended !== null) {
      receiver.reject(this.#ended);
      return noop;
    }
    this.#waitingAny.push(receiver);
    return () => {
      const at = this.#waitingAny.indexOf(receiver);
      if (at >= 0) this.#waitingAny.splice(at, 1);
    };
  }

  /** Forgets what is kept of a frame. */
  discard(frameId: number, viewId: number): void {
    for (const item of [...this.#byFrame.get(frameId, viewId) ?? []]) this.#takeOut(item);
  }

  /** The session ended: what is kept can still be received, everybody who waits fails. */
  end(error: NnrpError): void {
    this.#ended = error;
    for (const list of this.#waitingFor.clear()) for (const receiver of list) receiver.reject(error);
    const any = this.#waitingAny;
    this.#waitingAny = [];
    for (const receiver of any) receiver.reject(error);
  }

  #oldest(): Item | undefined {
    const arrivals = this.#arrivals;
    while (this.#first < arrivals.length && arrivals[this.#first].taken) this.#first++;
    if (this.#first > 64 && this.#first * 2 > arrivals.length) {
      arrivals.splice(0, this.#first);
      this.#first = 0;
    }
    return arrivals[this.#first];
  }

  #takeOut(item: Item): void {
    item.taken = true;
    this.#kept--;
    this.#bytes -= item.bytes;
    const same = this.#byFrame.get(item.frameId, item.viewId)!;
    same.splice(same.indexOf(item), 1);
    if (same.length === 0) this.#byFrame.delete(item.frameId, item.viewId);
    // Keyed receivers leave taken items behind in the order of arrival: clear them out before they pile up.
    if (this.#arrivals.length - this.#first > 2 * this.#kept + 64) {
      this.#arrivals = this.#arrivals.filter((kept) => !kept.taken);
      this.#first = 0;
    }
  }
}

function hand(what: Result | NnrpError, receiver: InboxReceiver): void {
  if (what instanceof NnrpError) receiver.reject(what);
  else receiver.resolve(what);
}

function noop(): void {}

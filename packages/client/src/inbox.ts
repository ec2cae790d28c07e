/**
 * Results of frames that were submitted without waiting, until somebody receives them: by frame or in order of arrival.
 * Bounded: the oldest unclaimed ones make room and are counted (behaviour spec §8.4).
 *
 * @module
 */
import { FrameTable, NnrpError, type Result } from "@nnrp/core";
import { MAX_UNCLAIMED, MAX_UNCLAIMED_BYTES } from "./defaults.ts";
import { LinkedList, type ListNode } from "./linked_list.ts";

/** Results below this size are copied when they are kept, so that they do not hold a read buffer. */
const DETACH_BELOW = 4096;

/** Who waits for a result. */
export interface InboxReceiver {
  /** A result came. */
  result(result: Result): void;
  /** A frame failed; the others go on. */
  failed(error: NnrpError, frameId: number, viewId: number): void;
  /** The session ended, and nothing is kept for this one. */
  ended(error: NnrpError): void;
}

/** A result that nobody has claimed. */
class Item implements ListNode<Item> {
  list: LinkedList<Item> | null = null;
  before: Item | null = null;
  behind: Item | null = null;
  /** The next one of the same frame. */
  nextOfFrame: Item | null = null;

  readonly frameId: number;
  readonly viewId: number;
  readonly what: Result | NnrpError;
  readonly bytes: number;

  constructor(frameId: number, viewId: number, what: Result | NnrpError, bytes: number) {
    this.frameId = frameId;
    this.viewId = viewId;
    this.what = what;
    this.bytes = bytes;
  }
}

/** What is kept of one frame, in order of arrival. */
interface FrameItems {
  first: Item;
  last: Item;
}

/** One who waits. */
class Waiting implements ListNode<Waiting> {
  list: LinkedList<Waiting> | null = null;
  before: Waiting | null = null;
  behind: Waiting | null = null;

  readonly receiver: InboxReceiver;

  constructor(receiver: InboxReceiver) {
    this.receiver = receiver;
  }
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
  readonly #arrivals = new LinkedList<Item>();
  #bytes = 0;
  readonly #byFrame = new FrameTable<FrameItems>();
  readonly #waitingFor = new FrameTable<LinkedList<Waiting>>();
  readonly #waitingAny = new LinkedList<Waiting>();
  #ended: NnrpError | null = null;

  /** @param limits Bounds. */
  constructor(limits: InboxLimits = {}) {
    this.#maxItems = limits.maxUnclaimedResults ?? MAX_UNCLAIMED;
    this.#maxBytes = limits.maxUnclaimedBytes ?? MAX_UNCLAIMED_BYTES;
  }

  /** Number of unclaimed results. */
  get size(): number {
    return this.#arrivals.size;
  }

  /** A result or a failure of a frame: to whoever waits for this frame, else for any, else it is kept. */
  deliver(frameId: number, viewId: number, what: Result | NnrpError): void {
    const waiting = this.#waitingFor.get(frameId, viewId);
    const receiver = (waiting ?? this.#waitingAny).shift()?.receiver;
    if (waiting?.size === 0) this.#waitingFor.delete(frameId, viewId);
    if (receiver !== undefined) {
      hand(frameId, viewId, what, receiver);
      return;
    }
    this.#keep(frameId, viewId, what);
  }

  #keep(frameId: number, viewId: number, what: Result | NnrpError): void {
    if (!(what instanceof NnrpError) && what.byteLength < DETACH_BELOW) what = what.detach();
    const bytes = what instanceof NnrpError ? 0 : what.byteLength;
    const item = new Item(frameId, viewId, what, bytes);
    const arrivals = this.#arrivals;
    arrivals.push(item);
    const same = this.#byFrame.get(frameId, viewId);
    if (same === undefined) this.#byFrame.set(frameId, viewId, { first: item, last: item });
    else same.last = same.last.nextOfFrame = item;
    this.#bytes += bytes;
    while (arrivals.size > this.#maxItems || (this.#bytes > this.#maxBytes && arrivals.size > 1)) {
      if (arrivals.first === null) break;
      this.#takeOut(arrivals.first);
      this.droppedUnclaimed++;
    }
  }

  /** Takes the next result of a frame, or waits for it. Returns how to give up. */
  receive(frameId: number, viewId: number, receiver: InboxReceiver): () => void {
    const item = this.#byFrame.get(frameId, viewId)?.first;
    if (item !== undefined) {
      this.#takeOut(item);
      hand(item.frameId, item.viewId, item.what, receiver);
      return noop;
    }
    if (this.#ended !== null) {
      receiver.ended(this.#ended);
      return noop;
    }
    let list = this.#waitingFor.get(frameId, viewId);
    if (list === undefined) this.#waitingFor.set(frameId, viewId, list = new LinkedList<Waiting>());
    const waiting = new Waiting(receiver);
    list.push(waiting);
    return () => {
      if (list.remove(waiting) && list.size === 0) this.#waitingFor.delete(frameId, viewId);
    };
  }

  /** Takes the oldest result of any frame, or waits for one. Returns how to give up. */
  receiveAny(receiver: InboxReceiver): () => void {
    const item = this.#arrivals.first;
    if (item !== null) {
      this.#takeOut(item);
      hand(item.frameId, item.viewId, item.what, receiver);
      return noop;
    }
    if (this.#ended !== null) {
      receiver.ended(this.#ended);
      return noop;
    }
    const waiting = new Waiting(receiver);
    this.#waitingAny.push(waiting);
    return () => void this.#waitingAny.remove(waiting);
  }

  /** A frame was discarded: only those who wait for this frame fail. */
  failOnly(frameId: number, viewId: number, error: NnrpError): void {
    const waiting = this.#waitingFor.delete(frameId, viewId);
    if (waiting === undefined) return;
    for (const { receiver } of waiting.clear()) receiver.failed(error, frameId, viewId);
  }

  /** Forgets what is kept of a frame. */
  discard(frameId: number, viewId: number): void {
    for (let item = this.#byFrame.get(frameId, viewId)?.first ?? null; item !== null;) {
      const { nextOfFrame } = item;
      this.#takeOut(item);
      item = nextOfFrame;
    }
  }

  /** The session ended: what is kept can still be received, everybody who waits fails. */
  end(error: NnrpError): void {
    this.#ended = error;
    const lists = [...this.#waitingFor.clear(), this.#waitingAny];
    for (const list of lists) for (const { receiver } of list.clear()) receiver.ended(error);
  }

  /** Takes an item out that is the oldest of its frame. */
  #takeOut(item: Item): void {
    this.#arrivals.remove(item);
    this.#bytes -= item.bytes;
    if (item.nextOfFrame === null) this.#byFrame.delete(item.frameId, item.viewId);
    else this.#byFrame.get(item.frameId, item.viewId)!.first = item.nextOfFrame;
  }
}

function hand(frameId: number, viewId: number, what: Result | NnrpError, receiver: InboxReceiver): void {
  if (what instanceof NnrpError) receiver.failed(what, frameId, viewId);
  else receiver.result(what);
}

function noop(): void {}

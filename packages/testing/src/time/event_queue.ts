/**
 * Events of a virtual world in the order in which they are due; those of one moment in the order in which they were made.
 *
 * @module
 */

/**
 * What kind of thing happens: `timer` and `yield` are a host's own, `data` is its network speaking to it, `wire` is on its way
 * between hosts and runs no code of the program under test, `script` is the test's.
 */
export type EventKind = "timer" | "yield" | "data" | "wire" | "script";

/** Whose an event is: a host that may stand still when it falls due, and keeps it then. */
export interface EventHost {
  /** Name of the host. */
  readonly name: string;
  /** Until when nothing of the host's may run, ms. */
  readonly untilMs: number;
  /** Events that fell due meanwhile. */
  readonly late: VirtualEvent[];
}

/** Something that is going to happen. */
export class VirtualEvent {
  /** When it is due, ms. */
  atMs: number;
  /** Tells events of one moment apart. */
  order: number;
  /** What to call; null = cancelled. */
  call: (() => void) | null;
  /** The host whose it is; null = nobody's. */
  readonly host: EventHost | null;
  /** What kind it is. */
  readonly kind: EventKind;
  /** Whether it lies in the queue. */
  queued = false;
  /** Where it was made, if the world keeps that. */
  readonly stack: string | undefined;

  /** An event that is not in the queue yet. */
  constructor(
    atMs: number,
    order: number,
    call: () => void,
    host: EventHost | null,
    kind: EventKind,
    stack?: string,
  ) {
    this.atMs = atMs;
    this.order = order;
    this.call = call;
    this.host = host;
    this.kind = kind;
    this.stack = stack;
  }
}

/** Cancelled events that may lie in the queue whatever its size. */
const FEW = 256;

/** A binary heap. Cancelled events stay until they are half of it, so that cancelling costs nothing. */
export class EventQueue {
  #heap: VirtualEvent[] = [];
  #cancelled = 0;

  /** Events that are not cancelled. */
  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  /** Adds an event. */
  push(event: VirtualEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    event.queued = true;
    heap.push(event);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!before(event, heap[up])) break;
      heap[at] = heap[up];
      at = up;
    }
    heap[at] = event;
  }

  /** The next event, which stays; null if there is none. */
  peek(): VirtualEvent | null {
    while (this.#heap.length > 0 && this.#heap[0].call === null) {
      this.#removeFirst();
      this.#cancelled--;
    }
    return this.#heap[0] ?? null;
  }

  /** Takes out what {@linkcode EventQueue.peek} gave. */
  pop(): void {
    this.#removeFirst();
  }

  /** An event of this queue was cancelled. */
  cancelled(): void {
    if (++this.#cancelled <= FEW || this.#cancelled * 2 < this.#heap.length) return;
    this.#heap = this.#heap.filter((event) => event.call !== null);
    this.#cancelled = 0;
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  /** All events, in order. */
  all(): VirtualEvent[] {
    return this.#heap.filter((event) => event.call !== null).sort((a, b) => before(a, b) ? -1 : 1);
  }

  #removeFirst(): void {
    this.#heap[0].queued = false;
    const last = this.#heap.pop()!;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #sink(at: number): void {
    const heap = this.#heap;
    const event = heap[at];
    for (;;) {
      let down = at * 2 + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && before(heap[down + 1], heap[down])) down++;
      if (!before(heap[down], event)) break;
      heap[at] = heap[down];
      at = down;
    }
    heap[at] = event;
  }
}

function before(a: VirtualEvent, b: VirtualEvent): boolean {
  return a.atMs !== b.atMs ? a.atMs < b.atMs : a.order < b.order;
}

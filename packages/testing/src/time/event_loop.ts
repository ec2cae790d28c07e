/**
 * The event loop of a virtual world: what is going to happen, and when.
 *
 * @module
 */
import type { CancelTimer } from "@nnrp/core";
import { type EventHost, type EventKind, EventQueue, VirtualEvent } from "./event_queue.ts";
import type { Standstill } from "./standstill.ts";
import type { Trace } from "./trace.ts";

/** The step of virtual time, ms: sums of such times are exact, so that no timer is early by a rounding. */
export const TICK_MS: number = 1 / 1024;

/** An event that has not happened. */
export interface PendingEvent {
  /** Name of its host; `""` for the network's and the test's own. */
  readonly host: string;
  /** What kind it is. */
  readonly kind: EventKind;
  /** When it is due, ms of virtual time. */
  readonly atMs: number;
  /** Where it was made, if the world keeps that. */
  readonly stack?: string;
}

/** Numbers of the kinds in the trace. */
const KIND_NUMBERS: { readonly [kind in EventKind]: number } = {
  timer: 1,
  yield: 2,
  data: 3,
  wire: 4,
  script: 5,
};

/** Runs events in order. */
export class EventLoop {
  readonly #queue = new EventQueue();
  readonly #trace: Trace;
  readonly #stacks: boolean;
  #nowMs: number;
  #order = 0;
  #held: Set<EventHost> = new Set(); // hosts that keep late events

  /**
   * A loop without events.
   *
   * @param startMs What time begins with, ms.
   * @param trace Called with every event.
   * @param stacks Whether events remember where they were made.
   */
  constructor(startMs: number, trace: Trace, stacks: boolean) {
    this.#nowMs = Math.ceil(startMs / TICK_MS) * TICK_MS;
    this.#trace = trace;
    this.#stacks = stacks;
  }

  /** Monotonic time, ms, in steps of {@linkcode TICK_MS}. */
  now(): number {
    return this.#nowMs;
  }

  /**
   * Makes an event.
   *
   * @param atMs When, ms; rounded up to the next tick.
   * @param call What happens.
   * @param kind What kind it is.
   * @param host Whose it is; it waits while the host stands still.
   * @returns Takes it back.
   */
  schedule(atMs: number, call: () => void, kind: EventKind, host: EventHost | null = null): CancelTimer {
    const at = Math.max(this.#nowMs, Math.ceil(atMs / TICK_MS) * TICK_MS);
    const stack = this.#stacks ? new Error(`made at ${this.#nowMs} ms`).stack : undefined;
    const event = new VirtualEvent(at, ++this.#order, call, host, kind, stack);
    if (at < Infinity) this.#queue.push(event);
    return () => {
      if (event.call === null) return;
      event.call = null;
      if (event.queued) this.#queue.cancelled();
    };
  }

  /** What was kept happens now, after what is due now. */
  again(event: VirtualEvent): void {
    event.atMs = this.#nowMs;
    event.order = ++this.#order;
    this.#queue.push(event);
  }

  /** Nothing of this host's happens any more. */
  forget(host: Standstill): void {
    for (const event of this.#queue.all()) {
      if (event.host !== host) continue;
      event.call = null;
      this.#queue.cancelled();
    }
    host.late = [];
  }

  /** Whether nothing is left to happen. */
  get isIdle(): boolean {
    return this.#queue.size === 0;
  }

  /** When the next event is due, ms; Infinity if there is none. */
  get nextMs(): number {
    return this.#queue.peek()?.atMs ?? Infinity;
  }

  /**
   * Runs the next event, or keeps it if its host stands still. There must be one.
   *
   * @returns Whether code ran that may have set promises in motion.
   */
  step(): boolean {
    const event = this.#queue.peek()!;
    this.#queue.pop();
    this.#nowMs = event.atMs;
    const { host, kind } = event;
    if (host !== null && host.untilMs > this.#nowMs) {
      host.late.push(event);
      this.#held.add(host);
      return false;
    }
    this.#trace.event(this.#nowMs, KIND_NUMBERS[kind]);
    const call = event.call!;
    event.call = null;
    call();
    return kind !== "wire";
  }

  /** Lets time pass in which nothing happens. */
  moveTo(ms: number): void {
    if (ms > this.#nowMs) this.#nowMs = Math.floor(ms / TICK_MS) * TICK_MS;
  }

  /** What is going to happen, in order; what hosts missed first. */
  pending(): PendingEvent[] {
    const late = [...this.#held].flatMap((host) => host.late.filter((event) => event.call !== null));
    return [...late, ...this.#queue.all()].map(({ host, kind, atMs, stack }) => ({
      host: host?.name ?? "",
      kind,
      atMs,
      ...stack === undefined ? {} : { stack },
    }));
  }
}

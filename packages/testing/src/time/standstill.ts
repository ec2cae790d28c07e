/**
 * Times in which a host stands still: what falls due meanwhile is kept and happens late.
 *
 * @module
 */
import type { EventHost, EventKind, VirtualEvent } from "./event_queue.ts";

/** What a host that goes on turns to first, among what is late. */
export type LateOrder = "timers" | "data" | "due";

/** What brings a host back: as much as is needed of the event loop. */
export interface StandstillLoop {
  /** Time, ms. */
  now(): number;
  /** Calls at a time. */
  schedule(atMs: number, call: () => void, kind: EventKind): void;
  /** An event that was kept falls due now. */
  again(event: VirtualEvent): void;
}

/** The standstill of one host. */
export class Standstill implements EventHost {
  /** Name of the host. */
  readonly name: string;
  /** Until when nothing of the host's may run, ms; a time that has passed if it runs. */
  untilMs = 0;
  /** Events that fell due meanwhile. */
  late: VirtualEvent[] = [];
  readonly #loop: StandstillLoop;
  #order: LateOrder = "timers";

  /** A host that runs until {@linkcode Standstill.begin}. */
  constructor(name: string, loop: StandstillLoop) {
    this.name = name;
    this.#loop = loop;
  }

  /** Nothing runs until then; a longer standstill that is under way stays. */
  begin(untilMs: number, order: LateOrder): void {
    this.#order = order;
    if (untilMs <= this.untilMs) return;
    this.untilMs = untilMs;
    if (untilMs < Infinity) this.#loop.schedule(untilMs, () => this.#goOn(), "wire");
  }

  #goOn(): void {
    if (this.untilMs > this.#loop.now()) return; // a longer one took its place
    const late = this.late.filter((event) => event.call !== null);
    this.late = [];
    if (this.#order !== "due") {
      const first = this.#order === "data" ? "data" : "timer";
      const rank = (event: VirtualEvent) => event.kind === first ? 0 : 1;
      late.sort((a, b) => rank(a) - rank(b));
    }
    for (const event of late) this.#loop.again(event);
  }
}

/**
 * One direction of a path: its weather, what stops it, and how long things take on it.
 *
 * @module
 */
import type { EventLoop } from "../time/event_loop.ts";
import type { RandomStream } from "../time/random_stream.ts";
import { changed, CLEAR, type Weather } from "./weather.ts";

/** Something that goes on when the wire does. */
export interface Stalled {
  /** The wire is no longer stopped. */
  goOn(): void;
}

/** One direction of a path. */
export class Wire {
  /** What it is like. */
  weather: Weather = CLEAR;
  /** When what was put on it has left the sender, ms. */
  freeAtMs = 0;
  /** The loop that events of it belong to. */
  readonly loop: EventLoop;
  /** Draws jitter. */
  readonly jitter: RandomStream;
  /** Draws chunks. */
  readonly splits: RandomStream;
  #stops = 0;
  #stalled: Set<Stalled> = new Set();

  /** A wire that is clear until its weather is set. */
  constructor(loop: EventLoop, jitter: RandomStream, splits: RandomStream) {
    this.loop = loop;
    this.jitter = jitter;
    this.splits = splits;
  }

  /** Changes the weather, for what is sent from now on. */
  change(weather: Partial<Weather>): void {
    this.weather = changed(this.weather, weather);
  }

  /** Whether nothing moves. */
  get isStopped(): boolean {
    return this.#stops > 0;
  }

  /** Stops it; the function that is returned takes that back. Stops add up. */
  stop(): () => void {
    this.#stops++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (--this.#stops > 0) return;
      const stalled = this.#stalled;
      this.#stalled = new Set();
      for (const one of stalled) one.goOn();
    };
  }

  /** Calls when the wire is no longer stopped. */
  park(one: Stalled): void {
    this.#stalled.add(one);
  }

  /** How long something takes that is sent now, ms. */
  delayMs(): number {
    const { latencyMs, jitterMs } = this.weather;
    return jitterMs > 0 ? latencyMs + this.jitter.between(0, jitterMs) : latencyMs;
  }

  /** Sends something that is no byte of a stream (a connection being made, reset, closed); it may overtake bytes. */
  transit(fromMs: number, arrived: () => void): void {
    const travel = (atMs: number) =>
      this.loop.schedule(atMs + this.delayMs(), () => {
        if (!this.isStopped) arrived();
        else this.park({ goOn: () => travel(this.loop.now()) });
      }, "wire");
    if (this.isStopped) this.park({ goOn: () => travel(this.loop.now()) });
    else travel(Math.max(fromMs, this.loop.now()));
  }
}

/**
 * A world in virtual time: hosts, the network between them, and the test. Time moves only when somebody runs the world, and then
 * from one event to the next; between two of them everything that promises set in motion happens.
 *
 * @module
 */
import type { CancelTimer } from "@nnrp/core";
import { EventLoop, type PendingEvent } from "./event_loop.ts";
import { RandomStream } from "./random_stream.ts";
import { realMoment, settle } from "./settle.ts";
import { Trace } from "./trace.ts";
import { VirtualHost } from "./virtual_host.ts";

/** Options of {@linkcode virtualWorld}. */
export interface WorldOptions {
  /** Decides all random numbers. Default 1. */
  readonly seed?: number;
  /** What `now()` begins with, ms. Default 1,000. */
  readonly startMs?: number;
  /** What `wallNow()` begins with, Unix ms. Default 2025-01-01T00:00:00Z. */
  readonly wallStartMs?: number;
  /** Whether events remember where they were made, for {@linkcode VirtualWorld.pending}; costs some us each. Default false. */
  readonly stacks?: boolean;
  /** How many of the last lines the trace keeps. Default 1,000. */
  readonly traceLines?: number;
}

/** When running is given up. */
export interface RunLimits {
  /** Longest virtual time, ms. Default 3,600,000 (an hour). */
  readonly limitMs?: number;
  /** Most events: ends a program that is busy for ever. Default 20,000,000. */
  readonly limitEvents?: number;
  /** What is waited for, for the message. */
  readonly what?: string;
}

/** What was waited for did not happen within the limits, or cannot happen any more. */
export class WaitedInVainError extends Error {
  /** `"WaitedInVainError"`. */
  override readonly name: string = "WaitedInVainError";
  /** What was still going to happen. */
  readonly pending: readonly PendingEvent[];

  /** The message does not list the pending events; the field does. */
  constructor(message: string, pending: readonly PendingEvent[]) {
    super(message);
    this.pending = pending;
  }
}

const HOUR_MS = 3_600_000;
const LIMIT_EVENTS = 20_000_000;
const NEW_YEAR_2025_MS = 1_735_689_600_000;
/**
 * How long things outside the world may take once nothing in it is left to happen, and how often that is
 * checked, real ms.
 */
const REAL_WAIT_MS = 2000;
const REAL_STEP_MS = 5;
/** Pending events that a message lists. */
const SHOWN = 5;

/** Makes a world. */
export function virtualWorld(options: WorldOptions = {}): VirtualWorld {
  return new VirtualWorld(options);
}

/** A world in virtual time. */
export class VirtualWorld {
  /** Decides all random numbers. */
  readonly seed: number;
  /** What happened: equal hashes, equal runs. */
  readonly trace: Trace;
  /** The event loop, for carriers of your own. */
  readonly loop: EventLoop;

  readonly #wallStartMs: number; // wall clock when `now()` is 0
  readonly #hosts: Map<string, VirtualHost> = new Map();
  readonly #streams: Map<string, RandomStream> = new Map();
  #running = false;

  /** Makes a VirtualWorld; {@linkcode virtualWorld} does. */
  constructor(options: WorldOptions = {}) {
    const startMs = options.startMs ?? 1000;
    this.seed = options.seed ?? 1;
    this.trace = new Trace(options.traceLines);
    this.loop = new EventLoop(startMs, this.trace, options.stacks ?? false);
    this.#wallStartMs = (options.wallStartMs ?? NEW_YEAR_2025_MS) - this.loop.now();
  }

  /** Monotonic time, ms, in steps of 1/1024 ms. */
  now(): number {
    return this.loop.now();
  }

  /** The host of this name: made when it is first asked for, and anew after it was killed. */
  host(name: string): VirtualHost {
    const known = this.#hosts.get(name);
    if (known !== undefined && !known.isKilled) return known;
    const host = new VirtualHost(name, {
      loop: this.loop,
      trace: this.trace,
      wallStartMs: this.#wallStartMs,
      random: (stream) => this.random(stream),
    });
    this.#hosts.set(name, host);
    return host;
  }

  /** The stream of random numbers of this name. A test takes one for each of its subjects. */
  random(name: string): RandomStream {
    let stream = this.#streams.get(name);
    if (stream === undefined) this.#streams.set(name, stream = new RandomStream(this.seed, name));
    return stream;
  }

  /** Writes a line into the trace. */
  note(who: string, what: string): void {
    this.trace.note(this.now(), who, what);
  }

  /** Calls after so many ms of the world's time, whatever the hosts do; Infinity = never. */
  after(ms: number, call: () => void): CancelTimer {
    return this.loop.schedule(this.now() + Math.max(0, ms), call, "script");
  }

  /** Resolves after so many ms of the world's time. For code that {@linkcode VirtualWorld.run} runs. */
  sleep(ms: number): Promise<void> {
    return new Promise((done) => this.after(ms, done));
  }

  /**
   * Runs the world until a promise is settled, and gives what it gives. What the code awaits must come from this world: real
   * I/O is waited for only while nothing else is left to happen, for two seconds at most, and makes runs differ.
   *
   * @param body The promise, or what makes it: usually the whole test.
   * @throws What the promise rejects with; WaitedInVainError if that does not happen within the limits.
   */
  async run<T>(body: Promise<T> | (() => T | Promise<T>), limits: RunLimits = {}): Promise<T> {
    const outcome: { settled?: "value" | "error"; value?: T; error?: unknown } = {};
    const begin = () => {
      const promise = typeof body === "function" ? (async () => await body())() : body;
      promise.then((value) => {
        outcome.settled = "value";
        outcome.value = value;
      }, (error) => {
        outcome.settled = "error";
        outcome.error = error;
      });
    };
    await this.#wait(begin, () => outcome.settled !== undefined, "the promise of run()", limits);
    if (outcome.settled === "error") throw outcome.error;
    return outcome.value as T;
  }

  /**
   * Runs the world until a condition holds; it is checked after every event.
   *
   * @throws WaitedInVainError if it does not within the limits.
   */
  runUntil(condition: () => boolean, limits: RunLimits = {}): Promise<void> {
    return this.#wait(() => {}, condition, "the condition of runUntil()", limits);
  }

  /**
   * Runs the world until nothing is left to happen.
   *
   * @throws WaitedInVainError if there is still something after the limits: keep-alive timers go on for ever, for example.
   */
  runToIdle(limits: RunLimits = {}): Promise<void> {
    return this.#wait(() => {}, () => this.loop.isIdle, "nothing to be left", limits);
  }

  /**
   * Runs the world for so many ms: what is due until then happens, then the clock stands there.
   *
   * @throws What a timer threw; the world can go on then.
   */
  async advance(ms: number, limits: Pick<RunLimits, "limitEvents"> = {}): Promise<void> {
    const untilMs = this.now() + ms;
    await this.#drive(() => {}, () => this.loop.nextMs > untilMs, Infinity, `${ms} ms to pass`, limits);
    this.loop.moveTo(untilMs);
  }

  /** What is going to happen, in order; what hosts that stand still missed comes first. */
  pending(): PendingEvent[] {
    return this.loop.pending();
  }

  async #wait(begin: () => void, isOver: () => boolean, what: string, limits: RunLimits): Promise<void> {
    const limitMs = limits.limitMs ?? HOUR_MS;
    const title = limits.what ?? what;
    if (await this.#drive(begin, isOver, this.now() + limitMs, title, limits)) return;
    throw this.#inVain(title, `within ${limitMs} ms`);
  }

  /** Runs events until `isOver`. False: the next one is due after `endMs`. */
  async #drive(
    begin: () => void,
    isOver: () => boolean,
    endMs: number,
    what: string,
    { limitEvents = LIMIT_EVENTS }: RunLimits,
  ): Promise<boolean> {
    if (this.#running) {
      throw new Error("this world runs already; code inside run() waits with `await world.sleep(ms)`");
    }
    this.#running = true;
    try {
      begin();
      await settle();
      for (let events = 0; !isOver();) {
        const { nextMs } = this.loop;
        if (nextMs === Infinity) {
          await this.#outside(isOver);
          if (this.loop.isIdle && !isOver()) {
            throw this.#inVain(what, "and nothing is left that could happen");
          }
        } else if (nextMs > endMs) return false;
        else if (++events > limitEvents) throw this.#inVain(what, `for ${limitEvents} events`);
        else if (this.loop.step()) await settle();
      }
      return true;
    } finally {
      this.#running = false;
    }
  }

  /** Nothing is left in the world: what is awaited may come from outside, `import()` for example. */
  async #outside(isOver: () => boolean): Promise<void> {
    for (let left = REAL_WAIT_MS / REAL_STEP_MS; left > 0 && this.loop.isIdle && !isOver(); left--) {
      await realMoment(REAL_STEP_MS);
    }
  }

  #inVain(what: string, why: string): WaitedInVainError {
    const pending = this.pending();
    const next = pending.slice(0, SHOWN).map(({ host, kind, atMs, stack }) =>
      `\n  ${kind} of ${host || "the world"} at ${atMs} ms${stack === undefined ? "" : ` ${stack}`}`
    );
    const more = pending.length > SHOWN ? `\n  and ${pending.length - SHOWN} more` : "";
    const rest = pending.length === 0 ? "" : `; to come:${next.join("")}${more}`;
    return new WaitedInVainError(
      `waited in vain for ${what} ${why} (seed ${this.seed}, now ${this.now()} ms)${rest}`,
      pending,
    );
  }
}

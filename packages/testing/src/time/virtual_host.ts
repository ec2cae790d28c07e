/**
 * A machine in a virtual world: a `Host` whose time, timers and random numbers are the world's, that can be stopped, kept
 * busy, killed, and whose wall clock can jump.
 *
 * @module
 */
import { type CancelTimer, type Host, NnrpValueError } from "@nnrp/core";
import { type EventLoop, type PendingEvent, TICK_MS } from "./event_loop.ts";
import type { RandomStream } from "./random_stream.ts";
import { type LateOrder, Standstill } from "./standstill.ts";
import type { Trace } from "./trace.ts";

/** Options of {@linkcode VirtualHost.freeze}. */
export interface FreezeOptions {
  /**
   * In which order it does what it missed: `"timers"` first (Node's loop; the harshest: time-outs are judged before the bytes
   * that came meanwhile are read), `"data"` first, or as it was `"due"`. Default `"timers"`.
   */
  readonly late?: LateOrder;
}

/** What a world gives its hosts. */
export interface HostParts {
  /** The loop of all hosts. */
  readonly loop: EventLoop;
  /** Where what happens is written down. */
  readonly trace: Trace;
  /** Unix time at which `now()` was 0, ms. */
  readonly wallStartMs: number;
  /** The stream of random numbers of this name. */
  random(name: string): RandomStream;
}

interface NodeLike {
  readonly process?: {
    getBuiltinModule?(id: "node:async_hooks"): {
      AsyncLocalStorage: { snapshot?(): <T>(call: () => T) => T };
    } | undefined;
  };
}

/** A machine in a virtual world. Made by {@linkcode VirtualWorld.host}. */
export class VirtualHost implements Host {
  /** Its name, which is its address in the network, too. */
  readonly name: string;
  /** The loop it shares with the other hosts of its world. */
  readonly loop: EventLoop;
  /** Runs a call in the async context in which the host was made, as real hosts do. */
  readonly runDetached: <T>(call: () => T) => T;

  readonly #numbers: RandomStream;
  readonly #secrets: RandomStream;
  readonly #trace: Trace;
  readonly #wallStartMs: number; // wall clock when `now()` is 0
  readonly #standstill: Standstill;
  readonly #onKill: Set<() => void> = new Set();
  #wallOffsetMs = 0;
  #aheadMs = 0; // its own clock while it is busy
  #killed = false;

  /** Makes a VirtualHost; {@linkcode VirtualWorld.host} does. */
  constructor(name: string, parts: HostParts) {
    this.name = name;
    this.loop = parts.loop;
    this.#trace = parts.trace;
    this.#numbers = parts.random(`host ${name}`);
    this.#secrets = parts.random(`host ${name}, bytes`);
    this.#wallStartMs = parts.wallStartMs;
    this.#standstill = new Standstill(name, parts.loop);
    const { process } = globalThis as NodeLike;
    const snapshot = process?.getBuiltinModule?.("node:async_hooks")?.AsyncLocalStorage.snapshot?.();
    this.runDetached = snapshot ?? ((call) => call());
  }

  /** Monotonic time, ms, in steps of 1/1024 ms. Hosts of one world agree, except while one of them is kept busy. */
  now(): number {
    return Math.max(this.loop.now(), this.#aheadMs);
  }

  /** Unix time of this host, whole ms; jumps are its own. */
  wallNow(): number {
    return Math.floor(this.#wallStartMs + this.now() + this.#wallOffsetMs);
  }

  /** Lets the wall clock jump by so many ms, forwards or backwards. Timers and `now` do not notice. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
    this.#note(`wall clock jumps by ${ms} ms`);
  }

  /**
   * See `Host.after`. Never early, at least 1/1024 ms later, ties in the order in which they were made; any length, Infinity = never.
   *
   * @throws NnrpValueError if `ms` is NaN, which a real host would take for 0.
   */
  after(ms: number, call: () => void): CancelTimer {
    if (Number.isNaN(ms)) throw new NnrpValueError("a timer needs a time", { field: "ms", actual: "NaN" });
    if (ms === Infinity || this.#killed) return nothing;
    return this.loop.schedule(this.now() + Math.max(TICK_MS, ms), call, "timer", this.#standstill);
  }

  /** See `Host.eachDetached`. The calls are made at once. */
  eachDetached(waiting: () => number, call: () => void): void {
    while (waiting() > 0) this.runDetached(call);
  }

  /** See `Host.yield`. A turn takes 1/1024 ms, whatever `workedMs` says. */
  yield(call: () => void, _workedMs?: number): void {
    if (!this.#killed) this.loop.schedule(this.now() + TICK_MS, call, "yield", this.#standstill);
  }

  /** Resolves after so many ms of this host's time. */
  sleep(ms: number): Promise<void> {
    return new Promise((done) => this.after(ms, done));
  }

  /** Lets the network speak to this host at a time, ms (`now` of the world or later). For carriers. */
  deliver(atMs: number, call: () => void): CancelTimer {
    return this.#killed
      ? nothing
      : this.loop.schedule(Math.max(atMs, this.now()), call, "data", this.#standstill);
  }

  /** From 0 up to but not 1, from this host's stream. */
  random(): number {
    return this.#numbers.next();
  }

  /** Bytes from this host's stream: random enough for tests, and no secret. */
  randomBytes(length: number): Uint8Array {
    return this.#secrets.bytes(length);
  }

  /**
   * Stops the host from now on, like SIGSTOP or the lid of a laptop: its clocks go on, bytes arrive until its buffers are full,
   * nothing of it runs. When it ends, everything it missed is late.
   *
   * @param ms How long, ms; a longer freeze that is under way stays.
   */
  freeze(ms: number, options: FreezeOptions = {}): void {
    this.#standstill.begin(this.loop.now() + ms, options.late ?? "timers");
    this.#note(`frozen for ${ms} ms`);
  }

  /**
   * Called by code of the host: works for so many ms without letting the event loop go on. To the caller the time has passed
   * when this returns; to others it passes meanwhile.
   */
  block(ms: number): void {
    this.#aheadMs = this.now() + Math.ceil(ms / TICK_MS) * TICK_MS;
    this.#standstill.begin(this.#aheadMs, "timers");
    this.#note(`busy for ${ms} ms`);
  }

  /** Whether it stands still, frozen or busy. */
  get isFrozen(): boolean {
    return this.#standstill.untilMs > this.loop.now();
  }

  /**
   * Ends the host like `kill -9`: no timer of it fires any more, nothing is delivered to it, its peers see its connections end.
   * Promises that its code awaits stay pending. A host of the same name may be made afterwards.
   */
  kill(): void {
    if (this.#killed) return;
    this.#note("killed");
    for (const call of [...this.#onKill]) call();
    this.#onKill.clear();
    this.#killed = true;
    this.loop.forget(this.#standstill);
  }

  /** Whether it was killed. */
  get isKilled(): boolean {
    return this.#killed;
  }

  /** Calls when the host is killed; returns how to take that back. For carriers. */
  onKill(call: () => void): () => void {
    this.#onKill.add(call);
    return () => this.#onKill.delete(call);
  }

  /** Its timers and yields that have not fired, in order: what is left at the end of a test is a leak. */
  pendingTimers(): PendingEvent[] {
    return this.loop.pending().filter((event) => event.host === this.name && event.kind !== "data");
  }

  #note(what: string): void {
    this.#trace.note(this.loop.now(), this.name, what);
  }
}

function nothing(): void {}

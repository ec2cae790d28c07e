/**
 * A path between those who dial and those who listen, and all that a test can do to it.
 *
 * @module
 */
import type { VirtualWorld } from "../time/virtual_world.ts";
import type { VirtualConnection } from "./connection.ts";
import { directionOf, type LinkWeather } from "./weather.ts";
import { Wire } from "./wire.ts";

/** `"up"`: from those who dial to those who listen. */
export type Direction = "up" | "down";

/** What happens to those who dial: they connect, are refused, or get no answer. */
export type DialAnswer = "accept" | "refuse" | "ignore";

/** A path. Made by {@linkcode VirtualNetwork.link}. */
export class VirtualLink {
  /** Its name. */
  readonly name: string;
  /** From those who dial. */
  readonly up: Wire;
  /** To them. */
  readonly down: Wire;
  /** What happens to those who dial from now on. */
  dials: DialAnswer = "accept";
  readonly #world: VirtualWorld;
  readonly #connections: Set<VirtualConnection> = new Set();
  readonly #stops: { [direction in Direction]: (() => void) | null } = { up: null, down: null };

  /** Makes a VirtualLink; {@linkcode VirtualNetwork.link} does. */
  constructor(world: VirtualWorld, name: string, weather: LinkWeather) {
    this.#world = world;
    this.name = name;
    const wire = (direction: Direction) =>
      new Wire(
        world.loop,
        world.random(`link ${name}, jitter ${direction}`),
        world.random(`link ${name}, chunks ${direction}`),
      );
    this.up = wire("up");
    this.down = wire("down");
    this.#change(weather);
  }

  /** Changes the weather for what is sent from now on; what is left out stays. */
  set(weather: LinkWeather): void {
    this.#change(weather);
    this.#note(`weather ${JSON.stringify(weather)}`);
  }

  /** There and back without jitter, ms. */
  get rttMs(): number {
    return this.up.weather.latencyMs + this.down.weather.latencyMs;
  }

  /** Whether nothing moves in a direction. */
  isStopped(direction: Direction): boolean {
    return this.#stops[direction] !== null;
  }

  /**
   * Nothing moves in either direction, and neither end is notified (half-open), until {@linkcode
   * VirtualLink.heal}.
   */
  freeze(): void {
    this.#stop("up");
    this.#stop("down");
    this.#note("frozen");
  }

  /**
   * What is sent in one direction does not arrive, and neither end is notified; the other works. As senders
   * send again what was not confirmed, it arrives after {@linkcode VirtualLink.heal}, unless the connection
   * ended before.
   */
  blackhole(direction: Direction): void {
    this.#stop(direction);
    this.#note(`swallows what goes ${direction}`);
  }

  /** Everything moves again; what was held up arrives after the latency. */
  heal(): void {
    for (const direction of ["up", "down"] as const) {
      this.#stops[direction]?.();
      this.#stops[direction] = null;
    }
    this.#note("healed");
  }

  /** Ends all connections for both ends; see {@linkcode VirtualConnection.cut}. */
  cut(reason?: string): void {
    this.#note(`cut, ${this.#connections.size} connections`);
    for (const connection of [...this.#connections]) connection.cut(reason);
  }

  /** Those of which at least one end is open, oldest first. */
  get connections(): readonly VirtualConnection[] {
    return [...this.#connections];
  }

  /** A connection was made. For the network. */
  add(connection: VirtualConnection): void {
    this.#connections.add(connection);
    this.#note(`connection ${connection.id} (${connection.carrier})`);
  }

  /** Both ends of a connection are gone. For the network. */
  remove(connection: VirtualConnection): void {
    this.#connections.delete(connection);
    this.#note(`connection ${connection.id} is gone`);
  }

  #change(weather: LinkWeather): void {
    this.up.change(directionOf(weather, "up"));
    this.down.change(directionOf(weather, "down"));
  }

  #stop(direction: Direction): void {
    this.#stops[direction] ??= this[direction].stop();
  }

  #note(what: string): void {
    this.#world.note(`link ${this.name}`, what);
  }
}

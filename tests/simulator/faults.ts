/**
 * Faults: drawn for a whole run beforehand, played, and healed.
 *
 * @module
 */
import type { LateOrder, LinkWeather, RandomStream, VirtualLink } from "@nnrp/testing";
import type { ClientPlan, ServerPlan } from "./script.ts";
import type { Stage } from "./stage.ts";

/** Something that happens at a time, ms after the storm begins. */
export type SimFault =
  & { readonly at: number }
  & (
    | {
      readonly fault: "weather";
      readonly client: number;
      readonly weather: LinkWeather;
      readonly ms: number;
    }
    | { readonly fault: "freeze"; readonly client: number; readonly ms: number }
    | {
      readonly fault: "blackhole";
      readonly client: number;
      readonly way: "up" | "down";
      readonly ms: number;
    }
    | { readonly fault: "cut"; readonly client: number }
    | { readonly fault: "refuse dials" | "ignore dials"; readonly client: number; readonly ms: number }
    | {
      readonly fault: "stop client";
      readonly client: number;
      readonly ms: number;
      readonly late: LateOrder;
    }
    | { readonly fault: "block client"; readonly client: number; readonly ms: number }
    | { readonly fault: "jump client's clock"; readonly client: number; readonly ms: number }
    | { readonly fault: "kill client"; readonly client: number }
    | {
      readonly fault: "stop server";
      readonly server: number;
      readonly ms: number;
      readonly late: LateOrder;
    }
    | { readonly fault: "block server"; readonly server: number; readonly ms: number }
    | { readonly fault: "jump server's clock"; readonly server: number; readonly ms: number }
    | { readonly fault: "kill server"; readonly server: number; readonly downMs: number }
    | { readonly fault: "restart server"; readonly server: number; readonly drainMs: number }
  );

/** How bad the weather is. */
export type WeatherName = keyof typeof WEATHERS;

interface WeatherPlan {
  /** Mean time between faults of a client's path or machine, ms. */
  readonly clientEveryMs: number;
  /** The same of a server, ms. */
  readonly serverEveryMs: number;
  /** Whether anything is cut, killed, stopped or restarted, or only slow. */
  readonly gentle: boolean;
}

/** `calm`: slow paths only; `rough`: everything, a fault a minute and more; `wild`: the same, three times as often. */
export const WEATHERS = {
  calm: { clientEveryMs: 30_000, serverEveryMs: Infinity, gentle: true },
  rough: { clientEveryMs: 25_000, serverEveryMs: 90_000, gentle: false },
  wild: { clientEveryMs: 8_000, serverEveryMs: 30_000, gentle: false },
} as const satisfies { [name: string]: WeatherPlan };

/** What the weather is like before the first fault. */
export const USUAL: LinkWeather = { latencyMs: 5, bytesPerSecond: 2_000_000 };

const HOUR_MS = 3_600_000;
const LATE: readonly LateOrder[] = ["timers", "data", "due"];

/** Draws the faults of a run. */
export function drawFaults(
  random: RandomStream,
  run: {
    stormMs: number;
    weather: WeatherName;
    servers: readonly ServerPlan[];
    clients: readonly ClientPlan[];
  },
): SimFault[] {
  const plan: WeatherPlan = WEATHERS[run.weather];
  const faults: SimFault[] = [];
  const every = (meanMs: number, draw: (at: number) => SimFault) => {
    // Twice the mean at most: never a minute without one where the mean is below half of that.
    for (let at = random.between(0, 2 * meanMs); at < run.stormMs; at += random.between(0, 2 * meanMs)) {
      faults.push(draw(Math.round(at)));
    }
  };
  for (const { index } of run.clients) {
    every(plan.clientEveryMs, (at) => drawClientFault(random, at, index, plan.gentle));
  }
  for (const { index } of run.servers) {
    every(plan.serverEveryMs, (at) => drawServerFault(random, at, index));
  }
  return faults.sort((a, b) => a.at - b.at);
}

function drawClientFault(random: RandomStream, at: number, client: number, gentle: boolean): SimFault {
  const short = () => Math.round(random.between(50, 5000));
  const any = () => Math.round(random.pick([300, 3000, 12_000, 35_000, 90_000]) * random.between(0.5, 1.5));
  const weather = (): SimFault => ({ at, fault: "weather", client, weather: drawWeather(random), ms: any() });
  if (gentle || random.chance(0.4)) return weather();
  return random.pick<() => SimFault>([
    () => ({ at, fault: "freeze", client, ms: any() }),
    () => ({ at, fault: "blackhole", client, way: random.pick(["up", "down"]), ms: any() }),
    () => ({ at, fault: "cut", client }),
    () => ({ at, fault: "cut", client }),
    () => ({ at, fault: random.pick(["refuse dials", "ignore dials"]), client, ms: any() }),
    () => ({ at, fault: "stop client", client, ms: any(), late: random.pick(LATE) }),
    () => ({ at, fault: "block client", client, ms: short() }),
    () => ({ at, fault: "jump client's clock", client, ms: random.pick([-HOUR_MS, HOUR_MS]) }),
    () => ({ at, fault: "kill client", client }),
  ])();
}

function drawServerFault(random: RandomStream, at: number, server: number): SimFault {
  const stopMs = () => Math.round(random.pick([500, 3000, 12_000, 40_000]) * random.between(0.5, 1.5));
  return random.pick<() => SimFault>([
    () => ({ at, fault: "stop server", server, ms: stopMs(), late: random.pick(LATE) }),
    () => ({ at, fault: "block server", server, ms: Math.round(random.between(100, 14_000)) }),
    () => ({ at, fault: "jump server's clock", server, ms: random.pick([-HOUR_MS, HOUR_MS]) }),
    () => ({ at, fault: "kill server", server, downMs: Math.round(random.between(0, 8000)) }),
    () => ({ at, fault: "restart server", server, drainMs: random.pick([0, 500, 5000, 20_000, Infinity]) }),
    () => ({ at, fault: "restart server", server, drainMs: random.pick([2000, 20_000]) }),
  ])();
}

const KIB = 1024;

function drawWeather(random: RandomStream): LinkWeather {
  return random.pick<() => LinkWeather>([
    () => ({ latencyMs: random.integer(20, 400), jitterMs: random.integer(0, 300) }),
    () => ({ jitterMs: random.integer(100, 1500) }),
    () => ({ bytesPerSecond: random.integer(20, 400) * 1000 }),
    () => ({ down: { readBytesPerSecond: random.integer(10, 100) * 1000 } }), // the client reads slowly
    () => ({ up: { readBytesPerSecond: random.integer(10, 100) * 1000 } }),
    () => ({ sendBufferBytes: 8 * KIB, receiveBufferBytes: 8 * KIB, bytesPerSecond: 200_000 }),
    () => ({ split: "random", latencyMs: random.integer(1, 80) }),
  ])();
}

/** What a path is like when nothing is wrong. */
const CALM: LinkWeather = {
  latencyMs: 5,
  jitterMs: 0,
  bytesPerSecond: 2_000_000,
  readBytesPerSecond: Infinity,
  sendBufferBytes: 256 * KIB,
  receiveBufferBytes: 256 * KIB,
  split: "whole",
};

/** Plays the faults of the script; `heal` ends them all. */
export class Weathermaker {
  readonly #stage: Stage;
  readonly #timers: Set<() => void> = new Set();
  #over = false;

  /** Makes a Weathermaker. */
  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Begins the storm. */
  begin(): void {
    for (const fault of this.#stage.script.faults) this.#after(fault.at, () => this.#play(fault));
  }

  /** Everything is well from now on. */
  heal(): void {
    this.#over = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    const { net } = this.#stage;
    for (const link of net.links) {
      link.heal();
      link.set(CALM);
      link.dials = "accept";
    }
    this.#stage.trouble.healed();
  }

  #after(ms: number, call: () => void): void {
    if (this.#over) return;
    const cancel = this.#stage.world.after(ms, () => {
      this.#timers.delete(cancel);
      call();
    });
    this.#timers.add(cancel);
  }

  /** How long a machine may stand still, ms: what the storm did is over when it is. */
  #standstill(ms: number): number {
    const { script, world, phaseSinceMs } = this.#stage;
    return Math.max(0, Math.min(ms, phaseSinceMs + script.stormMs - world.now()));
  }

  #play(fault: SimFault): void {
    const stage = this.#stage;
    stage.counts.faults++;
    stage.world.note("fault", JSON.stringify(fault));
    if ("client" in fault) {
      const client = stage.clients.find((one) => one.plan.index === fault.client);
      if (client === undefined) return;
      const links = [stage.net.link(client.name), stage.net.link(`${client.name} alt`)];
      // Of two paths often only one is ill.
      this.#hitClient(fault, client.plan.index, fault.at % 3 === 0 ? links : links.slice(0, 1));
      return;
    }
    const server = stage.servers.find((one) => one.plan.index === fault.server);
    if (server === undefined) return;
    switch (fault.fault) {
      case "stop server":
        server.host.freeze(this.#standstill(fault.ms), { late: fault.late });
        stage.trouble.ofServer(server.plan.index, "stopped", fault.ms);
        return;
      case "block server":
        server.block(this.#standstill(fault.ms));
        stage.trouble.ofServer(server.plan.index, "blocked", fault.ms);
        return;
      case "jump server's clock":
        server.host.jumpWall(fault.ms);
        return;
      case "kill server":
        server.kill(fault.downMs);
        return;
      case "restart server":
        server.restart(fault.drainMs);
    }
  }

  #hitClient(fault: Extract<SimFault, { client: number }>, index: number, links: VirtualLink[]): void {
    const { trouble, clients } = this.#stage;
    const client = clients.find((one) => one.plan.index === index)!;
    switch (fault.fault) {
      case "weather":
        for (const link of links) link.set(fault.weather);
        trouble.ofClient(index, "slow", fault.ms);
        this.#after(fault.ms, () => links.forEach((link) => link.set(CALM)));
        return;
      case "freeze":
      case "blackhole":
        for (const link of links) {
          if (fault.fault === "freeze") link.freeze();
          else link.blackhole(fault.way);
        }
        trouble.ofClient(index, "silent", fault.ms);
        this.#after(fault.ms, () => links.forEach((link) => link.heal()));
        return;
      case "cut":
        trouble.ofClient(index, "cut", 0);
        for (const link of links) link.cut();
        return;
      case "refuse dials":
      case "ignore dials":
        for (const link of links) link.dials = fault.fault === "refuse dials" ? "refuse" : "ignore";
        trouble.ofClient(index, "dials", fault.ms);
        this.#after(fault.ms, () => links.forEach((link) => link.dials = "accept"));
        return;
      case "stop client":
        client.host.freeze(this.#standstill(fault.ms), { late: fault.late });
        trouble.ofClient(index, "stopped", fault.ms);
        return;
      case "block client":
        client.block(this.#standstill(fault.ms));
        trouble.ofClient(index, "blocked", fault.ms);
        return;
      case "jump client's clock":
        client.host.jumpWall(fault.ms);
        return;
      case "kill client":
        trouble.ofClient(index, "killed", 0);
        client.kill();
    }
  }
}

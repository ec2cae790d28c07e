/**
 * Faults as a list: what happens when, to which path or host. A list can be played, printed and played again.
 *
 * @module
 */
import { type CancelTimer, NnrpValueError } from "@nnrp/core";
import type { LateOrder } from "../time/standstill.ts";
import type { Direction, VirtualLink } from "./link.ts";
import type { VirtualNetwork } from "./network.ts";
import { changed, CLEAR, directionOf, type LinkWeather } from "./weather.ts";

/** When a fault happens. */
export interface FaultTime {
  /** ms after the script begins. */
  readonly at: number;
}

/** Something that happens to a path. Without `link`: to all. With `ms`: until then. */
export type LinkFault =
  & FaultTime
  & { readonly link?: string; readonly ms?: number }
  & (
    | { readonly fault: "cut"; readonly reason?: string }
    | { readonly fault: "freeze" }
    | { readonly fault: "blackhole"; readonly direction: Direction }
    | { readonly fault: "heal" }
    | { readonly fault: "refuse dials" }
    | { readonly fault: "ignore dials" }
    | { readonly fault: "accept dials" }
    | { readonly fault: "weather"; readonly weather: LinkWeather }
  );

/** Something that happens to a host. */
export type HostFault =
  & FaultTime
  & { readonly host: string }
  & (
    | { readonly fault: "stop host"; readonly ms: number; readonly late?: LateOrder }
    | { readonly fault: "jump wall clock"; readonly ms: number }
    | { readonly fault: "kill host" }
  );

/** One fault. */
export type Fault = LinkFault | HostFault;

/**
 * Plays faults, from now on.
 *
 * @param network To what.
 * @param script What, in any order.
 * @returns Takes back what has not happened yet.
 * @throws NnrpValueError for a fault that cannot be; nothing happens then.
 */
export function playFaults(network: VirtualNetwork, script: readonly Fault[]): CancelTimer {
  script.forEach(check);
  const { world } = network;
  const timers = new Set<CancelTimer>();
  const after = (ms: number, call: () => void) => {
    const cancel = world.after(ms, () => {
      timers.delete(cancel);
      call();
    });
    timers.add(cancel);
  };
  for (const fault of script) {
    after(fault.at, () => {
      if (isHostFault(fault)) {
        hitHost(network, fault);
        return;
      }
      const links = fault.link === undefined ? network.links : [network.link(fault.link)];
      for (const link of links) {
        const undo = hitLink(link, fault);
        if (fault.ms !== undefined && undo !== null) after(fault.ms, undo);
      }
    });
  }
  return () => timers.forEach((cancel) => cancel());
}

/** The script as it stands in a program: a line for each fault. */
export function printFaults(script: readonly Fault[]): string {
  return ["[", ...script.map((fault) => `  ${literal(fault)},`), "]"].join("\n");
}

function hitLink(link: VirtualLink, fault: LinkFault): (() => void) | null {
  switch (fault.fault) {
    case "cut":
      link.cut(fault.reason);
      return null;
    case "freeze":
      link.freeze();
      return () => link.heal();
    case "blackhole":
      link.blackhole(fault.direction);
      return () => link.heal();
    case "heal":
      link.heal();
      return null;
    case "refuse dials":
      link.dials = "refuse";
      return () => link.dials = "accept";
    case "ignore dials":
      link.dials = "ignore";
      return () => link.dials = "accept";
    case "accept dials":
      link.dials = "accept";
      return null;
    case "weather": {
      const before: LinkWeather = { up: link.up.weather, down: link.down.weather };
      link.set(fault.weather);
      return () => link.set(before);
    }
  }
}

function hitHost({ world }: VirtualNetwork, fault: HostFault): void {
  const host = world.host(fault.host);
  if (fault.fault === "stop host") host.freeze(fault.ms, { late: fault.late });
  else if (fault.fault === "jump wall clock") host.jumpWall(fault.ms);
  else host.kill();
}

function isHostFault(fault: Fault): fault is HostFault {
  return fault.fault === "stop host" || fault.fault === "jump wall clock" || fault.fault === "kill host";
}

const LINK_FAULTS: readonly string[] = [
  "cut",
  "freeze",
  "blackhole",
  "heal",
  "refuse dials",
  "ignore dials",
  "accept dials",
  "weather",
];

function check(fault: Fault, index: number): void {
  const refuse = (field: string, expected: string, actual: unknown): never => {
    throw new NnrpValueError("no fault", {
      field: `script[${index}].${field}`,
      expected,
      actual: String(actual),
    });
  };
  if (!(fault.at >= 0 && fault.at < Infinity)) refuse("at", "ms from 0", fault.at);
  if (isHostFault(fault)) {
    if (typeof fault.host !== "string") refuse("host", "the name of a host", fault.host);
    if (fault.fault !== "kill host" && !Number.isFinite(fault.ms)) refuse("ms", "a number of ms", fault.ms);
    return;
  }
  const { fault: name, ms } = fault;
  if (!LINK_FAULTS.includes(name)) refuse("fault", "the name of a fault", name);
  if (ms !== undefined && !(ms >= 0)) refuse("ms", "ms from 0", ms);
  if (name === "blackhole" && !["up", "down"].includes(fault.direction)) {
    refuse("direction", "up or down", fault.direction);
  }
  if (name === "weather") {
    changed(CLEAR, directionOf(fault.weather, "up"));
    changed(CLEAR, directionOf(fault.weather, "down"));
  }
}

function literal(value: unknown): string {
  if (typeof value === "function") return `/* ${value.name || "a function"} */ undefined`;
  if (typeof value !== "object" || value === null) {
    return typeof value === "string" ? JSON.stringify(value) : String(value);
  }
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{ ${fields.map(([name, field]) => `${name}: ${literal(field)}`).join(", ")} }`;
}

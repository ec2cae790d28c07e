/**
 * What a seed plays, as data: who is there, what the weather does, when. The work that clients do is not written down: it is drawn
 * from streams of random numbers that each client, handler and host has for itself, so that leaving one out changes no other.
 *
 * @module
 */
import { RandomStream } from "@nnrp/testing";
import { drawFaults, type SimFault, type WeatherName } from "./faults.ts";

/** A client of the run: an application that dials again whenever its session is over. */
export interface ClientPlan {
  /** Its number; it is called `c<index>`. */
  readonly index: number;
  /** Number of the server it dials. */
  readonly server: number;
  /** What it dials with first; the other is what it moves to. */
  readonly first: "stream" | "multi-stream";
  /** Whether lost connections are replaced, and whether frames are sent anew then. */
  readonly reconnect: "no" | "yes" | "resubmit";
  /** Mean frames per second, at least 1. */
  readonly framesPerSecond: number;
  /** Largest bulk that it submits, bytes. */
  readonly maxBytes: number;
  /** See `SessionOptions`. */
  readonly maxInFlight: number;
  /** See `SessionOptions`; Infinity and 30 days among them. */
  readonly idleTimeoutMs: number;
  /** See `SessionOptions`. */
  readonly sendStallMs: number;
  /** How its system hands bytes over. */
  readonly readInto: boolean;
}

/** A server of the run. */
export interface ServerPlan {
  /** Its number; it is called `s<index>`. */
  readonly index: number;
  /** See `ServeOptions`. */
  readonly concurrency: number;
  /** See `ServeOptions`. */
  readonly maxConcurrentFrames: number;
  /** See `ServeOptions`. */
  readonly maxSessionBytes: number;
  /** See `ServeOptions`. */
  readonly maxServerBytes: number;
  /** See `ServeOptions`. */
  readonly maxSendBufferBytes: number;
  /** See `ServeOptions`. */
  readonly maxCacheBytes: number;
  /** See `ServeOptions`. */
  readonly idleTimeoutMs: number;
  /** See `ServeOptions`. */
  readonly sendStallMs: number;
  /** See `ServeOptions`. */
  readonly resumeWindowMs: number;
}

/** What is played. */
export interface Script {
  /** Decides everything that is drawn. */
  readonly seed: number;
  /** How long the storm lasts, ms of virtual time. */
  readonly stormMs: number;
  /** Servers. */
  readonly servers: readonly ServerPlan[];
  /** Clients. */
  readonly clients: readonly ClientPlan[];
  /** What happens when, sorted by time. */
  readonly faults: readonly SimFault[];
  /** Kinds of work that are left out. */
  readonly without: readonly string[];
}

/** What may be chosen about a script. */
export interface ScriptOptions {
  /** Length of the storm, ms. */
  readonly stormMs: number;
  /** How bad the weather is. */
  readonly weather: WeatherName;
}

const KIB = 1024;
const MONTH_MS = 30 * 86_400_000;

/** The script of a seed. */
export function makeScript(seed: number, { stormMs, weather }: ScriptOptions): Script {
  const random = new RandomStream(seed, "plan");
  const servers = Array.from({ length: random.integer(1, 2) }, (_, index) => serverPlan(random, index));
  const clients = Array.from({ length: random.integer(3, 5) }, (_, index) => ({
    ...clientPlan(random, index),
    server: random.integer(0, servers.length - 1),
  }));
  const faults = drawFaults(new RandomStream(seed, "faults"), { stormMs, weather, servers, clients });
  return { seed, stormMs, servers, clients, faults, without: [] };
}

function serverPlan(random: RandomStream, index: number): ServerPlan {
  return {
    index,
    concurrency: random.pick([2, 4, 16, 64]),
    maxConcurrentFrames: random.pick([4, 16, 64]),
    maxSessionBytes: random.pick([128 * KIB, 256 * KIB, 1024 * KIB, 65_536 * KIB]),
    maxServerBytes: random.pick([512 * KIB, 4096 * KIB, 1_048_576 * KIB]),
    maxSendBufferBytes: random.pick([128 * KIB, 1024 * KIB, 8192 * KIB]),
    maxCacheBytes: random.pick([32 * KIB, 1024 * KIB]),
    idleTimeoutMs: random.pick([30_000, 120_000, 120_000, MONTH_MS]),
    sendStallMs: random.pick([10_000, 10_000, 30_000, Infinity]),
    resumeWindowMs: random.pick([0, 10_000, 60_000]),
  };
}

function clientPlan(random: RandomStream, index: number): ClientPlan {
  return {
    index,
    server: 0,
    first: random.pick(["stream", "multi-stream"]),
    reconnect: random.pick(["no", "yes", "yes", "resubmit"]),
    framesPerSecond: random.between(1, 2.5),
    maxBytes: random.pick([0, 4 * KIB, 64 * KIB, 200 * KIB]),
    maxInFlight: random.pick([2, 8, 64]),
    idleTimeoutMs: random.pick([30_000, 120_000, 120_000, MONTH_MS]),
    sendStallMs: random.pick([10_000, 10_000, 30_000, Infinity]),
    readInto: random.chance(0.5),
  };
}

/** Session-hours of a script: clients times the length of the storm. */
export function sessionHours({ clients, stormMs }: Script): number {
  return clients.length * stormMs / 3_600_000;
}

/** The script as a person reads it. */
export function printScript(script: Script): string {
  const { seed, stormMs, servers, clients, faults, without } = script;
  return [
    `seed ${seed}, a storm of ${(stormMs / 1000).toFixed(1)} s${
      without.length > 0 ? `, without ${without.join(", ")}` : ""
    }`,
    ...servers.map(({ index, ...plan }) => `  server s${index}  ${JSON.stringify(plan)}`),
    ...clients.map(({ index, ...plan }) => `  client c${index}  ${JSON.stringify(plan)}`),
    ...faults.map(({ at, ...fault }) =>
      `  ${(at / 1000).toFixed(3).padStart(9)} s  ${JSON.stringify(fault)}`
    ),
  ].join("\n");
}

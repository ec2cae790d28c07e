/**
 * What a path between two hosts is like, each way.
 *
 * @module
 */
import { NnrpValueError } from "@nnrp/core";
import type { RandomStream } from "../time/random_stream.ts";

/**
 * How bytes are cut into the chunks that a reader gets: as they came, anywhere, each byte alone, or by a function that says how
 * many of the next so many bytes (1…) a chunk has.
 */
export type Split = "whole" | "random" | "bytes" | ((available: number, random: RandomStream) => number);

/** One direction of a path. */
export interface Weather {
  /** How long a byte takes, ms. Default 0. */
  readonly latencyMs: number;
  /** What may be added to that, at random, ms. Bytes of one stream stay in order, streams overtake each other. Default 0. */
  readonly jitterMs: number;
  /** What the path carries, shared by all its connections. Default Infinity. */
  readonly bytesPerSecond: number;
  /** What the sender's system takes beyond what has arrived, bytes, for each connection. Default 256 KiB. */
  readonly sendBufferBytes: number;
  /** What the receiver's system takes beyond what was read, bytes, for each connection. Default 256 KiB. */
  readonly receiveBufferBytes: number;
  /** What the receiver reads, for each connection: a slow reader. Default Infinity. */
  readonly readBytesPerSecond: number;
  /** How bytes are cut into chunks. Default `"whole"`. */
  readonly split: Split;
}

/** A path. What is given for one direction wins over what is given for both. */
export interface LinkWeather extends Partial<Weather> {
  /** From those who dial to those who listen. */
  readonly up?: Partial<Weather>;
  /** From those who listen to those who dial. */
  readonly down?: Partial<Weather>;
}

const KIB = 1024;

/** A path that is as good as a path can be. */
export const CLEAR: Weather = {
  latencyMs: 0,
  jitterMs: 0,
  bytesPerSecond: Infinity,
  sendBufferBytes: 256 * KIB,
  receiveBufferBytes: 256 * KIB,
  readBytesPerSecond: Infinity,
  split: "whole",
};

/**
 * The weather after a change.
 *
 * @throws NnrpValueError for what cannot be.
 */
export function changed(before: Weather, change: Partial<Weather> | undefined): Weather {
  const after: Weather = { ...before, ...change };
  for (const field of ["latencyMs", "jitterMs"] as const) {
    if (!(after[field] >= 0 && after[field] < Infinity)) refuse(field, "a number of ms from 0", after[field]);
  }
  for (const field of ["bytesPerSecond", "readBytesPerSecond"] as const) {
    if (!(after[field] > 0)) refuse(field, "a number above 0; to stop a link freeze it", after[field]);
  }
  for (const field of ["sendBufferBytes", "receiveBufferBytes"] as const) {
    if (!(after[field] >= 1)) refuse(field, "at least 1", after[field]);
  }
  if (typeof after.split !== "function" && !["whole", "random", "bytes"].includes(after.split)) {
    refuse("split", "whole, random, bytes or a function", after.split);
  }
  return after;
}

/** The parts of a path's weather that belong to one direction. */
export function directionOf(weather: LinkWeather, direction: "up" | "down"): Partial<Weather> {
  const { up, down, ...both } = weather;
  return { ...both, ...(direction === "up" ? up : down) };
}

/** Length of the next chunk. */
export function chunkLength(split: Split, available: number, random: RandomStream): number {
  if (split === "whole") return available;
  if (split === "bytes") return 1;
  const wanted = split === "random" ? random.integer(1, available) : Math.floor(split(available, random));
  return Math.min(available, Math.max(1, wanted));
}

function refuse(field: string, expected: string, actual: string | number): never {
  throw new NnrpValueError("no weather", { field, expected, actual: String(actual) });
}

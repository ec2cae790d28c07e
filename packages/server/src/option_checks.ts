/**
 * The ranges of a server's numbers: what no server can work with is refused before it listens, by name.
 *
 * @module
 */
import { NnrpValueError } from "@nnrp/core";
import type { ServeOptions } from "./options.ts";

/** A count or size: whole from `least` up; Infinity = no limit. */
type Range = { readonly least: number; readonly whole: boolean; readonly most: number };

const COUNT: Range = { least: 0, whole: true, most: Infinity };
const SOME: Range = { least: 1, whole: true, most: Infinity };
const TIME: Range = { least: 0, whole: false, most: Infinity };
const U32: Range = { least: 0, whole: true, most: 0xffff_ffff };

const OPTIONS: Readonly<Record<string, Range>> = {
  concurrency: SOME,
  maxQueuedFrames: COUNT,
  maxPatchesPerSecond: COUNT,
  handshakeTimeoutMs: TIME,
  keepAliveMs: TIME,
  idleTimeoutMs: TIME,
  sendStallMs: TIME,
  maxConnections: COUNT,
  maxHandshakes: COUNT,
  maxFarewells: COUNT,
  maxSessionBytes: SOME,
  maxServerBytes: SOME,
  maxStreamAheadBytes: SOME,
  maxSendBufferBytes: SOME,
  maxFailuresLoggedPerSecond: COUNT,
};
const PROFILE: Readonly<Record<string, Range>> = {
  maxConcurrentFrames: { least: 1, whole: true, most: 0xffff },
  maxInFlightFrames: SOME,
  maxSections: COUNT,
  maxCacheObjectBytes: COUNT,
  maxCacheEntries: U32,
  maxCacheBytes: U32,
  maxBodyBytes: U32,
  tokenTtlMs: U32,
};
const MIGRATION: Readonly<Record<string, Range>> = {
  graceWindowMs: TIME,
  resumeWindowMs: TIME,
  maxSuspendedSessions: COUNT,
};

/**
 * Checks every number among the options of a server.
 *
 * @throws NnrpValueError that names the first one out of its range.
 */
export function checkNumbers(options: ServeOptions): void {
  check("", options as Readonly<Record<string, unknown>>, OPTIONS);
  check("profile.", (options.profile ?? {}) as Readonly<Record<string, unknown>>, PROFILE);
  check("migration.", (options.migration ?? {}) as Readonly<Record<string, unknown>>, MIGRATION);
}

function check(
  place: string,
  options: Readonly<Record<string, unknown>>,
  ranges: Readonly<Record<string, Range>>,
): void {
  for (const [name, range] of Object.entries(ranges)) {
    const value = options[name];
    if (value === undefined) continue;
    const { least, whole, most } = range;
    // NaN is in no range.
    const fits = typeof value === "number" && value >= least && value <= most &&
      (!whole || value === Infinity || Number.isInteger(value));
    if (fits) continue;
    throw new NnrpValueError("not a number that a server can work with", {
      field: `${place}${name}`,
      expected: `a ${whole ? "whole " : ""}number from ${least} to ${most}`,
      actual: typeof value === "number" ? value : typeof value,
    });
  }
}

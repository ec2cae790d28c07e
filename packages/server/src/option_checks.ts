/**
 * The ranges of a server's numbers: what no server can work with is refused before it listens, by name.
 *
 * @module
 */
import { checkRanges, COUNT, type NumberRange, SOME, TIME, U32 } from "@nnrp/runtime";
import type { ServeOptions } from "./options.ts";

const OPTIONS: Readonly<Record<string, NumberRange>> = {
  concurrency: SOME,
  maxQueuedFrames: COUNT,
  maxPatchesPerSecond: COUNT,
  handshakeTimeoutMs: TIME,
  keepAliveMs: TIME,
  idleTimeoutMs: TIME,
  pongTimeoutMs: TIME,
  maxMissedPongs: SOME,
  maxPauseMs: TIME,
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
const PROFILE: Readonly<Record<string, NumberRange>> = {
  maxConcurrentFrames: { least: 1, whole: true, most: 0xffff },
  maxInFlightFrames: SOME,
  maxSections: COUNT,
  maxCacheObjectBytes: COUNT,
  maxCacheEntries: U32,
  maxCacheBytes: U32,
  maxBodyBytes: U32,
  tokenTtlMs: U32,
};
const MIGRATION: Readonly<Record<string, NumberRange>> = {
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
  checkRanges("", options, OPTIONS);
  checkRanges("profile.", options.profile, PROFILE);
  checkRanges("migration.", options.migration, MIGRATION);
}

/** Numbers that no server can work with are refused before it listens, by name, instead of hanging its clients. */
import { memoryNetwork, NnrpValueError } from "@nnrp/core";
import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { serve, type ServeOptions } from "../mod.ts";

/** Options, and the least number that each takes. */
const TOP = {
  concurrency: 1,
  maxQueuedFrames: 0,
  maxPatchesPerSecond: 0,
  handshakeTimeoutMs: 0,
  keepAliveMs: 0,
  idleTimeoutMs: 0,
  pongTimeoutMs: 0,
  maxMissedPongs: 1,
  maxPauseMs: 0,
  sendStallMs: 0,
  maxConnections: 0,
  maxHandshakes: 0,
  maxFarewells: 0,
  maxSessionBytes: 1,
  maxServerBytes: 1,
  maxStreamAheadBytes: 1,
  maxSendBufferBytes: 1,
  maxFailuresLoggedPerSecond: 0,
};
const PROFILE = {
  maxConcurrentFrames: 1,
  maxInFlightFrames: 1,
  maxSections: 0,
  maxCacheObjectBytes: 0,
  maxCacheEntries: 0,
  maxCacheBytes: 0,
  maxBodyBytes: 0,
  tokenTtlMs: 0,
};
const MIGRATION = { graceWindowMs: 0, resumeWindowMs: 0, maxSuspendedSessions: 0 };

function optionsWith(group: string, name: string, value: unknown): ServeOptions {
  const one = { [name]: value };
  return group === "" ? one : { [group]: one };
}

for (const [group, options] of Object.entries({ "": TOP, profile: PROFILE, migration: MIGRATION })) {
  for (const [name, least] of Object.entries(options)) {
    const field = group === "" ? name : `${group}.${name}`;
    test(`${field} takes numbers from ${least} up and nothing else`, async () => {
      for (const value of [NaN, least - 1, -Infinity, "5", null, {}]) {
        const net = memoryNetwork();
        const all = { ...optionsWith(group, name, value), listen: [net] };
        const error = await assertRejects(() => serve(all, () => ({})), NnrpValueError, field, String(value));
        assertEquals(error.field, field);
      }
      for (const value of [least, 1000]) {
        const server = await serve(
          { ...optionsWith(group, name, value), listen: [memoryNetwork()] },
          () => ({}),
        );
        await server.close({ drainMs: 0 });
      }
    });
  }
}
